//! Looks into jobs without running them: their code, their picture, what they read, and what a node gives on a sample.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use catalog::profile::{ColumnProfile, profile_of};
use catalog::{Catalog, Table};
use codegen::Graph;
use domain::{Error, ErrorKind, Result};
use futures::TryStreamExt;
use futures::stream::BoxStream;
use serde::Serialize;
use serde_json::Value;
use store::Location;
use tokio_util::sync::CancellationToken;

use crate::arguments::Arguments;
use crate::engine::{ColumnsRead, Engine, MEMORY_EXCEEDED, Means, Rows, SqlQuery, TableRead};
use crate::job::Job;
use crate::jobs::Jobs;
use crate::plan::{Plan, plan};
use crate::planner::Look;
use crate::statement::{Fate, Maker, Statement};
use crate::target::Target;

/// Numbers the folders of previews, of all workbenches of the process: what one that failed still tidies away must not be another's.
static PREVIEWS: AtomicU64 = AtomicU64::new(0);
/// Rows of each table that a preview reads, unless another number is asked for.
pub const PREVIEW_ROWS: u64 = 1_000;
/// No other number is larger.
pub const MOST_PREVIEW_ROWS: u64 = 1_000_000;
/// Memory of one preview, where what does not fit goes to disk; and of the rows that come out, which have to fit.
const PREVIEW_MEMORY_BYTES: usize = 256 << 20;
/// Explained in `docs/errors/`.
/// Rows that a preview shows.
const SHOWN_ROWS: usize = 20;

