//! Where files are awaited.

use domain::{Result, Timestamp};
use serde_json::Value;
use store::{Buckets, Location};

/// A prefix in a bucket, and since when somebody awaits files there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// Every bucket where none is named.
    pub bucket: Option<String>,
    pub prefix: String,
    pub since: Timestamp,
}

impl Awaited {
    /// `s3://bucket/prefix`; nothing for places outside buckets.
    pub fn parse(location: &str, since: Timestamp) -> Result<Option<Self>> {
        Ok(match Location::parse(location)? {
            Location::S3 { bucket, key } => Some(Self { bucket: Some(bucket), prefix: key, since }),
            Location::File(_) => None,
        })
    }

    /// `bucket/prefix`
    pub(super) fn place(&self) -> String {
        format!("{}/{}", self.bucket.as_deref().unwrap_or_default(), self.prefix)
    }

    /// One for each bucket that there is, where none is named.
    pub(super) fn in_buckets(self, buckets: &Buckets) -> Vec<Self> {
        if self.bucket.is_some() {
            return vec![self];
        }
        let folders = std::fs::read_dir(buckets.root()).into_iter().flatten().flatten();
        let names = folders.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| !name.starts_with('.'));
        names.map(|bucket| Self { bucket: Some(bucket), ..self.clone() }).collect()
    }
}

/// The places whose files a pattern is about: those of `aws.s3`, as narrow as its exact names and prefixes say.
pub(crate) fn by_pattern(pattern: &str, since: Timestamp) -> Vec<Awaited> {
    let Ok(pattern) = serde_json::from_str::<Value>(pattern) else { return Vec::new() };
    let named = |value: &Value, name: &str| value.as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let of_other_type = pattern["detail-type"].is_array() && !named(&pattern["detail-type"], "Object Created");
    if !named(&pattern["source"], "aws.s3") || of_other_type {
        return Vec::new();
    }
    let buckets: Option<Vec<Option<String>>> = pattern["detail"]["bucket"]["name"]
        .as_array()
        .and_then(|names| names.iter().map(|name| name.as_str().map(|name| Some(name.to_owned()))).collect());
    let prefixes = match pattern["detail"]["object"]["key"].as_array() {
        Some(keys) => keys.iter().map(prefix_of).collect(),
        None => vec![String::new()],
    };
    let mut awaited = Vec::new();
    for bucket in buckets.unwrap_or_else(|| vec![None]) {
        awaited.extend(prefixes.iter().map(|prefix| Awaited { bucket: bucket.clone(), prefix: prefix.clone(), since }));
    }
    awaited
}

/// What every key that fits begins with; other conditions than these say nothing about that.
fn prefix_of(condition: &Value) -> String {
    let wildcard = || Some(condition["wildcard"].as_str()?.split('*').next().unwrap_or_default());
    condition.as_str().or(condition["prefix"].as_str()).or_else(wildcard).unwrap_or_default().to_owned()
}
