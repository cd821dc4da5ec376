//! How stored resources look on Glue's wire.

use domain::{Error, Result};
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::Stored;

use crate::app::App;
use crate::errors;
use crate::operations::Service;
use crate::wire::time;

/// The resource's own members and its times, under the names that its kind has for them.
pub(super) fn described<R: Serialize>(stored: &Stored<R>, created: &str, updated: &str) -> Result<Map<String, Value>> {
    let mut members = members(&stored.value)?;
    members.insert(created.into(), time(stored.created));
    members.insert(updated.into(), time(stored.updated));
    Ok(members)
}

/// The same for what lives in a catalog.
pub(super) fn catalogued<R: Serialize>(app: &App, stored: &Stored<R>, created: &str, updated: &str) -> Result<Map<String, Value>> {
    let mut members = described(stored, created, updated)?;
    members.insert("CatalogId".into(), app.partition.account.clone().into());
    Ok(members)
}

pub(super) fn members(value: &impl Serialize) -> Result<Map<String, Value>> {
    match serde_json::to_value(value) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Error::internal("A resource is not a JSON object.")),
        Err(e) => Err(Error::internal("A resource cannot be written as JSON.").source(e)),
    }
}

/// Glue's `ErrorDetail`: what became of a part of a batch.
pub(super) fn error_detail(error: &Error) -> Value {
    let (code, _) = errors::exception(Service::Glue, error);
    json!({"ErrorCode": code, "ErrorMessage": error.to_string()})
}

/// Names as items of a list.
pub(super) fn names(names: impl IntoIterator<Item = String>) -> Vec<(String, Value)> {
    names.into_iter().map(|name| (name.clone(), name.into())).collect()
}

/// For deletions that Glue lets pass when there is nothing to delete.
pub(super) fn gone_is_fine(deleted: Result<()>) -> Result<()> {
    match deleted {
        Err(e) if e.kind == domain::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
