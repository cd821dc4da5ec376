//! Crawlers in Glue's JSON shape, what a crawl is, and what it gives.

mod configuration;
mod schedule;
mod targets;

use domain::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use store::Resource;

use crate::changes::Change;
pub use configuration::{Configuration, Grouping};
pub use schedule::{CrawlerSchedule, ScheduleState};
pub(crate) use targets::DatabaseTarget;
pub use targets::{JdbcTarget, KafkaTarget, MongoDbTarget, S3Target, Targets};

/// The kind of a crawl's run; its subject is the crawler's name.
pub const CRAWL: &str = "crawl";
const NEW_FOLDERS_ONLY: &str = "CRAWL_NEW_FOLDERS_ONLY";

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
    /// Fired by [`crate::Schedules`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<CrawlerSchedule>,
    /// Custom classifiers by name, tried in this order before the built-in ones.
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
    /// What differs from the catalog before, the first [`crate::crawl::MAX_CHANGES`].
    #[serde(default)]
    pub changes: Vec<Change>,
    /// How many changes there were in all.
    #[serde(default)]
    pub change_count: u64,
    /// The tables met, the first [`crate::crawl::MAX_TABLES`] in the order of the targets; those that are gone come last.
    pub tables: Vec<CrawledTable>,
    /// The run that profiles what is new, where the configuration asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<runs::RunId>,
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
    /// What `Configuration` says.
    pub fn configured(&self) -> Result<Configuration> {
        Configuration::parse(self.configuration.as_deref())
            .map_err(|e| Error::invalid_input(format!("Crawler {:?}: {}", self.name, e.message)).source(e))
    }

    /// Only folders that no table or partition of this crawler has yet are looked into.
    pub fn new_folders_only(&self) -> bool {
        self.recrawl_policy.as_ref().is_some_and(|policy| policy.recrawl_behavior == NEW_FOLDERS_ONLY)
    }

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
        let recrawl = self.recrawl_policy.as_ref().map_or("", |policy| policy.recrawl_behavior.as_str());
        if !matches!(recrawl, "" | "CRAWL_EVERYTHING" | NEW_FOLDERS_ONLY) {
            return refuse(format!(
                "of the recrawl behaviours this version knows CRAWL_EVERYTHING and {NEW_FOLDERS_ONLY}; found {recrawl}."
            ));
        }
        let log = SchemaChangePolicy { update_behavior: UpdateBehavior::Log, delete_behavior: DeleteBehavior::Log };
        if self.new_folders_only() && self.schema_change_policy != log {
            return refuse(format!("{NEW_FOLDERS_ONLY} needs a SchemaChangePolicy of LOG for updates and for deletions."));
        }
        if let Some(schedule) = self.schedule.as_ref().filter(|schedule| !schedule.is_empty()) {
            schedule.parse().map_err(|e| Error::invalid_input(format!("Crawler {:?}: {}", self.name, e.message)).source(e))?;
        }
        self.configured()?;
        if let Err(why) = self.targets.validate() {
            return refuse(why);
        }
        self.targets.s3.iter().try_for_each(S3Target::validate)?;
        self.targets.jdbc.iter().try_for_each(JdbcTarget::validate)?;
        self.targets.databases().try_for_each(|target| target.validate())
    }
}
