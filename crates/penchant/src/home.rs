//! The composition root: one installation, its stages put together, its worker.

use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use api::{Credentials, SessionKeys};
use catalog::{Catalog, CrawlExecutor, ProfileExecutor};
use dataset::{Datasets, ImportExecutor, ImportSettings};
use domain::arn::Partition;
use domain::{Error, Result, SystemClock};
use engine::{DataFusionEngine, FileRows};
use etl::{Engines, JobExecutor, Jobs, Workbench};
use events::{Events, LiveHistory};
use impact::Impacts;
use notify::Notify;
use pipeline::{PipelineExecutor, Pipelines, Planner, Watch};
use runs::{Breakpoints, Registry, Retention, Runs, Settings, Worker};
use serve::{BatchInferenceExecutor, DataDeletionExecutor, DeployExecutor, RecommenderExecutor, Serving};
use store::{Artifacts, Buckets, Store};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use train::{TrainExecutor, TrainSettings, Training};
use workflow::{Scheduler, WorkflowExecutor, Workflows};

use crate::keys::{credentials, draw, secrets, seed};
use crate::nodes::{self, Role, Roles};
use crate::project::{EnginesConfig, FILE, Limits, Metadata, Project, no_project};
use crate::sessions::ScriptSessions;
use crate::starter::{BlueprintExecutor, EventsOfRules, Stages, look_for_files};

/// Where the state lives, beside the project file.
pub const STATE: &str = ".penchant";
/// Named by tests to hold the process at a point; see [`Breakpoints`].
const HOLD_AT: &str = "PENCHANT_HOLD_AT";
/// How often schedules and awaited files are looked at, models compared with the store, and events moved to the datasets.
const SCHEDULE_EVERY: Duration = Duration::from_secs(1);
const REFRESH_EVERY: Duration = Duration::from_millis(500);
const FLUSH_EVERY: Duration = Duration::from_secs(10);
/// How often old runs are forgotten, and the pause between two parts of them.
const FORGET_EVERY: Duration = Duration::from_secs(3600);
const BETWEEN_PARTS: Duration = Duration::from_millis(50);
/// How often it is looked whether something is to be trained again, and a campaign to follow its solution.
const RENEW_EVERY: Duration = Duration::from_secs(60);
/// As AWS has it: a week.
const RECOMMENDER_AGE_MS: i64 = 7 * 86_400_000;
/// Kinds of runs that no resource takes its state from.
const HISTORY: [&str; 6] = ["crawl", "profile", "job", workflow::RUN_KIND, workflow::BLUEPRINT_RUN, pipeline::RUN_KIND];

/// Every stage of one installation, to look at and to ask.
pub struct Home {
    pub folder: PathBuf,
    pub state: PathBuf,
    pub limits: Limits,
    engines: EnginesConfig,
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
    pub sessions: SessionKeys,
    pub notify: Notify,
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

    /// The SQL engine, with threads of its own.
    pub fn engine(&self) -> Result<DataFusionEngine> {
        DataFusionEngine::new(self.catalog.clone(), self.threads())
    }

    /// Everything that jobs may be computed by.
    fn engines(&self) -> Result<Engines> {
        let embedded = Arc::new(self.engine()?);
        let engines = Engines::new(embedded.clone());
        #[cfg(feature = "spark")]
        if let Some(config) = self.engines.spark.clone() {
            let spark = spark::SparkEngine::new(self.catalog.clone(), self.buckets.clone(), config).with_planner(embedded);
            return Ok(engines.with(Arc::new(spark)));
        }
        #[cfg(not(feature = "spark"))]
        if self.engines.spark.is_some() {
            return Err(Error::invalid_input(format!(
                "{FILE} names the engine spark, which this binary was built without: build it with `make release`, or FEATURES=spark."
            )));
        }
        Ok(engines)
    }

    /// Who looks into jobs without running them.
    pub fn workbench(&self) -> Result<Workbench> {
        let engine = Arc::new(DataFusionEngine::new(self.catalog.clone(), 1)?);
        Ok(Workbench::new(self.jobs.clone(), self.catalog.clone(), engine))
    }

    /// Who asks what a change breaks.
    pub fn impacts(&self) -> Result<Impacts> {
        Ok(Impacts::new(self.catalog.clone(), self.workbench()?, self.datasets.clone(), self.workflows.clone()))
    }

    /// Whether a process with these roles answers recommendations and takes events.
    pub fn serves(&self, roles: &Roles) -> bool {
        roles.has(Role::Serving)
    }

    /// Who says what a pipeline would do.
    pub fn planner(&self) -> Planner {
        Planner {
            buckets: self.buckets.clone(),
            datasets: self.datasets.clone(),
            training: self.training.clone(),
            serving: self.serving.clone(),
        }
    }

    fn threads(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        if self.limits.threads == 0 { cores } else { self.limits.threads }
    }

