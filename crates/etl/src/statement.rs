//! What a run of a job asks of an engine: one statement for each target.

use arrow::array::{Array, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use catalog::{Catalog, FileLayout, Table};
use codegen::{DIRECT_DATABASE, FileFormat, Graph, Purpose, Script as Code, TablePlace, TargetSpec, UpdateCatalog, WriteMode};
use connect::files::Format as FileKind;
use domain::{Error, ErrorKind, Result};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::arguments::Arguments;
use crate::direct;
use crate::engine::{Engine, Means, Rows, SqlQuery};
use crate::planner::{Look, Planner};
use crate::target::{Compression, FilesMode, FilesTarget, Format, TableMode, TableTarget, Target};

/// A query, and what becomes of its rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statement {
    /// The node of the graph that the rows are for; nothing for a job that is one query.
    pub node: Option<String>,
    pub query: SqlQuery,
    pub fate: Fate,
    /// What of the node has no effect, as a sentence for the run's log.
    pub remark: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fate {
    /// They are a target's content, which a table of the catalogue may describe.
    Target(Target, Option<UpdateCatalog>),
    /// They are the outcomes of the rules of a data quality node.
    Quality { stop: Stop, publish: Option<Target> },
}

impl Statement {
    /// The files that its rows become, and the table that is to describe them.
    pub fn files(&self) -> Option<(&FilesTarget, Option<&UpdateCatalog>)> {
        match &self.fate {
            Fate::Target(Target::Files(target), update) => Some((target, update.as_ref())),
            Fate::Quality { publish: Some(Target::Files(target)), .. } => Some((target, None)),
            _ => None,
        }
    }

    /// The error, with the node that it came up for.
    pub fn named(&self, error: Error) -> Error {
        match self.node.as_deref().filter(|_| error.kind != ErrorKind::Stopped) {
            Some(node) => of_node(node, error),
            None => error,
        }
    }
}

fn of_node(node: &str, mut error: Error) -> Error {
    error.message = format!("For node {node:?}: {}", error.message);
    error
}

/// When rules that fail end the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Never,
    /// Before anything is written.
    Immediate,
    AfterDataLoad,
}

/// Makes the statements of a graph; `code` is text that stands for what the graph would give.
pub(crate) struct Maker<'a> {
    pub catalog: &'a Catalog,
    pub engine: &'a dyn Engine,
    pub arguments: &'a Arguments,
    /// Tables that stand in for the catalogue's.
    pub instead: &'a [Table],
    /// Without a look the data itself decides nothing.
    pub look: Option<Look>,
}

