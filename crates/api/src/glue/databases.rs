//! Databases.

use std::sync::Arc;

use catalog::Database;
use domain::Result;
use serde_json::{Map, Value, json};
use store::Stored;

use super::view::catalogued;
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.create_database(input.member("DatabaseInput")?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let database = app.catalog.get_database(input.text("Name")?).await?;
    Ok(Answer::Json(json!({"Database": view(&app, &database)?})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let found = app.catalog.page_databases(&paging::range(&input)?).await?;
    let items = found.items.iter().map(|database| view(&app, database).map(Into::into)).collect::<Result<_>>()?;
    Ok(paging::ranged(&input, "DatabaseList", items, found.next))
}

pub(crate) async fn update(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.update_database(input.text("Name")?, input.member("DatabaseInput")?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.delete_database(input.text("Name")?).await?;
    Ok(Answer::Empty)
}

/// Glue shows no time of the last update of a database.
fn view(app: &App, database: &Stored<Database>) -> Result<Map<String, Value>> {
    let mut members = catalogued(app, database, "CreateTime", "UpdateTime")?;
    members.remove("UpdateTime");
    Ok(members)
}