    /// Whether some process works on the queue now.
    pub async fn is_worked_on(&self) -> Result<bool> {
        if self.runs.store().is_shared() {
            return has_worker(&self.runs).await;
        }
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
        let store = open_store(&state, project.metadata.as_ref()).await?;
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
        let notify = Notify::new(
            runs.clone(),
            notify::Settings {
                partition: partition.clone(),
                seed: seed(),
                smtp: project.smtp,
                dead_letters_per_target: project.limits.dead_letters_per_target,
                ..notify::Settings::default()
            },
        )?;
        let workflows = Workflows::new(runs.clone());
        Ok(Home {
            notify: notify.with_workflows(Arc::new(EventsOfRules(workflows.clone()))),
            credentials: credentials(&state)?,
            sessions: SessionKeys::new(Arc::clone(runs.store().clock()), draw),
            catalog: Catalog::new(runs.clone(), buckets.clone(), partition.clone()).with_secrets(secrets(&state)?),
            jobs: Jobs::new(runs.clone(), buckets.clone(), partition.clone()),
            serving: Serving::new(training.clone(), live, partition.clone(), seed()),
            workflows,
            pipelines: Pipelines::new(runs.clone(), buckets.clone()),
            limits: project.limits,
            engines: project.engines,
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

async fn has_worker(runs: &Runs) -> Result<bool> {
    Ok(runs.nodes().await?.iter().any(|node| node.roles.iter().any(|role| role == "worker")))
}

/// Replaces the URL of `penchant.yaml`.
const METADATA_URL: &str = "PENCHANT_METADATA_URL";

#[cfg(feature = "postgres")]
async fn open_store(state: &Path, metadata: Option<&Metadata>) -> Result<Store> {
    let clock = Arc::new(SystemClock);
    let Some(metadata) = metadata else { return Store::open(&state.join("metadata.db"), clock).await };
    let url = std::env::var(METADATA_URL).unwrap_or_else(|_| metadata.url.clone());
    Store::open_postgres(&url, &metadata.schema, clock).await
}

#[cfg(not(feature = "postgres"))]
async fn open_store(state: &Path, metadata: Option<&Metadata>) -> Result<Store> {
    match metadata {
        None => Store::open(&state.join("metadata.db"), Arc::new(SystemClock)).await,
        Some(Metadata { url, schema }) => Err(Error::invalid_input(format!(
            "{FILE} keeps its metadata in schema {schema} of {}, or of what {METADATA_URL} says, which this binary was built without: build it with `make release`, or FEATURES=postgres.",
            url.rsplit('@').next().unwrap_or_default()
        ))),
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
    pub roles: Roles,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    /// Of a node whose log of events is empty for ever.
    own_folder: Option<PathBuf>,
    /// Given back last.
    _lock: Option<File>,
}

/// What this process is to the others.
struct Part {
    name: String,
    roles: Roles,
    listening: Option<SocketAddr>,
}

impl AtWork {
    /// Opens the installation, creating it where missing, and begins to work in the roles; nothing when another process is at work,
    /// or has the role that only one may have. `listening` is where this process serves.
    pub async fn begin(folder: &Path, roles: Roles, listening: Option<SocketAddr>) -> Result<Option<Self>> {
        let parts = Parts::open(folder).await?;
        let shared = parts.datasets.runs().store().is_shared();
        if shared && listening.is_none() && has_worker(parts.datasets.runs()).await? {
            // A command leaves the work to the nodes that are there for it.
            return Ok(None);
        }
        // The file of a database has one writer; the log of events has one even where the database has many.
        let exclusive = !shared || roles.has(Role::Serving);
        let lock = if exclusive { try_lock(&parts.state)? } else { None };
        if exclusive && lock.is_none() {
            return Ok(None);
        }
        let part = Part { name: nodes::name(), roles, listening };
        let own_folder = (!exclusive).then(|| parts.state.join("nodes").join(&part.name));
        let log = own_folder.clone().unwrap_or_else(|| parts.state.clone()).join("events");
        let events = Events::open(&log, parts.datasets.clone(), events::Settings::default()).await?;
        let home = Arc::new(parts.home(events.live().clone())?);
        let stop = CancellationToken::new();
        let tasks = home.begin(&part, &events, &stop).await?;
        Ok(Some(Self { home, events, roles: part.roles, stop, tasks, own_folder, _lock: lock }))
    }

    /// Puts what is under way back into the queue, moves the last events into their datasets, and gives the right to work back.
    pub async fn end(mut self) -> Result<()> {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.events.flush().await?;
        if let Some(own) = self.own_folder {
            // What stays behind holds nothing.
            let _ = std::fs::remove_dir_all(own);
        }
        Ok(())
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
    /// Begins everything that the roles ask for.
    async fn begin(self: &Arc<Self>, part: &Part, events: &Events, stop: &CancellationToken) -> Result<JoinSet<()>> {
        let mut tasks = JoinSet::new();
        tasks.spawn(nodes::announce(self.runs.clone(), part.name.clone(), part.roles.clone(), part.listening, stop.clone()));
        if part.roles.has(Role::Scheduler) {
            let (home, leading) = (self.clone(), stop.clone());
            tasks.spawn(nodes::while_leading(self.runs.clone(), part.name.clone(), leading, move |stop| home.clone().lead(stop)));
        }
        if part.roles.has(Role::Worker) {
            let worker = self.worker(events, part)?;
            let taken_back = worker.recover().await?;
            if taken_back > 0 {
                tracing::info!("{taken_back} runs of an earlier process go on.");
            }
            tasks.spawn(worker.work(stop.clone()));
        }
        if self.serves(&part.roles) || !self.runs.store().is_shared() {
            self.serving.refresh().await?;
            let serving = self.serving.clone();
            tasks.spawn(keep("comparing what serves with the store", REFRESH_EVERY, stop.clone(), move || {
                let serving = serving.clone();
                async move { serving.refresh().await }
            }));
            let flushed = events.clone();
            tasks.spawn(keep("moving events into their datasets", FLUSH_EVERY, stop.clone(), move || {
                let events = flushed.clone();
                async move { events.flush().await.map(|_| ()) }
            }));
        }
        Ok(tasks)
    }

    /// What one node does for all.
    async fn lead(self: Arc<Self>, stop: CancellationToken) {
        let (runs, leading) = (self.runs.clone(), stop.clone());
        let retention = Retention {
            days: self.limits.history_days,
            kinds: HISTORY.iter().map(|kind| (*kind).to_owned()).collect(),
            kept_by_run: vec![workflow::RUN_PROPERTIES.into()],
        };
        let forget = keep("forgetting what is old", FORGET_EVERY, stop.clone(), move || {
            let (runs, retention, stop) = (runs.clone(), retention.clone(), leading.clone());
            async move {
                while !stop.is_cancelled() && runs.forget(&retention).await? > 0 {
                    tokio::time::sleep(BETWEEN_PARTS).await;
                }
                runs.store().compact().await
            }
        });
        let arrivals = Arc::new(self.notify.arrivals(self.buckets.clone()));
        let looking = self.clone();
        let look = keep("looking for files that arrive", SCHEDULE_EVERY, stop.clone(), move || {
            let (home, arrivals) = (looking.clone(), arrivals.clone());
            async move { look_for_files(&home, &arrivals).await }
        });
        let home = self.clone();
        let renew = keep("training again what is old", RENEW_EVERY, stop.clone(), move || {
            let home = home.clone();
            async move {
                home.training.train_what_is_due(home.runs.store().clock().now()).await?;
                home.serving.retrain_recommenders(RECOMMENDER_AGE_MS).await?;
                home.serving.follow_solutions().await.map(|_| ())
            }
        });
        tokio::join!(
            Scheduler::new(self.workflows.clone(), SCHEDULE_EVERY).work(stop.clone()),
            Watch::new(self.pipelines.clone(), SCHEDULE_EVERY).work(stop.clone()),
            catalog::Schedules::new(self.catalog.clone(), SCHEDULE_EVERY).work(stop.clone()),
            self.notify.dispatcher(breakpoints()).work(stop.clone()),
            look,
            forget,
            renew,
        );
    }

    fn worker(self: &Arc<Self>, events: &Events, part: &Part) -> Result<Worker> {
        let threads = self.threads();
        let starter = Stages { catalog: self.catalog.clone(), jobs: self.jobs.clone(), pipelines: self.pipelines.clone() };
        let mut jobs = JobExecutor::new(self.jobs.clone(), self.catalog.clone(), self.engines()?);
        if let Some(address) = part.listening {
            jobs = jobs.with_sessions(Arc::new(ScriptSessions::new(address, &self.partition.region, self.sessions.clone())));
        }
        let mut registry = Registry::default()
            .with(CrawlExecutor::new(self.catalog.clone()))
            .with(ProfileExecutor::new(self.catalog.clone()).with_files(Arc::new(FileRows::new(self.catalog.clone()))))
            .with(jobs)
            .with(ImportExecutor::new(self.datasets.clone()))
            .with(TrainExecutor::new(self.training.clone(), TrainSettings::default()))
            .with(DeployExecutor::new(self.serving.clone()))
            .with(RecommenderExecutor::new(self.serving.clone()))
            .with(BatchInferenceExecutor::new(self.serving.clone()))
            .with(WorkflowExecutor::new(Arc::new(starter)))
            .with(BlueprintExecutor(Arc::clone(self)))
            .with(PipelineExecutor {
                buckets: self.buckets.clone(),
                datasets: self.datasets.clone(),
                training: self.training.clone(),
                serving: self.serving.clone(),
                events: events.clone(),
            });
        if !self.runs.store().is_shared() || part.roles.has(Role::Serving) {
            // Where the log of events is.
            registry = registry.with(DataDeletionExecutor::new(self.serving.clone(), events.clone()));
        }
        let settings = Settings {
            node: part.name.clone(),
            concurrent_runs: self.limits.concurrent_runs.max(1),
            concurrent_by_kind: self.limits.concurrent_by_kind.clone(),
            ..Settings::default()
        };
        let limits = runs::Limits { job_memory_bytes: self.limits.job_memory_mib << 20, spill_folder: self.state.join("spill"), threads };
        Ok(Worker::new(self.runs.clone(), registry, settings, limits, breakpoints()))
    }
}

fn breakpoints() -> Breakpoints {
    std::env::var(HOLD_AT).map_or_else(|_| Breakpoints::none(), Breakpoints::hold_at)
}
