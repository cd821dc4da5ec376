//! What a change of a table's columns breaks: which jobs read them, what those jobs feed, which workflows run them.
//!
//! Takes: two states of a table (two versions, or one with something taken away), the jobs, datasets, triggers, an [`etl::Engine`].
//! Gives: an [`Impact`]: everything that reads what changed, directly or through the result of a job, and whether it breaks. A job is
//! asked by planning its query over both states, so the answer is the engine's own, in its own words. What it feeds is seen over the state
//! before, in which it was valid.
//!
//! Must not know: who asks. What cannot be seen from here is said in [`Impact::unknown`]: jobs whose query only a run's arguments make,
//! jobs with sources of their own that do not answer.
//!
//! Start reading at [`Impacts::of_change`].

mod graph;

use std::collections::BTreeSet;

use catalog::changes::{self, Change, ChangeKind};
use catalog::{Catalog, Table};
use dataset::Datasets;
use domain::{Error, ErrorKind, Result};
use etl::{ColumnsRead, Job, Target, Workbench};
use serde::Serialize;
use workflow::Workflows;

use graph::Feeds;

/// What comes of a change.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Impact {
    pub database_name: String,
    pub table_name: String,
    pub changes: Vec<Change>,
    /// Jobs first, then what they feed.
    pub affected: Vec<Affected>,
    /// Jobs about which nothing can be said, with the reason.
    pub unknown: Vec<Unknown>,
}

impl Impact {
    pub fn breaks(&self) -> bool {
        self.affected.iter().any(|affected| affected.effect == Effect::Breaks)
    }
}

