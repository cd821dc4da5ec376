//! Partitions, to look at: crawls write them.

use std::sync::Arc;

use catalog::Partition;
use domain::Result;
use serde_json::{Map, Value, json};
use store::Stored;

use super::view::catalogued;
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let values = input.texts("PartitionValues")?;
    let partition = app.catalog.get_partition(input.text("DatabaseName")?, input.text("TableName")?, &values).await?;
    Ok(Answer::Json(json!({"Partition": view(&app, &partition)?})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    if input.optional_text("Expression")?.is_some_and(|expression| !expression.trim().is_empty()) {
        return Err(input.error("does not offer \"Expression\" in this version: leave it out to get all partitions."));
    }
    let mut items = Vec::new();
    for partition in app.catalog.list_partitions(input.text("DatabaseName")?, input.text("TableName")?).await? {
        let mut members = view(&app, &partition)?;
        if input.flag("ExcludeColumnSchema")?
            && let Some(Value::Object(descriptor)) = members.get_mut("StorageDescriptor")
        {
            descriptor.remove("Columns");
        }
        items.push((json!(partition.values).to_string(), members.into()));
    }
    paging::glue(&input, "Partitions", items)
}

fn view(app: &App, partition: &Stored<Partition>) -> Result<Map<String, Value>> {
    let mut members = catalogued(app, partition, "CreationTime", "UpdateTime")?;
    members.remove("UpdateTime");
    Ok(members)
}
