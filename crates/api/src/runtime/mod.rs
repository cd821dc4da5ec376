//! Personalize's runtime: the hot path. Nothing here waits for a disk.

use std::sync::Arc;

use domain::{Error, Result};
use serde::Serialize;
use serde_json::Value;

use crate::app::App;
use crate::input::Input;
use crate::wire::Answer;

/// What AWS takes and we do not have yet: refused, so that nobody relies on it. (`context` is taken and has no effect: no
/// recipe reads it.)
const REFUSED: &[&str] = &["metadataColumns"];

pub(crate) async fn get_recommendations(app: Arc<App>, input: Input) -> Result<Answer> {
    refuse(&input)?;
    if input.optional_arn("recommenderArn")?.is_none() {
        input.arn("campaignArn")?;
    }
    written(&app.serving.get_recommendations(&input.into_type()?)?)
}

pub(crate) async fn get_personalized_ranking(app: Arc<App>, input: Input) -> Result<Answer> {
    refuse(&input)?;
    input.arn("campaignArn")?;
    written(&app.serving.get_personalized_ranking(&input.into_type()?)?)
}

fn refuse(input: &Input) -> Result<()> {
    let empty = |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
    match REFUSED.iter().find(|name| input.get(name).is_some_and(|value| !empty(value))) {
        Some(name) => Err(input.error(format!("does not offer {name:?} in this version: leave it out."))),
        None => Ok(()),
    }
}

fn written(answer: &impl Serialize) -> Result<Answer> {
    serde_json::to_vec(answer).map(Answer::Bytes).map_err(|e| Error::internal("An answer cannot be written as JSON.").source(e))
}
