//! Tags, of what has them here: triggers and workflows.

use std::sync::Arc;

use domain::{Arn, Result};
use serde_json::json;
use workflow::Tagged;

use crate::app::App;
use crate::input::Input;
use crate::wire::Answer;

pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let tags = app.workflows.tags(&tagged(&input)?).await?;
    Ok(Answer::Json(json!({"Tags": tags})))
}

pub(crate) async fn add(app: Arc<App>, input: Input) -> Result<Answer> {
    app.workflows.change_tags(&tagged(&input)?, input.member("TagsToAdd")?, &[]).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn remove(app: Arc<App>, input: Input) -> Result<Answer> {
    app.workflows.change_tags(&tagged(&input)?, std::collections::BTreeMap::new(), &input.texts("TagsToRemove")?).await?;
    Ok(Answer::Empty)
}

fn tagged(input: &Input) -> Result<Tagged> {
    let arn: Arn = input.arn("ResourceArn")?;
    match arn.kind() {
        "trigger" => Ok(Tagged::Trigger(arn.id().to_owned())),
        "workflow" => Ok(Tagged::Workflow(arn.id().to_owned())),
        other => Err(input.error(format!("knows tags of triggers and workflows; found the ARN of a {other:?}."))),
    }
}
