#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods, reason = "these tests measure durations")]

mod files;
mod formats;
mod functions;
mod limits;
mod output;
mod pushdown;
mod shop;
mod sources;
mod sql;

use std::sync::Arc;

use bytes::Bytes;
use catalog::{Catalog, Column, CrawlExecutor, Crawler, Database, Parameters, StorageDescriptor, Table, hive};
use connect::Connection;
use connect::files::{Compression, Format as FileFormat};
use domain::arn::Partition;
use domain::{ErrorKind, RunState};
use etl::{Format, Job, JobExecutor, JobResult, JobSpec, Jobs, SqlOutcome, Target};
use runs::{Breakpoints, Limits, Registry, Run, RunId, Settings, Worker};
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
        let installation = Installation::new().await;
        installation.buckets.create("data").unwrap();
        let (runs, buckets) = (installation.runs.clone(), installation.buckets.clone());
        let catalog = Catalog::new(runs.clone(), buckets.clone(), Partition::default());
        let jobs = Jobs::new(runs.clone(), buckets, Partition::default());
        let engine = Arc::new(DataFusionEngine::new(catalog.clone(), 2).unwrap());
        let registry = Registry::default().with(JobExecutor::new(jobs.clone(), engine.clone())).with(CrawlExecutor::new(catalog.clone()));
        let settings = Settings { poll_ms: 10, heartbeat_ms: 10, grace_ms: 30_000, ..Settings::default() };
        let limits = Limits { job_memory_bytes: bytes, spill_folder: installation.folder.path().join("spill"), threads: 2 };
        let worker = Worker::new(runs, registry, settings, limits, Breakpoints::none());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move { worker.work(stopped).await });
        let house = Self { installation, catalog, jobs, engine, stop };
        house.catalog.create_database(Database { name: "shop".into(), ..Database::default() }).await.unwrap();
        house
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
        let target = Target { location: "s3://data/out/".into(), format, compression: None };
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

pub fn outcome(run: &Run) -> SqlOutcome {
    match run.result::<JobResult>().unwrap() {
        JobResult::Sql { outcome, .. } => outcome,
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
