//! Looks into jobs without running them: their code, their picture, what they read, and what a node gives on a sample.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use catalog::profile::{ColumnProfile, profile_of};
use catalog::{Catalog, Table};
use codegen::Graph;
use domain::{Error, Result};
use futures::TryStreamExt;
use serde::Serialize;
use serde_json::Value;
use store::Location;
use tokio_util::sync::CancellationToken;

use crate::arguments::Arguments;
use crate::engine::{ColumnsRead, Engine, Means, Rows, SqlQuery, TableRead};
use crate::job::Job;
use crate::jobs::Jobs;
use crate::plan::{Plan, plan};
use crate::statement::{Fate, Maker, Statement};
use crate::target::Target;

/// Rows of each table that a preview reads, unless another number is asked for.
pub const PREVIEW_ROWS: u64 = 1_000;
/// Memory of one preview; what does not fit goes to disk.
const PREVIEW_MEMORY_BYTES: usize = 256 << 20;
/// Rows that a preview shows.
const SHOWN_ROWS: usize = 20;

/// Handles to everything about jobs that asks for no run; clone it freely.
#[derive(Clone)]
pub struct Workbench {
    jobs: Jobs,
    catalog: Catalog,
    engine: Arc<dyn Engine>,
    /// Made so far; each spills into a folder of its own.
    previews: Arc<AtomicU64>,
}

/// How a job's work can be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// What the engines run.
    Sql,
    /// A script for those who leave.
    PySpark,
    /// A picture as Mermaid draws it.
    Mermaid,
}

/// What a node of a graph (or a job's query) gives on a sample of its sources.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Preview {
    /// The node's id; nothing for a job that is one query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// So many rows of each table were read at most.
    pub sample_rows: u64,
    pub read: Vec<TableRead>,
    /// What came into the node.
    pub inputs: Vec<Side>,
    pub output: Side,
    /// The first rows.
    pub rows: Vec<Value>,
}

/// Rows before or after a node.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Side {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    pub rows: u64,
    pub columns: Vec<ColumnProfile>,
}

impl Workbench {
    /// `engine` is the one in this process.
    pub fn new(jobs: Jobs, catalog: Catalog, engine: Arc<dyn Engine>) -> Self {
        Self { jobs, catalog, engine, previews: Arc::default() }
    }

    pub fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// What a run with these arguments (merged already) asks; nothing for a job that asks no engine. Tables of `instead` stand in for the
    /// catalogue's of the same name.
    pub(crate) async fn statements(
        &self,
        job: &Job,
        arguments: &Arguments,
        instead: &[Table],
        means: Option<Means>,
    ) -> Result<Vec<Statement>> {
        match plan(job, arguments)? {
            Plan::Sql { script, database, target } => {
                let text = self.jobs.text(&script, arguments).await?;
                let query = SqlQuery { database, tables: instead.to_vec(), ..SqlQuery::new(text) };
                Ok(vec![Statement { node: None, query, fate: Fate::Target(target, None) }])
            }
            Plan::Graph { graph, script } => {
                let code = match &script {
                    Some(script) => Some(self.jobs.source(script).await?),
                    None => None,
                };
                self.maker(arguments, instead, means).statements(&graph, code.as_deref()).await
            }
            Plan::Clean { .. } | Plan::Script(_) => Ok(Vec::new()),
        }
    }

