//! The composition root: one installation, its stages put together, its worker.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use api::Credentials;
use catalog::{Catalog, CrawlExecutor};
use dataset::{Datasets, ImportExecutor, ImportSettings};
use domain::arn::Partition;
use domain::{Error, Result, SystemClock};
use engine::DataFusionEngine;
use etl::{JobExecutor, Jobs};
use events::{Events, LiveHistory};
use pipeline::{PipelineExecutor, Pipelines};
use rand::SeedableRng;
use rand::distr::{Alphanumeric, SampleString};
use rand::rngs::StdRng;
use runs::{Breakpoints, Registry, Runs, Settings, Worker};
use serve::{DeployExecutor, Serving};
use store::{Artifacts, Buckets, Store};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use train::{TrainExecutor, TrainSettings, Training};
use workflow::{Scheduler, WorkflowExecutor, Workflows};

use crate::project::{FILE, Limits, Project, no_project};
use crate::starter::Stages;

/// Where the state lives, beside the project file.
pub const STATE: &str = ".penchant";
/// Named by tests to hold the process at a point; see [`Breakpoints`].
const HOLD_AT: &str = "PENCHANT_HOLD_AT";
/// How often schedules are looked at, models compared with the store, and events moved to the datasets.
const SCHEDULE_EVERY: Duration = Duration::from_secs(1);
const REFRESH_EVERY: Duration = Duration::from_millis(500);
const FLUSH_EVERY: Duration = Duration::from_secs(10);

/// Every stage of one installation, to look at and to ask.
pub struct Home {
    pub folder: PathBuf,
    pub state: PathBuf,
    pub limits: Limits,
    pub partition: Partition,
    pub runs: Runs,
    pub buckets: Buckets,
    pub catalog: Catalog,
    pub jobs: Jobs,
    pub datasets: Datasets,
    pub training: Training,
    pub serving: Serving,
    pub workflows: Workflows,
    pub pipelines: Pipelines,
    pub credentials: Credentials,
}

impl Home {
    /// Opens an installation that is there, to look at it and to queue runs. Live events are the worker's; here there are none.
    pub async fn open(folder: &Path) -> Result<Self> {
        if !folder.join(FILE).is_file() && !folder.join(STATE).is_dir() {
            return Err(no_project(folder));
        }
        let parts = Parts::open(folder).await?;
        parts.home(LiveHistory::new(0, 0))
    }

    /// Whether some process has the right to work on the queue now.
    pub fn is_worked_on(&self) -> Result<bool> {
        Ok(try_lock(&self.state)?.is_none())
    }
}

/// What looking and working have in common.
struct Parts {
    folder: PathBuf,
    state: PathBuf,
    project: Project,
    buckets: Buckets,
    datasets: Datasets,
}

impl Parts {
    /// Creates the state where missing.
    async fn open(folder: &Path) -> Result<Self> {
        let project = Project::read(folder)?;
        let folder = std::path::absolute(folder)
            .map_err(|e| Error::invalid_input(format!("The folder {} cannot be used.", folder.display())).source(e))?;
        let state = folder.join(STATE);
        std::fs::create_dir_all(&state)
            .map_err(|e| Error::unavailable(format!("The folder {} cannot be created.", state.display())).source(e))?;
        let store = Store::open(&state.join("metadata.db"), Arc::new(SystemClock)).await?;
        let buckets = Buckets::open(&state.join("buckets"), &folder)?;
        let artifacts = Artifacts::open(&state.join("artifacts"))?;
        let settings = ImportSettings {
            max_bad_share: project.limits.import_bad_rows_percent / 100.0,
            min_interactions: project.limits.import_min_interactions,
            ..ImportSettings::default()
        };
        let partition = project.aws.clone().unwrap_or_default();
        let datasets = Datasets::new(Runs::new(store), buckets.clone(), artifacts, partition).with_settings(settings);
        Ok(Self { folder, state, project, buckets, datasets })
    }

    fn home(self, live: LiveHistory) -> Result<Home> {
        let Self { folder, state, project, buckets, datasets } = self;
        let (runs, partition) = (datasets.runs().clone(), datasets.partition().clone());
        let training = Training::new(runs.clone(), datasets.artifacts().clone(), datasets.clone(), partition.clone());
        Ok(Home {
            credentials: credentials(&state)?,
            catalog: Catalog::new(runs.clone(), buckets.clone(), partition.clone()),
            jobs: Jobs::new(runs.clone(), buckets.clone(), partition.clone()),
            serving: Serving::new(training.clone(), live, partition.clone(), seed()),
            workflows: Workflows::new(runs.clone()),
            pipelines: Pipelines::new(runs.clone()),
            limits: project.limits,
            folder,
            state,
            partition,
            runs,
            buckets,
            datasets,
            training,
        })
    }
}

/// The right to work on the queue: at most one process of an installation holds it. Nothing when another one does.
fn try_lock(state: &Path) -> Result<Option<File>> {
    let path = state.join("lock");
    let unusable = |e: std::io::Error| Error::unavailable(format!("The lock {} cannot be taken.", path.display())).source(e);
    let file = File::create(&path).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}

