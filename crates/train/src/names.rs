//! Which column of the items dataset names an item to people.

use arrow::array::{Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use dataset::{AvroSchema, FieldType, Snapshot, TrainingData};
use domain::{Error, Result};

/// Names of columns that hold names, the likeliest first; compared without case and underscore.
const USUAL: [&str; 8] = ["NAME", "ITEM_NAME", "TITLE", "ITEM_TITLE", "PRODUCT_NAME", "PRODUCT_TITLE", "PRODUCT", "LABEL"];

/// The column: one with a usual name, else the first text that is neither a category nor the id, free text first.
pub(crate) fn column(snapshot: &Snapshot) -> Result<Option<String>> {
    let Some(items) = &snapshot.items else { return Ok(None) };
    let schema = AvroSchema::parse(&items.schema, snapshot.domain)?;
    let is_text = |field: &&dataset::Field| field.field_type == FieldType::Text && !field.is_named("ITEM_ID");
    let texts: Vec<&dataset::Field> = schema.fields.iter().filter(is_text).collect();
    let usual = USUAL.iter().find_map(|name| texts.iter().find(|field| field.is_named(name)));
    let free = || texts.iter().find(|field| field.textual);
    let plain = || texts.iter().find(|field| !field.categorical);
    Ok(usual.or_else(free).or_else(plain).map(|field| field.name.clone()))
}

/// One name per item, empty where there is none.
pub(crate) fn names(data: &TrainingData, column: Option<&str>) -> Result<Vec<String>> {
    let nothing = vec![String::new(); data.items.len()];
    let found = column.and_then(|name| data.item_metadata.as_ref().and_then(|metadata| metadata.column_by_name(name)));
    let Some(found) = found else { return Ok(nothing) };
    let unreadable =
        |e| Error::internal(format!("The column {} of the items cannot be read as text.", column.unwrap_or_default())).source(e);
    let texts = cast(found, &DataType::Utf8).map_err(unreadable)?;
    let Some(texts) = texts.as_any().downcast_ref::<StringArray>() else { return Ok(nothing) };
    let mut names: Vec<String> = texts.iter().map(|text| text.unwrap_or("").to_owned()).collect();
    names.resize(data.items.len(), String::new());
    Ok(names)
}
