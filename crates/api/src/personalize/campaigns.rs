//! Campaigns.

use std::sync::Arc;

use domain::Result;
use serde_json::{Map, Value, json};
use serve::CampaignView;

use super::view::{Standing, described, summary};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::{Answer, time};

/// More would not be believed: it is a floor on AWS's bill, and has no effect here.
const MAX_TPS: u64 = 1_000_000;

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    input.arn("solutionVersionArn")?;
    input.optional_number("minProvisionedTPS", 1, MAX_TPS)?;
    let campaign = app.serving.create_campaign(input.into_type()?).await?;
    Ok(Answer::Json(json!({"campaignArn": campaign.campaign_arn})))
}

pub(crate) async fn describe(app: Arc<App>, input: Input) -> Result<Answer> {
    let campaign = app.serving.describe_campaign(&input.arn("campaignArn")?).await?;
    Ok(Answer::Json(json!({"campaign": view(&campaign)?})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let solution = input.optional_arn("solutionArn")?;
    let mut items = Vec::new();
    for campaign in app.serving.list_campaigns(solution.as_ref()).await? {
        items.push((campaign.campaign.campaign_arn.to_string(), summary(view(&campaign)?, &["name", "campaignArn"])));
    }
    paging::personalize(&input, "campaigns", items)
}

pub(crate) async fn update(app: Arc<App>, input: Input) -> Result<Answer> {
    input.arn("campaignArn")?;
    input.optional_arn("solutionVersionArn")?;
    input.optional_number("minProvisionedTPS", 1, MAX_TPS)?;
    let campaign = app.serving.update_campaign(input.into_type()?).await?;
    Ok(Answer::Json(json!({"campaignArn": campaign.campaign_arn})))
}

/// Our own: back to the version that served before.
pub(crate) async fn rollback(app: Arc<App>, input: Input) -> Result<Answer> {
    let campaign = app.serving.rollback_campaign(&input.arn("campaignArn")?).await?;
    let update = campaign.latest_campaign_update.map(|update| update.solution_version_arn);
    Ok(Answer::Json(json!({"campaignArn": campaign.campaign_arn, "solutionVersionArn": update})))
}

pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    app.serving.delete_campaign(&input.arn("campaignArn")?).await?;
    Ok(Answer::Empty)
}

fn view(view: &CampaignView) -> Result<Map<String, Value>> {
    let standing = Standing { status: view.status(), failure: view.failure_reason(), updated: view.last_updated() };
    let mut members = described(&view.campaign, &standing)?;
    members.remove("servedBefore");
    if let Some(Value::Object(update)) = members.get_mut("latestCampaignUpdate") {
        update.remove("run");
        update.remove("rollback");
        if let (Some(status), Some(run)) = (view.update_status(), &view.update) {
            update.insert("status".into(), status.into());
            update.insert("creationDateTime".into(), time(run.created));
            update.insert("lastUpdatedDateTime".into(), time(run.ended.or(run.started).unwrap_or(run.created)));
            if let Some(reason) = run.message.as_deref().filter(|_| status.ends_with("FAILED")) {
                update.insert("failureReason".into(), reason.into());
            }
        }
    }
    Ok(members)
}
