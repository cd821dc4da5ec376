//! What happens in a job run.

use std::sync::Arc;

use async_trait::async_trait;
use catalog::Catalog;
use domain::{Error, ErrorKind, Result};
use runs::{Executor, Finished, RunContext, RunId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::Location;

use crate::arguments::Arguments;
use crate::bookmark::RunBookmark;
use crate::clean::clean;
use crate::engine::{Engine, Means, SqlQuery};
use crate::engines::Engines;
use crate::job::{Job, RUN_KIND};
use crate::jobs::Jobs;
use crate::plan::{Plan, plan};
use crate::planner::Look;
use crate::script::{ScriptOutcome, ScriptRun, Sessions};
use crate::sql_run::{Output, SqlRun};
use crate::statement::{QualityResult, Statement};
use crate::workbench::Workbench;

/// A run's input; the subject is the job's name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct JobInput {
    #[serde(default)]
    pub arguments: Arguments,
    /// The trigger that asked for the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_name: Option<String>,
    /// The run that this one repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_run_id: Option<RunId>,
    /// Members without effect that clients see again.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub shown: Map<String, Value>,
}

/// The result of a run that succeeded, or that rules of data quality failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum JobResult {
    /// The rows of queries were published; none where bookmarks found nothing new.
    #[serde(rename_all = "PascalCase")]
    Sql {
        outputs: Vec<Output>,
        /// What the rules of its data quality nodes came to.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        quality: Vec<QualityResult>,
    },
    /// Earlier results were removed.
    #[serde(rename_all = "PascalCase")]
    Clean { location: String, files_removed: u64, bytes_removed: u64 },
    /// A script ended well.
    Script(ScriptOutcome),
}

impl JobResult {
    /// Of a run that had nothing to read.
    fn nothing() -> Self {
        Self::Sql { outputs: Vec::new(), quality: Vec::new() }
    }
}

/// Executes runs of kind `job`.
pub struct JobExecutor {
    jobs: Jobs,
    workbench: Workbench,
    engines: Engines,
    catalog: Catalog,
    sessions: Option<Arc<dyn Sessions>>,
}

impl JobExecutor {
    pub fn new(jobs: Jobs, catalog: Catalog, engines: Engines) -> Self {
        let workbench = Workbench::new(jobs.clone(), catalog.clone(), engines.embedded().clone());
        Self { jobs, workbench, engines, catalog, sessions: None }
    }

    /// Scripts may call this server.
    #[must_use]
    pub fn with_sessions(mut self, sessions: Arc<dyn Sessions>) -> Self {
        self.sessions = Some(sessions);
        self
    }

    /// What the run asks. The SQL of a graph may depend on the rows, and then on those that the run reads: so a run by bookmark decides what
    /// it reads first, by SQL that is made without a look at them.
    async fn asked(
        &self,
        job: &Job,
        planned: &Plan,
        arguments: &Arguments,
        engine: &dyn Engine,
        context: &RunContext,
    ) -> Result<(Vec<Statement>, RunBookmark)> {
        let whole = Look::whole(Means::of(context));
        let made = |look: Option<Look>| self.workbench.statements(job, arguments, &[], look);
        if !RunBookmark::is_wanted(arguments)? {
            return Ok((made(Some(whole)).await?, RunBookmark::none()));
        }
        let by_rows = matches!(planned, Plan::Graph { script: None, .. });
        let mut statements = match made(None).await {
            // A graph may fit together only without the columns that a look drops.
            Err(_) if by_rows => made(Some(whole.clone())).await?,
            found => found?,
        };
        let queries: Vec<&SqlQuery> = statements.iter().map(|statement| &statement.query).collect();
        let bookmark = RunBookmark::open(&self.catalog, engine, job, arguments, &queries, context).await?;
        if by_rows && !bookmark.is_empty() {
            statements = made(Some(Look { windows: bookmark.windows(), ..whole })).await?;
        }
        statements.iter_mut().for_each(|statement| statement.query.windows = bookmark.windows());
        Ok((statements, bookmark))
    }

    async fn run_clean(&self, declared: &Location, location: &Location, context: &RunContext) -> Result<JobResult> {
        let removed = clean(self.jobs.buckets(), declared, location, context).await?;
        context.info(format!("Removed {} files ({} bytes) under {location}.", removed.files, removed.bytes));
        Ok(JobResult::Clean { location: location.to_string(), files_removed: removed.files, bytes_removed: removed.bytes })
    }
}

/// It was there when the run was queued.
fn deleted(error: Error) -> Error {
    if error.kind == ErrorKind::NotFound { error.code("JOB_DELETED") } else { error }
}

#[async_trait]
impl Executor for JobExecutor {
    fn kind(&self) -> &'static str {
        RUN_KIND
    }

    async fn execute(&self, context: &RunContext) -> Result<Finished> {
        let input: JobInput = context.input::<Option<JobInput>>()?.unwrap_or_default();
        let job = self.jobs.runs().store().get::<Job>(&context.run().subject).await.map_err(deleted)?;
        let arguments = Jobs::arguments(&job, &input.arguments, &context.id().0);
        let mut bookmark = RunBookmark::none();
        let (mut failure, mut loaded) = (None, true);
        let result = match plan(&job, &arguments)? {
            Plan::Clean { declared, location } => self.run_clean(&declared, &location, context).await?,
            Plan::Script(plan) => {
                let run = ScriptRun { job: &job.name, buckets: self.jobs.buckets(), sessions: self.sessions.as_deref(), context };
                JobResult::Script(run.carry_out(&plan).await?)
            }
            planned => {
                let engine = self.engines.of(&job)?.as_ref();
                let (statements, decided) = self.asked(&job, &planned, &arguments, engine, context).await?;
                bookmark = decided;
                let graph = match &planned {
                    Plan::Graph { graph, script: None } => Some((graph, &arguments)),
                    _ => None,
                };
                let run = SqlRun { engine, jobs: &self.jobs, catalog: &self.catalog, context, graph };
                if bookmark.is_empty() {
                    JobResult::nothing()
                } else {
                    let carried = run.carry_out(statements).await?;
                    (failure, loaded) = (carried.failure, carried.loaded);
                    carried.result
                }
            }
        };
        let mut tx = context.begin().await?;
        // Whatever rules say afterwards: what has been loaded is not to be read again.
        if loaded {
            bookmark.advance(&mut tx, context).await?;
        }
        match failure {
            None => context.succeed(tx, &result).await,
            Some(failure) => context.fail(tx, &result, &failure).await,
        }
    }
}