/// One thing that the change reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Affected {
    pub kind: Kind,
    pub name: String,
    /// The changed columns that it reads; empty for what is reached through a job.
    pub columns: Vec<String>,
    pub effect: Effect,
    /// One sentence.
    pub reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    Job,
    Table,
    Dataset,
    Workflow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Effect {
    /// It will fail, or get nothing new.
    Breaks,
    /// It reads what changed and still works; what it gives may differ.
    Reads,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Unknown {
    pub job_name: String,
    pub reason: String,
}

/// Asks about changes; clone it freely.
#[derive(Clone)]
pub struct Impacts {
    catalog: Catalog,
    workbench: Workbench,
    datasets: Datasets,
    workflows: Workflows,
}

/// What a job has to do with tables.
struct Look {
    reads: Vec<ColumnsRead>,
    writes: Vec<Target>,
}

/// How one job takes the change.
enum Verdict {
    Untouched,
    Touched(Affected),
    Unknown(String),
}

impl Impacts {
    pub fn new(catalog: Catalog, workbench: Workbench, datasets: Datasets, workflows: Workflows) -> Self {
        Self { catalog, workbench, datasets, workflows }
    }

    /// What came of the change from an earlier version (the one before the current, if none is named) to the current table.
    ///
    /// # Errors
    /// `NotFound` for the table and the version.
    pub async fn since(&self, database: &str, table: &str, version: Option<&str>) -> Result<Impact> {
        let now = self.catalog.get_table(database, table).await?.value;
        let version = match version {
            Some(version) => version.to_owned(),
            None => {
                let versions = self.catalog.list_table_versions(database, table).await?;
                let earlier = versions.iter().map(|stored| stored.table.version_id.clone()).filter(|version| *version != now.version_id);
                earlier
                    .max_by_key(|version| version.parse::<u64>().unwrap_or(0))
                    .ok_or_else(|| Error::invalid_state(format!("Table {database}.{table} has never changed: it has one version only.")))?
            }
        };
        let old = self.catalog.get_table_version(database, table, &version).await?.value.table;
        self.of_change(&old, Some(&now)).await
    }

    /// What would break if the column, or without one the whole table, were gone.
    ///
    /// # Errors
    /// `NotFound` for the table and the column.
    pub async fn without(&self, database: &str, table: &str, column: Option<&str>) -> Result<Impact> {
        let now = self.catalog.get_table(database, table).await?.value;
        let Some(column) = column else { return self.of_change(&now, None).await };
        let mut rest = now.clone();
        rest.storage_descriptor.columns.retain(|other| !other.name.eq_ignore_ascii_case(column));
        rest.partition_keys.retain(|other| !other.name.eq_ignore_ascii_case(column));
        if rest == now {
            let names: Vec<&str> = now.columns().iter().chain(&now.partition_keys).map(|column| column.name.as_str()).collect();
            return Err(Error::not_found(format!("Column {column:?} of table {database}.{table} (it has: {})", names.join(", "))));
        }
        self.of_change(&now, Some(&rest)).await
    }

    /// What comes of the change from one state of a table to another; `None` stands for a table that is gone.
    pub async fn of_change(&self, old: &Table, new: Option<&Table>) -> Result<Impact> {
        let changes = match new {
            Some(new) => changes::diff(old, new),
            None => vec![Change::new(old, ChangeKind::TableGone)],
        };
        let mut impact = Impact {
            database_name: old.database_name.clone(),
            table_name: old.name.clone(),
            changes,
            affected: Vec::new(),
            unknown: Vec::new(),
        };
        let jobs: Vec<Job> = self.workbench.jobs().list_jobs().await?.into_iter().map(|stored| stored.value).collect();
        let mut looks = Vec::new();
        for job in &jobs {
            let (look, verdict) = self.ask(job, old, new, &impact.changes).await?;
            looks.extend(look.map(|look| (job, look)));
            match verdict {
                Verdict::Untouched => {}
                Verdict::Touched(affected) => impact.affected.push(affected),
                Verdict::Unknown(reason) => impact.unknown.push(Unknown { job_name: job.name.clone(), reason }),
            }
        }
        Feeds::read(self, &looks).await?.follow(&mut impact);
        Ok(impact)
    }

    /// What the job reads and writes, over the table as it was if it was valid then, and how it takes the change.
    async fn ask(&self, job: &Job, old: &Table, new: Option<&Table>, changes: &[Change]) -> Result<(Option<Look>, Verdict)> {
        let unknown = |error: &Error| Verdict::Unknown(format!("What it reads cannot be known: {error}"));
        let own = match self.workbench.own_tables(job).await {
            Ok(own) => own,
            // Another job's source that is away is no reason to say nothing about the rest.
            Err(error) if is_about_the_query(&error) || is_about_a_source(&error) => return Ok((None, unknown(&error))),
            Err(error) => return Err(error),
        };
        let before = self.look(job, old, &own).await?;
        let after = match new {
            None => Err(Error::not_found(format!("Table {}.{}", old.database_name, old.name))),
            Some(new) => self.look(job, new, &own).await?,
        };
        let look = match before {
            Ok(look) => look,
            Err(error) => return Ok((after.ok(), unknown(&error))),
        };
        let Some(columns) = columns_of(&look.reads, old) else { return Ok((Some(look), Verdict::Untouched)) };
        let touched: Vec<String> = named(changes).into_iter().filter(|name| columns.contains(name)).collect();
        let (effect, reason) = match after {
            Err(error) => (Effect::Breaks, error.to_string()),
            Ok(_) if touched.is_empty() => return Ok((Some(look), Verdict::Untouched)),
            Ok(_) => (Effect::Reads, format!("It reads {} and is still valid.", touched.join(", "))),
        };
        Ok((Some(look), Verdict::Touched(Affected { kind: Kind::Job, name: job.name.clone(), columns: touched, effect, reason })))
    }

    /// What the job reads and writes when the table is this; within, why it cannot be valid then.
    async fn look(&self, job: &Job, table: &Table, own: &[Table]) -> Result<Result<Look>> {
        let instead: Vec<Table> = own.iter().chain([table]).cloned().collect();
        let look = async {
            let reads = self.workbench.columns_read(job, &instead).await?;
            Ok(Look { reads, writes: self.workbench.targets(job, &instead).await? })
        };
        match look.await {
            Err(error) if !is_about_the_query(&error) => Err(error),
            look => Ok(look),
        }
    }
}

/// Whether the query is at fault, and not a store that did not answer.
fn is_about_the_query(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::NotFound)
}

/// Whether a server, or what its connection needs, is not there.
fn is_about_a_source(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Unavailable | ErrorKind::InvalidState | ErrorKind::TimedOut)
}

/// The columns read of one table; nothing when the query does not read it.
fn columns_of(read: &[ColumnsRead], table: &Table) -> Option<BTreeSet<String>> {
    let name = format!("{}.{}", table.database_name, table.name);
    read.iter().find(|read| read.table == name).map(|read| read.columns.iter().cloned().collect())
}

/// The columns that were there before and are not as they were.
fn named(changes: &[Change]) -> Vec<String> {
    let mut names = Vec::new();
    for change in changes {
        match &change.kind {
            ChangeKind::ColumnRemoved { column, .. } | ChangeKind::ColumnRetyped { column, .. } => names.push(column.clone()),
            ChangeKind::ColumnRenamed { from, .. } => names.push(from.clone()),
            ChangeKind::PartitionKeysChanged { from, .. } => names.extend(from.iter().cloned()),
            ChangeKind::TableAdded | ChangeKind::TableGone | ChangeKind::ColumnAdded { .. } => {}
        }
    }
    names
}
