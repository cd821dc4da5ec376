//! Tables.

use std::sync::Arc;

use catalog::{Table, TableUpdate};
use domain::Result;
use serde_json::{Map, Value, json};
use store::Stored;

use super::view::catalogued;
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.create_table(input.text("DatabaseName")?, input.member("TableInput")?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let table = app.catalog.get_table(input.text("DatabaseName")?, input.text("Name")?).await?;
    Ok(Answer::Json(json!({"Table": view(&app, &table)?})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let pattern = Pattern::read(&input)?;
    let mut items = Vec::new();
    for table in app.catalog.list_tables(input.text("DatabaseName")?).await? {
        if pattern.as_ref().is_none_or(|pattern| pattern.matches(&table.name)) {
            items.push((table.name.clone(), view(&app, &table)?.into()));
        }
    }
    paging::glue(&input, "TableList", items)
}

pub(crate) async fn update(app: Arc<App>, input: Input) -> Result<Answer> {
    let update =
        TableUpdate { skip_archive: input.flag("SkipArchive")?, expected_version: input.optional_text("VersionId")?.map(Into::into) };
    app.catalog.update_table(input.text("DatabaseName")?, input.member("TableInput")?, update).await?;
    Ok(Answer::Empty)
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

/// The `Expression` of GetTables: of regular expressions, letters and `.*`, which is what clients send.
struct Pattern(Vec<String>);

impl Pattern {
    fn read(input: &Input) -> Result<Option<Self>> {
        let Some(text) = input.optional_text("Expression")?.filter(|text| !text.is_empty()) else { return Ok(None) };
        let text = text.strip_prefix('^').unwrap_or(text);
        let text = text.strip_suffix('$').unwrap_or(text).to_lowercase();
        let pieces: Vec<String> = text.split(".*").flat_map(|piece| piece.split('*')).map(Into::into).collect();
        match pieces.iter().flat_map(|piece| piece.chars()).find(|c| r"\.+?()[]{}|^$".contains(*c)) {
            Some(found) => Err(input.error(format!("takes letters, digits and \".*\" as \"Expression\"; found {found:?} in {text:?}."))),
            None => Ok(Some(Self(pieces))),
        }
    }

    /// The pieces occur in this order; the first begins the name and the last ends it.
    fn matches(&self, name: &str) -> bool {
        let [only] = &self.0[..] else {
            let (first, last) = (&self.0[0], &self.0[self.0.len() - 1]);
            let Some(rest) = name.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else { return false };
            let middle = &self.0[1..self.0.len() - 1];
            return middle.iter().try_fold(rest, |rest, piece| rest.find(piece.as_str()).map(|at| &rest[at + piece.len()..])).is_some();
        };
        name == only
    }
}

#[cfg(test)]
mod tests;
