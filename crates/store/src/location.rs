//! Where bytes are: `s3://bucket/key`, or a file or folder of this machine.

use std::fmt;
use std::path::PathBuf;

use domain::{Error, Result};

/// A place to read from or write to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Location {
    /// A bucket and a key or prefix without leading slash.
    S3 { bucket: String, key: String },
    /// A file or folder, as the user wrote it; relative to the project's folder.
    File(PathBuf),
}

impl Location {
    /// `s3://bucket/key` (also `s3a://`), `file:///path` or a plain path.
    pub fn parse(text: &str) -> Result<Self> {
        if let Some(rest) = text.strip_prefix("s3://").or_else(|| text.strip_prefix("s3a://")) {
            let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
            check_bucket(bucket)?;
            let key = key.trim_start_matches('/');
            if key.split('/').any(|part| part == "." || part == "..") {
                return Err(Error::invalid_input(format!("A key has no parts . and ..; found {text:?}.")));
            }
            return Ok(Self::S3 { bucket: bucket.into(), key: key.into() });
        }
        let path = text.strip_prefix("file://").unwrap_or(text);
        if path.is_empty() || path.contains("://") {
            return Err(Error::invalid_input(format!("A location is s3://bucket/prefix, file:///path or a path; found {text:?}.")));
        }
        Ok(Self::File(path.into()))
    }
}

/// Three to 63 lower-case letters, digits, dots and hyphens, as S3 has it; nothing that could leave the folder of buckets.
pub(crate) fn check_bucket(bucket: &str) -> Result<()> {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let fits = (3..=63).contains(&bucket.len())
        && edge(bucket.chars().next())
        && edge(bucket.chars().last())
        && !bucket.contains("..")
        && bucket.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-');
    if fits {
        return Ok(());
    }
    Err(Error::invalid_input(format!("A bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens; found {bucket:?}.")))
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3 { bucket, key } => write!(f, "s3://{bucket}/{key}"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}
