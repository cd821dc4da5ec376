//! Tables.

use std::sync::Arc;

use catalog::{Table, TableUpdate};
use domain::Result;
use serde_json::{Map, Value, json};
use store::Stored;

use super::names::Pattern;
use super::view::{catalogued, error_detail};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

const MAX_DELETED_AT_ONCE: usize = 100;

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    let indexes = if input.get("PartitionIndexes").is_some() { input.member("PartitionIndexes")? } else { Vec::new() };
    app.catalog.create_indexed_table(input.text("DatabaseName")?, input.member("TableInput")?, indexes).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let table = app.catalog.get_table(input.text("DatabaseName")?, input.text("Name")?).await?;
    Ok(Answer::Json(json!({"Table": view(&app, &table)?})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let pattern = Pattern::read(&input, "Expression")?;
    let wanted = attributes(&input)?;
    let keep = |name: &str| pattern.as_ref().is_none_or(|pattern| pattern.matches(name));
    let found = app.catalog.page_tables(input.text("DatabaseName")?, &paging::range(&input)?, keep).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for table in &found.items {
        let mut members = view(&app, table)?;
        if let Some(wanted) = &wanted {
            members.retain(|name, _| wanted.contains(&name.as_str()));
        }
        items.push(members.into());
    }
    Ok(paging::ranged(&input, "TableList", items, found.next))
}

/// The members that AttributesToGet leaves.
fn attributes(input: &Input) -> Result<Option<Vec<&'static str>>> {
    let asked = input.texts("AttributesToGet")?;
    if asked.is_empty() {
        return Ok(None);
    }
    let mut members = vec!["Name", "DatabaseName", "CatalogId"];
    for attribute in &asked {
        match attribute.as_str() {
            "NAME" => {}
            "TABLE_TYPE" => members.push("TableType"),
            other => return Err(input.error(format!("takes NAME and TABLE_TYPE in \"AttributesToGet\"; found {other:?}."))),
        }
    }
    Ok(Some(members))
}

pub(crate) async fn update(app: Arc<App>, input: Input) -> Result<Answer> {
    let update =
        TableUpdate { skip_archive: input.flag("SkipArchive")?, expected_version: input.optional_text("VersionId")?.map(Into::into) };
    app.catalog.update_table(input.text("DatabaseName")?, input.member("TableInput")?, update).await?;
    Ok(Answer::Empty)
}

/// Tables that do not exist come back as errors.
pub(crate) async fn delete_batch(app: Arc<App>, input: Input) -> Result<Answer> {
    let names = input.texts("TablesToDelete")?;
    if names.len() > MAX_DELETED_AT_ONCE {
        return Err(input.error(format!("takes at most {MAX_DELETED_AT_ONCE} names in \"TablesToDelete\"; found {}.", names.len())));
    }
    let refused = app.catalog.delete_tables(input.text("DatabaseName")?, names).await?;
    let errors = refused.iter().map(|refused| json!({"TableName": refused.item, "ErrorDetail": error_detail(&refused.error)}));
    Ok(Answer::Json(json!({"Errors": errors.collect::<Vec<_>>()})))
}

pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.delete_table(input.text("DatabaseName")?, input.text("Name")?).await?;
    Ok(Answer::Empty)
}

pub(super) fn view(app: &App, table: &Stored<Table>) -> Result<Map<String, Value>> {
    let mut members = catalogued(app, table, "CreateTime", "UpdateTime")?;
    members.insert("IsRegisteredWithLakeFormation".into(), false.into());
    Ok(members)
}
