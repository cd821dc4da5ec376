//! What clients of a catalog ask about it before they use it.

use std::sync::Arc;

use domain::{Error, Result};
use serde_json::json;

use crate::app::App;
use crate::input::Input;
use crate::wire::Answer;

/// There is no older catalog to take over from.
pub(crate) async fn import_status(_: Arc<App>, _: Input) -> Result<Answer> {
    Ok(Answer::Json(json!({"ImportStatus": {"ImportCompleted": true}})))
}

/// Metadata lies in a plain file; passwords of connections are sealed and never shown.
pub(crate) async fn encryption(_: Arc<App>, _: Input) -> Result<Answer> {
    Ok(Answer::Json(json!({"DataCatalogEncryptionSettings": {
        "EncryptionAtRest": {"CatalogEncryptionMode": "DISABLED"},
        "ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": true},
    }})))
}

/// Whoever has the key may do everything.
pub(crate) async fn resource_policy(_: Arc<App>, _: Input) -> Result<Answer> {
    Err(Error::not_found("A resource policy of the catalog"))
}
