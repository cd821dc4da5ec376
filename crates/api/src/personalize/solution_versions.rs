//! Solution versions and their metrics.

use std::sync::Arc;

use domain::Result;
use serde_json::{Map, Value, json};
use train::VersionView;

use super::view::{Standing, described, summary};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

/// What a list shows of a version.
pub(super) const SUMMARY: &[&str] = &["solutionVersionArn", "trainingMode", "trainingType"];

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    input.arn("solutionArn")?;
    input.one_of("trainingMode", &["FULL", "UPDATE"])?;
    let version = app.training.create_solution_version(input.into_type()?).await?;
    Ok(Answer::Json(json!({"solutionVersionArn": version.solution_version_arn})))
}

pub(crate) async fn describe(app: Arc<App>, input: Input) -> Result<Answer> {
    let version = app.training.get_solution_version(&input.arn("solutionVersionArn")?).await?;
    Ok(Answer::Json(json!({"solutionVersion": view(&version)?})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let solution = input.optional_arn("solutionArn")?;
    if let Some(solution) = &solution {
        app.training.get_solution(solution).await?;
    }
    let mut items = Vec::new();
    for version in app.training.list_solution_versions(solution.as_ref()).await? {
        items.push((version.version.solution_version_arn.to_string(), summary(view(&version)?, SUMMARY)));
    }
    paging::personalize(&input, "solutionVersions", items)
}

pub(crate) async fn stop(app: Arc<App>, input: Input) -> Result<Answer> {
    app.training.stop_solution_version_creation(&input.arn("solutionVersionArn")?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn metrics(app: Arc<App>, input: Input) -> Result<Answer> {
    let metrics = app.training.get_solution_metrics(&input.arn("solutionVersionArn")?).await?;
    Ok(Answer::Json(super::view::members(&metrics)?.into()))
}

pub(super) fn view(version: &VersionView) -> Result<Map<String, Value>> {
    let standing = Standing { status: version.status(), failure: version.failure_reason(), updated: version.last_updated() };
    let mut members = described(&version.version, &standing)?;
    if let Some(hours) = version.training_hours() {
        members.insert("trainingHours".into(), json!(hours));
    }
    Ok(members)
}
