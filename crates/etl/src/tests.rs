#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod arguments;
mod clean;
mod jobs;
mod publication;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{Error, ErrorKind, Result, RunState, arn::Partition};
use runs::{Breakpoints, Limits, Registry, Run, RunContext, RunId, Settings, Worker};
use store::{Buckets, Location};
use testkit::Installation;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::{Engine, Format, Job, JobExecutor, JobSpec, Jobs, SqlOutcome, SqlRequest, StartJobRun, Target};

/// An engine in memory that knows one statement: `ROWS n OF 'text'` gives n rows of one column. `FAIL ONCE` and `WAIT` do
/// what they say.
pub struct RowsEngine {
    buckets: Buckets,
    failures: AtomicU32,
}

#[async_trait]
impl Engine for RowsEngine {
    async fn run_sql(&self, request: SqlRequest, context: &RunContext) -> Result<SqlOutcome> {
        if request.query == "WAIT" {
            context.cancel().cancelled().await;
            return Err(Error::stopped());
        }
        if request.query == "FAIL ONCE" && self.failures.fetch_add(1, Ordering::SeqCst) == 0 {
            return Err(Error::unavailable("The source did not answer."));
        }
        let (count, text) = parse(&request.query).ok_or_else(|| Error::invalid_input(format!("Not a query: {}", request.query)))?;
        let mut file = String::from("value\n");
        for _ in 0..count {
            file.push_str(&text);
            file.push('\n');
        }
        let bytes_written = file.len() as u64;
        self.buckets.write(&request.output, Bytes::from(file)).await?;
        Ok(SqlOutcome { rows_written: count, bytes_written, ..SqlOutcome::default() })
    }

    async fn columns_read(&self, query: &str, _: Option<&str>, _: &[catalog::Table]) -> Result<Vec<crate::ColumnsRead>> {
        parse(query).map(|_| Vec::new()).ok_or_else(|| Error::invalid_input(format!("Not a query: {query}")))
    }
}

fn parse(query: &str) -> Option<(u64, String)> {
    if query == "FAIL ONCE" {
        return Some((1, "late".into()));
    }
    let (count, text) = query.strip_prefix("ROWS ")?.split_once(" OF ")?;
    Some((count.parse().ok()?, text.trim().trim_matches('\'').replace("''", "'")))
}

pub struct House {
    pub installation: Installation,
    pub jobs: Jobs,
    engine: Arc<RowsEngine>,
}

/// A process that works, in a runtime of its own: dropped, all its tasks are gone as after `kill -9`.
pub struct Process(Option<Runtime>);

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl House {
    pub async fn new() -> Self {
        let installation = Installation::new().await;
        installation.buckets.create("shop").unwrap();
        let jobs = Jobs::new(installation.runs.clone(), installation.buckets.clone(), Partition::default());
        let engine = Arc::new(RowsEngine { buckets: installation.buckets.clone(), failures: AtomicU32::new(0) });
        Self { installation, jobs, engine }
    }

    pub fn work(&self) -> Process {
        self.work_until(Breakpoints::none())
    }

    pub fn work_until(&self, breakpoints: Breakpoints) -> Process {
        let registry = Registry::default().with(JobExecutor::new(self.jobs.clone(), self.engine.clone()));
        let settings = Settings { poll_ms: 5, heartbeat_ms: 5, backoff_ms: 1, ..Settings::default() };
        let spill_folder = self.installation.folder.path().join("spill");
        let limits = Limits { job_memory_bytes: 1 << 20, spill_folder, threads: 1 };
        let worker = Worker::new(self.installation.runs.clone(), registry, settings, limits, breakpoints);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(async move {
            worker.recover().await.unwrap();
            worker.work(CancellationToken::new()).await;
        });
        Process(Some(runtime))
    }

    pub async fn create_sql(&self, name: &str, query: &str, format: Format) {
        self.jobs.create_job(sql_job(name, query, format)).await.unwrap();
    }

    pub async fn start(&self, name: &str) -> Result<RunId> {
        self.jobs.start_job_run(StartJobRun { job_name: name.into(), ..StartJobRun::default() }).await
    }

    /// Starts the job and waits for its end.
    pub async fn run(&self, name: &str) -> Run {
        let id = self.start(name).await.unwrap();
        self.installation.runs.wait(&id).await.unwrap()
    }

    pub async fn succeed(&self, name: &str) -> Run {
        let run = self.run(name).await;
        assert_eq!(run.state, RunState::Succeeded, "{:?}", run.message);
        run
    }

    pub async fn put(&self, location: &str, text: &str) {
        self.installation.buckets.write(&at(location), Bytes::from(text.to_owned())).await.unwrap();
    }

    /// Name and content of every file that readers of the prefix see.
    pub async fn read(&self, prefix: &str) -> Vec<(String, String)> {
        let prefix = at(prefix);
        let mut found = Vec::new();
        for file in self.installation.buckets.list(&prefix).await.unwrap() {
            let location = at(&format!("s3://shop/{}", file.location));
            let bytes = self.installation.buckets.read(&location).await.unwrap();
            found.push((file.location.to_string(), String::from_utf8(bytes.to_vec()).unwrap()));
        }
        found
    }

    pub async fn log(&self, id: &RunId) -> String {
        let lines = self.installation.runs.logs(id, 0, 100).await.unwrap();
        lines.into_iter().map(|line| format!("{}: {}\n", line.level, line.line)).collect()
    }

    /// Names in the folder, hidden ones too.
    pub fn on_disk(&self, prefix: &str) -> Vec<String> {
        let folder = self.installation.buckets.path(&at(prefix));
        let mut names: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

pub fn at(text: &str) -> Location {
    Location::parse(text).unwrap()
}

pub fn sql_job(name: &str, query: &str, format: Format) -> Job {
    let target = Target { location: "s3://shop/exports/items/".into(), format, compression: None };
    Job::new(name, JobSpec::Sql { query: Some(query.into()), database: None, target })
}

pub fn refused<T>(result: Result<T>, kind: ErrorKind) -> String {
    let error = result.err().expect("a refusal");
    assert_eq!(error.kind, kind, "{error}");
    error.to_string()
}
