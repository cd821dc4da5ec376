//! Partition indexes: without effect on answers.

use std::sync::Arc;

use domain::Result;
use serde_json::{Value, json};

use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.create_partition_index(input.text("DatabaseName")?, input.text("TableName")?, input.member("PartitionIndex")?).await?;
    Ok(Answer::Empty)
}

/// There is nothing to build, so an index is active at once.
pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let indexes = app.catalog.list_partition_indexes(input.text("DatabaseName")?, input.text("TableName")?).await?;
    let items = indexes.into_iter().map(|(name, keys)| {
        let keys: Vec<Value> = keys.iter().map(|key| json!({"Name": key.name, "Type": key.data_type})).collect();
        let index = json!({"IndexName": name, "Keys": keys, "IndexStatus": "ACTIVE"});
        (name, index)
    });
    paging::glue(&input, "PartitionIndexDescriptorList", items.collect())
}

pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.delete_partition_index(input.text("DatabaseName")?, input.text("TableName")?, input.text("IndexName")?).await?;
    Ok(Answer::Empty)
}
