//! Data deletion jobs: a list of users, and nothing of what they did afterwards.

use async_trait::async_trait;
use dataset::{DataSource, Deletion, ModelWithout};
use domain::{Arn, Error, Name, Result, RunState, Timestamp};
use events::Events;
use runs::{Executor, Finished, Level, NewRun, Run, RunContext, RunId};
use serde::{Deserialize, Serialize};
use store::{Location, Resource, Stored};

use crate::serving::Serving;

/// The kind of the runs that delete data of users; their subject is the ARN of the job.
pub const DELETE_DATA: &str = "delete_data";

/// A deletion waits for trainings and imports of its group by being tried again, after a minute at most each time.
const MOST_ATTEMPTS: u32 = 1_000;

/// Key: its ARN; parent: its dataset group's ARN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataDeletionJob {
    pub job_name: Name,
    pub data_deletion_job_arn: Arn,
    pub dataset_group_arn: Arn,
    pub data_source: DataSource,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    pub run: RunId,
}

impl Resource for DataDeletionJob {
    const KIND: &'static str = "data_deletion_job";
    fn key(&self) -> String {
        self.data_deletion_job_arn.to_string()
    }
    fn parent(&self) -> String {
        self.dataset_group_arn.to_string()
    }
}

/// The request of CreateDataDeletionJob.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateDataDeletionJob {
    pub job_name: String,
    pub dataset_group_arn: Arn,
    pub data_source: DataSource,
    #[serde(default)]
    pub role_arn: Option<String>,
}

/// The result of the run: what was removed, place by place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataDeletionReport {
    pub files: u64,
    /// Different ids in the files.
    pub users: u64,
    /// Rows of all datasets.
    pub num_deleted: u64,
    /// Rows by type of dataset.
    pub rows: std::collections::BTreeMap<String, u64>,
    /// Events of the log; those that name an item were rows of the interactions as well.
    pub logged_events: u64,
    /// Solution versions whose histories are without the users now; their weights stay as they were learned.
    pub models: Vec<ModelWithout>,
    /// Rows of these users that were found in the datasets when all was done.
    pub rows_left: u64,
}

/// A job together with the run its status follows from.
#[derive(Debug, Clone)]
pub struct DataDeletionJobView {
    pub job: Stored<DataDeletionJob>,
    pub run: Run,
}

impl DataDeletionJobView {
    /// Personalize's word; these jobs have words of their own.
    pub fn status(&self) -> &'static str {
        match self.run.state {
            RunState::Queued => "PENDING",
            RunState::Running => "IN_PROGRESS",
            RunState::Succeeded => "COMPLETED",
            _ => "FAILED",
        }
    }

    pub fn failure_reason(&self) -> Option<&str> {
        self.run.message.as_deref()
    }

    pub fn last_updated(&self) -> Timestamp {
        self.run.ended.or(self.run.started).unwrap_or(self.job.updated)
    }

    /// Rows that were removed, once the job is COMPLETED.
    pub fn num_deleted(&self) -> Option<u64> {
        self.run.result::<DataDeletionReport>().ok().map(|report| report.num_deleted)
    }
}

impl Serving {
    /// Queues the job; those of one group are carried out one after the other.
    pub async fn create_data_deletion_job(&self, request: CreateDataDeletionJob) -> Result<DataDeletionJob> {
        let job_name = Name::new(request.job_name)?;
        Location::parse(&request.data_source.data_location)?;
        let group = self.training().datasets().get_dataset_group(&request.dataset_group_arn).await?.value.dataset_group_arn;
        let data_deletion_job_arn = self.partition().personalize("data-deletion-job", &job_name);
        let mut tx = self.store().begin().await?;
        if tx.find::<DataDeletionJob>(data_deletion_job_arn.as_str()).await?.is_some() {
            return Err(Error::already_exists(format!("Data deletion job \"{job_name}\"")));
        }
        let run = NewRun::new(DELETE_DATA, data_deletion_job_arn.as_str()).max_attempts(MOST_ATTEMPTS);
        let run = run.resource(format!("deletion in {group}"), 1);
        let job = DataDeletionJob {
            job_name,
            data_deletion_job_arn,
            dataset_group_arn: group,
            data_source: request.data_source,
            role_arn: request.role_arn,
            run: self.runs().submit_in(&mut tx, &run).await?,
        };
        tx.create(&job).await?;
        tx.commit().await?;
        self.runs().wake();
        Ok(job)
    }

