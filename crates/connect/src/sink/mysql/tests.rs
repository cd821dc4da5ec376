#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use arrow::array::{Float64Array, Int64Array, StringArray, Time64MicrosecondArray, TimestampMicrosecondArray};
use async_trait::async_trait;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, MySqlConnection, Row};
use testkit::servers::MariaDb;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::MySqlSink;
use crate::connection::{Reach, Server, Tls};
use crate::diagnosis::{CONNECTION_LOST, PERMISSION_DENIED};
use crate::sink::conformance::{Bench, batch, incoming, keeps_the_contract, people, put, read, to, upsert, within};
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

    fn options(&self) -> MySqlConnectOptions {
        let options = MySqlConnectOptions::new().host("127.0.0.1").port(self.0.port).username(&self.0.user);
        options.password(&self.0.password).database("shop").ssl_mode(MySqlSslMode::Disabled)
    }
}

/// Somebody else, whom a test waits for without a runtime.
fn apart(work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    std::thread::spawn(|| tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work))
}

async fn say(connection: &mut MySqlConnection, sql: &str) {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.unwrap();
}

/// The number that the query gives, once it gives one.
async fn await_number(connection: &mut MySqlConnection, sql: &str) -> i64 {
    loop {
        match connection.fetch_optional(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.unwrap() {
            Some(row) => return row.get_unchecked(0),
            None => tokio::time::sleep(Duration::from_millis(10)).await,
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

    fn hold(&self, table: &str) -> JoinHandle<()> {
        let (options, lock) = (self.options(), format!("SELECT * FROM {} FOR UPDATE", self.quote(table)));
        let (held, is_held) = std::sync::mpsc::channel();
        let holder = apart(async move {
            let mut connection = options.connect().await.unwrap();
            say(&mut connection, "START TRANSACTION").await;
            say(&mut connection, &lock).await;
            held.send(()).unwrap();
            tokio::time::sleep(Duration::from_secs(4)).await;
            connection.close().await.unwrap();
        });
        is_held.recv().unwrap();
        holder
    }

    /// The marker waits until the table, which is there before it, is held; the INSERT waits for that and is killed.
    fn stop_move(&self, table: &str) -> Box<dyn FnOnce() + '_> {
        let (options, table) = (self.options(), table.to_owned());
        let (held, is_held) = std::sync::mpsc::channel();
        let killer = apart(async move {
            let (mut of_markers, mut of_table) = (options.connect().await.unwrap(), options.connect().await.unwrap());
            say(&mut of_markers, "START TRANSACTION").await;
            say(&mut of_markers, "SELECT * FROM penchant_writes FOR UPDATE").await;
            held.send(()).unwrap();
            await_number(&mut of_table, &format!("SELECT 1 FROM information_schema.TABLES WHERE TABLE_NAME = '{table}'")).await;
            say(&mut of_table, "START TRANSACTION").await;
            say(&mut of_table, &format!("SELECT * FROM {table} FOR UPDATE")).await;
            say(&mut of_markers, "ROLLBACK").await;
            let moving = format!("SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE 'INSERT INTO `shop`.`{table}` %'");
            let moving = await_number(&mut of_markers, &moving).await;
            say(&mut of_markers, &format!("KILL QUERY {moving}")).await;
            say(&mut of_table, "ROLLBACK").await;
        });
        is_held.recv().unwrap();
        Box::new(move || killer.join().unwrap())
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
    a_commit_that_was_not_answered_counts(&bench).await;
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
         year year, latin varchar(10) CHARACTER SET latin1, twice int AS (ratio * 2) VIRTUAL, ratio double, bits bit(3), clock time, fine time(3))",
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
    for good in [text("clock", "23:59:59.000"), text("fine", "-12:30:00.1250")] {
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
        text("clock", "23:59:59.7"),
        batch(vec![("fine", Arc::new(Time64MicrosecondArray::from(vec![1_000_001])))]),
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

/// Passes everything on, the answer to a COMMIT so many seconds late.
async fn slow_to_commit(target: u16, seconds: u64) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((inside, _)) = listener.accept().await {
            let outside = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
            let ((mut asked, mut told), (mut answered, mut sent)) = (inside.into_split(), outside.into_split());
            let is_slow = Arc::new(AtomicBool::new(false));
            let commits = is_slow.clone();
            tokio::spawn(async move {
                let mut bytes = vec![0; 1 << 16];
                while let Ok(length @ 1..) = asked.read(&mut bytes).await {
                    if bytes[..length].windows(6).any(|word| word == b"COMMIT") {
                        commits.store(true, Ordering::SeqCst);
                    }
                    sent.write_all(&bytes[..length]).await.unwrap();
                }
            });
            tokio::spawn(async move {
                let mut bytes = vec![0; 1 << 16];
                while let Ok(length @ 1..) = answered.read(&mut bytes).await {
                    if is_slow.swap(false, Ordering::SeqCst) {
                        tokio::time::sleep(Duration::from_secs(seconds)).await;
                    }
                    let _ = told.write_all(&bytes[..length]).await;
                }
            });
        }
    });
    port
}

/// With a marker the write is known to be done; without one the table at least is not taken away with its rows.
async fn a_commit_that_was_not_answered_counts(bench: &MariaBench) {
    let reach = Reach { connect_timeout: Duration::from_secs(2), read_timeout: Duration::from_secs(2), retries: 0 };
    let port = slow_to_commit(bench.port(), 8).await;
    let sink = MySqlSink::new(Server { reach, ..bench.server(port, &bench.0.user, &bench.0.password, 2) });
    let rows = people(&[(1, "one")]);
    let into = |table: &str, marker| {
        let write = Write { create: true, marker, ..to(bench, table, Mode::Append) };
        sink.write(write, rows.schema(), incoming(vec![rows.clone()]))
    };
    let marker = RunMarker::new("late").unwrap();
    let (marked, unmarked) = within(futures::future::join(into("late", Some(marker)), into("unsure", None))).await;
    assert_eq!(marked.unwrap(), 1);
    assert_eq!(unmarked.unwrap_err().code, Some(CONNECTION_LOST));
    for table in ["late", "unsure"] {
        assert_eq!(read(bench, table).await, [["1", "one"]], "{table}");
    }
}