impl Maker<'_> {
    pub async fn statements(&self, graph: &Graph, code: Option<&str>) -> Result<Vec<Statement>> {
        let tables = self.tables(graph).await?;
        let mut made = Vec::new();
        match code {
            Some(text) => {
                for part in Code::parse(text)? {
                    let (node, purpose) = graph.purpose(part.target.as_deref())?;
                    made.push(self.statement(node, &part.sql, purpose, &tables).await?);
                }
            }
            None => {
                for statement in self.compile(graph, &tables).await?.statements {
                    made.push(self.statement(statement.node, &statement.sql, statement.purpose, &tables).await?);
                }
            }
        }
        Ok(made)
    }

    /// The tables that stand for the graph's own sources, and those that stand in for the catalogue's. A source that has one among those
    /// is not asked again.
    pub async fn tables(&self, graph: &Graph) -> Result<Vec<Table>> {
        let mut tables = self.instead.to_vec();
        for source in graph.direct_sources() {
            let name = source.table.to_lowercase();
            if !tables.iter().any(|table| table.database_name == DIRECT_DATABASE && table.name == name) {
                tables.push(direct::table(self.catalog, &source).await?);
            }
        }
        Ok(tables)
    }

    pub async fn compile(&self, graph: &Graph, tables: &[Table]) -> Result<Code> {
        codegen::compile(graph, &self.planner(tables)).await
    }

    pub fn planner<'a>(&'a self, tables: &'a [Table]) -> Planner<'a> {
        Planner {
            engine: self.engine,
            tables,
            arguments: self.arguments,
            look: self.look.clone(),
            now: self.catalog.store().clock().now().seconds(),
        }
    }

    async fn statement(&self, node: String, sql: &str, purpose: Purpose, tables: &[Table]) -> Result<Statement> {
        let query = self.planner(tables).query(sql)?;
        let mut remark = None;
        let fate = match purpose {
            Purpose::Target(spec) => {
                let mut update = None;
                if let TargetSpec::Files { update_catalog, files, .. } = &spec {
                    update = update_catalog.clone();
                    remark = files.filter(|files| *files > 1).map(|files| uncounted(&node, files));
                }
                Fate::Target(self.target(&node, spec).await?, update)
            }
            Purpose::Sample(spec) => Fate::Target(self.target(&node, spec).await?, None),
            Purpose::Quality { publishing, stop_on_failure } => Fate::Quality {
                stop: match stop_on_failure.as_deref() {
                    Some("Immediate") => Stop::Immediate,
                    Some("AfterDataLoad") => Stop::AfterDataLoad,
                    _ => Stop::Never,
                },
                publish: results_target(&publishing),
            },
        };
        Ok(Statement { node: Some(node), query, fate, remark })
    }

    async fn target(&self, node: &str, spec: TargetSpec) -> Result<Target> {
        let target = self.unchecked(spec).await.and_then(|target| target.check().map(|()| target));
        target.map_err(|error| of_node(node, error))
    }

    async fn unchecked(&self, spec: TargetSpec) -> Result<Target> {
        Ok(match spec {
            TargetSpec::Files {
                path, format, compression, partition_keys, mode, max_file_rows, max_file_bytes, row_group_rows, ..
            } => Target::Files(FilesTarget {
                location: path,
                format: match format {
                    FileFormat::Csv => Format::Csv,
                    FileFormat::Json => Format::Json,
                    FileFormat::Parquet => Format::Parquet,
                },
                compression: compression.map(|name| Compression::parse("Compression", &name)).transpose()?,
                partition_keys,
                mode: files_mode(mode),
                max_file_rows,
                max_file_bytes,
                row_group_rows,
            }),
            TargetSpec::Table { place: TablePlace::Connection { connection, table }, mode, keys, .. } => {
                Target::Table(TableTarget { connection, table, mode: table_mode(mode), keys, create: true })
            }
            TargetSpec::Table { place: TablePlace::Catalog { database, table }, mode, keys, partition_keys } => {
                let known = self.catalog.get_table(&database, &table).await?.value;
                let own: Vec<&String> = known.partition_keys.iter().map(|column| &column.name).collect();
                if !partition_keys.is_empty() && !own.iter().copied().eq(&partition_keys) {
                    return Err(Error::invalid_input(format!(
                        "PartitionKeys of a target are those of its table, {database}.{table}, which has {own:?}; found {partition_keys:?}."
                    )));
                }
                described(&known, mode, keys)?
            }
        })
    }
}

/// Rows are written as they come, so nobody knows how many there will be when the first file ends.
fn uncounted(node: &str, files: u64) -> String {
    format!(
        "NumberTargetPartitions {files} of node {node:?} has no effect: files end where MaxFileRows or MaxFileBytes say, or with the last row."
    )
}

fn files_mode(mode: WriteMode) -> FilesMode {
    if mode == WriteMode::Overwrite { FilesMode::Overwrite } else { FilesMode::Append }
}

fn table_mode(mode: WriteMode) -> TableMode {
    match mode {
        WriteMode::Append => TableMode::Append,
        WriteMode::Overwrite => TableMode::Overwrite,
        WriteMode::Upsert => TableMode::Upsert,
    }
}

