#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bulk;
mod catalogue;
mod columns;
mod network;
mod predicates;
mod queries;
mod values;

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use futures::TryStreamExt;
use testkit::servers::Postgres;

use super::PostgresSource;
use crate::connection::{Reach, Server, Tls};
use crate::source::conformance::{Bench, Kind, Value, gathered, keeps_the_contract};
use crate::source::{Scan, Source, TablePath};

/// The server as the superuser reaches it on this port of loopback.
pub(crate) fn server(port: u16, database: &str, password: &str) -> Server {
    let reach = Reach { connect_timeout: Duration::from_secs(5), read_timeout: Duration::from_secs(60), retries: 0 };
    Server {
        host: "127.0.0.1".into(),
        port,
        database: Some(database.into()),
        user: Some("postgres".into()),
        password: Some(password.into()),
        tls: Tls::default(),
        reach,
    }
}

pub(crate) struct PostgresBench(pub Postgres);

impl PostgresBench {
    fn source(&self, database: &str) -> PostgresSource {
        PostgresSource::new(server(self.0.port, database, &self.0.password))
    }

    /// The same as another user.
    fn source_as(&self, user: &str, password: &str) -> PostgresSource {
        PostgresSource::new(Server { user: Some(user.into()), ..server(self.0.port, "postgres", password) })
    }

    fn sql(&self, sql: &str) -> String {
        self.0.psql("postgres", sql)
    }
}

/// The table in the schema public of the database postgres.
pub(crate) fn public(table: &str) -> TablePath {
    TablePath { database: Some("postgres".into()), schema: Some("public".into()), table: table.into() }
}

async fn read(source: &dyn Source, table: &str) -> RecordBatch {
    gathered(source, Scan::all(public(table))).await
}

async fn failure(source: &dyn Source, scan: Scan) -> domain::Error {
    source.scan(scan).try_collect::<Vec<_>>().await.unwrap_err()
}

#[async_trait]
impl Bench for PostgresBench {
    fn port(&self) -> u16 {
        self.0.port
    }

    fn source(&self, port: u16, right_password: bool) -> Arc<dyn Source> {
        let password = if right_password { self.0.password.as_str() } else { "wrong" };
        Arc::new(PostgresSource::new(server(port, "postgres", password)))
    }

    async fn create(&self, table: &str, columns: &[(&str, Kind)], rows: &[Vec<Value>]) -> TablePath {
        self.0.psql("postgres", &creation(table, columns, rows));
        public(table)
    }

    async fn remove(&self, table: &TablePath) {
        self.0.psql("postgres", &format!("DROP TABLE {}", super::sql::table_name(table)));
    }
}

/// CREATE TABLE and the rows as a COPY in text form.
pub(crate) fn creation(table: &str, columns: &[(&str, Kind)], rows: &[Vec<Value>]) -> String {
    let native = |kind: Kind| match kind {
        Kind::Integer => "bigint",
        Kind::Real => "double precision",
        Kind::Text => "text",
        Kind::Boolean => "boolean",
        Kind::Decimal => "numeric(12, 2)",
        Kind::Date => "date",
        Kind::Timestamp => "timestamp",
    };
    let declared: Vec<String> = columns.iter().map(|(name, kind)| format!("{} {}", super::sql::quote(name), native(*kind))).collect();
    let name = super::sql::quote(table);
    let key = super::sql::quote(columns[0].0);
    let mut sql = format!("CREATE TABLE {name} ({}, PRIMARY KEY ({key}));\nCOPY {name} FROM STDIN;\n", declared.join(", "));
    for row in rows {
        let values: Vec<String> = row.iter().map(copied).collect();
        writeln!(sql, "{}", values.join("\t")).unwrap();
    }
    sql.push_str("\\.\n");
    sql
}

fn copied(value: &Value) -> String {
    match value {
        Value::Null => "\\N".into(),
        Value::Integer(value) => value.to_string(),
        Value::Real(value) => format!("{value:?}"),
        Value::Text(text) => text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n"),
        Value::Boolean(value) => value.to_string(),
        Value::Decimal(text) | Value::Date(text) | Value::Timestamp(text) => (*text).to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_the_contract() {
    let Some(postgres) = Postgres::start() else { return };
    keeps_the_contract(&PostgresBench(postgres)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_postgresqls_own() {
    let Some(postgres) = Postgres::start() else { return };
    let bench = PostgresBench(postgres);
    values::every_type_round_trips(&bench).await;
    values::times_are_utc_whatever_the_database_says(&bench).await;
    values::decimals_are_exact(&bench).await;
    values::what_does_not_fit_is_named(&bench).await;
    catalogue::tables_are_described(&bench).await;
    catalogue::statistics_and_counts(&bench).await;
    catalogue::odd_tables_do_no_harm(&bench).await;
    catalogue::what_may_not_be_read_is_named(&bench).await;
    predicates::each_means_what_arrow_means(&bench).await;
    predicates::scans_are_split_by_the_key(&bench).await;
    queries::whole_queries_are_answered(&bench).await;
    columns::a_query_gives_what_a_scan_gives(&bench).await;
    network::a_dropped_stream_ends_the_query(&bench).await;
    network::failures_are_told_apart(&bench).await;
    network::a_session_that_is_ended_is_lost(&bench).await;
}
