//! A real MongoDB that asks for passwords.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::concat_batches;
use async_trait::async_trait;
use futures::TryStreamExt;
use mongodb::bson::{Bson, DateTime, Document, doc};
use mongodb::options::ClientOptions;
use mongodb::{Client, Database};
use testkit::servers::Mongo;

use crate::connection::{MongoEndpoint, Reach, Tls};
use crate::source::conformance::{Bench, Kind, Lacks, Value};
use crate::source::mongodb::MongoSource;
use crate::source::{Scan, Source, TablePath};

pub(super) const DATABASE: &str = "bench";
const USER: &str = "tester";
const PASSWORD: &str = "p@ss/w:rd";

pub(super) struct MongoBench {
    pub server: Mongo,
    /// The bench's database, written to without the source.
    pub database: Database,
}

impl MongoBench {
    /// `None` where MongoDB is not installed.
    pub async fn start() -> Option<Self> {
        let server = Mongo::start_with_auth()?;
        // As long as there is no user, whoever comes from this machine may make the first.
        let nobody = client(&format!("mongodb://127.0.0.1:{}", server.port)).await;
        let user = doc! { "createUser": USER, "pwd": PASSWORD, "roles": ["root"] };
        nobody.database("admin").run_command(user).await.unwrap();
        let database = client(&url(server.port, USER, PASSWORD)).await.database(DATABASE);
        // A database goes with its last collection.
        database.collection("anchor").insert_one(doc! { "kept": true }).await.unwrap();
        Some(Self { server, database })
    }

    pub fn own_source(&self) -> MongoSource {
        MongoSource::new(endpoint(self.server.port, USER, PASSWORD, Some(DATABASE)))
    }

    /// As another user, of one database or of all.
    pub fn source_of(&self, user: &str, password: &str, database: Option<&str>) -> MongoSource {
        MongoSource::new(endpoint(self.server.port, user, password, database))
    }

    pub fn root_source(&self, database: Option<&str>) -> MongoSource {
        self.source_of(USER, PASSWORD, database)
    }

    pub async fn insert(&self, collection: &str, documents: Vec<Document>) -> TablePath {
        self.database.collection(collection).insert_many(documents).await.unwrap();
        path(collection)
    }
}

pub(super) fn path(collection: &str) -> TablePath {
    TablePath { database: Some(DATABASE.into()), schema: None, table: collection.into() }
}

pub(super) async fn read(source: &MongoSource, scan: Scan) -> RecordBatch {
    let batches: Vec<RecordBatch> = source.scan(scan).try_collect().await.unwrap();
    concat_batches(batches.first().expect("rows").schema_ref(), &batches).unwrap()
}

pub(super) fn column(batch: &RecordBatch, name: &str) -> ArrayRef {
    batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name} in {:?}", batch.schema())).clone()
}

async fn client(url: &str) -> Client {
    let mut options = ClientOptions::parse(url).await.unwrap();
    options.server_selection_timeout = Some(Duration::from_secs(20));
    Client::with_options(options).unwrap()
}

fn url(port: u16, user: &str, password: &str) -> String {
    let encoded = percent_encoding::utf8_percent_encode(password, percent_encoding::NON_ALPHANUMERIC);
    format!("mongodb://{user}:{encoded}@127.0.0.1:{port}/?authSource=admin")
}

pub(super) fn endpoint(port: u16, user: &str, password: &str, database: Option<&str>) -> MongoEndpoint {
    MongoEndpoint {
        url: url(port, user, password),
        shown: format!("mongodb://127.0.0.1:{port}/"),
        database: database.map(str::to_owned),
        tls: Tls::default(),
        reach: Reach { connect_timeout: Duration::from_secs(3), read_timeout: Duration::from_secs(20), retries: 0 },
    }
}

fn bson(value: &Value) -> Bson {
    let instant = |text: &str| {
        let parsed = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").unwrap();
        Bson::DateTime(DateTime::from_millis(parsed.and_utc().timestamp_millis()))
    };
    match value {
        Value::Null => Bson::Null,
        Value::Integer(value) => i32::try_from(*value).map_or(Bson::Int64(*value), Bson::Int32),
        Value::Real(value) => Bson::Double(*value),
        Value::Text(text) => Bson::String(text.clone()),
        Value::Boolean(value) => Bson::Boolean(*value),
        Value::Decimal(text) => Bson::Decimal128(text.parse().unwrap()),
        Value::Date(text) => instant(&format!("{text} 00:00:00")),
        Value::Timestamp(text) => instant(text),
    }
}

#[async_trait]
impl Bench for MongoBench {
    fn lacks(&self) -> Lacks {
        // Dates are timestamps here, decimals have 38 digits; `documents.rs` looks at both.
        Lacks { kinds: &[Kind::Date, Kind::Decimal], columns_without_rows: true, ..Lacks::default() }
    }

    fn port(&self) -> u16 {
        self.server.port
    }

    fn source(&self, port: u16, right_password: bool) -> Arc<dyn Source> {
        let password = if right_password { PASSWORD } else { "wrong" };
        Arc::new(MongoSource::new(endpoint(port, USER, password, Some(DATABASE))))
    }

    /// Nulls are null in even rows and missing in odd ones.
    async fn create(&self, table: &str, columns: &[(&str, Kind)], rows: &[Vec<Value>]) -> TablePath {
        self.database.create_collection(table).await.unwrap();
        let document = |(index, row): (usize, &Vec<Value>)| -> Document {
            let kept = columns.iter().zip(row).filter(|(_, value)| index % 2 == 0 || **value != Value::Null);
            kept.map(|((name, _), value)| ((*name).to_owned(), bson(value))).collect()
        };
        let documents: Vec<Document> = rows.iter().enumerate().map(document).collect();
        if !documents.is_empty() {
            self.database.collection(table).insert_many(documents).await.unwrap();
        }
        path(table)
    }

    async fn remove(&self, table: &TablePath) {
        self.database.collection::<Document>(&table.table).drop().await.unwrap();
    }
}
