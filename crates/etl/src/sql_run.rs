//! The queries of a job run: their rows become the targets' new content.
//!
//! Everything is computed and written where nobody reads before anything is published: rules of data quality, but for those that are to
//! be judged after the load, then the files of every target, hidden. Then tables take their rows, each in one transaction with a marker of
//! the run, and files appear under their prefixes. A run that dies between two publications makes the rest when it is tried again; files
//! replace its own, and markers keep tables from taking rows twice. One that fails for good in that moment leaves some targets new and
//! some old.

use std::path::PathBuf;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use catalog::Catalog;
use codegen::{Graph, UpdateCatalog};
use connect::sink::{Mode, RunMarker, Sink, Write};
use domain::{Error, ErrorKind, Result};
use futures::StreamExt;
use runs::{Level, RunContext};
use serde::{Deserialize, Serialize};
use store::{Buckets, Location};

use crate::arguments::Arguments;
use crate::blame::{Blame, blamed};
use crate::engine::{BEGINS_ANEW, Engine, FileOutput, MEMORY_EXCEEDED, Means, SqlOutcome};
use crate::executor::JobResult;
use crate::jobs::Jobs;
use crate::publication::Publication;
use crate::registration;
use crate::statement::{Fate, QualityResult, Statement, Stop, judge};
use crate::tally::{Finish, Meter};
use crate::target::{FilesMode, FilesTarget, TableMode, TableTarget, Target, place};

/// Names of files that a run's record keeps.
const LISTED_FILES: usize = 1_000;
/// What a run fails with whose data does not keep its rules.
const RULES_FAILED: &str = "DATA_QUALITY_FAILED";

/// What a query left behind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    /// The node of the graph that it was for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Where the rows are: a prefix, or a connection and a table.
    pub target: String,
    /// Of which the outcome names the first thousand, as they are called under the target.
    #[serde(default)]
    pub file_count: u64,
    #[serde(flatten)]
    pub outcome: SqlOutcome,
}

/// What the queries of a run stand on.
pub(crate) struct SqlRun<'a> {
    pub engine: &'a dyn Engine,
    pub jobs: &'a Jobs,
    pub catalog: &'a Catalog,
    pub context: &'a RunContext,
    /// What the queries were made of, if not written by hand, and what was filled in.
    pub graph: Option<(&'a Graph, &'a Arguments)>,
}

/// A run whose queries were asked, to the end.
pub(crate) struct Carried {
    pub result: JobResult,
    /// What fails the run, which keeps what it published: rules, or that they could not be judged after the load.
    pub failure: Option<Error>,
    /// The targets have their rows.
    pub loaded: bool,
}

/// What rules came to.
struct Judged {
    quality: Vec<QualityResult>,
    failure: Option<Error>,
}

/// Files that wait to be published.
struct Written<'a> {
    statement: &'a Statement,
    target: &'a FilesTarget,
    update: Option<&'a UpdateCatalog>,
    publication: Publication,
    outcome: SqlOutcome,
}

