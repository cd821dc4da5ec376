//! What happens in a job run.

use std::sync::Arc;

use async_trait::async_trait;
use catalog::Catalog;
use domain::Result;
use runs::{Executor, Finished, RunContext, RunId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::Location;

use crate::arguments::Arguments;
use crate::bookmark::RunBookmark;
use crate::clean::clean;
use crate::engine::{Means, SqlQuery};
use crate::engines::Engines;
use crate::job::{Job, RUN_KIND};
use crate::jobs::Jobs;
use crate::plan::{Plan, plan};
use crate::script::{ScriptOutcome, ScriptRun, Sessions};
use crate::sql_run::{Output, SqlRun};
use crate::statement::QualityResult;
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

/// A succeeded run's result.
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

    async fn run_clean(&self, declared: &Location, location: &Location, context: &RunContext) -> Result<JobResult> {
        let removed = clean(self.jobs.buckets(), declared, location, context).await?;
        context.info(format!("Removed {} files ({} bytes) under {location}.", removed.files, removed.bytes));
        Ok(JobResult::Clean { location: location.to_string(), files_removed: removed.files, bytes_removed: removed.bytes })
    }
}

#[async_trait]
impl Executor for JobExecutor {
    fn kind(&self) -> &'static str {
        RUN_KIND
    }

    async fn execute(&self, context: &RunContext) -> Result<Finished> {
        let input: JobInput = context.input::<Option<JobInput>>()?.unwrap_or_default();
        let job = self.jobs.runs().store().get::<Job>(&context.run().subject).await?;
        let arguments = Jobs::arguments(&job, &input.arguments, &context.id().0);
        let mut bookmark = RunBookmark::none();
        let result = match plan(&job, &arguments)? {
            Plan::Clean { declared, location } => self.run_clean(&declared, &location, context).await?,
            Plan::Script(plan) => {
                let run = ScriptRun { job: &job.name, buckets: self.jobs.buckets(), sessions: self.sessions.as_deref(), context };
                JobResult::Script(run.carry_out(&plan).await?)
            }
            planned => {
                let engine = self.engines.of(&job)?.as_ref();
                let mut statements = self.workbench.statements(&job, &arguments, &[], Some(Means::of(context))).await?;
                let queries: Vec<&SqlQuery> = statements.iter().map(|statement| &statement.query).collect();
                bookmark = RunBookmark::open(&self.catalog, engine, &job, &arguments, &queries, context).await?;
                statements.iter_mut().for_each(|statement| bookmark.narrow(&mut statement.query));
                let graph = match &planned {
                    Plan::Graph { graph, script: None } => Some((graph, &arguments)),
                    _ => None,
                };
                let run = SqlRun { engine, jobs: &self.jobs, catalog: &self.catalog, context, graph };
                if bookmark.is_empty() { JobResult::nothing() } else { run.carry_out(statements).await? }
            }
        };
        let mut tx = context.begin().await?;
        bookmark.advance(&mut tx, context).await?;
        context.succeed(tx, &result).await
    }
}
