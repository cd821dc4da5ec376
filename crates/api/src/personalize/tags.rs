//! Tags of everything in Personalize that AWS tags: all but schemas.

use std::collections::BTreeMap;
use std::sync::Arc;

use dataset::{Tag, checked_tags};
use domain::{Arn, Result};
use serde_json::json;

use crate::app::App;
use crate::input::Input;
use crate::wire::Answer;

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let arn = existing(&app, &input).await?;
    let tags = app.datasets.tags(&arn).await?;
    let tags: Vec<Tag> = tags.into_iter().map(|(tag_key, tag_value)| Tag { tag_key, tag_value }).collect();
    Ok(Answer::Json(json!({"tags": tags})))
}

pub(crate) async fn add(app: Arc<App>, input: Input) -> Result<Answer> {
    let arn = existing(&app, &input).await?;
    app.datasets.change_tags(&arn, checked_tags(input.member("tags")?)?, &[]).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn remove(app: Arc<App>, input: Input) -> Result<Answer> {
    let arn = existing(&app, &input).await?;
    app.datasets.change_tags(&arn, BTreeMap::new(), &input.texts("tagKeys")?).await?;
    Ok(Answer::Empty)
}

/// The `tags` of a Create, by key.
pub(crate) fn of(input: &Input) -> Result<BTreeMap<String, String>> {
    if input.get("tags").is_some() { checked_tags(input.member("tags")?) } else { Ok(BTreeMap::new()) }
}

/// Gives what was just made, whose ARN is in the answer, its tags.
pub(crate) async fn keep(app: &App, tags: BTreeMap<String, String>, answer: Answer) -> Result<Answer> {
    if let Answer::Json(made) = &answer
        && let Some(arn) =
            made.as_object().and_then(|made| made.iter().find(|(name, _)| name.ends_with("Arn"))).and_then(|(_, arn)| arn.as_str())
    {
        app.datasets.set_tags(&Arn::parse(arn)?, tags).await?;
    }
    Ok(answer)
}

pub(crate) async fn forget(app: &App, gone: &[Arn], answer: Answer) -> Result<Answer> {
    for arn in gone {
        app.datasets.set_tags(arn, BTreeMap::new()).await?;
    }
    Ok(answer)
}

/// The ARN of something that is there.
async fn existing(app: &App, input: &Input) -> Result<Arn> {
    let arn = input.arn("resourceArn")?;
    match arn.kind() {
        "dataset-group" => app.datasets.get_dataset_group(&arn).await.map(drop),
        "dataset" => app.datasets.get_dataset(&arn).await.map(drop),
        "dataset-import-job" => app.datasets.get_dataset_import_job(&arn).await.map(drop),
        "solution" if arn.id().contains('/') => app.training.get_solution_version(&arn).await.map(drop),
        "solution" => app.training.get_solution(&arn).await.map(drop),
        "campaign" => app.serving.get_campaign(&arn).await.map(drop),
        "recommender" => app.serving.get_recommender(&arn).await.map(drop),
        "filter" => app.serving.get_filter(&arn).await.map(drop),
        "batch-inference-job" => app.serving.get_batch_inference_job(&arn).await.map(drop),
        "data-deletion-job" => app.serving.get_data_deletion_job(&arn).await.map(drop),
        "event-tracker" => app.events.get_event_tracker(&arn).await.map(drop),
        other => Err(input.error(format!("knows tags of dataset groups, datasets, import jobs, solutions and their versions, campaigns, recommenders, filters, batch inference jobs, data deletion jobs and event trackers; found the ARN of a {other:?}."))),
    }?;
    Ok(arn)
}
