//! When the column statistics of a table are made by themselves.

use std::sync::Arc;

use catalog::StatisticsSettings;
use domain::{Result, RunState};
use runs::Run;
use serde_json::{Map, Value, json};

use super::view::members;
use crate::app::App;
use crate::input::Input;
use crate::wire::{Answer, object, time};

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.create_statistics_settings(input.into_type()?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let settings = app.catalog.get_statistics_settings(input.text("DatabaseName")?, input.text("TableName")?).await?.value;
    Ok(Answer::Json(json!({"ColumnStatisticsTaskSettings": view(&app, &settings).await?})))
}

/// Members left out stay as they are.
pub(crate) async fn update(app: Arc<App>, mut input: Input) -> Result<Answer> {
    let settings = app.catalog.get_statistics_settings(input.text("DatabaseName")?, input.text("TableName")?).await?.value;
    let mut all = members(&settings)?;
    all.extend(std::mem::take(&mut input.members));
    input.members = all;
    app.catalog.update_statistics_settings(input.into_type::<StatisticsSettings>()?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.delete_statistics_settings(input.text("DatabaseName")?, input.text("TableName")?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn start_schedule(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.start_statistics_schedule(input.text("DatabaseName")?, input.text("TableName")?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn stop_schedule(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.stop_statistics_schedule(input.text("DatabaseName")?, input.text("TableName")?).await?;
    Ok(Answer::Empty)
}

/// With the latest run, whoever started it.
async fn view(app: &App, settings: &StatisticsSettings) -> Result<Map<String, Value>> {
    let mut view = members(settings)?;
    view.insert("CatalogID".into(), app.partition.account.clone().into());
    view.insert("SettingSource".into(), "TABLE".into());
    if settings.schedule.is_some() {
        view.insert("ScheduleType".into(), "CRON".into());
    }
    if let Some(run) = app.catalog.latest_statistics_run(&settings.database_name, &settings.table_name).await? {
        view.insert("LastExecutionAttempt".into(), attempt(&run).into());
    }
    Ok(view)
}

fn attempt(run: &Run) -> Map<String, Value> {
    let status = match run.state {
        RunState::Failed | RunState::TimedOut => "FAILED",
        _ => "STARTED",
    };
    object([
        ("Status", status.into()),
        ("ColumnStatisticsTaskRunId", run.id.0.clone().into()),
        ("ExecutionTimestamp", time(run.started.unwrap_or(run.created))),
        ("ErrorMessage", run.message.clone().filter(|_| run.state != RunState::Succeeded).into()),
    ])
}
