//! What a crawler looks at.

use domain::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::glob::Glob;

/// What is crawled. Kinds of targets that this version does not crawl are kept apart so that they can be refused by name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Targets {
    #[serde(rename = "S3Targets", skip_serializing_if = "Vec::is_empty")]
    pub s3: Vec<S3Target>,
    #[serde(rename = "JdbcTargets", skip_serializing_if = "Vec::is_empty")]
    pub jdbc: Vec<JdbcTarget>,
    #[serde(rename = "MongoDBTargets", skip_serializing_if = "Vec::is_empty")]
    pub mongodb: Vec<MongoDbTarget>,
    /// Ours: Glue's crawlers do not look at streams.
    #[serde(rename = "KafkaTargets", skip_serializing_if = "Vec::is_empty")]
    pub kafka: Vec<KafkaTarget>,
    #[serde(flatten)]
    pub others: serde_json::Map<String, Value>,
}

/// Files: `s3://bucket/prefix`, or a file or folder of this machine.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct S3Target {
    pub path: String,
    /// Globs relative to the path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclusions: Vec<String>,
    /// For buckets that are not ours: a connection of type S3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_name: Option<String>,
    /// Files looked into per folder, 1 to 249.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_size: Option<usize>,
}

/// Tables of any database: `database/schema/table`, where `%` stands for any text. A source without schemas has paths
/// `database/table`, SQLite and Kafka have the table's name alone.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct JdbcTarget {
    pub connection_name: String,
    pub path: String,
    /// Globs on the table's path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclusions: Vec<String>,
    /// `RAWTYPES` writes the source's own types into the columns' parameter `rawType`; `COMMENTS` is always done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub enable_additional_metadata: Vec<String>,
}

/// Collections: `database/collection` with `%`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MongoDbTarget {
    pub connection_name: String,
    pub path: String,
    /// Columns always come from the documents that the source samples; asked to read all, the crawl says so in its log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scan_all: Option<bool>,
}

/// Topics: a name with `%`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KafkaTarget {
    pub connection_name: String,
    pub path: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclusions: Vec<String>,
}

/// A target that is behind a connection to a database, whatever its kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DatabaseTarget<'a> {
    pub connection: &'a str,
    pub path: &'a str,
    pub exclusions: &'a [String],
    pub raw_types: bool,
    pub scan_all: bool,
}

impl Targets {
    pub(super) fn validate(&self) -> std::result::Result<(), String> {
        let empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty) || value.is_null();
        if let Some((kind, _)) = self.others.iter().find(|(_, value)| !empty(value)) {
            return Err(format!("this version crawls S3Targets, JdbcTargets, MongoDBTargets and KafkaTargets; found {kind}."));
        }
        if self.s3.is_empty() && self.databases().next().is_none() {
            return Err("expected at least one target in S3Targets, JdbcTargets, MongoDBTargets or KafkaTargets; found none.".into());
        }
        Ok(())
    }

    /// All but the files.
    pub(crate) fn databases(&self) -> impl Iterator<Item = DatabaseTarget<'_>> {
        let jdbc = self.jdbc.iter().map(|target| DatabaseTarget {
            connection: &target.connection_name,
            path: &target.path,
            exclusions: &target.exclusions,
            raw_types: target.enable_additional_metadata.iter().any(|asked| asked == RAW_TYPES),
            scan_all: false,
        });
        let mongodb = self.mongodb.iter().map(|target| DatabaseTarget {
            connection: &target.connection_name,
            path: &target.path,
            exclusions: &[],
            raw_types: false,
            scan_all: target.scan_all == Some(true),
        });
        let kafka = self.kafka.iter().map(|target| DatabaseTarget {
            connection: &target.connection_name,
            path: &target.path,
            exclusions: &target.exclusions,
            raw_types: false,
            scan_all: false,
        });
        jdbc.chain(mongodb).chain(kafka)
    }
}

const RAW_TYPES: &str = "RAWTYPES";

impl S3Target {
    pub(super) fn validate(&self) -> Result<()> {
        store::Location::parse(&self.path)?;
        self.exclusions.iter().try_for_each(|glob| Glob::new(glob).map(|_| ()))?;
        match self.sample_size {
            Some(size) if !(1..=249).contains(&size) => {
                Err(Error::invalid_input(format!("SampleSize of {} is a number from 1 to 249; found {size}.", self.path)))
            }
            _ => Ok(()),
        }
    }
}

impl JdbcTarget {
    pub(super) fn validate(&self) -> Result<()> {
        match self.enable_additional_metadata.iter().find(|asked| !matches!(asked.as_str(), "COMMENTS" | RAW_TYPES)) {
            Some(other) => Err(Error::invalid_input(format!("EnableAdditionalMetadata takes COMMENTS and RAWTYPES; found {other:?}."))),
            None => Ok(()),
        }
    }
}

impl DatabaseTarget<'_> {
    pub(super) fn validate(&self) -> Result<()> {
        if self.connection.is_empty() {
            return Err(Error::invalid_input(format!("The target {:?} needs a ConnectionName; found none.", self.path)));
        }
        let parts = self.path.trim_matches('/').split('/').count();
        if self.path.is_empty() || parts > 3 {
            return Err(Error::invalid_input(format!(
                "The target on connection {:?} needs a Path such as database/schema/%, or % for all; found {:?}.",
                self.connection, self.path
            )));
        }
        self.exclusions.iter().try_for_each(|glob| Glob::new(glob).map(|_| ()))
    }
}
