//! Column statistics of tables, and of partitions where PartitionValues are given.

use std::sync::Arc;

use domain::{Error, Result};
use serde_json::{Value, json};

use super::view::{error_detail, members};
use crate::app::App;
use crate::input::Input;
use crate::wire::Answer;

/// Statistics of columns that do not exist come back as errors.
pub(crate) async fn update(app: Arc<App>, input: Input) -> Result<Answer> {
    let (database, table, partition) = place(&input)?;
    let statistics = input.member("ColumnStatisticsList")?;
    let refused = app.catalog.update_column_statistics(database, table, partition.as_deref(), statistics).await?;
    let mut errors: Vec<Value> = Vec::new();
    for refused in refused {
        errors.push(json!({"ColumnStatistics": members(&refused.item)?, "Error": error_detail(&refused.error)}));
    }
    Ok(Answer::Json(json!({"Errors": errors})))
}

/// Names of columns without statistics come back as errors.
pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let (database, table, partition) = place(&input)?;
    let answer = app.catalog.get_column_statistics(database, table, partition.as_deref(), &input.texts("ColumnNames")?).await?;
    let found = answer.found.iter().map(members).collect::<Result<Vec<_>>>()?;
    let errors = answer.missing.iter().map(|name| {
        let error = Error::not_found(format!("statistics of column {name:?} of {database}.{table}"));
        json!({"ColumnName": name, "Error": error_detail(&error)})
    });
    Ok(Answer::Json(json!({"ColumnStatisticsList": found, "Errors": errors.collect::<Vec<_>>()})))
}

pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    let (database, table, partition) = place(&input)?;
    app.catalog.delete_column_statistics(database, table, partition.as_deref(), input.text("ColumnName")?).await?;
    Ok(Answer::Empty)
}

/// The operations on partitions require their values, those on tables do not know them.
fn place(input: &Input) -> Result<(&str, &str, Option<Vec<String>>)> {
    let partition = match input.get("PartitionValues") {
        Some(_) => Some(input.texts("PartitionValues")?),
        None => None,
    };
    Ok((input.text("DatabaseName")?, input.text("TableName")?, partition))
}
