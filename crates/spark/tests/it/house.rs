//! An installation with tables, and an engine on a server.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use catalog::{Catalog, Column, Database, Parameters, StorageDescriptor, Table};
use connect::Secrets;
use domain::Result;
use domain::arn::Partition;
use etl::{Engine, FileOutput, Format, Means, SqlOutcome, SqlQuery};
use futures::TryStreamExt;
use runs::{Executor, Finished, NewRun, Registry, RunContext};
use spark::{FileAccess, SparkConfig, SparkEngine};
use store::Location;
use testkit::Installation;
use tokio_util::sync::CancellationToken;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    Spark,
    Sail,
}

pub struct House {
    pub server: Server,
    pub endpoint: String,
    pub installation: Installation,
    pub catalog: Catalog,
    pub engine: Arc<SparkEngine>,
}

impl House {
    pub async fn new(server: Server, port: u16) -> Self {
        Self::at(server, &format!("sc://127.0.0.1:{port}")).await
    }

    pub async fn at(server: Server, endpoint: &str) -> Self {
        let installation = Installation::new().await;
        installation.buckets.create("data").unwrap();
        let catalog = Catalog::new(installation.runs.clone(), installation.buckets.clone(), Partition::default());
        let catalog = catalog.with_secrets(Secrets::with_key([9; 32]));
        for name in ["shop", "suite"] {
            catalog.create_database(Database { name: name.into(), ..Database::default() }).await.unwrap();
        }
        let endpoint = endpoint.to_owned();
        let config = SparkConfig {
            endpoint: endpoint.clone(),
            files: FileAccess::Local,
            settings: [("spark.sql.shuffle.partitions", "2"), ("spark.connect.progress.reportInterval", "200")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            connect_seconds: 60,
        };
        let engine = Arc::new(SparkEngine::new(catalog.clone(), installation.buckets.clone(), config));
        Self { server, endpoint, installation, catalog, engine }
    }

    pub async fn put(&self, key: &str, text: &str) {
        let location = Location::parse(&format!("s3://data/{key}")).unwrap();
        self.installation.buckets.write(&location, text.as_bytes().to_vec().into()).await.unwrap();
    }

    /// `columns` and `keys` as `name type, name type`.
    pub async fn table(&self, name: &str, parameters: &[(&str, &str)], columns: &str, keys: &str) {
        let parse = |text: &str| -> Vec<Column> {
            text.split(", ").filter_map(|column| column.split_once(' ')).map(|(name, kind)| Column::new(name, kind)).collect()
        };
        let table = Table {
            name: name.into(),
            storage_descriptor: StorageDescriptor {
                columns: parse(columns),
                location: Some(format!("s3://data/{name}/")),
                ..StorageDescriptor::default()
            },
            partition_keys: parse(keys),
            parameters: parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Parameters>(),
            ..Table::default()
        };
        self.catalog.create_table("shop", table).await.unwrap();
    }

    pub fn query(text: &str) -> SqlQuery {
        SqlQuery { text: text.into(), ..SqlQuery::default() }
    }

    pub fn means(&self) -> Means {
        let spill_folder = self.installation.folder.path().join("spill");
        Means { memory_bytes: 64 << 20, spill_folder, cancel: CancellationToken::new(), frugal: false }
    }

    pub async fn rows(&self, text: &str) -> Result<(SchemaRef, Vec<RecordBatch>)> {
        self.rows_of(Self::query(text)).await
    }

    pub async fn rows_of(&self, query: SqlQuery) -> Result<(SchemaRef, Vec<RecordBatch>)> {
        let rows = self.engine.rows(query, self.means()).await?;
        let batches = rows.batches.try_collect().await?;
        Ok((rows.schema, batches))
    }

    /// The rows as texts, columns divided by bars, sorted.
    pub async fn texts(&self, text: &str) -> Vec<String> {
        texts(self.rows(text).await.unwrap())
    }

    /// Carries a query out as a run does.
    pub async fn write(&self, text: &str, output: FileOutput) -> Result<SqlOutcome> {
        let run = self.start(text, output).await;
        self.outcome(run).await
    }

    pub async fn start(&self, text: &str, output: FileOutput) -> Writing {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let executor = Write { engine: self.engine.clone(), query: Self::query(text), output, sender: std::sync::Mutex::new(Some(sender)) };
        let worker = self.installation.work(Registry::default().with(executor));
        let id = self.installation.runs.submit(NewRun::new("write", "test")).await.unwrap();
        Writing { id, receiver, worker }
    }

    pub async fn outcome(&self, writing: Writing) -> Result<SqlOutcome> {
        let outcome = tokio::time::timeout(Duration::from_secs(120), writing.receiver).await.expect("an outcome in time").unwrap();
        // A run left behind would be taken up by the next worker.
        let _ = self.installation.runs.wait(&writing.id).await;
        writing.worker.abort();
        outcome
    }

    pub fn output(&self, folder: &str, format: Format) -> FileOutput {
        FileOutput {
            folder: Location::parse(&format!("s3://data/{folder}")).unwrap(),
            format,
            compression: None,
            partition_keys: Vec::new(),
            max_file_rows: None,
            max_file_bytes: None,
            row_group_rows: None,
        }
    }

    pub async fn read(&self, key: &str) -> String {
        let location = Location::parse(&format!("s3://data/{key}")).unwrap();
        String::from_utf8(self.installation.buckets.read(&location).await.unwrap().to_vec()).unwrap()
    }
}

pub fn texts((_, batches): (SchemaRef, Vec<RecordBatch>)) -> Vec<String> {
    let mut rows = Vec::new();
    for batch in &batches {
        let options = arrow::util::display::FormatOptions::default().with_null("null");
        let columns: Vec<_> =
            batch.columns().iter().map(|column| arrow::util::display::ArrayFormatter::try_new(column, &options).unwrap()).collect();
        rows.extend(
            (0..batch.num_rows()).map(|row| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join("|")),
        );
    }
    rows.sort();
    rows
}

pub struct Writing {
    pub id: runs::RunId,
    receiver: tokio::sync::oneshot::Receiver<Result<SqlOutcome>>,
    worker: tokio::task::JoinHandle<()>,
}

/// A run that lets the engine write, and says what came of it.
struct Write {
    engine: Arc<SparkEngine>,
    query: SqlQuery,
    output: FileOutput,
    sender: std::sync::Mutex<Option<tokio::sync::oneshot::Sender<Result<SqlOutcome>>>>,
}

#[async_trait]
impl Executor for Write {
    fn kind(&self) -> &'static str {
        "write"
    }

    async fn execute(&self, context: &RunContext) -> Result<Finished> {
        let outcome = self.engine.write(self.query.clone(), self.output.clone(), context).await;
        if let Some(sender) = self.sender.lock().unwrap().take() {
            let _ = sender.send(outcome);
        }
        let tx = context.begin().await?;
        context.succeed(tx, &"written").await
    }
}