/// An installation on whose queue, schedules, models and events this process works. Dropped, the work ends at once.
pub struct AtWork {
    pub home: Arc<Home>,
    pub events: Events,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    /// Given back last.
    _lock: File,
}

impl AtWork {
    /// Opens the installation, creating it where missing, and begins to work; nothing when another process is at work.
    pub async fn begin(folder: &Path) -> Result<Option<Self>> {
        let parts = Parts::open(folder).await?;
        let Some(lock) = try_lock(&parts.state)? else { return Ok(None) };
        let events = Events::open(&parts.state.join("events"), parts.datasets.clone(), events::Settings::default()).await?;
        let home = Arc::new(parts.home(events.live().clone())?);
        let worker = home.worker(&events)?;
        let taken_back = worker.recover().await?;
        if taken_back > 0 {
            tracing::info!("{taken_back} runs of an earlier process go on.");
        }
        home.serving.refresh().await?;
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(Scheduler::new(home.workflows.clone(), SCHEDULE_EVERY).work(stop.clone()));
        tasks.spawn(worker.work(stop.clone()));
        let serving = home.serving.clone();
        tasks.spawn(keep("comparing what serves with the store", REFRESH_EVERY, stop.clone(), move || {
            let serving = serving.clone();
            async move { serving.refresh().await }
        }));
        let flushed = events.clone();
        tasks.spawn(keep("moving events into their datasets", FLUSH_EVERY, stop.clone(), move || {
            let events = flushed.clone();
            async move { events.flush().await.map(|_| ()) }
        }));
        Ok(Some(Self { home, events, stop, tasks, _lock: lock }))
    }

    /// Puts what is under way back into the queue, moves the last events into their datasets, and gives the right to work back.
    pub async fn end(mut self) -> Result<()> {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.events.flush().await.map(|_| ())
    }
}

/// Does something again and again. A failure is logged; the next turn tries again.
async fn keep<F: Future<Output = Result<()>>>(what: &str, every: Duration, stop: CancellationToken, mut act: impl FnMut() -> F) {
    while !stop.is_cancelled() {
        if let Err(error) = act().await {
            tracing::warn!("Failed, and tried again: {what}: {error}");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(every) => {}
        }
    }
}

impl Home {
    fn worker(&self, events: &Events) -> Result<Worker> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = if self.limits.threads == 0 { cores } else { self.limits.threads };
        let engine = DataFusionEngine::new(self.catalog.clone(), threads)?;
        let starter = Stages { catalog: self.catalog.clone(), jobs: self.jobs.clone(), pipelines: self.pipelines.clone() };
        let registry = Registry::default()
            .with(CrawlExecutor::new(self.catalog.clone()))
            .with(JobExecutor::new(self.jobs.clone(), Arc::new(engine)))
            .with(ImportExecutor::new(self.datasets.clone()))
            .with(TrainExecutor::new(self.training.clone(), TrainSettings::default()))
            .with(DeployExecutor::new(self.serving.clone()))
            .with(WorkflowExecutor::new(Arc::new(starter)))
            .with(PipelineExecutor {
                buckets: self.buckets.clone(),
                datasets: self.datasets.clone(),
                training: self.training.clone(),
                serving: self.serving.clone(),
                events: events.clone(),
            });
        let settings = Settings { concurrent_runs: self.limits.concurrent_runs.max(1), ..Settings::default() };
        let limits = runs::Limits { job_memory_bytes: self.limits.job_memory_mib << 20, spill_folder: self.state.join("spill"), threads };
        let breakpoints = std::env::var(HOLD_AT).map_or_else(|_| Breakpoints::none(), Breakpoints::hold_at);
        Ok(Worker::new(self.runs.clone(), registry, settings, limits, breakpoints))
    }
}

/// Reads the access key of this installation, drawing one at the first start. Of two processes that start first, one's key
/// is kept and both use it.
fn credentials(state: &Path) -> Result<Credentials> {
    let path = state.join("credentials");
    if let Some(found) = Credentials::read(&path)? {
        return Ok(found);
    }
    let mut random = StdRng::from_seed(seed());
    let mut draw = |count: usize| Alphanumeric.sample_string(&mut random, count);
    let drawn = Credentials::new(format!("AKIA{}", draw(16).to_uppercase()), draw(40))?;
    let own = state.join(format!("credentials-{}", draw(8)));
    drawn.write(&own)?;
    let cannot = |e: std::io::Error| Error::unavailable(format!("The credentials file {} cannot be written.", path.display())).source(e);
    match std::fs::hard_link(&own, &path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(cannot(error)),
        _ => std::fs::remove_file(&own).map_err(cannot)?,
    }
    Credentials::read(&path)?.ok_or_else(|| Error::internal("The credentials file is gone as soon as it was written."))
}

/// Randomness of the operating system: the composition root is its one home.
#[allow(clippy::disallowed_methods, reason = "this is the composition root")]
fn seed<T>() -> T
where
    rand::distr::StandardUniform: rand::distr::Distribution<T>,
{
    rand::random()
}
