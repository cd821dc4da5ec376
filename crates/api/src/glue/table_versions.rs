//! How tables were before.

use std::sync::Arc;

use catalog::TableVersion;
use domain::Result;
use serde_json::{Value, json};
use store::Stored;

use super::tables;
use super::view::error_detail;
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

/// Without a version: the newest.
pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let (database, table) = (input.text("DatabaseName")?, input.text("TableName")?);
    let version = match input.optional_text("VersionId")? {
        Some(version) => app.catalog.get_table_version(database, table, version).await?,
        None => {
            let current = app.catalog.get_table(database, table).await?.value.version_id;
            app.catalog.get_table_version(database, table, &current).await?
        }
    };
    Ok(Answer::Json(json!({"TableVersion": view(&app, version)?})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let mut items = Vec::new();
    for version in app.catalog.list_table_versions(input.text("DatabaseName")?, input.text("TableName")?).await? {
        items.push((version.version_id.clone(), view(&app, version)?));
    }
    paging::glue(&input, "TableVersions", items)
}

/// Our own operation: what a reader of the table would notice between two of its versions.
pub(crate) async fn diff(app: Arc<App>, input: Input) -> Result<Answer> {
    let (database, table) = (input.text("DatabaseName")?, input.text("TableName")?);
    let changes = app.catalog.table_version_diff(database, table, input.text("FromVersionId")?, input.text("ToVersionId")?).await?;
    Ok(Answer::Json(json!({"Changes": changes})))
}

pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.delete_table_version(input.text("DatabaseName")?, input.text("TableName")?, input.text("VersionId")?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn delete_batch(app: Arc<App>, input: Input) -> Result<Answer> {
    let table = input.text("TableName")?;
    let refused = app.catalog.delete_table_versions(input.text("DatabaseName")?, table, input.texts("VersionIds")?).await?;
    let errors =
        refused.iter().map(|refused| json!({"TableName": table, "VersionId": refused.item, "ErrorDetail": error_detail(&refused.error)}));
    Ok(Answer::Json(json!({"Errors": errors.collect::<Vec<_>>()})))
}

fn view(app: &App, version: Stored<TableVersion>) -> Result<Value> {
    let Stored { value: TableVersion { table, version_id }, version, created, updated } = version;
    let table = tables::view(app, &Stored { value: table, version, created, updated })?;
    Ok(json!({"Table": table, "VersionId": version_id}))
}
