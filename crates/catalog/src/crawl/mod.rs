//! Crawls: look at everything first (files in `files.rs`, databases in `tables.rs`), then write all changes of the catalog
//! and the notifications in one transaction (`apply.rs`). A crawl that finds what the catalog already says writes nothing.

mod apply;
mod files;
mod folder;
mod naming;
mod tables;

use async_trait::async_trait;
use domain::{Error, ErrorKind, Result};
use runs::{Executor, Finished, Level, RunContext};

use crate::catalog::Catalog;
use crate::crawler::{CRAWL, CrawlProblem, Crawler};
use crate::table::{Parameters, Table};

/// Problems kept word for word in a crawl's summary; the rest is counted.
pub const MAX_PROBLEMS: usize = 100;
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

/// A table that is there, before it has its final name.
#[derive(Debug, Clone)]
struct FoundTable {
    /// Folded and free of odd characters, the crawler's prefix in front.
    name: String,
    /// Columns, location, form; without name, database and statistics.
    table: Table,
    /// Values and location of each partition.
    partitions: Vec<(Vec<String>, String)>,
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
}

#[async_trait]
impl Executor for CrawlExecutor {
    fn kind(&self) -> &'static str {
        CRAWL
    }

    async fn execute(&self, context: &RunContext) -> Result<Finished> {
        let crawler = context.store().get::<Crawler>(&context.run().subject).await?.value;
        let mut found = Found::default();
        for target in &crawler.targets.s3 {
            let outcome = files::crawl(&self.catalog, &crawler, target, context, &mut found).await;
            let connection = target.connection_name.as_deref().unwrap_or_default();
            note_failure(context, &mut found, (connection, &target.path), outcome)?;
        }
        for target in &crawler.targets.jdbc {
            let outcome = tables::crawl(&self.catalog, &crawler, target, context, &mut found).await;
            note_failure(context, &mut found, (&target.connection_name, ""), outcome)?;
        }
        context.check()?;
        let owned = apply::owned_tables(context.store(), &crawler).await?;
        refuse_nothing(&crawler, &mut found, owned)?;
        context.point("read").await;
        let mut tx = context.begin().await?;
        let summary = apply::apply(&mut tx, &crawler, found, context).await?;
        context.info(format!(
            "{} tables created, {} updated, {} gone, {} unchanged; {} partitions added; {} problems.",
            summary.tables_created,
            summary.tables_updated,
            summary.tables_deleted,
            summary.tables_unchanged,
            summary.partitions_added,
            summary.problem_count
        ));
        context.succeed(tx, &summary).await
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

/// A crawl that found nothing failed, unless it could read everything and its earlier tables are really gone.
fn refuse_nothing(crawler: &Crawler, found: &mut Found, owned: usize) -> Result<()> {
    if !found.tables.is_empty() || (owned > 0 && found.unreadable.is_empty()) {
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