    fn maker<'a>(&'a self, arguments: &'a Arguments, instead: &'a [Table], means: Option<Means>) -> Maker<'a> {
        Maker { catalog: &self.catalog, engine: self.engine.as_ref(), arguments, instead, means }
    }

    /// Which columns of which tables the job reads with its default arguments, the tables of `instead` taken for the catalogue's.
    ///
    /// # Errors
    /// What a run would say about its queries.
    pub async fn columns_read(&self, job: &Job, instead: &[Table]) -> Result<Vec<ColumnsRead>> {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for statement in self.statements(job, &Jobs::default_arguments(job), instead, None).await? {
            for read in self.engine.columns_read(&statement.query).await? {
                let columns = all.entry(read.table).or_default();
                columns.extend(read.columns);
                columns.sort();
                columns.dedup();
            }
        }
        Ok(all.into_iter().map(|(table, columns)| ColumnsRead { table, columns }).collect())
    }

    /// What the job writes with its default arguments.
    pub async fn targets(&self, job: &Job) -> Result<Vec<Target>> {
        let statements = self.statements(job, &Jobs::default_arguments(job), &[], None).await?;
        let written = statements.into_iter().filter_map(|statement| match statement.fate {
            Fate::Target(target, _) => Some(target),
            Fate::Quality { publish, .. } => publish,
        });
        Ok(written.collect())
    }

    /// The job's work as code.
    pub async fn code(&self, job: &Job, language: Language) -> Result<String> {
        let arguments = Jobs::default_arguments(job);
        match (plan(job, &arguments)?, language) {
            (Plan::Graph { graph, .. }, Language::Mermaid) => Ok(codegen::mermaid(&graph)),
            (Plan::Graph { graph, .. }, Language::PySpark) => {
                let maker = self.maker(&arguments, &[], None);
                let tables = maker.tables(&graph).await?;
                codegen::pyspark(&graph, &maker.planner(&tables), &job.name).await
            }
            (Plan::Graph { script: Some(script), .. } | Plan::Sql { script, .. }, Language::Sql) => self.jobs.source(&script).await,
            (Plan::Graph { graph, script: None }, Language::Sql) => {
                let maker = self.maker(&arguments, &[], None);
                let tables = maker.tables(&graph).await?;
                Ok(maker.compile(&graph, &tables).await?.text(&job.name))
            }
            (Plan::Sql { .. } | Plan::Clean { .. } | Plan::Script(_), _) => {
                Err(Error::invalid_input(format!("Job {:?} is no graph, so there is nothing to write in another form.", job.name)))
            }
        }
    }

    /// Writes the SQL of the job's graph into a file of its own, which is run from now on and may be edited; the graph's sources and
    /// targets stay what they are. A file that is there is left alone.
    pub async fn eject(&self, name: &str, file: &Location) -> Result<()> {
        let mut job = self.jobs.get_job(name).await?.value;
        let Plan::Graph { script, .. } = plan(&job, &Jobs::default_arguments(&job))? else {
            return Err(Error::invalid_input(format!("Job {name:?} is no graph: its code is its own already.")));
        };
        if script.is_some() {
            let found = job.command.script_location.as_deref().unwrap_or_default();
            return Err(Error::invalid_state(format!("Job {name:?} has code of its own already: {found}.")));
        }
        if !file.to_string().to_ascii_lowercase().ends_with(".sql") {
            return Err(Error::invalid_input(format!("The code of a job is a .sql file; found {file}.")));
        }
        let code = self.code(&job, Language::Sql).await?;
        let buckets = self.jobs.buckets();
        if buckets.path(file).exists() {
            return Err(Error::already_exists(format!("The file {file}")));
        }
        buckets.write(file, code.into()).await?;
        job.command.script_location = Some(file.to_string());
        self.jobs.update_job(name, job).await.map(|_| ())
    }

    /// What a node gives when each table is read up to `sample_rows` rows, with what came into it. Without a node: the first target.
    /// The node is named by its id or its name.
    pub async fn preview(&self, job: &Job, node: Option<&str>, sample_rows: u64) -> Result<Preview> {
        let spill_folder =
            std::env::temp_dir().join(format!("penchant-preview-{}-{}", std::process::id(), self.previews.fetch_add(1, Ordering::Relaxed)));
        let means = Means { memory_bytes: PREVIEW_MEMORY_BYTES, spill_folder, cancel: CancellationToken::new() };
        let arguments = Jobs::default_arguments(job);
        let (node, queries) = match plan(job, &arguments)? {
            Plan::Graph { graph, .. } => self.node_queries(&graph, &arguments, node, &means).await?,
            _ if node.is_some() => {
                return Err(Error::invalid_input(format!("Job {:?} is no graph, so it has no nodes to look at.", job.name)));
            }
            _ => {
                let statement = self.statements(job, &arguments, &[], None).await?.into_iter().next();
                let statement = statement.ok_or_else(|| Error::invalid_input(format!("Job {:?} asks no rows.", job.name)))?;
                (None, vec![(None, statement.query)])
            }
        };
        let mut sides = Vec::new();
        let (mut shown, mut read) = (Vec::new(), Vec::new());
        for (name, mut query) in queries {
            query.sample_rows = Some(sample_rows);
            let Rows { schema, batches, tally } = self.engine.rows(query, means.clone()).await?;
            let batches: Vec<RecordBatch> = batches.try_collect().await?;
            let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
            sides.push(Side { node: name, rows, columns: profile_of(&schema, &batches)? });
            (shown, read) = (first_rows(&batches)?, tally.read());
        }
        let output = sides.pop().ok_or_else(|| Error::internal("A preview without a query."))?;
        Ok(Preview { node, sample_rows, read, inputs: sides, output, rows: shown })
    }

    /// The queries that end at the node's inputs, then the one that ends at the node.
    async fn node_queries(
        &self,
        graph: &Graph,
        arguments: &Arguments,
        node: Option<&str>,
        means: &Means,
    ) -> Result<(Option<String>, Vec<(Option<String>, SqlQuery)>)> {
        let node = match node {
            Some(node) => graph.find(node)?,
            None => graph.first_target()?,
        };
        let maker = self.maker(arguments, &[], Some(means.clone()));
        let tables = maker.tables(graph).await?;
        let planner = maker.planner(&tables);
        let mut queries = Vec::new();
        for id in node.inputs.iter().chain([&node.id]) {
            let found = codegen::select_of(graph, &planner, id, None).await?;
            queries.push((Some(id.clone()), planner.query(&found.sql)?));
        }
        Ok((Some(node.id.clone()), queries))
    }
}

fn first_rows(batches: &[RecordBatch]) -> Result<Vec<Value>> {
    let unshown = |e: arrow::error::ArrowError| Error::invalid_data("Rows of a preview cannot be shown.").source(e);
    let mut writer = arrow::json::WriterBuilder::new().with_explicit_nulls(true).build::<_, arrow::json::writer::LineDelimited>(Vec::new());
    let mut left = SHOWN_ROWS;
    for batch in batches {
        let batch = batch.slice(0, batch.num_rows().min(left));
        left -= batch.num_rows();
        writer.write(&batch).map_err(unshown)?;
    }
    writer.finish().map_err(unshown)?;
    let lines = serde_json::Deserializer::from_slice(&writer.into_inner()).into_iter().collect::<Result<Vec<Value>, _>>();
    lines.map_err(|e| Error::internal("Rows of a preview are no JSON.").source(e))
}
