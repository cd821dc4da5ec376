//! Crawls: look at everything first (files in `files.rs`, databases in `tables.rs`), all targets side by side, then write all changes of the catalog
//! and the notifications in one transaction (`apply.rs`). A crawl that finds what the catalog already says writes nothing.

mod apply;
mod files;
mod folder;
mod known;
mod naming;
mod tables;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use connect::files::Classifier;
use domain::{Error, ErrorKind, Result};
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt, TryStreamExt};
use runs::{Executor, Finished, Level, RunContext};
use store::Location;

use crate::catalog::Catalog;
use crate::crawler::{CRAWL, Configuration, CrawlProblem, Crawler};
use crate::table::{Parameters, Table};
use known::Known;

/// Problems kept word for word in a crawl's summary; the rest is counted.
pub const MAX_PROBLEMS: usize = 100;
/// Changes kept in a crawl's summary and told in its log; the rest is counted.
pub const MAX_CHANGES: usize = 1000;
/// Tables listed one by one in a crawl's summary.
pub const MAX_TABLES: usize = 1000;
/// Targets looked at at the same time.
const TARGETS_AT_ONCE: usize = 4;
/// A table's parameter: the columns of its source's primary key, with commas.
pub const PRIMARY_KEY: &str = "primaryKey";
/// The source's remark on a table or a column as it was last seen: what differs from it was written by a user, and stays.
const SOURCE_COMMENT: &str = "sourceComment";
/// The parameter of a column that holds the source's own type, where that was asked for.
const RAW_TYPE: &str = "rawType";
/// Files looked into per folder, unless the target's `SampleSize` says otherwise.
pub const DEFAULT_SAMPLE_FILES: usize = 20;
/// Files looked into per target; with many folders each gets fewer, but at least one.
pub const MAX_SAMPLE_FILES: usize = 1000;

/// Does the crawls.
#[derive(Debug, Clone)]
pub struct CrawlExecutor {
    catalog: Catalog,
}

impl CrawlExecutor {
    pub fn new(catalog: Catalog) -> Self {
        Self { catalog }
    }
}

/// What all parts of one crawl share.
struct Look<'a> {
    catalog: &'a Catalog,
    crawler: &'a Crawler,
    configuration: &'a Configuration,
    /// Tried before the built-in ones.
    classifiers: Vec<Classifier>,
    /// What is passed over because only new folders are wanted.
    known: Known,
    context: &'a RunContext,
    progress: Progress<'a>,
}

/// How far all targets together are.
struct Progress<'a> {
    context: &'a RunContext,
    done: AtomicU64,
    total: AtomicU64,
}

impl Progress<'_> {
    fn expect(&self, more: usize) {
        self.total.fetch_add(more as u64, Ordering::Relaxed);
        self.did(0);
    }

    fn did(&self, more: usize) {
        let done = self.done.fetch_add(more as u64, Ordering::Relaxed) + more as u64;
        self.context.progress(done, self.total.load(Ordering::Relaxed), "tables and files");
    }
}

/// Values and location of a partition.
type FoundPartition = (Vec<String>, String);

/// A table that is there, before it has its final name.
#[derive(Debug, Clone)]
struct FoundTable {
    /// Folded and free of odd characters, the crawler's prefix in front.
    name: String,
    /// Columns, location, form; without name, database and statistics.
    table: Table,
    partitions: Vec<FoundPartition>,
    statistics: Parameters,
    files: Option<u64>,
    bytes: Option<u64>,
    rows: Option<u64>,
    reason: Option<String>,
}

/// Everything that a crawl saw.
#[derive(Debug, Default)]
struct Found {
    tables: Vec<FoundTable>,
    /// New partitions of tables that were not looked at themselves: by the table's name.
    additions: Vec<(String, Vec<FoundPartition>)>,
    problems: Vec<CrawlProblem>,
    problem_count: u64,
    /// What could not be read: data that is missing there may still be there, so nothing of it may be deleted.
    unreadable: Vec<Unreadable>,
    /// Why whole targets failed.
    failures: Vec<Error>,
}

/// A place that could not be read: a target, a file, a table.
#[derive(Debug)]
struct Unreadable {
    /// Empty for our own buckets and this machine's files.
    connection: String,
    /// Empty for everything behind the connection.
    place: String,
}

impl Unreadable {
    /// Whether the table's data may be there, or among it.
    fn touches(&self, table: &Table) -> bool {
        let connection = table.parameters.get("connectionName").map_or("", String::as_str);
        let location = table.location();
        connection == self.connection && (location.starts_with(&self.place) || self.place.starts_with(location))
    }

    /// Whether it lies in the folder that the table is.
    fn is_inside(&self, table: &Table) -> bool {
        table.location().ends_with('/') && self.place.starts_with(table.location()) && self.touches(table)
    }
}

impl Found {
    fn unreadable(&mut self, connection: &str, place: &str) {
        self.unreadable.push(Unreadable { connection: connection.into(), place: place.into() });
    }

    fn problem(&mut self, context: &RunContext, place: impl Into<String>, reason: impl Into<String>) {
        let problem = CrawlProblem { place: place.into(), reason: reason.into() };
        self.problem_count += 1;
        if self.problems.len() < MAX_PROBLEMS {
            context.log(Level::Warn, format!("{}: {}", problem.place, problem.reason));
            self.problems.push(problem);
        }
    }