impl SqlRun<'_> {
    pub async fn carry_out(&self, statements: Vec<Statement>) -> Result<Carried> {
        distinct(self.jobs.buckets(), &statements)?;
        for statement in &statements {
            if let Some(remark) = &statement.remark {
                self.context.log(Level::Warn, remark.clone());
            }
            if let Some((_, Some(update))) = statement.files() {
                registration::check(self.catalog, update).await.map_err(|error| statement.named(error))?;
            }
        }
        let Judged { mut quality, failure } = self.judged(&statements, &[Stop::Never, Stop::Immediate]).await?;
        if failure.is_some() {
            // The outcomes say why: they are kept, and nothing else is.
            let outcomes = |statement: &&Statement| matches!(statement.fate, Fate::Quality { stop: Stop::Never | Stop::Immediate, .. });
            let outputs = self.load(&statements.iter().filter(outcomes).collect::<Vec<_>>()).await?;
            return Ok(Carried { result: JobResult::Sql { outputs, quality }, failure, loaded: false });
        }
        let outputs = self.load(&statements.iter().collect::<Vec<_>>()).await?;
        let after = match self.judged(&statements, &[Stop::AfterDataLoad]).await {
            Err(error) if error.kind != ErrorKind::Stopped && !self.context.is_tried_again(&error) => {
                Judged { quality: Vec::new(), failure: Some(error) }
            }
            after => after?,
        };
        quality.extend(after.quality);
        Ok(Carried { result: JobResult::Sql { outputs, quality }, failure: after.failure, loaded: true })
    }

    /// Gives each of these statements' rows to its target.
    async fn load(&self, statements: &[&Statement]) -> Result<Vec<Output>> {
        let mut written = Vec::new();
        let published = async {
            for statement in statements {
                if let Some((target, update)) = statement.files() {
                    written.push(self.write_files(statement, target, update).await?);
                }
            }
            let mut outputs = Vec::new();
            for statement in statements {
                if let Fate::Target(Target::Table(target), _) = &statement.fate {
                    outputs.push(self.write_table(statement, target).await?);
                }
            }
            for written in &written {
                outputs.push(self.publish(written).await?);
            }
            Ok(outputs)
        }
        .await;
        if published.is_err() {
            for written in &written {
                written.publication.abandon().await;
            }
        }
        published
    }

    /// What the rules of the data quality nodes with one of these `stops` come to, and the first of them that is to fail the run.
    async fn judged(&self, statements: &[Statement], stops: &[Stop]) -> Result<Judged> {
        let mut judged = Judged { quality: Vec::new(), failure: None };
        for statement in statements {
            let Fate::Quality { stop, .. } = &statement.fate else { continue };
            if !stops.contains(stop) {
                continue;
            }
            let node = statement.node.as_deref().unwrap_or_default();
            let result = judge(self.engine, node, statement.query.clone(), Means::of(self.context)).await;
            let result = self.named(statement, result).await?;
            let passed = result.rules.iter().filter(|rule| rule.passed).count();
            self.context.info(format!("Data quality of node {node:?}: {passed} of {} rules passed.", result.rules.len()));
            if let Some(failure) = result.failure() {
                if *stop != Stop::Never && judged.failure.is_none() {
                    judged.failure = Some(Error::invalid_data(failure).code(RULES_FAILED));
                } else {
                    self.context.log(Level::Warn, failure);
                }
            }
            judged.quality.push(result);
        }
        Ok(judged)
    }

    /// The error, if it is one, with the place in the job that it came up at.
    async fn named<T>(&self, statement: &Statement, result: Result<T>) -> Result<T> {
        let Err(error) = result else { return result };
        let blame = self.graph.map(|(graph, arguments)| Blame {
            engine: self.engine,
            graph,
            arguments,
            means: Means::of(self.context),
            now: self.catalog.store().clock().now().seconds(),
        });
        Err(blamed(blame, statement, error).await)
    }

    async fn write_files<'s>(
        &self,
        statement: &'s Statement,
        target: &'s FilesTarget,
        update: Option<&'s UpdateCatalog>,
    ) -> Result<Written<'s>> {
        let publication = Publication::new(self.jobs.buckets(), target, self.context)?;
        publication.prepare(self.context).await?;
        let output = FileOutput {
            folder: publication.hidden(),
            format: target.format,
            compression: target.compression,
            partition_keys: target.partition_keys.clone(),
            max_file_rows: target.max_file_rows,
            max_file_bytes: target.max_file_bytes,
            row_group_rows: target.row_group_rows,
        };
        match self.engine.write(statement.query.clone(), output, self.context).await {
            Ok(outcome) => {
                self.context.point("written").await;
                Ok(Written { statement, target, update, publication, outcome })
            }
            Err(error) => {
                publication.abandon().await;
                self.named(statement, Err(error)).await
            }
        }
    }

    async fn publish(&self, written: &Written<'_>) -> Result<Output> {
        let (target, context) = (written.target, self.context);
        let mut outcome = written.outcome.clone();
        if outcome.rows_written == 0 {
            let what = if target.mode == FilesMode::Append { "nothing was added under" } else { "no rows are under" };
            context.log(Level::Warn, format!("The query gave no rows; {what} {}.", target.location));
            if target.mode == FilesMode::Append {
                outcome.files.clear();
            }
        }
        outcome.files = written.publication.publish(&outcome.files, context).await?;
        let file_count = outcome.files.len() as u64;
        outcome.files.truncate(LISTED_FILES);
        context.info(format!("Published {} rows in {file_count} files under {}.", outcome.rows_written, target.location));
        if let Some(update) = written.update {
            let schema = self.engine.columns(&written.statement.query).await?;
            registration::register(self.catalog, update, target, &schema, context).await?;
        }
        Ok(Output { node: written.statement.node.clone(), target: target.location.clone(), file_count, outcome })
    }

    async fn write_table(&self, statement: &Statement, target: &TableTarget) -> Result<Output> {
        let connection = self.catalog.get_connection(&target.connection).await?.value;
        let sink = self.catalog.sources().sink(&connection)?;
        let marker = format!("{}/{}", self.context.id(), statement.node.as_deref().unwrap_or("query"));
        let write = Write {
            table: place(&connection, &target.table)?,
            mode: match target.mode {
                TableMode::Append => Mode::Append,
                TableMode::Overwrite => Mode::Overwrite,
                TableMode::Upsert => Mode::Upsert { keys: target.keys.clone() },
            },
            marker: Some(RunMarker::new(marker)?),
            create: target.create,
        };
        let (mut means, given) = (Means::of(self.context), Meter::default());
        let mut taken = self.take(statement, sink.as_ref(), write.clone(), means.clone(), &given).await;
        if given.rows() > 0 && taken.as_ref().is_err_and(is_over_memory) {
            // What the table's transaction had been given is gone with it. Before the first row the engine has begun anew itself.
            self.context.info(BEGINS_ANEW);
            means.frugal = true;
            taken = self.take(statement, sink.as_ref(), write, means, &Meter::default()).await;
        }
        let outcome = self.named(statement, taken).await?;
        self.context.info(format!("Wrote {} rows into {}/{}.", outcome.rows_written, target.connection, target.table));
        let target = Target::Table(target.clone()).to_string();
        Ok(Output { node: statement.node.clone(), target, file_count: 0, outcome })
    }

    /// Computes a query's rows for a table, whole or not at all. `given` counts those that went out.
    async fn take(&self, statement: &Statement, sink: &dyn Sink, write: Write, means: Means, given: &Meter) -> Result<SqlOutcome> {
        let rows = self.engine.rows(statement.query.clone(), means).await?;
        let (tally, context) = (rows.tally, self.context.clone());
        let counts = given.clone();
        let counted = rows.batches.inspect(move |batch| {
            if let Ok(batch) = batch {
                counts.add_rows(batch.num_rows() as u64);
                counts.add_bytes(bytes_of(batch));
                context.progress(counts.rows(), 0, "rows");
            }
        });
        let written = tokio::select! {
            written = sink.write(write, rows.schema, counted.boxed()) => written,
            () = self.context.cancel().cancelled() => return Err(Error::stopped()),
        };
        let Finish { peak_memory_bytes, spills, spilled_bytes, problems } = tally.finished();
        if !written.as_ref().is_err_and(is_over_memory) {
            for problem in problems {
                self.context.log(Level::Warn, problem);
            }
        }
        let rows_written = written?;
        let (bytes_written, files) = (given.bytes(), Vec::new());
        Ok(SqlOutcome { rows_written, bytes_written, files, read: tally.read(), peak_memory_bytes, spills, spilled_bytes })
    }
}

