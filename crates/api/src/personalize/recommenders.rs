//! Recommenders of domain dataset groups.

use std::sync::Arc;

use domain::Result;
use serde_json::{Map, Value, json};
use serve::RecommenderView;

use super::view::{Standing, described, members, summary};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::{Answer, time};

/// What is ours and not told.
const OWN: [&str; 2] = ["solutionVersionArn", "stopped"];

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    input.arn("datasetGroupArn")?;
    input.arn("recipeArn")?;
    let recommender = app.serving.create_recommender(input.into_type()?).await?;
    Ok(Answer::Json(json!({"recommenderArn": recommender.recommender_arn})))
}

/// With the metrics of the version that answers, as AWS shows them once there is one.
pub(crate) async fn describe(app: Arc<App>, input: Input) -> Result<Answer> {
    let recommender = app.serving.describe_recommender(&input.arn("recommenderArn")?).await?;
    let mut shown = view(&recommender)?;
    if matches!(recommender.status(), "ACTIVE" | "INACTIVE") {
        let metrics = app.training.get_solution_metrics(&recommender.recommender.solution_version_arn).await?.metrics;
        shown.insert("modelMetrics".into(), json!(metrics));
    }
    Ok(Answer::Json(json!({"recommender": shown})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let group = input.optional_arn("datasetGroupArn")?;
    let mut items = Vec::new();
    for recommender in app.serving.list_recommenders(group.as_ref()).await? {
        let shown = ["name", "recommenderArn", "datasetGroupArn", "recipeArn", "recommenderConfig"];
        items.push((recommender.recommender.recommender_arn.to_string(), summary(view(&recommender)?, &shown)));
    }
    paging::personalize(&input, "recommenders", items)
}

pub(crate) async fn update(app: Arc<App>, input: Input) -> Result<Answer> {
    input.arn("recommenderArn")?;
    let recommender = app.serving.update_recommender(input.into_type()?).await?;
    Ok(Answer::Json(json!({"recommenderArn": recommender.recommender_arn})))
}

pub(crate) async fn start(app: Arc<App>, input: Input) -> Result<Answer> {
    let arn = input.arn("recommenderArn")?;
    app.serving.start_recommender(&arn).await?;
    Ok(Answer::Json(json!({"recommenderArn": arn})))
}

pub(crate) async fn stop(app: Arc<App>, input: Input) -> Result<Answer> {
    let arn = input.arn("recommenderArn")?;
    app.serving.stop_recommender(&arn).await?;
    Ok(Answer::Json(json!({"recommenderArn": arn})))
}

pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    app.serving.delete_recommender(&input.arn("recommenderArn")?).await?;
    Ok(Answer::Empty)
}

fn view(view: &RecommenderView) -> Result<Map<String, Value>> {
    let standing = Standing { status: view.status(), failure: view.failure_reason(), updated: view.last_updated() };
    let mut shown = described(&view.recommender, &standing)?;
    shown.retain(|name, _| !OWN.contains(&name.as_str()));
    if let (Some(update), Some(status), Some(run)) = (&view.recommender.latest_recommender_update, view.update_status(), &view.update) {
        let mut update = members(update)?;
        update.retain(|name, _| name == "recommenderConfig");
        update.insert("status".into(), status.into());
        update.insert("creationDateTime".into(), time(run.created));
        update.insert("lastUpdatedDateTime".into(), time(run.ended.or(run.started).unwrap_or(run.created)));
        if let Some(reason) = run.message.as_deref().filter(|_| status.ends_with("FAILED")) {
            update.insert("failureReason".into(), reason.into());
        }
        shown.insert("latestRecommenderUpdate".into(), update.into());
    }
    Ok(shown)
}
