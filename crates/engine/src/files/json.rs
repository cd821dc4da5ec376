//! JSON and XML: rows that are objects, nested as the catalogue says.
//!
//! Members without column are passed over, columns without member are null; numbers and truth values are text where the column is.
//! A value that its column cannot hold stops the reading with SOURCE_VALUE_UNFIT, which names file, line, column and value.

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use arrow::json::reader::Decoder;
use connect::files::{Input, JsonPath, json_rows, xml_rows};
use domain::{Error, Result};
use serde_json::{Map, Value};
use std::sync::Arc;

use super::read::{BATCH_BYTES, BATCH_ROWS};

/// Stops when `give` says that nobody wants more.
pub(super) fn read(
    location: &str,
    schema: &SchemaRef,
    path: Option<&str>,
    mut text: Input<'_>,
    give: &mut dyn FnMut(RecordBatch) -> bool,
) -> Result<()> {
    let path = path.map_or(Ok(JsonPath::default()), JsonPath::parse).map_err(Error::invalid_input)?;
    let mut batch = Objects::new(location, schema)?;
    json_rows(location, &mut text, &path, &mut |line, row| batch.add(line, row, give))?;
    batch.rest(give)
}

/// As [`read`], for the elements of one name.
pub(super) fn read_xml(
    location: &str,
    schema: &SchemaRef,
    row_tag: &str,
    mut text: Input<'_>,
    give: &mut dyn FnMut(RecordBatch) -> bool,
) -> Result<()> {
    let mut batch = Objects::new(location, schema)?;
    xml_rows(location, &mut text, row_tag, &mut |line, row| {
        let row = as_struct(row, schema.fields());
        batch.add(line, row.to_string().as_bytes(), give)
    })?;
    batch.rest(give)
}

/// The rows of a batch, kept as text beside the decoder so that the one that does not fit can be named.
struct Objects<'a> {
    location: &'a str,
    schema: &'a SchemaRef,
    decoder: Decoder,
    text: Vec<u8>,
    /// Line and end in `text` of each row.
    rows: Vec<(u64, usize)>,
}

impl<'a> Objects<'a> {
    fn new(location: &'a str, schema: &'a SchemaRef) -> Result<Self> {
        let decoder = decoder(schema).map_err(|e| {
            Error::invalid_input(format!("The columns of the table of {location} cannot be read from JSON or XML: {e}.")).source(e)
        })?;
        Ok(Self { location, schema, decoder, text: Vec::new(), rows: Vec::new() })
    }

    fn add(&mut self, line: u64, row: &[u8], give: &mut dyn FnMut(RecordBatch) -> bool) -> Result<bool> {
        self.text.extend_from_slice(row);
        self.rows.push((line, self.text.len()));
        if let Err(e) = decode(&mut self.decoder, row) {
            return Err(self.malformed(line, &e));
        }
        let is_full = self.rows.len() >= BATCH_ROWS || self.text.len() >= BATCH_BYTES;
        if is_full { self.finish(give) } else { Ok(true) }
    }

    fn rest(&mut self, give: &mut dyn FnMut(RecordBatch) -> bool) -> Result<()> {
        if self.rows.is_empty() { Ok(()) } else { self.finish(give).map(drop) }
    }

    fn finish(&mut self, give: &mut dyn FnMut(RecordBatch) -> bool) -> Result<bool> {
        let batch = match self.decoder.flush() {
            Ok(batch) => batch,
            Err(e) => return Err(self.unfit(&e)),
        };
        self.text.clear();
        self.rows.clear();
        Ok(batch.is_none_or(give))
    }

    fn malformed(&self, line: u64, error: &ArrowError) -> Error {
        Error::invalid_data(format!("The file {} should hold JSON objects; the one on line {line} is none: {error}.", self.location))
    }

    /// Looks for the value that did not fit, row by row and column by column.
    fn unfit(&self, error: &ArrowError) -> Error {
        let mut start = 0;
        for (line, end) in &self.rows {
            let row = &self.text[start..*end];
            start = *end;
            if fits(self.schema, row) {
                continue;
            }
            let value: Value = serde_json::from_slice(row).unwrap_or_default();
            let field = self.schema.fields().iter().find(|field| !fits(&Arc::new(Schema::new(vec![field.as_ref().clone()])), row));
            let Some(field) = field else { continue };
            return Error::invalid_data(format!(
                "The file {} should hold values of the type {} in column {:?}; on line {line} it holds {}.",
                self.location,
                field.data_type(),
                field.name(),
                short(&value[field.name()])
            ))
            .code("SOURCE_VALUE_UNFIT");
        }
        Error::invalid_data(format!("The file {} does not hold what its table says: {error}.", self.location)).code("SOURCE_VALUE_UNFIT")
    }
}

fn decoder(schema: &SchemaRef) -> std::result::Result<Decoder, ArrowError> {
    ReaderBuilder::new(schema.clone()).with_batch_size(BATCH_ROWS).with_coerce_primitive(true).build_decoder()
}

fn decode(decoder: &mut Decoder, mut row: &[u8]) -> std::result::Result<(), ArrowError> {
    while !row.is_empty() {
        let used = decoder.decode(row)?;
        if used == 0 {
            return Err(ArrowError::JsonError("its end is missing".into()));
        }
        row = &row[used..];
    }
    if decoder.has_partial_record() { Err(ArrowError::JsonError("its end is missing".into())) } else { Ok(()) }
}

fn fits(schema: &SchemaRef, row: &[u8]) -> bool {
    decoder(schema).and_then(|mut one| decode(&mut one, row).and_then(|()| one.flush())).is_ok()
}

/// Enough of a value to find it again.
fn short(value: &Value) -> String {
    const SHOWN: usize = 80;
    let text = value.to_string();
    if text.chars().count() <= SHOWN { text } else { format!("{}…", text.chars().take(SHOWN).collect::<String>()) }
}

/// A value from XML, where one element may stand for a list and a text for a struct, in the shape that the catalogue gives it.
fn shaped(value: Value, data_type: &DataType) -> Value {
    match (value, data_type) {
        (Value::Null, _) => Value::Null,
        (Value::Array(items), DataType::List(item)) => items.into_iter().map(|value| shaped(value, item.data_type())).collect(),
        (one, DataType::List(item)) => Value::Array(vec![shaped(one, item.data_type())]),
        (value, DataType::Struct(fields)) => as_struct(value, fields),
        (Value::String(text), DataType::Utf8) => Value::String(text),
        (Value::String(text), DataType::Boolean) => text.trim().to_ascii_lowercase().parse().map_or(Value::String(text), Value::Bool),
        (Value::String(text), _) if text.trim().is_empty() => Value::Null,
        (Value::String(text), _) => Value::from(text.trim()),
        (other, _) => other,
    }
}

fn as_struct<'f>(value: Value, fields: impl IntoIterator<Item = &'f FieldRef>) -> Value {
    let mut members = match value {
        Value::Object(members) => members,
        Value::String(text) => Map::from_iter([("_VALUE".to_owned(), Value::String(text))]),
        other => return other,
    };
    let take = |field: &Field, members: &mut Map<String, Value>| {
        let exact = members.contains_key(field.name()).then(|| field.name().clone());
        let name = exact.or_else(|| members.keys().find(|name| name.eq_ignore_ascii_case(field.name())).cloned())?;
        members.get_mut(&name).map(Value::take)
    };
    let member = |field: &FieldRef| take(field, &mut members).map(|value| (field.name().clone(), shaped(value, field.data_type())));
    Value::Object(fields.into_iter().filter_map(member).collect())
}
