//! The run that profiles: many tables side by side, written a few dozen at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use connect::source::Scan;
use connect::{Source, TablePath};
use domain::{Error, ErrorKind, Result};
use futures::stream::{self, BoxStream, StreamExt};
use runs::{Executor, Finished, Level, RunContext};

use super::column::{ColumnProfiler, Profiled};
use super::{Asked, Files, PROFILE, ProfileSummary, Rows, TableProfile, glue};
use crate::catalog::Catalog;
use crate::crawl::{MAX_PROBLEMS, PRIMARY_KEY};
use crate::crawler::CrawlProblem;
use crate::statistics::{ColumnStatistics, put_column_statistics};
use crate::table::{Column, Table};

/// Tables read at the same time.
const TABLES_AT_ONCE: usize = 8;
/// Tables described by one question to a source, shortly before they are read.
const TABLES_PER_QUESTION: usize = 200;
/// Profiles written in one transaction. Each is right by itself, so that a run that ends early leaves nothing half done.
const TABLES_PER_WRITE: usize = 50;

/// Does the profiles.
#[derive(Clone)]
pub struct ProfileExecutor {
    catalog: Catalog,
    files: Files,
}

impl fmt::Debug for ProfileExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProfileExecutor").field("reads_files", &self.files.is_some()).finish_non_exhaustive()
    }
}

/// A profile and what Glue's clients get of it.
struct Made {
    profile: TableProfile,
    statistics: Vec<ColumnStatistics>,
}

/// The sources of the tables, each opened once, or why it cannot be.
type Opened = BTreeMap<String, std::result::Result<Arc<dyn Source>, String>>;

impl ProfileExecutor {
    /// Tables in databases only.
    pub fn new(catalog: Catalog) -> Self {
        Self { catalog, files: None }
    }

    /// Tables of files too.
    #[must_use]
    pub fn with_files(mut self, files: Arc<dyn Rows>) -> Self {
        self.files = Some(files);
        self
    }

    async fn open(&self, tables: &[Table]) -> Opened {
        let names: BTreeSet<&str> = tables.iter().filter_map(|table| table.source().map(|(name, _)| name)).collect();
        let mut opened = Opened::new();
        for name in names {
            let source = match self.catalog.get_connection(name).await {
                Ok(connection) => self.catalog.sources().open(&connection),
                Err(error) => Err(error),
            };
            opened.insert(name.to_owned(), source.map_err(|error| error.to_string()));
        }
        opened
    }

    /// One question for all of the tables, so that a source that remembers is not asked again for each. A table that it cannot
    /// describe is a problem when it is read.
    async fn describe(&self, opened: &Opened, tables: &[Table]) {
        for (name, source) in opened {
            let here = tables.iter().filter_map(Table::source).filter(|(at, _)| at == name);
            let paths: Vec<TablePath> = here.map(|(_, path)| path).collect();
            if let (Ok(source), false) = (source, paths.is_empty())
                && let Err(error) = source.describe(&paths).await
            {
                tracing::debug!(connection = name, %error, "tables could not be described before they are profiled");
            }
        }
    }

    async fn rows(&self, opened: &Opened, table: &Table, rows: usize) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let Some((connection, path)) = table.source() else {
            let Some(files) = &self.files else {
                return Err(Error::invalid_input("Expected a table in a database: nothing here reads files."));
            };
            return files.sample(table, rows + 1).await;
        };
        match opened.get(connection) {
            Some(Ok(source)) => {
                let columns = Some(table.columns().iter().map(|column| column.name.clone()).collect());
                // One more than wanted tells whether that was all.
                Ok(source.scan(Scan { columns, limit: Some(rows + 1), ..Scan::all(path) }))
            }
            Some(Err(why)) => Err(Error::unavailable(why.clone())),
            None => Err(Error::internal(format!("Connection {connection:?} was not opened."))),
        }
    }

    async fn profile(&self, opened: &Opened, table: &Table, wanted: usize, context: &RunContext) -> Result<Made> {
        let mut stream = self.rows(opened, table, wanted).await?;
        let columns: Vec<Column> = table.columns().iter().chain(&table.partition_keys).cloned().collect();
        let mut profilers: Vec<(Column, ColumnProfiler)> = columns.into_iter().map(|column| (column, ColumnProfiler::default())).collect();
        let (mut seen, mut is_complete) = (0, true);
        while let Some(batch) = stream.next().await {
            context.check()?;
            let batch = batch?;
            let left = wanted - seen;
            is_complete = batch.num_rows() <= left;
            let batch = batch.slice(0, batch.num_rows().min(left));
            seen += batch.num_rows();
            profilers = look(profilers, batch).await?;
            if !is_complete {
                break;
            }
        }
        let key = table.parameters.get(PRIMARY_KEY);
        let made = |(column, profiler): (Column, ColumnProfiler)| profiler.finish(&column, key == Some(&column.name));
        let profiled: Vec<Profiled> = profilers.into_iter().map(made).collect::<Result<_>>()?;
        let now = context.clock().now();
        let statistics = profiled.iter().filter(|_| seen > 0).filter_map(|profiled| glue::statistics(profiled, now)).collect();
        let profile = TableProfile {
            database_name: table.database_name.clone(),
            table_name: table.name.clone(),
            version_id: table.version_id.clone(),
            sampled_rows: seen as u64,
            is_complete,
            columns: profiled.into_iter().map(|profiled| profiled.profile).collect(),
        };
        Ok(Made { profile, statistics })
    }
}

