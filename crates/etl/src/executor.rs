//! What happens in a job run.

use std::sync::Arc;

use async_trait::async_trait;
use domain::Result;
use runs::{Executor, Finished, Level, RunContext};
use serde::{Deserialize, Serialize};
use store::Location;

use crate::arguments::{self, Arguments};
use crate::clean::clean;
use crate::engine::{Engine, SqlOutcome, SqlRequest};
use crate::job::{Job, RUN_KIND};
use crate::jobs::Jobs;
use crate::plan::{Plan, Script, plan};
use crate::publication::Publication;
use crate::target::Target;

/// A run's input; the subject is the job's name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct JobInput {
    #[serde(default)]
    pub arguments: Arguments,
    /// The trigger that asked for the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_name: Option<String>,
}

/// A succeeded run's result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum JobResult {
    /// The rows of a query were published.
    #[serde(rename_all = "PascalCase")]
    Sql {
        /// The published file.
        file: String,
        #[serde(flatten)]
        outcome: SqlOutcome,
    },
    /// Earlier results were removed.
    #[serde(rename_all = "PascalCase")]
    Clean { location: String, files_removed: u64, bytes_removed: u64 },
}

/// Executes runs of kind `job`.
pub struct JobExecutor {
    jobs: Jobs,
    engine: Arc<dyn Engine>,
}

impl JobExecutor {
    pub fn new(jobs: Jobs, engine: Arc<dyn Engine>) -> Self {
        Self { jobs, engine }
    }

    async fn run_sql(&self, query: String, database: Option<String>, target: Target, context: &RunContext) -> Result<JobResult> {
        let publication = Publication::new(self.jobs.buckets(), &target, context)?;
        publication.sweep(context).await?;
        let request = SqlRequest { query, database, output: publication.hidden(), format: target.format, compression: target.compression };
        let outcome = self.engine.run_sql(request, context).await?;
        context.point("written").await;
        if outcome.rows_written == 0 {
            context.log(Level::Warn, format!("The query gave no rows; {} holds the header only.", publication.published()));
        }
        publication.publish(context).await?;
        context.info(format!("Published {} rows as {}.", outcome.rows_written, publication.published()));
        Ok(JobResult::Sql { file: publication.published().to_string(), outcome })
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
        let mut merged = arguments::merge(&job.default_arguments, &input.arguments, &job.non_overridable_arguments);
        merged.insert("--JOB_NAME".into(), job.name.clone());
        merged.insert("--JOB_RUN_ID".into(), context.id().0.clone());
        let result = match plan(&job, &merged)? {
            Plan::Clean { declared, location } => self.run_clean(&declared, &location, context).await?,
            Plan::Sql { script, database, target } => {
                let text = match script {
                    Script::Text(text) => text,
                    Script::File(location) => self.jobs.read_script(&location).await?,
                };
                self.run_sql(arguments::substitute(&text, &merged)?, database, target, context).await?
            }
        };
        let tx = context.begin().await?;
        context.succeed(tx, &result).await
    }
}
