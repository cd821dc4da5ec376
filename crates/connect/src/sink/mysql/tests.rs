#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, TimeUnit};
use async_trait::async_trait;
use sqlx::{ConnectOptions, Connection, Executor};
use testkit::servers::MariaDb;

use super::MySqlSink;
use crate::connection::{Reach, Server, Tls};
use crate::diagnosis::PERMISSION_DENIED;
use crate::sink::conformance::{Bench, batch, incoming, keeps_the_contract, people, put, read, to, upsert};
use crate::sink::{COLUMN_TYPE, KEY_MISSING, Mode, RunMarker, Sink, TABLE_UNFIT, VALUE_UNFIT, Write};
use crate::source::mysql::MySqlSource;
use crate::source::{Dialect, Source, TablePath};

struct MariaBench(MariaDb);

impl MariaBench {
    fn server(&self, port: u16, user: &str, password: &str, seconds: u64) -> Server {
        Server {
            host: "127.0.0.1".into(),
            port,
            database: Some("shop".into()),
            user: Some(user.into()),
            password: Some(password.into()),
            tls: Tls::default(),
            reach: Reach { connect_timeout: Duration::from_secs(5), read_timeout: Duration::from_secs(seconds), retries: 0 },
        }
    }
}

#[async_trait]
impl Bench for MariaBench {
    fn port(&self) -> u16 {
        self.0.port
    }

    fn sink(&self, port: u16, right_password: bool, seconds: u64) -> Arc<dyn Sink> {
        let password = if right_password { self.0.password.as_str() } else { "wrong" };
        Arc::new(MySqlSink::new(self.server(port, &self.0.user, password, seconds)))
    }

    fn source(&self) -> Arc<dyn Source> {
        Arc::new(MySqlSource::new(self.server(self.0.port, &self.0.user, &self.0.password, 60)))
    }

    fn path(&self, table: &str) -> TablePath {
        TablePath { database: Some("shop".into()), schema: None, table: table.into() }
    }

    fn quote(&self, name: &str) -> String {
        Dialect::MySql.quote(name)
    }

