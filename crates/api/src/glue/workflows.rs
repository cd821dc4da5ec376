//! Workflows.

use std::sync::Arc;

use domain::{ErrorKind, Result};
use serde_json::{Map, Value, json};

use super::view::{gone_is_fine, members, names};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    let name = input.text("Name")?.to_owned();
    app.workflows.create_workflow(input.into_type()?).await?;
    Ok(Answer::Json(json!({"Name": name})))
}

pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let workflow = app.workflows.view(input.text("Name")?, input.flag("IncludeGraph")?).await?;
    Ok(Answer::Json(json!({"Workflow": members(&workflow)?})))
}

/// Those that do not exist are named, and no error.
pub(crate) async fn batch_get(app: Arc<App>, input: Input) -> Result<Answer> {
    let (mut found, mut missing) = (Vec::<Value>::new(), Vec::new());
    for name in input.texts("Names")? {
        match app.workflows.view(&name, input.flag("IncludeGraph")?).await {
            Ok(workflow) => found.push(members(&workflow)?.into()),
            Err(e) if e.kind == ErrorKind::NotFound => missing.push(name),
            Err(e) => return Err(e),
        }
    }
    Ok(Answer::Json(json!({"Workflows": found, "MissingWorkflows": missing})))
}

pub(crate) async fn list_names(app: Arc<App>, input: Input) -> Result<Answer> {
    let workflows = app.workflows.list_workflows().await?;
    paging::glue(&input, "Workflows", names(workflows.into_iter().map(|workflow| workflow.value.name)))
}

/// Members left out stay as they are.
pub(crate) async fn update(app: Arc<App>, mut input: Input) -> Result<Answer> {
    let name = input.text("Name")?.to_owned();
    let mut all: Map<String, Value> = members(&app.workflows.get_workflow(&name).await?.value)?;
    all.extend(std::mem::take(&mut input.members));
    input.members = all;
    app.workflows.update_workflow(input.into_type()?).await?;
    Ok(Answer::Json(json!({"Name": name})))
}

/// No error where there is no such workflow, as in Glue.
pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    let name = input.text("Name")?;
    gone_is_fine(app.workflows.delete_workflow(name).await)?;
    Ok(Answer::Json(json!({"Name": name})))
}
