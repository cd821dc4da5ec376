//! Where a job's result goes and what it looks like.

use domain::{Error, Result};
use serde::{Deserialize, Serialize};
use store::Location;

/// A prefix that a job owns: its result is one file there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Target {
    /// A prefix (`s3://bucket/exports/items/`) or a folder of the project.
    pub location: String,
    #[serde(default)]
    pub format: Format,
    /// Parquet only: `snappy` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
}

/// The file's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// As Personalize imports it: UTF-8, a header, commas, `\n`, `"` around fields that need it and doubled within them.
    #[default]
    Csv,
    Parquet,
}

/// How a Parquet file's pages are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    None,
    Snappy,
    Zstd,
}

impl Format {
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        match text.to_ascii_lowercase().as_str() {
            "csv" => Ok(Self::Csv),
            "parquet" => Ok(Self::Parquet),
            _ => Err(Error::invalid_input(format!("A job's --format is csv or parquet; found {text:?}."))),
        }
    }
}

impl Compression {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        match text.to_ascii_lowercase().as_str() {
            "none" => Ok(Self::None),
            "snappy" => Ok(Self::Snappy),
            "zstd" => Ok(Self::Zstd),
            _ => Err(Error::invalid_input(format!("A job's --compression is none, snappy or zstd; found {text:?}."))),
        }
    }
}

impl Target {
    /// Fails on a location that is none, and on a compressed CSV, which Personalize does not read.
    pub(crate) fn check(&self) -> Result<Location> {
        let compressed = self.compression.filter(|compression| *compression != Compression::None);
        if let (Format::Csv, Some(compression)) = (self.format, compressed) {
            return Err(Error::invalid_input(format!(
                "A CSV target is written uncompressed, as Personalize imports it; found compression {}.",
                format!("{compression:?}").to_lowercase()
            )));
        }
        Location::parse(&self.location)
    }
}

/// The place `name` under the prefix.
pub(crate) fn child(prefix: &Location, name: &str) -> Location {
    match prefix {
        Location::S3 { bucket, key } => {
            let key = key.trim_end_matches('/');
            let key = if key.is_empty() { name.to_owned() } else { format!("{key}/{name}") };
            Location::S3 { bucket: bucket.clone(), key }
        }
        Location::File(path) => Location::File(path.join(name)),
    }
}
