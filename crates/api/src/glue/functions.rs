//! User-defined functions.

use std::sync::Arc;

use catalog::UserDefinedFunction;
use domain::Result;
use serde_json::{Map, Value, json};
use store::Stored;

use super::names::Pattern;
use super::view::catalogued;
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.create_function(input.text("DatabaseName")?, input.member("FunctionInput")?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let function = app.catalog.get_function(input.text("DatabaseName")?, input.text("FunctionName")?).await?;
    Ok(Answer::Json(json!({"UserDefinedFunction": view(&app, &function)?})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let pattern = Pattern::read(&input, "Pattern")?;
    let mut items = Vec::new();
    for function in app.catalog.list_functions(input.optional_text("DatabaseName")?).await? {
        if pattern.as_ref().is_none_or(|pattern| pattern.matches(&function.function_name)) {
            items.push((format!("{}/{}", function.database_name, function.function_name), view(&app, &function)?.into()));
        }
    }
    paging::glue(&input, "UserDefinedFunctions", items)
}

pub(crate) async fn update(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.update_function(input.text("DatabaseName")?, input.text("FunctionName")?, input.member("FunctionInput")?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.delete_function(input.text("DatabaseName")?, input.text("FunctionName")?).await?;
    Ok(Answer::Empty)
}

fn view(app: &App, function: &Stored<UserDefinedFunction>) -> Result<Map<String, Value>> {
    let mut members = catalogued(app, function, "CreateTime", "UpdateTime")?;
    members.remove("UpdateTime");
    Ok(members)
}
