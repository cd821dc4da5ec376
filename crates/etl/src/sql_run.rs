//! The queries of a job run: their rows become the targets' new content.
//!
//! Everything is computed and written where nobody reads before anything is published: rules of data quality, but for those that are to
//! be judged after the load, then the files of every target, hidden. Then tables take their rows, each in one transaction with a marker of
//! the run, and files appear under their prefixes. A run that dies between two publications makes the rest when it is tried again; files
//! replace its own, and markers keep tables from taking rows twice. One that fails for good in that moment leaves some targets new and
//! some old.

use arrow::datatypes::{Schema, SchemaRef};
use catalog::{Catalog, FileLayout, Table, TableUpdate, hive};
use codegen::{Graph, UpdateCatalog};
use connect::files::{Compression as Packing, CsvDialect, Format as FileKind};
use connect::sink::{Mode, RunMarker, Write};
use connect::source::TablePath;
use connect::{Connection, Endpoint};
use domain::{Error, ErrorKind, Result};
use futures::StreamExt;
use runs::{Level, RunContext};
use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::blame::{Blame, blamed};
use crate::engine::{Engine, FileOutput, Means, SqlOutcome};
use crate::executor::JobResult;
use crate::jobs::Jobs;
use crate::publication::Publication;
use crate::statement::{Fate, QualityResult, Statement, Stop, judge};
use crate::target::{FilesMode, FilesTarget, Format, TableMode, TableTarget, Target};

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

/// Files that wait to be published.
struct Written<'a> {
    statement: &'a Statement,
    target: &'a FilesTarget,
    update: Option<&'a UpdateCatalog>,
    publication: Publication,
    outcome: SqlOutcome,
}

impl SqlRun<'_> {
    pub async fn carry_out(&self, statements: Vec<Statement>) -> Result<JobResult> {
        distinct(&statements)?;
        let mut quality = self.judged(&statements, &[Stop::Never, Stop::Immediate]).await?;
        let mut written = Vec::new();
        let published = async {
            for statement in &statements {
                if let Some((target, update)) = statement.files() {
                    written.push(self.write_files(statement, target, update).await?);
                }
            }
            let mut outputs = Vec::new();
            for statement in &statements {
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
        let outputs = published?;
        quality.extend(self.judged(&statements, &[Stop::AfterDataLoad]).await?);
        Ok(JobResult::Sql { outputs, quality })
    }

    /// What the rules of the data quality nodes with one of these `stops` come to. Fails where that is to stop the run.
    async fn judged(&self, statements: &[Statement], stops: &[Stop]) -> Result<Vec<QualityResult>> {
        let mut results = Vec::new();
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
                if *stop != Stop::Never {
                    return Err(Error::invalid_data(failure).code(RULES_FAILED));
                }
                self.context.log(Level::Warn, failure);
            }
            results.push(result);
        }
        Ok(results)
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
            self.register(update, target, &schema).await?;
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
        let rows = self.engine.rows(statement.query.clone(), Means::of(self.context)).await;
        let rows = self.named(statement, rows).await?;
        let (tally, context) = (rows.tally, self.context.clone());
        let mut done = 0;
        let counted = rows.batches.inspect(move |batch| {
            if let Ok(batch) = batch {
                done += batch.num_rows() as u64;
                context.progress(done, 0, "rows");
            }
        });
        let written = tokio::select! {
            written = sink.write(write, rows.schema, counted.boxed()) => written,
            () = self.context.cancel().cancelled() => return Err(Error::stopped()),
        };
        let rows_written = self.named(statement, written).await?;
        self.context.info(format!("Wrote {rows_written} rows into {}/{}.", target.connection, target.table));
        let outcome = SqlOutcome { rows_written, read: tally.read(), ..SqlOutcome::default() };
        let target = Target::Table(target.clone()).to_string();
        Ok(Output { node: statement.node.clone(), target, file_count: 0, outcome })
    }

    /// Makes or changes the table of the catalogue that describes the target's files.
    async fn register(&self, update: &UpdateCatalog, target: &FilesTarget, schema: &SchemaRef) -> Result<()> {
        let (Some(database), Some(name)) = (&update.database, &update.table) else {
            return Err(Error::invalid_input(format!(
                "The target {} is to update the catalogue, so its SchemaChangePolicy names Database and Table; found less.",
                target.location
            )));
        };
        let table = described(target, schema, name);
        match self.catalog.get_table(database, name).await {
            Err(error) if error.kind == ErrorKind::NotFound => self.catalog.create_table(database, table).await?,
            Err(error) => return Err(error),
            Ok(known) if known.columns() == table.columns() && known.location() == table.location() => return Ok(()),
            Ok(_) if update.behavior.as_deref() == Some("LOG") => {
                self.context.log(Level::Warn, format!("Table {database}.{name} is not as what was written; it is left as it was (LOG)."));
                return Ok(());
            }
            Ok(_) => self.catalog.update_table(database, table, TableUpdate::default()).await?,
        };
        self.context.info(format!("The catalogue has the rows as {database}.{name}."));
        Ok(())
    }
}

/// `schema.table`; MySQL has databases where others have schemas.
fn place(connection: &Connection, name: &str) -> Result<TablePath> {
    let Some((outer, table)) = name.split_once('.') else { return Ok(TablePath::table(name)) };
    let (outer, table) = (Some(outer.to_owned()), table.to_owned());
    Ok(match connection.endpoint()? {
        Endpoint::MySql(_) => TablePath { database: outer, schema: None, table },
        _ => TablePath { database: None, schema: outer, table },
    })
}

fn described(target: &FilesTarget, schema: &Schema, name: &str) -> Table {
    let format = match target.format {
        Format::Csv => FileKind::Csv(CsvDialect { has_header: true, quoted: true, ..CsvDialect::default() }),
        Format::Json => FileKind::Json,
        Format::Parquet => FileKind::Parquet,
    };
    let layout = FileLayout { format, compression: Packing::None };
    let (keys, columns) = hive::columns(schema).into_iter().partition(|column| target.partition_keys.contains(&column.name));
    Table {
        name: name.to_owned(),
        storage_descriptor: layout.storage_of(target.location.clone(), columns),
        partition_keys: keys,
        table_type: Some("EXTERNAL_TABLE".into()),
        parameters: layout.parameters(),
        ..Table::default()
    }
}

/// Two results in one place would take each other for an earlier one.
fn distinct(statements: &[Statement]) -> Result<()> {
    let mut places: Vec<String> = Vec::new();
    for statement in statements {
        if let Fate::Target(Target::Files(target), _) = &statement.fate {
            let place = target.location.trim_end_matches('/').to_owned();
            if places.contains(&place) {
                return Err(Error::invalid_input(format!("Each target of a job has a prefix of its own; found {place} twice.")));
            }
            places.push(place);
        }
    }
    Ok(())
}
