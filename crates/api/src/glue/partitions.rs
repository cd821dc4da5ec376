//! Partitions, one by one and in batches.

use std::sync::Arc;

use catalog::{Partition, PartitionQuery, Refused, Segment};
use domain::Result;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use store::Stored;

use super::view::{catalogued, error_detail};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

const MAX_SEGMENTS: u64 = 10;

/// Values of partition keys, where Glue wraps them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Values {
    values: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    partition_value_list: Vec<String>,
    partition_input: Partition,
}

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    let (database, table) = place(&input)?;
    app.catalog.create_partition(database, table, input.member("PartitionInput")?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn create_batch(app: Arc<App>, input: Input) -> Result<Answer> {
    let (database, table) = place(&input)?;
    let refused = app.catalog.create_partitions(database, table, input.member("PartitionInputList")?).await?;
    Ok(errors("PartitionValues", &refused))
}

pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let (database, table) = place(&input)?;
    let partition = app.catalog.get_partition(database, table, &input.texts("PartitionValues")?).await?;
    Ok(Answer::Json(json!({"Partition": view(&app, &partition)?})))
}

/// Those that do not exist come back as keys not processed.
pub(crate) async fn get_batch(app: Arc<App>, input: Input) -> Result<Answer> {
    let (database, table) = place(&input)?;
    let wanted = value_lists(&input, "PartitionsToGet")?;
    let found = app.catalog.get_partitions(database, table, &wanted).await?;
    let missing = wanted.iter().filter(|values| found.iter().all(|partition| partition.values != **values));
    let missing: Vec<Value> = missing.map(|values| json!({"Values": values})).collect();
    let partitions = found.iter().map(|partition| view(&app, partition)).collect::<Result<Vec<_>>>()?;
    Ok(Answer::Json(json!({"Partitions": partitions, "UnprocessedKeys": missing})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let (database, table) = place(&input)?;
    let query = PartitionQuery { expression: input.optional_text("Expression")?.map(Into::into), segment: segment(&input)? };
    let without_columns = input.flag("ExcludeColumnSchema")?;
    let found = app.catalog.find_partitions(database, table, &query, &paging::range(&input)?).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for partition in &found.items {
        let mut members = view(&app, partition)?;
        if without_columns && let Some(Value::Object(descriptor)) = members.get_mut("StorageDescriptor") {
            descriptor.remove("Columns");
        }
        items.push(members.into());
    }
    Ok(paging::ranged(&input, "Partitions", items, found.next))
}

pub(crate) async fn update(app: Arc<App>, input: Input) -> Result<Answer> {
    let (database, table) = place(&input)?;
    let values = input.texts("PartitionValueList")?;
    app.catalog.update_partition(database, table, &values, input.member("PartitionInput")?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn update_batch(app: Arc<App>, input: Input) -> Result<Answer> {
    let (database, table) = place(&input)?;
    let entries: Vec<Entry> = input.member("Entries")?;
    let entries = entries.into_iter().map(|entry| (entry.partition_value_list, entry.partition_input)).collect();
    Ok(errors("PartitionValueList", &app.catalog.update_partitions(database, table, entries).await?))
}

pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    let (database, table) = place(&input)?;
    app.catalog.delete_partition(database, table, &input.texts("PartitionValues")?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn delete_batch(app: Arc<App>, input: Input) -> Result<Answer> {
    let (database, table) = place(&input)?;
    let refused = app.catalog.delete_partitions(database, table, value_lists(&input, "PartitionsToDelete")?).await?;
    Ok(errors("PartitionValues", &refused))
}

fn place(input: &Input) -> Result<(&str, &str)> {
    Ok((input.text("DatabaseName")?, input.text("TableName")?))
}

fn value_lists(input: &Input, member: &str) -> Result<Vec<Vec<String>>> {
    Ok(input.member::<Vec<Values>>(member)?.into_iter().map(|of| of.values).collect())
}

fn segment(input: &Input) -> Result<Option<Segment>> {
    if input.get("Segment").is_none() {
        return Ok(None);
    }
    let given = Input { operation: input.operation, members: input.member_object("Segment")? };
    given.require(&["SegmentNumber", "TotalSegments"])?;
    let total = given.optional_number("TotalSegments", 1, MAX_SEGMENTS)?.unwrap_or(1);
    let number = given.optional_number("SegmentNumber", 0, total - 1)?.unwrap_or(0);
    Ok(Some(Segment { number, total }))
}

fn errors(values: &str, refused: &[Refused<Vec<String>>]) -> Answer {
    let errors = refused.iter().map(|refused| json!({values: refused.item, "ErrorDetail": error_detail(&refused.error)}));
    Answer::Json(json!({"Errors": errors.collect::<Vec<_>>()}))
}

fn view(app: &App, partition: &Stored<Partition>) -> Result<Map<String, Value>> {
    let mut members = catalogued(app, partition, "CreationTime", "UpdateTime")?;
    members.remove("UpdateTime");
    Ok(members)
}
