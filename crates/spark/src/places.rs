//! Where a location is for the cluster.

use std::path::Path;

use domain::{Error, Result};
use store::{Buckets, Location};

use crate::config::{FileAccess, SparkConfig};

/// The address of a location, without a slash at its end.
///
/// # Errors
/// `InvalidInput` for a path of this machine where the cluster knows buckets alone.
pub(crate) fn of(config: &SparkConfig, buckets: &Buckets, location: &Location) -> Result<String> {
    match (&config.files, location) {
        (FileAccess::Local, location) => {
            let path = std::path::absolute(buckets.path(location))
                .map_err(|e| Error::invalid_input(format!("The path of {location} cannot be made absolute.")).source(e))?;
            Ok(format!("file://{}", text(&path).trim_end_matches('/')))
        }
        (FileAccess::S3a(_), Location::S3 { bucket, key }) => Ok(format!("s3a://{bucket}/{key}").trim_end_matches('/').to_owned()),
        (FileAccess::S3a(_), Location::File(path)) => Err(Error::invalid_input(format!(
            "The engine spark reaches files by S3: expected a location like s3://bucket/prefix, found {}.",
            path.display()
        ))
        .code("SPARK_TABLE_UNSUPPORTED")),
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The settings with which a cluster reaches this server's S3.
pub(crate) fn settings(access: &FileAccess) -> Vec<(String, String)> {
    let FileAccess::S3a(s3) = access else { return Vec::new() };
    let setting = |name: &str, value: &str| (format!("spark.hadoop.fs.s3a.{name}"), value.to_owned());
    vec![
        setting("endpoint", &s3.endpoint),
        setting("access.key", &s3.access_key),
        setting("secret.key", &s3.secret_key),
        setting("path.style.access", "true"),
        setting("connection.ssl.enabled", if s3.endpoint.starts_with("https") { "true" } else { "false" }),
    ]
}