    pub async fn get_data_deletion_job(&self, arn: &Arn) -> Result<DataDeletionJobView> {
        let job = self.store().get::<DataDeletionJob>(arn.as_str()).await?;
        let run = self.runs().get(&job.run).await?;
        Ok(DataDeletionJobView { job, run })
    }

    /// Those of one dataset group, or all.
    pub async fn list_data_deletion_jobs(&self, group_arn: Option<&Arn>) -> Result<Vec<DataDeletionJobView>> {
        let jobs = match group_arn {
            Some(group) => self.store().children::<DataDeletionJob>(group.as_str()).await?,
            None => self.store().list().await?,
        };
        let mut views = Vec::with_capacity(jobs.len());
        for job in jobs {
            let run = self.runs().get(&job.run).await?;
            views.push(DataDeletionJobView { job, run });
        }
        Ok(views)
    }
}

/// Carries out runs of kind [`DELETE_DATA`]. It works where the event log is.
#[derive(Debug, Clone)]
pub struct DataDeletionExecutor {
    serving: Serving,
    events: Events,
}

impl DataDeletionExecutor {
    pub fn new(serving: Serving, events: Events) -> Self {
        Self { serving, events }
    }
}

#[async_trait]
impl Executor for DataDeletionExecutor {
    fn kind(&self) -> &'static str {
        DELETE_DATA
    }

    async fn execute(&self, context: &RunContext) -> Result<Finished> {
        let job = context.store().get::<DataDeletionJob>(&context.run().subject).await?.value;
        let datasets = self.serving.training().datasets();
        let location = Location::parse(&job.data_source.data_location)?;
        let (users, files) = datasets.user_ids(&location).await?;
        let count = users.len() as u64;
        context.check()?;
        let done = self.events.delete_users(context.id(), &context.attempt_name(), &job.dataset_group_arn, users).await?;
        context.point("data_removed").await;
        let deletion = self.serving.training().delete_users(&done.deletion, &done.leavers).await?;
        context.point("models_rewritten").await;
        datasets.remove_gone(&deletion).await?;
        // Who hears that the job is done is answered without what the users did.
        self.serving.refresh_if_answering().await?;
        let rows_left = datasets.rows_of(&job.dataset_group_arn, &done.leavers).await?;
        let report = DataDeletionReport {
            files,
            users: count,
            num_deleted: deletion.rows.values().sum(),
            rows: deletion.rows,
            logged_events: deletion.logged,
            models: deletion.models,
            rows_left,
        };
        tell(context, &report, done.live, &location);
        let mut tx = context.begin().await?;
        tx.delete::<Deletion>(&deletion.run.to_string()).await?;
        context.succeed(tx, &report).await
    }
}

fn tell(context: &RunContext, report: &DataDeletionReport, live: u64, location: &Location) {
    context.info(format!("Deleted the data of {} users, named in {} files at {location}.", report.users, report.files));
    for (dataset, rows) in &report.rows {
        context.info(format!("{dataset}: {rows} rows removed."));
    }
    context.info(format!("Event log: {} events removed; live histories: {live}.", report.logged_events));
    for model in &report.models {
        context.log(
            Level::Warn,
            format!(
                "{}: the histories of {} users with {} events removed; its weights were learned with them: train again.",
                model.solution_version_arn, model.users, model.events
            ),
        );
    }
    let level = if report.rows_left == 0 { Level::Info } else { Level::Warn };
    context.log(level, format!("Looked again: {} rows of these users in the datasets.", report.rows_left));
}