    fn timestamp(&self) -> &'static str {
        "datetime(6)"
    }

    fn sql(&self, text: &str) {
        self.0.sql("shop", text);
    }

    fn hold(&self, table: &str) -> std::thread::JoinHandle<()> {
        let options = sqlx::mysql::MySqlConnectOptions::new().host("127.0.0.1").port(self.0.port).username(&self.0.user);
        let options = options.password(&self.0.password).database("shop").ssl_mode(sqlx::mysql::MySqlSslMode::Disabled);
        let lock = format!("SELECT * FROM {} FOR UPDATE", self.quote(table));
        let (held, is_held) = std::sync::mpsc::channel();
        let holder = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut connection = options.connect().await.unwrap();
                connection.execute(sqlx::raw_sql("START TRANSACTION")).await.unwrap();
                connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(lock))).await.unwrap();
                held.send(()).unwrap();
                tokio::time::sleep(Duration::from_secs(4)).await;
                connection.close().await.unwrap();
            });
        });
        is_held.recv().unwrap();
        holder
    }

    /// JSON is text in MariaDB.
    fn types(&self) -> Vec<DataType> {
        use DataType as T;
        let moment = T::Timestamp(TimeUnit::Microsecond, None);
        vec![
            T::Int64,
            T::Int64,
            T::Int64,
            T::Decimal128(20, 0),
            T::Float32,
            T::Float64,
            T::Decimal128(12, 2),
            T::Decimal128(38, 10),
            T::Utf8,
            T::Utf8,
            T::Boolean,
            T::Binary,
            T::Date32,
            moment.clone(),
            moment.clone(),
            moment,
            T::Utf8,
            T::Utf8,
            T::Utf8,
        ]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_sinks_keep_the_contract() {
    let Some(server) = MariaDb::start() else { return };
    keeps_the_contract(&MariaBench(server)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_mariadbs_own() {
    let Some(server) = MariaDb::start() else { return };
    let bench = MariaBench(server);
    tables_without_transactions_are_refused(&bench).await;
    types_are_kept_strictly(&bench).await;
    keys_are_compared_as_the_table_does(&bench).await;
    what_may_not_be_written_is_named(&bench).await;
    statements_keep_to_the_packet(&bench).await;
}

async fn tables_without_transactions_are_refused(bench: &MariaBench) {
    bench.sql("CREATE TABLE isam (id bigint, name varchar(20)) ENGINE = MyISAM");
    let error = put(bench, to(bench, "isam", Mode::Append), people(&[(1, "x")])).await.unwrap_err();
    assert_eq!((error.code, error.message.contains("MyISAM")), (Some(TABLE_UNFIT), true), "{error}");
    bench.sql("CREATE TABLE prefixed (id bigint, name text, UNIQUE (name(5)))");
    let error = put(bench, to(bench, "prefixed", upsert(&["name"])), people(&[(1, "x")])).await.unwrap_err();
    assert_eq!(error.code, Some(KEY_MISSING), "{error}");
}

async fn types_are_kept_strictly(bench: &MariaBench) {
    bench.sql(
        "CREATE TABLE own (id int unsigned AUTO_INCREMENT PRIMARY KEY, kind enum('a','b'), doc json, at datetime, stamp timestamp NULL,
         year year, latin varchar(10) CHARACTER SET latin1, twice int AS (ratio * 2) VIRTUAL, ratio double, bits bit(3))",
    );
    let text = |name: &'static str, value: &str| batch(vec![(name, Arc::new(StringArray::from(vec![value])))]);
    let number = |name: &'static str, value: i64| batch(vec![(name, Arc::new(Int64Array::from(vec![value])))]);
    let moment = |name: &'static str, value: i64| batch(vec![(name, Arc::new(TimestampMicrosecondArray::from(vec![value])))]);
    let own = || to(bench, "own", Mode::Append);
    for good in
        [text("kind", "b"), text("doc", "{\"a\": 1}"), moment("at", 1_000_000), number("year", 1999), text("latin", "é"), number("bits", 7)]
    {
        assert_eq!(put(bench, own(), good).await.unwrap(), 1);
    }
    for bad in [
        text("kind", "c"),
        moment("at", 1_500_000),
        moment("stamp", -1_000_000_000_000),
        number("year", 1800),
        number("id", -1),
        number("bits", 8),
        text("latin", "漢"),
        text("latin", "x          "),
        batch(vec![("ratio", Arc::new(Float64Array::from(vec![f64::NAN])))]),
    ] {
        let column = bad.schema_ref().field(0).name().clone();
        let error = put(bench, own(), bad).await.unwrap_err();
        assert_eq!((error.code, error.message.contains(&column)), (Some(VALUE_UNFIT), true), "{error}");
    }
    let invalid = put(bench, own(), text("doc", "no json")).await.unwrap_err();
    assert!(matches!(invalid.code, Some("SINK_CONSTRAINT" | "SINK_VALUE_UNFIT")) && invalid.message.contains("doc"), "{invalid}");
    assert_eq!(put(bench, own(), number("twice", 4)).await.unwrap_err().code, Some(COLUMN_TYPE));
    let found = read(bench, "own").await;
    let kept: Vec<&str> = found.iter().zip([1, 2, 3, 5, 6, 9]).map(|(row, at)| row[at].as_str()).collect();
    assert_eq!(kept, ["b", "{\"a\": 1}", "1970-01-01T00:00:01", "1999", "é", "7"]);
}

/// The collation of the key says what is the same; the last of those wins.
async fn keys_are_compared_as_the_table_does(bench: &MariaBench) {
    bench.sql("CREATE TABLE folded (name varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, id bigint)");
    put(bench, to(bench, "folded", upsert(&["name"])), people(&[(1, "Anna"), (2, "ANNA"), (3, "bob")])).await.unwrap();
    put(bench, to(bench, "folded", upsert(&["name"])), people(&[(4, "BOB")])).await.unwrap();
    assert_eq!(read(bench, "folded").await, [["ANNA", "2"], ["bob", "4"]]);
}

async fn what_may_not_be_written_is_named(bench: &MariaBench) {
    bench.sql(
        "CREATE TABLE closed (id bigint, name varchar(20)); INSERT INTO closed VALUES (1, 'one');
         CREATE USER 'reader'@'127.0.0.1' IDENTIFIED BY 'reader'; GRANT SELECT, CREATE TEMPORARY TABLES ON shop.* TO 'reader'@'127.0.0.1'",
    );
    let sink = MySqlSink::new(bench.server(bench.port(), "reader", "reader", 10));
    let rows = people(&[(2, "two")]);
    for (mode, marker) in [(Mode::Append, None), (Mode::Overwrite, None), (Mode::Append, Some(RunMarker::new("reader").unwrap()))] {
        let write = Write { marker, ..to(bench, "closed", mode) };
        let error = sink.write(write, rows.schema(), incoming(vec![rows.clone()])).await.unwrap_err();
        assert_eq!((error.code, error.is_retryable()), (Some(PERMISSION_DENIED), false), "{error}");
        assert!(error.message.contains("closed") && error.message.contains("denied"), "{error}");
    }
    assert_eq!(read(bench, "closed").await, [["1", "one"]]);
}

/// Rows of a megabyte and of much more.
async fn statements_keep_to_the_packet(bench: &MariaBench) {
    bench.sql("CREATE TABLE heavy (id bigint, name longtext)");
    let texts: Vec<String> = [900_000, 1_200_000, 20_000_000, 3].iter().map(|length| "ü".repeat(*length)).collect();
    let rows: Vec<(i64, &str)> = texts.iter().zip(1..).map(|(text, id)| (id, text.as_str())).collect();
    assert_eq!(put(bench, to(bench, "heavy", Mode::Append), people(&rows)).await.unwrap(), 4);
    let lengths: Vec<usize> = read(bench, "heavy").await.iter().map(|row| row[1].chars().count()).collect();
    assert_eq!(lengths, [900_000, 1_200_000, 20_000_000, 3]);
}
