#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods, reason = "these tests measure durations")]

mod bad;
mod bookmarks;
mod files;
mod formats;
mod functions;
mod graphs;
mod journey;
mod journey_graph;
mod legislators;
mod limits;
mod outcomes;
mod output;
mod pushdown;
mod quality;
mod registration;
mod retail;
mod rows;
mod shop;
mod sources;
mod sql;
mod suite;
mod tables;
mod workbench;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use catalog::{Catalog, Column, CrawlExecutor, Crawler, Database, Parameters, StorageDescriptor, Table, hive};
use connect::Connection;
use connect::files::{Compression, Format as FileFormat};
use domain::arn::Partition;
use domain::{ErrorKind, RunState};
use etl::{Engines, Format, Job, JobExecutor, JobResult, JobSpec, Jobs, SqlOutcome, Target};
use runs::{Breakpoints, Limits, Registry, Run, RunId, Settings, Worker};
use serde_json::{Value, json};
use store::Location;
use testkit::Installation;
use tokio_util::sync::CancellationToken;

use crate::DataFusionEngine;

/// A whole installation with a worker that does jobs and crawls.
pub struct House {
    pub installation: Installation,
    pub catalog: Catalog,
    pub jobs: Jobs,
    pub engine: Arc<DataFusionEngine>,
    stop: CancellationToken,
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl House {
    pub async fn new() -> Self {
        Self::with_memory(64 << 20).await
    }

    pub async fn with_memory(bytes: usize) -> Self {
        let house = Self::idle().await;
        let worker = house.worker(bytes, Breakpoints::none());
        let stopped = house.stop.clone();
        tokio::spawn(async move { worker.work(stopped).await });
        house
    }

    /// Nobody works here; see [`Self::process`].
    pub async fn idle() -> Self {
        let installation = Installation::new().await;
        installation.buckets.create("data").unwrap();
        let (runs, buckets) = (installation.runs.clone(), installation.buckets.clone());
        let catalog = Catalog::new(runs.clone(), buckets.clone(), Partition::default());
        let jobs = Jobs::new(runs.clone(), buckets, Partition::default());
        let engine = Arc::new(DataFusionEngine::new(catalog.clone(), 2).unwrap());
        let house = Self { installation, catalog, jobs, engine, stop: CancellationToken::new() };
        house.catalog.create_database(Database { name: "shop".into(), ..Database::default() }).await.unwrap();
        house
    }

    fn worker(&self, memory: usize, breakpoints: Breakpoints) -> Worker {
        let registry = Registry::default()
            .with(JobExecutor::new(self.jobs.clone(), self.catalog.clone(), Engines::new(self.engine.clone())))
            .with(CrawlExecutor::new(self.catalog.clone()));
        let settings = Settings { poll_ms: 10, heartbeat_ms: 10, grace_ms: 30_000, backoff_ms: 1, ..Settings::default() };
        let spill_folder = self.installation.folder.path().join("spill");
        let limits = Limits { job_memory_bytes: memory, spill_folder, threads: 2 };
        Worker::new(self.installation.runs.clone(), registry, settings, limits, breakpoints)
    }

    /// A process of its own that works, first on what another one left behind: dropped, it is gone as after `kill -9`.
    pub fn process(&self, breakpoints: Breakpoints) -> Process {
        let worker = self.worker(64 << 20, breakpoints);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(async move {
            worker.recover().await.unwrap();
            worker.work(CancellationToken::new()).await;
        });
        Process(Some(runtime))
    }

    /// A job that is a graph; one of that name is there no longer.
    pub async fn graph(&self, name: &str, nodes: Value) {
        self.graph_with(name, nodes, json!([])).await;
    }

    /// With bookmarks, if they name a table.
    pub async fn graph_with(&self, name: &str, nodes: Value, bookmarks: Value) {
        let mut job = Job::new(name, JobSpec::Clean { location: String::new() });
        job.spec = None;
        job.code_gen_configuration_nodes = Some(nodes);
        job.bookmarks = serde_json::from_value(bookmarks).unwrap();
        if !job.bookmarks.is_empty() {
            job.default_arguments.insert("--job-bookmark-option".into(), "job-bookmark-enable".into());
        }
        if self.jobs.get_job(name).await.is_ok() {
            self.jobs.delete_job(name).await.unwrap();
        }
        self.jobs.create_job(job).await.unwrap();
    }

    pub async fn start_job(&self, name: &str, arguments: &[(&str, &str)]) -> RunId {
        let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.jobs.start_job_run(etl::StartJobRun { job_name: name.into(), arguments, ..etl::StartJobRun::default() }).await.unwrap()
    }

    /// The job's next run, at its end.
    pub async fn run_job(&self, name: &str, arguments: &[(&str, &str)]) -> Run {
        let id = self.start_job(name, arguments).await;
        self.installation.runs.wait(&id).await.unwrap()
    }

    pub async fn succeed(&self, name: &str) -> Run {
        let run = self.run_job(name, &[]).await;
        assert_eq!(run.state, RunState::Succeeded, "{:?}", run.message);
        run
    }

    /// Code and message of the job's next run, which fails.
    pub async fn fail(&self, name: &str) -> (String, String) {
        let run = self.run_job(name, &[]).await;
        assert_eq!(run.state, RunState::Failed);
        (run.code.unwrap_or_default(), run.message.unwrap())
    }

    /// The lines of all CSV files under a prefix of the bucket `data`, sorted, and the header that they share.
    pub async fn lines(&self, prefix: &str) -> (String, Vec<String>) {
        let buckets = &self.installation.buckets;
        let (mut header, mut lines) = (None, Vec::new());
        for file in buckets.list(&Location::parse(&format!("s3://data/{prefix}")).unwrap()).await.unwrap() {
            let text = self.read(file.location.as_ref()).await;
            let (first, rest) = text.split_once('\n').unwrap();
            assert_eq!(header.get_or_insert_with(|| first.to_owned()), first);
            lines.extend(rest.lines().map(str::to_owned));
        }
        lines.sort();
        (header.unwrap_or_default(), lines)
    }

    /// A file in the bucket `data`.
    pub async fn put(&self, key: &str, bytes: impl Into<Bytes>) {
        let location = Location::parse(&format!("s3://data/{key}")).unwrap();
        self.installation.buckets.write(&location, bytes.into()).await.unwrap();
    }

    /// A table `shop.name` over files, as a crawler would write it. Columns are written `name type, …`.
    pub async fn table(&self, name: &str, location: &str, format: FileFormat, columns: &str) {
        self.partitioned_table(name, location, format, columns, "").await;
    }

    pub async fn partitioned_table(&self, name: &str, location: &str, format: FileFormat, columns: &str, keys: &str) {
        let layout = catalog::FileLayout { format, compression: Compression::None };
        let table = Table {
            name: name.into(),
            storage_descriptor: StorageDescriptor { columns: parse_columns(columns), ..layout.storage(location.into()) },
            partition_keys: parse_columns(keys),
            parameters: layout.parameters(),
            ..Table::default()
        };
        self.catalog.create_table("shop", table).await.unwrap();
    }

    /// A table of any database over files.
    pub async fn table_of(&self, database: &str, name: &str, location: &str, format: FileFormat, columns: Vec<Column>) {
        let layout = catalog::FileLayout { format, compression: Compression::None };
        let table = Table {
            name: name.into(),
            storage_descriptor: StorageDescriptor { columns, ..layout.storage(location.into()) },
            parameters: layout.parameters(),
            ..Table::default()
        };
        self.catalog.create_table(database, table).await.unwrap();
    }

    /// A SQLite file made by `script`, a connection to it, and a table `shop.name` for each of its tables.
    pub async fn sqlite(&self, script: &str) {
        let path = self.installation.folder.path().join("orders.db");
        rusqlite::Connection::open(&path).unwrap().execute_batch(script).unwrap();
        self.catalog.create_connection(Connection::sqlite("orders", "orders.db")).await.unwrap();
        let source = self.catalog.sources().open(&Connection::sqlite("orders", "orders.db")).unwrap();
        for path in source.tables().await.unwrap() {
            let columns = hive::columns(&source.schema(&path).await.unwrap());
            self.source_table(&path.table, columns).await;
        }
    }

    /// The connection `orders` to the server, at this port.
    #[cfg(feature = "postgres")]
    pub async fn postgres(&self, server: &testkit::servers::Postgres, port: u16) {
        // A password in clear would have to be sealed, with a key that this installation lacks.
        let password = self.installation.folder.path().join("password");
        std::fs::write(&password, &server.password).unwrap();
        let properties = [
            ("JDBC_CONNECTION_URL", format!("jdbc:postgresql://127.0.0.1:{port}/postgres")),
            ("USERNAME", "postgres".into()),
            ("PASSWORD", format!("${{file:{}}}", password.display())),
        ];
        self.catalog.create_connection(Connection::new("orders", "JDBC", properties)).await.unwrap();
    }

    pub async fn source_table(&self, name: &str, columns: Vec<Column>) {
        let parameters = [("connectionName", "orders"), ("sourceTable", name), ("classification", "sqlite")];
        let table = Table {
            name: name.into(),
            storage_descriptor: StorageDescriptor { columns, location: Some(name.into()), ..StorageDescriptor::default() },
            parameters: parameters.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect::<Parameters>(),
            ..Table::default()
        };
        self.catalog.create_table("shop", table).await.unwrap();
    }

    pub async fn crawl(&self, crawler: Crawler) {
        let name = crawler.name.clone();
        self.catalog.create_crawler(crawler).await.unwrap();
        let id = self.catalog.start_crawler(&name).await.unwrap();
        self.installation.runs.wait(&id).await.unwrap().succeeded().unwrap();
    }

    pub async fn start(&self, query: &str, format: Format) -> RunId {
        self.start_into(query, Target::file("s3://data/out/", format)).await
    }

    pub async fn start_into(&self, query: &str, target: Target) -> RunId {
        let job = Job::new("job", JobSpec::Sql { query: Some(query.into()), database: None, target });
        if self.jobs.get_job("job").await.is_ok() {
            self.jobs.update_job("job", job).await.unwrap();
        } else {
            self.jobs.create_job(job).await.unwrap();
        }
        self.jobs.start_job_run(etl::StartJobRun { job_name: "job".into(), ..Default::default() }).await.unwrap()
    }

    pub async fn run(&self, query: &str) -> Run {
        let id = self.start(query, Format::Csv).await;
        self.installation.runs.wait(&id).await.unwrap()
    }

    /// What is published under `s3://data/out/`, by path below it.
    pub async fn files(&self) -> Vec<(String, Bytes)> {
        let buckets = &self.installation.buckets;
        let mut found = Vec::new();
        for file in buckets.list(&Location::parse("s3://data/out/").unwrap()).await.unwrap() {
            let bytes = buckets.read(&Location::parse(&format!("s3://data/{}", file.location)).unwrap()).await.unwrap();
            found.push((file.location.as_ref().trim_start_matches("out/").to_owned(), bytes));
        }
        found
    }

    /// The query's result as the CSV that the job publishes.
    pub async fn csv(&self, query: &str) -> String {
        let run = self.run(query).await;
        assert_eq!(run.state, RunState::Succeeded, "{:?}", run.message);
        self.read("out/part-00000.csv").await
    }

    pub async fn read(&self, key: &str) -> String {
        let location = Location::parse(&format!("s3://data/{key}")).unwrap();
        String::from_utf8(self.installation.buckets.read(&location).await.unwrap().to_vec()).unwrap()
    }

    /// Why the query failed.
    pub async fn failure(&self, query: &str) -> String {
        let run = self.run(query).await;
        assert_eq!(run.state, RunState::Failed);
        run.message.unwrap()
    }

    pub async fn explain(&self, query: &str) -> String {
        self.engine.explain(query, Some("shop")).await.unwrap()
    }

    pub async fn refusal(&self, query: &str) -> String {
        let error = self.engine.explain(query, None).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidInput, "{error}");
        error.to_string()
    }

    pub async fn log(&self, id: &RunId) -> String {
        let lines = self.installation.runs.logs(id, 0, 100).await.unwrap();
        lines.into_iter().map(|line| format!("{}: {}\n", line.level, line.line)).collect()
    }
}

/// See [`House::process`].
pub struct Process(Option<tokio::runtime::Runtime>);

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A file of the real data beside the repository; without it the test says so and is not run.
pub fn shared(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../../shared/data");
    let path = std::env::var_os("PENCHANT_SHARED_DATA").map_or_else(beside, PathBuf::from).join(name);
    if !path.exists() {
        println!("not run: {} is absent", path.display());
        return None;
    }
    Some(path.canonicalize().unwrap())
}

pub fn outcome(run: &Run) -> SqlOutcome {
    match run.result::<JobResult>().unwrap() {
        JobResult::Sql { mut outputs, .. } => outputs.remove(0).outcome,
        other => panic!("{other:?}"),
    }
}

fn parse_columns(text: &str) -> Vec<Column> {
    let column = |part: &str| {
        let (name, data_type) = part.trim().split_once(' ').unwrap();
        Column::new(name, data_type)
    };
    text.split(", ").filter(|part| !part.is_empty()).map(column).collect()
}
