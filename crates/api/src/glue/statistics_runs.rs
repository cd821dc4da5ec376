//! Runs that fill column statistics.

use std::sync::Arc;

use domain::{Result, RunState};
use runs::{Run, RunId};
use serde_json::{Map, Value, json};

use super::view::names;
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::{Answer, object, time};

/// All columns are looked at, over a sample of rows.
pub(crate) async fn start(app: Arc<App>, input: Input) -> Result<Answer> {
    let run = app.catalog.start_statistics_run(input.text("DatabaseName")?, input.text("TableName")?).await?;
    Ok(Answer::Json(json!({"ColumnStatisticsTaskRunId": run.0})))
}

pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let run = app.catalog.get_statistics_run(&RunId(input.text("ColumnStatisticsTaskRunId")?.into())).await?;
    Ok(Answer::Json(json!({"ColumnStatisticsTaskRun": view(&app, &run)})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let runs = app.catalog.list_statistics_runs(Some((input.text("DatabaseName")?, input.text("TableName")?))).await?;
    let items = runs.iter().map(|run| (run.id.0.clone(), view(&app, run).into())).collect();
    paging::glue(&input, "ColumnStatisticsTaskRuns", items)
}

pub(crate) async fn list_ids(app: Arc<App>, input: Input) -> Result<Answer> {
    let runs = app.catalog.list_statistics_runs(None).await?;
    paging::glue(&input, "ColumnStatisticsTaskRunIds", names(runs.into_iter().map(|run| run.id.0)))
}

pub(crate) async fn stop(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.stop_statistics_run(input.text("DatabaseName")?, input.text("TableName")?).await?;
    Ok(Answer::Empty)
}

/// A run over a whole database has no table.
fn view(app: &App, run: &Run) -> Map<String, Value> {
    let (database, table) = match run.subject.split_once('/') {
        Some((database, table)) => (database, Value::from(table)),
        None => (run.subject.as_str(), Value::Null),
    };
    let status = match run.state {
        RunState::Queued => "STARTING",
        RunState::Running => "RUNNING",
        RunState::Succeeded => "SUCCEEDED",
        RunState::Stopped => "STOPPED",
        RunState::Failed | RunState::TimedOut => "FAILED",
    };
    object([
        ("ColumnStatisticsTaskRunId", run.id.0.clone().into()),
        ("CatalogID", app.partition.account.clone().into()),
        ("DatabaseName", database.into()),
        ("TableName", table),
        ("ComputationType", "FULL".into()),
        ("Status", status.into()),
        ("CreationTime", time(run.created)),
        ("StartTime", run.started.map_or(Value::Null, time)),
        ("EndTime", run.ended.map_or(Value::Null, time)),
        ("LastUpdated", time(run.ended.or(run.started).unwrap_or(run.created))),
        ("ErrorMessage", run.message.clone().filter(|_| run.state != RunState::Succeeded).into()),
    ])
}
