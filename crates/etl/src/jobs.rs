//! The stage: jobs and their runs.

use domain::{Arn, Error, ErrorKind, Result, RunState, arn::Partition};
use runs::{Filter, NewRun, Run, RunId, Runs};
use serde::Deserialize;
use store::{Buckets, Location, Stored};

use crate::arguments::{self, Arguments};
use crate::executor::JobInput;
use crate::job::{self, Job, RUN_KIND};
use crate::job_run::JobRun;
use crate::plan::{Plan, Script, plan};

/// A job's runs that a list gives at most, newest first.
const LISTED_RUNS: i64 = 1_000;

/// Handles to everything about jobs; clone it freely.
#[derive(Debug, Clone)]
pub struct Jobs {
    runs: Runs,
    buckets: Buckets,
    partition: Partition,
}

/// What StartJobRun takes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartJobRun {
    pub job_name: String,
    #[serde(default)]
    pub arguments: Arguments,
    /// Minutes; instead of the job's.
    #[serde(default)]
    pub timeout: Option<u32>,
}

/// What a SQL job asks and where its rows go, with its default arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobQuery {
    pub text: String,
    /// The database of table names that name none.
    pub database: Option<String>,
    /// The prefix of its result.
    pub target: String,
}

impl Jobs {
    pub fn new(runs: Runs, buckets: Buckets, partition: Partition) -> Self {
        Self { runs, buckets, partition }
    }

    pub(crate) fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    pub(crate) fn runs(&self) -> &Runs {
        &self.runs
    }

    /// The job's query as its default arguments make it; nothing for a job that runs none.
    ///
    /// # Errors
    /// A script that cannot be read, an argument that only a run gives.
    pub async fn query(&self, job: &Job) -> Result<Option<JobQuery>> {
        let mut merged = arguments::merge(&job.default_arguments, &Arguments::default(), &job.non_overridable_arguments);
        merged.insert("--JOB_NAME".into(), job.name.clone());
        merged.insert("--JOB_RUN_ID".into(), String::new());
        let Plan::Sql { script, database, target } = plan(job, &merged)? else { return Ok(None) };
        let text = match script {
            Script::Text(text) => text,
            Script::File(location) => self.read_script(&location).await?,
        };
        Ok(Some(JobQuery { text: arguments::substitute(&text, &merged)?, database, target: target.location }))
    }

    pub(crate) async fn read_script(&self, location: &Location) -> Result<String> {
        let bytes = self.buckets.read(location).await?;
        String::from_utf8(bytes.to_vec())
            .map_err(|e| Error::invalid_data(format!("The script {location} is not UTF-8 text.")).source(e.utf8_error()))
    }

    pub fn arn(&self, name: &str) -> Arn {
        self.partition.glue("job", name)
    }

    /// # Errors
    /// `AlreadyExists`; `InvalidInput` for everything about the job that no run could make good.
    pub async fn create_job(&self, job: Job) -> Result<()> {
        job.check()?;
        self.runs.store().create(&job).await
    }

    pub async fn get_job(&self, name: &str) -> Result<Stored<Job>> {
        self.runs.store().get(name).await
    }

    /// Every job, by name.
    pub async fn list_jobs(&self) -> Result<Vec<Stored<Job>>> {
        self.runs.store().list().await
    }

    /// Replaces the whole job but its name: members left out are reset, as Glue does it. Runs under way are not touched.
    pub async fn update_job(&self, name: &str, mut job: Job) -> Result<Stored<Job>> {
        job.name = name.into();
        job.check()?;
        let replace = |old: &mut Job| {
            *old = job;
            Ok(())
        };
        self.runs.store().update(name, replace).await
    }

    /// Runs that have begun go on; queued ones fail, as there is nothing left to do. Past runs stay readable.
    pub async fn delete_job(&self, name: &str) -> Result<()> {
        self.runs.store().delete::<Job>(name).await
    }

    /// Queues a run.
    ///
    /// # Errors
    /// `NotFound`; `TooManyRuns` when as many as MaxConcurrentRuns are under way; `InvalidInput` for arguments.
    pub async fn start_job_run(&self, start: StartJobRun) -> Result<RunId> {
        // The transaction is open before the runs are counted: who else would start one has to wait for it.
        let mut tx = self.runs.store().begin().await?;
        let job = tx.get::<Job>(&start.job_name).await?;
        job::check_timeout(&job.name, start.timeout)?;
        let most = job.execution_property.max_concurrent_runs;
        let under_way = self.count_under_way(&job.name).await?;
        if under_way >= most as usize {
            return Err(Error::new(
                ErrorKind::TooManyRuns,
                format!("Job {:?} has at most {most} runs at once (MaxConcurrentRuns); {under_way} are under way.", job.name),
            ));
        }
        let new = new_run(&job, start.arguments, start.timeout, None)?;
        let id = self.runs.submit_in(&mut tx, &new).await?;
        tx.commit().await?;
        self.runs.wake();
        Ok(id)
    }

    /// What a trigger queues as a workflow run's child: the run as [`Jobs::start_job_run`] would make it, without counting runs.
    pub async fn new_run(&self, name: &str, arguments: Arguments, trigger: &str) -> Result<NewRun> {
        new_run(&*self.get_job(name).await?, arguments, None, Some(trigger))
    }

    pub async fn get_job_run(&self, name: &str, id: &RunId) -> Result<JobRun> {
        let run = self.find(name, id).await?;
        Ok(JobRun::new(&run, self.runs.store().clock().now()))
    }

    /// The job's newest runs, newest first.
    pub async fn list_job_runs(&self, name: &str) -> Result<Vec<JobRun>> {
        let filter = Filter { kind: Some(RUN_KIND.into()), subject: Some(name.into()), ..Filter::default() };
        let now = self.runs.store().clock().now();
        let runs = self.runs.list(&filter, LISTED_RUNS).await?;
        Ok(runs.iter().map(|run| JobRun::new(run, now)).collect())
    }

    /// Asks a run to stop; one that has ended is left alone.
    pub async fn stop_job_run(&self, name: &str, id: &RunId) -> Result<()> {
        let run = self.find(name, id).await?;
        self.runs.stop(&run.id).await
    }

    async fn find(&self, name: &str, id: &RunId) -> Result<Run> {
        let run = self.runs.find(id).await?.filter(|run| run.kind == RUN_KIND && run.subject == name);
        run.ok_or_else(|| Error::not_found(format!("run {:?} of job {name:?}", id.0)))
    }

    async fn count_under_way(&self, name: &str) -> Result<usize> {
        let mut count = 0;
        for state in [RunState::Queued, RunState::Running] {
            let filter = Filter { kind: Some(RUN_KIND.into()), subject: Some(name.into()), state: Some(state), ..Filter::default() };
            count += self.runs.list(&filter, LISTED_RUNS).await?.len();
        }
        Ok(count)
    }
}

fn new_run(job: &Job, arguments: Arguments, timeout: Option<u32>, trigger: Option<&str>) -> Result<NewRun> {
    arguments::check(&arguments)?;
    let input = JobInput { arguments, trigger_name: trigger.map(str::to_owned) };
    let new = NewRun::new(RUN_KIND, &job.name).input(&input)?.max_attempts(1 + job.max_retries);
    Ok(match timeout.or(job.timeout) {
        Some(minutes) => new.timeout_ms(i64::from(minutes) * 60_000),
        None => new,
    })
}
