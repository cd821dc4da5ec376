//! What can be stored: a serialisable value with a kind, a key and perhaps a parent.

use std::ops::Deref;

use domain::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

/// A kind of thing that is created, described, listed and deleted.
pub trait Resource: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The field's noun, in `snake_case`: `campaign`, `dataset_group`.
    const KIND: &'static str;

    /// Unique within the kind: an ARN or a name.
    fn key(&self) -> String;

    /// What it is listed under, if anything: a dataset's group, a table's database.
    fn parent(&self) -> String {
        String::new()
    }
}

/// A resource as it was read, with what the store knows about it. Dereferences to the resource.
#[derive(Debug, Clone)]
pub struct Stored<R> {
    pub value: R,
    /// Counts from 1; every update adds one.
    pub version: i64,
    pub created: Timestamp,
    pub updated: Timestamp,
}

impl<R> Deref for Stored<R> {
    type Target = R;
    fn deref(&self) -> &R {
        &self.value
    }
}
