//! Event trackers: the door through which events of one dataset group come in.

use domain::{Arn, Name};
use serde::{Deserialize, Serialize};
use store::Resource;

/// Key: its ARN; parent: its group's ARN. Active at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventTracker {
    pub name: Name,
    pub event_tracker_arn: Arn,
    pub dataset_group_arn: Arn,
    /// What callers of PutEvents name.
    pub tracking_id: String,
}

impl Resource for EventTracker {
    const KIND: &'static str = "event_tracker";
    fn key(&self) -> String {
        self.event_tracker_arn.to_string()
    }
    fn parent(&self) -> String {
        self.dataset_group_arn.to_string()
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateEventTracker {
    pub name: String,
    pub dataset_group_arn: Arn,
}