/// What a table of the catalogue describes, to be written.
fn described(table: &Table, mode: WriteMode, keys: Vec<String>) -> Result<Target> {
    let name = format!("{}.{}", table.database_name, table.name);
    if let Some((connection, path)) = table.source() {
        let place = path.schema.or(path.database).map_or_else(|| path.table.clone(), |outer| format!("{outer}.{}", path.table));
        return Ok(Target::Table(TableTarget { connection: connection.into(), table: place, mode: table_mode(mode), keys, create: false }));
    }
    if mode == WriteMode::Upsert {
        return Err(Error::invalid_input(format!("Table {name} is made of files, which are appended or overwritten; found upsert.")));
    }
    let layout = FileLayout::of(table)?;
    let format = match &layout.format {
        FileKind::Csv(dialect) if dialect.delimiter == b',' && dialect.has_header => Format::Csv,
        FileKind::Json => Format::Json,
        FileKind::Parquet => Format::Parquet,
        other => {
            return Err(Error::invalid_input(format!(
                "Table {name} is to be written, so its files are CSV with commas and a header, JSON lines or Parquet; found {}.",
                other.classification()
            )));
        }
    };
    Ok(Target::Files(FilesTarget {
        location: table.location().to_owned(),
        format,
        partition_keys: table.partition_keys.iter().map(|column| column.name.clone()).collect(),
        mode: files_mode(mode),
        ..FilesTarget::default()
    }))
}

/// Where the outcomes of rules are kept, if somewhere.
fn results_target(publishing: &Value) -> Option<Target> {
    let prefix = publishing.get("ResultsS3Prefix").and_then(Value::as_str).filter(|prefix| !prefix.is_empty())?;
    let (location, format, mode) = (prefix.to_owned(), Format::Json, FilesMode::Append);
    Some(Target::Files(FilesTarget { location, format, mode, ..FilesTarget::default() }))
}

/// What the rules of one data quality node came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct QualityResult {
    /// The node's id.
    pub node: String,
    /// The share of rules that passed; 1 without rules.
    pub score: f64,
    pub rules: Vec<RuleResult>,
    /// What is measured without being judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub analyzers: Vec<AnalyzerResult>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AnalyzerResult {
    pub analyzer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RuleResult {
    pub rule: String,
    pub passed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<String>,
}

/// Asks what the rules of a data quality node come to.
pub(crate) async fn judge(engine: &dyn Engine, node: &str, query: SqlQuery, means: Means) -> Result<QualityResult> {
    let Rows { mut batches, .. } = engine.rows(query, means).await?;
    let (mut rules, mut analyzers) = (Vec::new(), Vec::new());
    while let Some(batch) = batches.next().await.transpose()? {
        let column = |name: &str| {
            let unexpected = || Error::internal(format!("The outcomes of rules have no text column {name}."));
            let found = batch.column_by_name(name).ok_or_else(unexpected)?;
            cast(found, &DataType::Utf8).map_err(|e| unexpected().source(e))
        };
        let (rule, outcome) = (column("Rule")?, column("Outcome")?);
        let (reason, metrics) = (column("FailureReason")?, column("EvaluatedMetrics")?);
        let (rule, outcome, reason, metrics): (&StringArray, &StringArray, &StringArray, &StringArray) =
            (rule.as_string(), outcome.as_string(), reason.as_string(), metrics.as_string());
        for row in 0..batch.num_rows() {
            let text = rule.value(row).to_owned();
            let metrics = metrics.is_valid(row).then(|| metrics.value(row).to_owned());
            if outcome.is_null(row) {
                analyzers.push(AnalyzerResult { analyzer: text, metrics });
                continue;
            }
            let reason = reason.is_valid(row).then(|| reason.value(row).to_owned());
            rules.push(RuleResult { rule: text, passed: outcome.value(row) == "Passed", reason, metrics });
        }
    }
    let passed = rules.iter().filter(|rule| rule.passed).count();
    let score = if rules.is_empty() { 1.0 } else { passed as f64 / rules.len() as f64 };
    Ok(QualityResult { node: node.to_owned(), score, rules, analyzers })
}

impl QualityResult {
    /// The rules that did not pass, in one sentence; nothing when all did.
    pub(crate) fn failure(&self) -> Option<String> {
        let failed: Vec<&RuleResult> = self.rules.iter().filter(|rule| !rule.passed).collect();
        let first = failed.first()?;
        let reason = first.reason.as_deref().unwrap_or("it does not hold");
        let reason = reason.trim_end_matches('.');
        Some(format!(
            "{} of {} rules of node {:?} failed; the first: {} ({reason}).",
            failed.len(),
            self.rules.len(),
            self.node,
            first.rule
        ))
    }
}
