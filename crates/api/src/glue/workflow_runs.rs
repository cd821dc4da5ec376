//! Runs of workflows.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Error, ErrorKind, Result};
use runs::RunId;
use serde_json::json;

use super::view::members;
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

/// Runs that a list goes through, newest first.
const LISTED_RUNS: i64 = 1000;

pub(crate) async fn start(app: Arc<App>, input: Input) -> Result<Answer> {
    let properties = if input.get("RunProperties").is_some() { input.member("RunProperties")? } else { BTreeMap::new() };
    let run = app.workflows.start_workflow_run(input.text("Name")?, properties).await?;
    Ok(Answer::Json(json!({"RunId": run})))
}

pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let run = app.workflows.get_run(input.text("Name")?, &id(&input)?).await?;
    let view = app.workflows.run_view(run, input.flag("IncludeGraph")?).await?;
    Ok(Answer::Json(json!({"Run": members(&view)?})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let name = input.text("Name")?;
    app.workflows.get_workflow(name).await?;
    let mut items = Vec::new();
    let graph = input.flag("IncludeGraph")?;
    for run in app.workflows.list_runs(name, LISTED_RUNS).await? {
        items.push((run.id.0.clone(), members(&app.workflows.run_view(run, graph).await?)?.into()));
    }
    paging::glue(&input, "Runs", items)
}

pub(crate) async fn properties(app: Arc<App>, input: Input) -> Result<Answer> {
    let run = app.workflows.get_run(input.text("Name")?, &id(&input)?).await?;
    let view = app.workflows.run_view(run, false).await?;
    Ok(Answer::Json(json!({"RunProperties": view.workflow_run_properties})))
}

/// Others than those given stay as they are.
pub(crate) async fn put_properties(app: Arc<App>, input: Input) -> Result<Answer> {
    app.workflows.put_run_properties(input.text("Name")?, &id(&input)?, input.member("RunProperties")?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn resume(app: Arc<App>, input: Input) -> Result<Answer> {
    let resumed = app.workflows.resume_run(input.text("Name")?, &id(&input)?, &input.texts("NodeIds")?).await.map_err(illegal)?;
    Ok(Answer::Json(json!({"RunId": resumed.run, "NodeIds": resumed.nodes})))
}

pub(crate) async fn stop(app: Arc<App>, input: Input) -> Result<Answer> {
    app.workflows.stop_run(input.text("Name")?, &id(&input)?).await.map_err(illegal)?;
    Ok(Answer::Empty)
}

/// Glue has an exception of its own for runs that are not in the state for it.
fn illegal(error: Error) -> Error {
    if error.kind == ErrorKind::InvalidState { error.code("ILLEGAL_WORKFLOW_STATE") } else { error }
}

fn id(input: &Input) -> Result<RunId> {
    Ok(RunId(input.text("RunId")?.into()))
}