fn is_over_memory(error: &Error) -> bool {
    error.code == Some(MEMORY_EXCEEDED)
}

/// What the values take, without what other rows share their memory.
fn bytes_of(rows: &RecordBatch) -> u64 {
    let of = |column: &ArrayRef| match column.as_string_view_opt() {
        Some(texts) => texts.iter().flatten().map(str::len).sum(),
        None => column.to_data().get_slice_memory_size().unwrap_or_default(),
    };
    rows.columns().iter().map(of).sum::<usize>() as u64
}

/// Two results in one place would take each other for an earlier one, and its hidden files for what a dead attempt left behind.
fn distinct(buckets: &Buckets, statements: &[Statement]) -> Result<()> {
    let mut places: Vec<(PathBuf, &Statement)> = Vec::new();
    for statement in statements {
        let Some((target, _)) = statement.files() else { continue };
        let place = buckets.path(&Location::parse(&target.location)?);
        if let Some((_, other)) = places.iter().find(|(known, _)| *known == place) {
            let name = |statement: &Statement| statement.node.clone().unwrap_or_default();
            return Err(Error::invalid_input(format!(
                "Each result of a job (a target's, a sample's, the outcomes under a ResultsS3Prefix) has a prefix of its own; found {} for \
                 the nodes {:?} and {:?}.",
                target.location,
                name(other),
                name(statement)
            )));
        }
        places.push((place, statement));
    }
    Ok(())
}
