//! Event trackers.

use std::sync::Arc;

use domain::Result;
use events::EventTracker;
use serde_json::{Map, Value, json};
use store::Stored;

use super::view::{Standing, described, summary};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    input.arn("datasetGroupArn")?;
    let tracker = app.events.create_event_tracker(input.into_type()?).await?;
    Ok(Answer::Json(json!({"eventTrackerArn": tracker.event_tracker_arn, "trackingId": tracker.tracking_id})))
}

pub(crate) async fn describe(app: Arc<App>, input: Input) -> Result<Answer> {
    let tracker = app.events.get_event_tracker(&input.arn("eventTrackerArn")?).await?;
    let mut members = view(&tracker)?;
    members.insert("accountId".into(), app.partition.account.clone().into());
    Ok(Answer::Json(json!({"eventTracker": members})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let group = input.optional_arn("datasetGroupArn")?;
    let mut items = Vec::new();
    for tracker in app.events.list_event_trackers(group.as_ref()).await? {
        items.push((tracker.event_tracker_arn.to_string(), summary(view(&tracker)?, &["name", "eventTrackerArn"])));
    }
    paging::personalize(&input, "eventTrackers", items)
}

pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    app.events.delete_event_tracker(&input.arn("eventTrackerArn")?).await?;
    Ok(Answer::Empty)
}

fn view(tracker: &Stored<EventTracker>) -> Result<Map<String, Value>> {
    described(tracker, &Standing::active(tracker.updated))
}
