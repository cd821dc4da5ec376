//! Crawlers in Glue's JSON shape, what a crawl is, and what it gives.

use domain::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Resource;

/// The kind of a crawl's run; its subject is the crawler's name.
pub const CRAWL: &str = "crawl";

/// Glue's `Crawler` and `CreateCrawlerRequest`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Crawler {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    pub database_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub targets: Targets,
    /// `cron(…)`; kept here, fired by whoever looks at the clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classifiers: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub table_prefix: String,
    pub schema_change_policy: SchemaChangePolicy,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recrawl_policy: Option<RecrawlPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
}

impl Resource for Crawler {
    const KIND: &'static str = "crawler";
    fn key(&self) -> String {
        self.name.clone()
    }
}

/// What is crawled. Kinds of targets that this version does not crawl are kept apart so that they can be refused by name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Targets {
    #[serde(rename = "S3Targets", skip_serializing_if = "Vec::is_empty")]
    pub s3: Vec<S3Target>,
    #[serde(rename = "JdbcTargets", skip_serializing_if = "Vec::is_empty")]
    pub jdbc: Vec<JdbcTarget>,
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

/// Tables of a database: `database/schema/table`, where `%` stands for any text; for SQLite a table's name or `%`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct JdbcTarget {
    pub connection_name: String,
    pub path: String,
    /// Globs on the table's path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclusions: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SchemaChangePolicy {
    pub update_behavior: UpdateBehavior,
    pub delete_behavior: DeleteBehavior,
}

/// What to do about a table whose data looks different now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UpdateBehavior {
    Log,
    #[default]
    UpdateInDatabase,
}

/// What to do about a table whose data is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeleteBehavior {
    Log,
    DeleteFromDatabase,
    #[default]
    DeprecateInDatabase,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RecrawlPolicy {
    pub recrawl_behavior: String,
}

/// READY, RUNNING or STOPPING, from the latest run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CrawlerState {
    Ready,
    Running,
    Stopping,
}

/// The state of a crawler and its last crawl that ended.
#[derive(Debug, Clone, PartialEq)]
pub struct CrawlerStatus {
    pub state: CrawlerState,
    pub last_crawl: Option<LastCrawl>,
    /// How long the crawl under way has been running; 0 when there is none.
    pub elapsed_ms: i64,
}

/// Glue's `LastCrawl`, times apart.
#[derive(Debug, Clone, PartialEq)]
pub struct LastCrawl {
    /// SUCCEEDED, CANCELLED or FAILED.
    pub status: &'static str,
    pub error_message: Option<String>,
    pub run: runs::RunId,
    pub started: Option<Timestamp>,
    pub summary: Option<CrawlSummary>,
}

/// What a crawl did; the result of its run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CrawlSummary {
    pub tables_created: u64,
    pub tables_updated: u64,
    /// Deleted or marked as deprecated.
    pub tables_deleted: u64,
    pub tables_unchanged: u64,
    pub partitions_added: u64,
    pub partitions_updated: u64,
    pub partitions_deleted: u64,
    pub tables: Vec<CrawledTable>,
    /// What could not be used, the first [`crate::crawl::MAX_PROBLEMS`].
    pub problems: Vec<CrawlProblem>,
    /// How many problems there were in all.
    pub problem_count: u64,
}

/// One table that the crawl met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrawledTable {
    pub database: String,
    pub name: String,
    pub classification: String,
    pub location: String,
    pub columns: usize,
    pub partitions: usize,
    pub files: Option<u64>,
    pub bytes: Option<u64>,
    /// Counted in databases and Parquet, estimated from the sample in other files.
    pub rows: Option<u64>,
    pub change: TableChange,
    /// Why the data became this table, where that is not plain.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableChange {
    Created,
    Updated,
    Unchanged,
    /// Different now, but the crawler's policy is LOG.
    Logged,
    Deleted,
    Deprecated,
}

/// Something that could not be used, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrawlProblem {
    pub place: String,
    pub reason: String,
}

impl Crawler {
    /// Refuses by name what this version cannot honour, rather than to ignore it.
    pub fn validate(&self) -> Result<()> {
        let refuse = |what: String| Err(Error::invalid_input(format!("Crawler {:?}: {what}", self.name)));
        if self.name.is_empty() || self.name.chars().count() > 255 {
            return refuse("a name has 1 to 255 characters.".into());
        }
        if self.database_name.is_empty() {
            return refuse("DatabaseName is missing: say which database the tables go to.".into());
        }
        if self.table_prefix.chars().count() > 128 {
            return refuse("TablePrefix has at most 128 characters.".into());
        }
        let empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty) || value.is_null();
        if let Some((kind, _)) = self.targets.others.iter().find(|(_, value)| !empty(value)) {
            return refuse(format!("this version crawls S3Targets and JdbcTargets; found {kind}."));
        }
        if self.targets.s3.is_empty() && self.targets.jdbc.is_empty() {
            return refuse("expected at least one target in S3Targets or JdbcTargets; found none.".into());
        }
        if !self.classifiers.is_empty() {
            return refuse("custom classifiers are not known to this version; leave Classifiers empty.".into());
        }
        let recrawl = self.recrawl_policy.as_ref().map_or("", |policy| policy.recrawl_behavior.as_str());
        if !matches!(recrawl, "" | "CRAWL_EVERYTHING") {
            return refuse(format!("of the recrawl behaviours this version knows CRAWL_EVERYTHING; found {recrawl}."));
        }
        self.validate_configuration()?;
        self.targets.s3.iter().try_for_each(S3Target::validate)?;
        self.targets.jdbc.iter().try_for_each(JdbcTarget::validate)
    }

    fn validate_configuration(&self) -> Result<()> {
        let Some(text) = self.configuration.as_deref().filter(|text| !text.trim().is_empty()) else { return Ok(()) };
        let parsed: serde_json::Map<String, Value> = serde_json::from_str(text)
            .map_err(|e| Error::invalid_input(format!("Crawler {:?}: Configuration is not a JSON object.", self.name)).source(e))?;
        match parsed.keys().find(|key| *key != "Version") {
            None => Ok(()),
            Some(key) => Err(Error::invalid_input(format!(
                "Crawler {:?}: this version knows only Version in Configuration; found {key}.",
                self.name
            ))),
        }
    }
}

impl S3Target {
    fn validate(&self) -> Result<()> {
        store::Location::parse(&self.path)?;
        self.exclusions.iter().try_for_each(|glob| crate::glob::Glob::new(glob).map(|_| ()))?;
        match self.sample_size {
            Some(size) if !(1..=249).contains(&size) => {
                Err(Error::invalid_input(format!("SampleSize of {} is a number from 1 to 249; found {size}.", self.path)))
            }
            _ => Ok(()),
        }
    }
}

impl JdbcTarget {
    fn validate(&self) -> Result<()> {
        if self.connection_name.is_empty() {
            return Err(Error::invalid_input("A JDBC target needs a ConnectionName; found none."));
        }
        if self.path.is_empty() {
            return Err(Error::invalid_input(format!(
                "The JDBC target on connection {:?} needs a Path such as database/schema/%, or % for all; found none.",
                self.connection_name
            )));
        }
        self.exclusions.iter().try_for_each(|glob| crate::glob::Glob::new(glob).map(|_| ()))
    }
}