/// Handles to everything about jobs that asks for no run; clone it freely.
#[derive(Clone)]
pub struct Workbench {
    jobs: Jobs,
    catalog: Catalog,
    engine: Arc<dyn Engine>,
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
        Self { jobs, catalog, engine }
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
        look: Option<Look>,
    ) -> Result<Vec<Statement>> {
        match plan(job, arguments)? {
            Plan::Sql { script, database, target } => {
                let text = self.jobs.text(&script, arguments).await?;
                let query = SqlQuery { database, tables: instead.to_vec(), ..SqlQuery::new(text) };
                let query = if let Some(look) = &look { look.through(query) } else { query };
                Ok(vec![Statement { node: None, query, fate: Fate::Target(target, None), remark: None }])
            }
            Plan::Graph { graph, script } => {
                let code = match &script {
                    Some(script) => Some(self.jobs.source(script).await?),
                    None => None,
                };
                self.maker(arguments, instead, look).statements(&graph, code.as_deref()).await
            }
            Plan::Clean { .. } | Plan::Script(_) => Ok(Vec::new()),
        }
    }

    fn maker<'a>(&'a self, arguments: &'a Arguments, instead: &'a [Table], look: Option<Look>) -> Maker<'a> {
        Maker { catalog: &self.catalog, engine: self.engine.as_ref(), arguments, instead, look }
    }

    /// The tables that stand for what the job reads by itself, by a path or through a connection; here sources are asked. Handed on as
    /// `instead`, they spare the other questions about the job asking them again.
    ///
    /// # Errors
    /// What a source says that cannot be read.
    pub async fn own_tables(&self, job: &Job) -> Result<Vec<Table>> {
        let arguments = Jobs::default_arguments(job);
        match plan(job, &arguments)? {
            Plan::Graph { graph, .. } => self.maker(&arguments, &[], None).tables(&graph).await,
            Plan::Sql { .. } | Plan::Clean { .. } | Plan::Script(_) => Ok(Vec::new()),
        }
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

    /// What the job writes with its default arguments, the tables of `instead` taken for the catalogue's.
    pub async fn targets(&self, job: &Job, instead: &[Table]) -> Result<Vec<Target>> {
        let statements = self.statements(job, &Jobs::default_arguments(job), instead, None).await?;
        let written = statements.into_iter().filter_map(|statement| match statement.fate {
            Fate::Target(target, _) => Some(target),
            Fate::Quality { publish, .. } => publish,
        });
        Ok(written.collect())
    }

    /// The job's work as code. Where it depends on the rows (DropNullFields, PIIDetection by column), as a run that reads all of them has it.
    pub async fn code(&self, job: &Job, language: Language) -> Result<String> {
        let arguments = Jobs::default_arguments(job);
        match (plan(job, &arguments)?, language) {
            (Plan::Graph { graph, .. }, Language::Mermaid) => Ok(codegen::mermaid(&graph)),
            (Plan::Graph { graph, .. }, Language::PySpark) => {
                let maker = self.maker(&arguments, &[], Some(self.look()));
                let tables = maker.tables(&graph).await?;
                codegen::pyspark(&graph, &maker.planner(&tables), &job.name).await
            }
            (Plan::Graph { script: Some(script), .. } | Plan::Sql { script, .. }, Language::Sql) => self.jobs.source(&script).await,
            (Plan::Graph { graph, script: None }, Language::Sql) => {
                let maker = self.maker(&arguments, &[], Some(self.look()));
                let tables = maker.tables(&graph).await?;
                Ok(maker.compile(&graph, &tables).await?.text(&job.name))
            }
            (Plan::Sql { .. } | Plan::Clean { .. } | Plan::Script(_), _) => {
                Err(Error::invalid_input(format!("Job {:?} is no graph, so there is nothing to write in another form.", job.name)))
            }
        }
    }

    /// Writes the SQL of the job's graph into a file of its own, which is run from now on and may be edited; the graph's sources and
    /// targets stay what they are. A file that is there is left alone, unless it holds that SQL.
    pub async fn eject(&self, name: &str, file: &Location) -> Result<()> {
        let job = self.jobs.get_job(name).await?.value;
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
        match buckets.read(file).await {
            Ok(found) if found.as_ref() == code.as_bytes() => {}
            Ok(_) => return Err(Error::already_exists(format!("The file {file}, with other content,"))),
            Err(error) if error.kind == ErrorKind::NotFound => buckets.write(file, code.into()).await?,
            Err(error) => return Err(error),
        }
        self.jobs.run_code(&job, file).await
    }

    /// What a node gives when each table is read up to `sample_rows` rows, with what came into it. Without a node: the first target.
    /// The node is named by its id or its name.
    pub async fn preview(&self, job: &Job, node: Option<&str>, sample_rows: u64) -> Result<Preview> {
        let look = Look { sample_rows: Some(sample_rows), ..self.look() };
        let arguments = Jobs::default_arguments(job);
        let (node, queries) = match plan(job, &arguments)? {
            Plan::Graph { graph, script: None } => self.node_queries(&graph, &arguments, node, &look).await?,
            Plan::Graph { graph, script: Some(_) } => {
                let id = node.map(|node| graph.find(node)).transpose()?.map(|node| node.id.as_str());
                let statements = self.statements(job, &arguments, &[], Some(look.clone())).await?;
                let chosen = of_node(job, statements, id)?;
                (chosen.node.clone(), vec![(chosen.node, chosen.query)])
            }
            _ if node.is_some() => {
                return Err(Error::invalid_input(format!("Job {:?} is no graph, so it has no nodes to look at.", job.name)));
            }
            _ => {
                let statement = self.statements(job, &arguments, &[], Some(look.clone())).await?.into_iter().next();
                let statement = statement.ok_or_else(|| Error::invalid_input(format!("Job {:?} asks no rows.", job.name)))?;
                (None, vec![(None, statement.query)])
            }
        };
        let mut sides: Vec<Side> = Vec::new();
        let (mut shown, mut read, mut asked) = (Vec::new(), Vec::new(), None);
        for (name, query) in queries {
            if let (Some(before), true) = (sides.last(), asked.as_ref() == Some(&query)) {
                // A target gives what it reads.
                sides.push(Side { node: name, ..before.clone() });
                continue;
            }
            asked = Some(query.clone());
            let Rows { schema, batches, tally } = self.engine.rows(query, look.means.clone()).await?;
            let batches = kept(batches, PREVIEW_MEMORY_BYTES).await?;
            let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
            sides.push(Side { node: name, rows, columns: profile_of(&schema, &batches)? });
            (shown, read) = (first_rows(&batches)?, tally.read());
        }
        let output = sides.pop().ok_or_else(|| Error::internal("A preview without a query."))?;
        Ok(Preview { node, sample_rows, read, inputs: sides, output, rows: shown })
    }

    /// At everything, within the means of a preview.
    fn look(&self) -> Look {
        let number = PREVIEWS.fetch_add(1, Ordering::Relaxed);
        let spill_folder = std::env::temp_dir().join(format!("penchant-preview-{}-{number}", std::process::id()));
        Look::whole(Means { memory_bytes: PREVIEW_MEMORY_BYTES, spill_folder, cancel: CancellationToken::new(), frugal: false })
    }

    /// The queries that end at the node's inputs, then the one that ends at the node.
    async fn node_queries(
        &self,
        graph: &Graph,
        arguments: &Arguments,
        node: Option<&str>,
        look: &Look,
    ) -> Result<(Option<String>, Vec<(Option<String>, SqlQuery)>)> {
        let node = match node {
            Some(node) => graph.find(node)?,
            None => graph.first_target()?,
        };
        let maker = self.maker(arguments, &[], Some(look.clone()));
        let tables = maker.tables(graph).await?;
        let planner = maker.planner(&tables);
        let found = codegen::around(graph, &planner, &node.id).await?;
        let inputs = found.inputs.iter().map(|query| (query.nodes.last(), query));
        let output = found.outputs.first().map(|query| (Some(&node.id), query));
        let queries = inputs.chain(output).map(|(id, query)| Ok((id.cloned(), planner.query(&query.sql)?)));
        Ok((Some(node.id.clone()), queries.collect::<Result<_>>()?))
    }
}

/// The statement of an edited script that is for the node, or its first.
fn of_node(job: &Job, statements: Vec<Statement>, id: Option<&str>) -> Result<Statement> {
    let known: Vec<String> = statements.iter().filter_map(|statement| statement.node.clone()).collect();
    let mut fitting = statements.into_iter().filter(|statement| id.is_none() || statement.node.as_deref() == id);
    fitting.next().ok_or_else(|| {
        Error::invalid_input(format!(
            "Node {:?} of job {:?} is not computed any more, as the job runs its own code, {}; a preview is there for {}.",
            id.unwrap_or_default(),
            job.name,
            job.command.script_location.as_deref().unwrap_or_default(),
            known.join(", ")
        ))
    })
}

/// All rows, as far as they fit into so many bytes.
async fn kept(mut batches: BoxStream<'static, Result<RecordBatch>>, most: usize) -> Result<Vec<RecordBatch>> {
    let (mut kept, mut bytes) = (Vec::new(), 0);
    while let Some(batch) = batches.try_next().await? {
        bytes += batch.get_array_memory_size();
        if bytes > most {
            let text = format!("A preview keeps rows of at most {} MiB; found more, look at fewer rows of each table.", most >> 20);
            return Err(Error::new(ErrorKind::LimitExceeded, text).code(MEMORY_EXCEEDED));
        }
        kept.push(batch);
    }
    Ok(kept)
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
