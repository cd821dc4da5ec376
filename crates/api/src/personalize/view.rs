//! How a stored resource looks on Personalize's wire.

use domain::{Error, Result, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};
use store::Stored;

use crate::wire::time;

pub(super) const ACTIVE: &str = "ACTIVE";

/// What is not in the resource: it follows from the runs.
pub(super) struct Standing<'a> {
    pub status: &'a str,
    pub failure: Option<&'a str>,
    pub updated: Timestamp,
}

impl Standing<'_> {
    /// Of what is there as soon as it is created.
    pub fn active(updated: Timestamp) -> Self {
        Self { status: ACTIVE, failure: None, updated }
    }
}

/// The resource's own members, its status and its times. Runs are ours and are left out.
pub(super) fn described<R: Serialize>(stored: &Stored<R>, standing: &Standing<'_>) -> Result<Map<String, Value>> {
    let mut members = members(&stored.value)?;
    members.remove("run");
    members.insert("status".into(), standing.status.into());
    members.insert("creationDateTime".into(), time(stored.created));
    members.insert("lastUpdatedDateTime".into(), time(standing.updated));
    if let Some(reason) = standing.failure.filter(|_| standing.status.ends_with("FAILED")) {
        members.insert("failureReason".into(), reason.into());
    }
    Ok(members)
}

pub(super) fn members(value: &impl Serialize) -> Result<Map<String, Value>> {
    match serde_json::to_value(value) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Error::internal("A resource is not a JSON object.")),
        Err(e) => Err(Error::internal("A resource cannot be written as JSON.").source(e)),
    }
}

/// The members that a list shows.
pub(super) fn summary(members: Map<String, Value>, names: &[&str]) -> Value {
    let common = ["status", "creationDateTime", "lastUpdatedDateTime", "failureReason"];
    members.into_iter().filter(|(name, _)| names.contains(&name.as_str()) || common.contains(&name.as_str())).collect::<Map<_, _>>().into()
}
