//! The stage: jobs and their runs.

use domain::{Arn, Error, ErrorKind, Result, arn::Partition};
use runs::{Filter, NewRun, Run, RunId, Runs};
use serde::Deserialize;
use serde_json::{Map, Value};
use store::{Buckets, Location, Stored};

use crate::arguments::{self, Arguments};
use crate::bookmark;
use crate::executor::JobInput;
use crate::job::{self, Job, RUN_KIND};
use crate::job_run::JobRun;
use crate::plan::Script;

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
    /// A run of the job that is to be repeated, with its arguments and its timeout where none are given here.
    #[serde(default)]
    pub job_run_id: Option<RunId>,
    #[serde(default)]
    pub arguments: Arguments,
    /// Minutes; instead of the job's.
    #[serde(default)]
    pub timeout: Option<u32>,
    /// What else there is. Of it, what Glue shows of a run is kept and shown.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// Members of a job, or of a start instead, that its runs show and that have no effect.
const SHOWN_BY_RUNS: [&str; 11] = [
    "JobMode",
    "JobRunQueuingEnabled",
    "GlueVersion",
    "WorkerType",
    "NumberOfWorkers",
    "MaxCapacity",
    "AllocatedCapacity",
    "ExecutionClass",
    "SecurityConfiguration",
    "NotificationProperty",
    "MaintenanceWindow",
];

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

    /// The arguments of a run that is given none.
    pub(crate) fn default_arguments(job: &Job) -> Arguments {
        Self::arguments(job, &Arguments::default(), "")
    }

    /// The arguments of a run.
    pub(crate) fn arguments(job: &Job, given: &Arguments, run: &str) -> Arguments {
        let mut merged = arguments::merge(&job.default_arguments, given, &job.non_overridable_arguments);
        merged.insert("--JOB_NAME".into(), job.name.clone());
        merged.insert("--JOB_RUN_ID".into(), run.to_owned());
        merged
    }

    /// The script as it is written.
    pub(crate) async fn source(&self, script: &Script) -> Result<String> {
        match script {
            Script::Text(text) => Ok(text.clone()),
            Script::File(location) => self.read_script(location).await,
        }
    }

    /// The script with its arguments filled in.
    pub(crate) async fn text(&self, script: &Script, arguments: &Arguments) -> Result<String> {
        arguments::substitute(&self.source(script).await?, arguments)
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

    /// From now on the job runs the file in place of its graph, of which `known` is the state that the file was made of.
    pub(crate) async fn run_code(&self, known: &Job, file: &Location) -> Result<()> {
        let change = |job: &mut Job| {
            let command = |job: &Job| job.command.script_location.clone();
            if job.code_gen_configuration_nodes != known.code_gen_configuration_nodes || command(job) != command(known) {
                let text = format!("Job {:?} was changed while its code was written to {file}; remove the file and try again.", job.name);
                return Err(Error::new(ErrorKind::Conflict, text));
            }
            job.command.script_location = Some(file.to_string());
            job.check()
        };
        self.runs.store().update(&known.name, change).await.map(|_| ())
    }

    /// Runs that have begun go on; queued ones fail, as there is nothing left to do. Past runs stay readable, the bookmark goes.
    pub async fn delete_job(&self, name: &str) -> Result<()> {
        let mut tx = self.runs.store().begin().await?;
        tx.delete::<Job>(name).await?;
        bookmark::forget(&mut tx, name).await?;
        tx.commit().await
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
        let under_way = self.runs.open_in(&mut tx, RUN_KIND, &job.name).await?;
        if under_way >= most {
            return Err(Error::new(
                ErrorKind::TooManyRuns,
                format!("Job {:?} has at most {most} runs at once (MaxConcurrentRuns); {under_way} are under way.", job.name),
            ));
        }
        let repeated = match &start.job_run_id {
            Some(id) => Some(self.find(&job.name, id).await?),
            None => None,
        };
        let new = new_run(&job, start, repeated.as_ref(), None)?;
        let id = self.runs.submit_in(&mut tx, &new).await?;
        tx.commit().await?;
        self.runs.wake();
        Ok(id)
    }

    /// What a trigger queues as a workflow run's child: the run as [`Jobs::start_job_run`] would make it, without counting runs.
    pub async fn new_run(&self, name: &str, arguments: Arguments, trigger: &str) -> Result<NewRun> {
        new_run(&*self.get_job(name).await?, StartJobRun { arguments, ..StartJobRun::default() }, None, Some(trigger))
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
}

fn new_run(job: &Job, start: StartJobRun, repeated: Option<&Run>, trigger: Option<&str>) -> Result<NewRun> {
    let mut arguments = match repeated {
        Some(run) => run.input::<JobInput>().unwrap_or_default().arguments,
        None => Arguments::new(),
    };
    arguments.extend(start.arguments);
    arguments::check(&arguments)?;
    let minutes = |minutes: u32| i64::from(minutes) * 60_000;
    let timeout = start.timeout.map(minutes).or(repeated.and_then(|run| run.timeout_ms)).or(job.timeout.map(minutes));
    let mut shown = shown_by_runs(serde_json::to_value(job).ok().and_then(|job| job.as_object().cloned()).unwrap_or_default());
    shown.extend(shown_by_runs(start.others));
    let input = JobInput { arguments, trigger_name: trigger.map(str::to_owned), previous_run_id: start.job_run_id, shown };
    let new = NewRun::new(RUN_KIND, &job.name).input(&input)?.max_attempts(1 + job.max_retries);
    Ok(match timeout {
        Some(ms) => new.timeout_ms(ms),
        None => new,
    })
}

fn shown_by_runs(mut members: Map<String, Value>) -> Map<String, Value> {
    members.retain(|name, value| SHOWN_BY_RUNS.contains(&name.as_str()) && !value.is_null());
    members
}