    fn join(mut self, other: Self) -> Self {
        self.tables.extend(other.tables);
        self.additions.extend(other.additions);
        self.problems.extend(other.problems);
        self.problems.truncate(MAX_PROBLEMS);
        self.problem_count += other.problem_count;
        self.unreadable.extend(other.unreadable);
        self.failures.extend(other.failures);
        self
    }

    /// Targets may lie inside each other: each place is one table, as the first target has it.
    fn without_doubles(mut self) -> Self {
        let mut places = BTreeSet::new();
        self.tables.retain(|found| places.insert(apply::place(&found.table)));
        self
    }
}

#[async_trait]
impl Executor for CrawlExecutor {
    fn kind(&self) -> &'static str {
        CRAWL
    }

    async fn execute(&self, context: &RunContext) -> Result<Finished> {
        let crawler = context.store().get::<Crawler>(&context.run().subject).await?.value;
        let configuration = crawler.configured()?;
        let began = context.store().clock().now();
        let mut found = self.look(&crawler, &configuration, context).await?.without_doubles();
        context.check()?;
        refuse_too_many(&crawler, &configuration, &found)?;
        refuse_nothing(&crawler, &mut found, context).await?;
        context.point("read").await;
        let mut tx = context.begin().await?;
        let summary = apply::apply(&mut tx, (&crawler, &configuration), (began, found), context).await?;
        context.info(format!(
            "{} tables created, {} updated, {} gone, {} unchanged; {} partitions added; {} changes; {} problems.",
            summary.tables_created,
            summary.tables_updated,
            summary.tables_deleted,
            summary.tables_unchanged,
            summary.partitions_added,
            summary.change_count,
            summary.problem_count
        ));
        context.succeed(tx, &summary).await
    }
}

impl CrawlExecutor {
    /// Everything that the targets hold, in their order.
    async fn look(&self, crawler: &Crawler, configuration: &Configuration, context: &RunContext) -> Result<Found> {
        let known = if crawler.new_folders_only() { Known::load(context.store(), crawler).await? } else { Known::default() };
        let look = Look {
            catalog: &self.catalog,
            crawler,
            configuration,
            classifiers: self.catalog.classifiers(&crawler.classifiers).await?,
            known,
            context,
            progress: Progress { context, done: AtomicU64::new(0), total: AtomicU64::new(0) },
        };
        let look = &look;
        let mut targets: Vec<BoxFuture<'_, Result<Found>>> = Vec::new();
        for target in &crawler.targets.s3 {
            targets.push(Box::pin(async move {
                let mut found = Found::default();
                let outcome = files::crawl(look, target, &mut found).await;
                let connection = target.connection_name.as_deref().unwrap_or_default();
                // Spelt as in the locations of tables.
                let place = Location::parse(&target.path).map_or_else(|_| target.path.clone(), |place| place.to_string());
                note_failure(context, &mut found, (connection, &place), outcome)?;
                Ok(found)
            }));
        }
        for target in crawler.targets.databases() {
            targets.push(Box::pin(async move {
                let mut found = Found::default();
                let outcome = tables::crawl(look, target, &mut found).await;
                note_failure(context, &mut found, (target.connection, ""), outcome)?;
                Ok(found)
            }));
        }
        stream::iter(targets).buffered(TARGETS_AT_ONCE).try_fold(Found::default(), |all, found| async move { Ok(all.join(found)) }).await
    }
}

/// A target that cannot be read is a problem as long as others can; being stopped ends the crawl.
fn note_failure(context: &RunContext, found: &mut Found, at: (&str, &str), outcome: Result<()>) -> Result<()> {
    match outcome {
        Ok(()) => Ok(()),
        Err(error) if error.kind == ErrorKind::Stopped => Err(error),
        Err(error) => {
            let (connection, place) = at;
            found.unreadable(connection, place);
            found.problem(context, if place.is_empty() { connection } else { place }, error.to_string());
            found.failures.push(error);
            Ok(())
        }
    }
}

/// More tables than the crawler may make: most likely they should be one.
fn refuse_too_many(crawler: &Crawler, configuration: &Configuration, found: &Found) -> Result<()> {
    match configuration.crawler_output.tables.table_threshold {
        Some(threshold) if found.tables.len() > threshold => Err(Error::invalid_data(format!(
            "Crawler {:?} expected at most {threshold} tables (TableThreshold) and found {}; none was written.",
            crawler.name,
            found.tables.len()
        ))
        .code("CRAWL_TOO_MANY_TABLES")),
        _ => Ok(()),
    }
}

/// A crawl that found nothing failed, unless it could read everything and its earlier tables are really gone, or nothing new
/// is there where only that was wanted.
async fn refuse_nothing(crawler: &Crawler, found: &mut Found, context: &RunContext) -> Result<()> {
    if !found.tables.is_empty() || !found.additions.is_empty() {
        return Ok(());
    }
    let fine = if crawler.new_folders_only() { found.failures.is_empty() } else { found.unreadable.is_empty() };
    if fine && apply::owned_tables(context.store(), crawler).await? > 0 {
        return Ok(());
    }
    if let Some(error) = found.failures.pop() {
        return Err(error);
    }
    let why =
        found.problems.first().map_or("no target holds anything".to_owned(), |problem| format!("{}: {}", problem.place, problem.reason));
    let why = why.trim_end_matches('.');
    Err(Error::invalid_data(format!("Crawler {:?} expected data and found none that can be read ({why}).", crawler.name))
        .code("CRAWL_NOTHING_FOUND"))
}