/// Counting is work for a processor, not for the threads that wait for rows.
async fn look(mut profilers: Vec<(Column, ColumnProfiler)>, batch: RecordBatch) -> Result<Vec<(Column, ColumnProfiler)>> {
    let work = move || {
        for (column, profiler) in &mut profilers {
            let exact = batch.column_by_name(&column.name);
            let place = batch.schema_ref().fields().iter().position(|field| field.name().eq_ignore_ascii_case(&column.name));
            if let Some(array) = exact.or_else(|| place.map(|place| batch.column(place))) {
                profiler.update(array).map_err(|e| e.with("column", &column.name))?;
            }
        }
        Ok(profilers)
    };
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::internal("A profile ended before its time.").source(e))?
}

#[async_trait]
impl Executor for ProfileExecutor {
    fn kind(&self) -> &'static str {
        PROFILE
    }

    async fn execute(&self, context: &RunContext) -> Result<Finished> {
        let asked: Asked = context.input()?;
        let tables = tables(context, &asked).await?;
        let opened = self.open(&tables).await;
        let mut summary = ProfileSummary::default();
        let mut made = Vec::new();
        let mut done = 0;
        for part in tables.chunks(TABLES_PER_QUESTION) {
            self.describe(&opened, part).await;
            let mut outcomes = stream::iter(0..part.len())
                .map(|index| {
                    let (opened, table) = (&opened, &part[index]);
                    async move { (table, self.profile(opened, table, asked.rows, context).await) }
                })
                .buffer_unordered(TABLES_AT_ONCE);
            while let Some((table, outcome)) = outcomes.next().await {
                done += 1;
                context.progress(done, tables.len() as u64, "tables");
                match outcome {
                    Ok(one) => made.push(one),
                    Err(error) if error.kind == ErrorKind::Stopped => return Err(error),
                    Err(error) => problem(context, &mut summary, table, &error),
                }
                if made.len() == TABLES_PER_WRITE {
                    write(context, std::mem::take(&mut made), &mut summary).await?;
                }
            }
        }
        write(context, made, &mut summary).await?;
        if let Some(problem) = summary.problems.first().filter(|_| summary.tables == 0) {
            return Err(Error::invalid_data(format!("No table could be profiled; {}: {}", problem.place, problem.reason)));
        }
        context.info(format!("{} tables profiled over {} rows; {} problems.", summary.tables, summary.rows, summary.problem_count));
        context.succeed(context.begin().await?, &summary).await
    }
}

/// Those asked for that are there.
async fn tables(context: &RunContext, asked: &Asked) -> Result<Vec<Table>> {
    let wanted: BTreeSet<&String> = asked.tables.iter().collect();
    let all = context.store().children::<Table>(&asked.database).await?;
    let tables = all.into_iter().map(|stored| stored.value).filter(|table| wanted.is_empty() || wanted.contains(&table.name));
    Ok(tables.collect())
}

fn problem(context: &RunContext, summary: &mut ProfileSummary, table: &Table, error: &Error) {
    let problem = CrawlProblem { place: format!("{}.{}", table.database_name, table.name), reason: error.to_string() };
    summary.problem_count += 1;
    if summary.problems.len() < MAX_PROBLEMS {
        context.log(Level::Warn, format!("{}: {}", problem.place, problem.reason));
        summary.problems.push(problem);
    }
}

/// A table that went meanwhile keeps no profile.
async fn write(context: &RunContext, made: Vec<Made>, summary: &mut ProfileSummary) -> Result<()> {
    context.check()?;
    let mut tx = context.begin().await?;
    for Made { profile, statistics } in made {
        let (database, table) = (profile.database_name.clone(), profile.table_name.clone());
        if tx.find::<Table>(&Table::key_of(&database, &table)).await?.is_none() {
            continue;
        }
        summary.tables += 1;
        summary.rows += profile.sampled_rows;
        tx.put(profile).await?;
        put_column_statistics(&mut tx, &database, &table, None, statistics).await?;
    }
    tx.commit().await
}
