#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod arguments;
mod bookmarks;
mod clean;
mod jobs;
mod publication;
mod scripts;
mod targets;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use bytes::Bytes;
use catalog::Catalog;
use domain::{Error, ErrorKind, Result, RunState, arn::Partition};
use runs::{Breakpoints, Limits, Registry, Run, RunContext, RunId, Settings, Worker};
use store::{Buckets, Location};
use testkit::Installation;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::{Engine, Engines, FileOutput, Format, Job, JobExecutor, JobSpec, Jobs, Means, Rows, SqlOutcome, SqlQuery, StartJobRun, Target};

/// An engine in memory that knows one statement: `ROWS n OF 'text'` gives n rows of one column, with a limit of rows in
/// several files, with a partition key in a folder of the text. `FAIL ONCE` and `WAIT` do what they say.
pub struct RowsEngine {
    buckets: Buckets,
    failures: AtomicU32,
}

#[async_trait]
impl Engine for RowsEngine {
    fn name(&self) -> &'static str {
        "embedded"
    }

    async fn write(&self, query: SqlQuery, output: FileOutput, context: &RunContext) -> Result<SqlOutcome> {
        if query.text == "WAIT" {
            context.cancel().cancelled().await;
            return Err(Error::stopped());
        }
        if query.text == "FAIL ONCE" && self.failures.fetch_add(1, Ordering::SeqCst) == 0 {
            return Err(Error::unavailable("The source did not answer."));
        }
        let (count, text) = parse(&query.text).ok_or_else(|| Error::invalid_input(format!("Not a query: {}", query.text)))?;
        let folder = output.partition_keys.first().map(|key| format!("{key}={text}/")).unwrap_or_default();
        let most = output.max_file_rows.unwrap_or(u64::MAX);
        let (mut left, mut files, mut bytes_written) = (count, Vec::new(), 0);
        while left > 0 || (files.is_empty() && folder.is_empty()) {
            let rows = left.min(most);
            let file = format!("value\n{}", format!("{text}\n").repeat(rows as usize));
            let name = format!("{folder}{}", output.file_name(files.len() as u32));
            bytes_written += file.len() as u64;
            self.buckets.write(&crate::target::child(&output.folder, &name), Bytes::from(file)).await?;
            files.push(name);
            left -= rows;
        }
        Ok(SqlOutcome { rows_written: count, bytes_written, files, ..SqlOutcome::default() })
    }

    async fn rows(&self, query: SqlQuery, _: Means) -> Result<Rows> {
        Err(Error::invalid_input(format!("Not a query: {}", query.text)))
    }

    async fn columns(&self, query: &SqlQuery) -> Result<SchemaRef> {
        Err(Error::invalid_input(format!("Not a query: {}", query.text)))
    }

    async fn columns_read(&self, query: &SqlQuery) -> Result<Vec<crate::ColumnsRead>> {
        parse(&query.text).map(|_| Vec::new()).ok_or_else(|| Error::invalid_input(format!("Not a query: {}", query.text)))
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
    pub catalog: Catalog,
    pub engine: Arc<dyn Engine>,
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
        let catalog = Catalog::new(installation.runs.clone(), installation.buckets.clone(), Partition::default());
        Self { installation, jobs, catalog, engine }
    }

    pub fn work(&self) -> Process {
        self.work_until(Breakpoints::none())
    }

    pub fn work_until(&self, breakpoints: Breakpoints) -> Process {
        self.work_with(JobExecutor::new(self.jobs.clone(), self.catalog.clone(), Engines::new(self.engine.clone())), breakpoints)
    }

    pub fn work_with(&self, executor: JobExecutor, breakpoints: Breakpoints) -> Process {
        let registry = Registry::default().with(executor);
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
        let lines = self.installation.runs.logs(id, 0, 10_000).await.unwrap();
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
    Job::new(name, JobSpec::Sql { query: Some(query.into()), database: None, target: Target::file("s3://shop/exports/items/", format) })
}

pub fn refused<T>(result: Result<T>, kind: ErrorKind) -> String {
    let error = result.err().expect("a refusal");
    assert_eq!(error.kind, kind, "{error}");
    error.to_string()
}
