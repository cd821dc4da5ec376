#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Float64Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, TimeUnit};
use async_trait::async_trait;

use super::SqliteSink;
use crate::sink::cells::Cell;
use crate::sink::conformance::{Bench, batch, decimal, keeps_the_contract, people, put, read, to};
use crate::sink::slot::Slot;
use crate::sink::{COLUMN_TYPE, Mode, RunMarker, Sink, VALUE_UNFIT, Write};
use crate::source::sqlite::SqliteSource;
use crate::source::{Dialect, Source, TablePath};

struct SqliteBench {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl SqliteBench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.db");
        let bench = Self { path, _folder: folder };
        bench.sql("CREATE TABLE first (id INTEGER)");
        bench
    }

    fn connection(&self) -> rusqlite::Connection {
        let connection = rusqlite::Connection::open(&self.path).unwrap();
        connection.busy_timeout(Duration::from_secs(20)).unwrap();
        connection
    }
}

#[async_trait]
impl Bench for SqliteBench {
    fn port(&self) -> u16 {
        0
    }

    fn sink(&self, _: u16, _: bool, seconds: u64) -> Arc<dyn Sink> {
        Arc::new(SqliteSink { busy_timeout: Duration::from_secs(seconds), ..SqliteSink::new(&self.path) })
    }

    fn source(&self) -> Arc<dyn Source> {
        Arc::new(SqliteSource::open(&self.path).unwrap())
    }

    fn path(&self, table: &str) -> TablePath {
        TablePath::table(table)
    }

    fn quote(&self, name: &str) -> String {
        Dialect::Sqlite.quote(name)
    }

    fn timestamp(&self) -> &'static str {
        "timestamp"
    }

    fn sql(&self, text: &str) {
        self.connection().execute_batch(text).unwrap();
    }

    fn hold(&self, _: &str) -> std::thread::JoinHandle<()> {
        let connection = self.connection();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(3));
            connection.execute_batch("ROLLBACK").unwrap();
        })
    }

    /// Somebody else is quicker.
    fn stop_move(&self, table: &str) -> Box<dyn FnOnce() + '_> {
        let table = self.quote(table);
        self.sql(&format!("CREATE TABLE {table} (id bigint)"));
        Box::new(move || self.sql(&format!("DROP TABLE {table}")))
    }

    /// Numbers longer than SQLite's are texts; it has no booleans.
    fn types(&self) -> Vec<DataType> {
        use DataType as T;
        let moment = T::Timestamp(TimeUnit::Microsecond, None);
        vec![
            T::Int64,
            T::Int64,
            T::Int64,
            T::Utf8,
            T::Float64,
            T::Float64,
            T::Float64,
            T::Utf8,
            T::Utf8,
            T::Utf8,
            T::Int64,
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
async fn sqlite_sinks_keep_the_contract() {
    keeps_the_contract(&SqliteBench::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sqlite_would_change_is_refused() {
    let bench = SqliteBench::new();
    bench.sql("CREATE TABLE numbers (id INTEGER PRIMARY KEY, price NUMERIC, ratio REAL, anything)");
    let priced = |value| batch(vec![("price", Arc::new(decimal(&[Some(value)], 38, 4)))]);
    let error = put(&bench, to(&bench, "numbers", Mode::Append), priced(1_234_567_890_123_456_789)).await.unwrap_err();
    assert_eq!(error.code, Some(VALUE_UNFIT), "{error}");
    assert!(error.message.contains("123456789012345.6789"), "{error}");
    put(&bench, to(&bench, "numbers", Mode::Append), priced(12_345)).await.unwrap();
    let nan = batch(vec![("ratio", Arc::new(Float64Array::from(vec![0.5, f64::NAN])))]);
    let error = put(&bench, to(&bench, "numbers", Mode::Append), nan).await.unwrap_err();
    assert_eq!((error.code, error.message.contains("row 2 has NaN")), (Some(VALUE_UNFIT), true), "{error}");
    let text = batch(vec![("price", Arc::new(StringArray::from(vec!["12.5"])))]);
    assert_eq!(put(&bench, to(&bench, "numbers", Mode::Append), text).await.unwrap_err().code, Some(COLUMN_TYPE));
    let loose = batch(vec![("anything", Arc::new(StringArray::from(vec!["12.5"])))]);
    assert_eq!(put(&bench, to(&bench, "numbers", Mode::Append), loose).await.unwrap(), 1);
    // The key is the row's number: given where the rows have none.
    let found = read(&bench, "numbers").await;
    assert_eq!(found, [["1", "1.2345", "null", "null"], ["2", "null", "null", "12.5"]]);
}

/// Types that SQLite has never heard of have its affinity for numbers.
#[tokio::test(flavor = "multi_thread")]
async fn texts_that_sqlite_would_take_for_numbers_are_refused() {
    let bench = SqliteBench::new();
    bench.sql("CREATE TABLE loose (code STRING, doc JSON, id UUID, price MONEY)");
    let text = |name: &'static str, value: &str| batch(vec![(name, Arc::new(StringArray::from(vec![value])))]);
    let into = |rows| put(&bench, to(&bench, "loose", Mode::Append), rows);
    for (column, value) in [("code", "007"), ("doc", "1.0"), ("id", "12345678901234567890"), ("id", "1e3"), ("code", " 7")] {
        let error = into(text(column, value)).await.unwrap_err();
        assert_eq!((error.code, error.message.contains(column)), (Some(VALUE_UNFIT), true), "{error}");
        assert!(error.message.contains("which SQLite takes for numbers") && error.message.contains(value), "{error}");
    }
    let long = batch(vec![("price", Arc::new(decimal(&[Some(1_234_567_890_123_456_789)], 38, 4)))]);
    assert_eq!(into(long).await.unwrap_err().code, Some(VALUE_UNFIT));
    for (column, value) in [("code", "A007"), ("doc", "{\"a\": 1.0}"), ("id", "12345678-1234"), ("code", "7")] {
        assert_eq!(into(text(column, value)).await.unwrap(), 1, "{value}");
    }
    let kept = "SELECT group_concat(coalesce(code, doc, id), ' ') FROM loose";
    let kept: String = bench.connection().query_row(kept, [], |row| row.get(0)).unwrap();
    assert_eq!(kept, "A007 {\"a\": 1.0} 12345678-1234 7");
}

/// What fits is what comes back.
#[test]
fn sqlite_itself_says_which_texts_stay() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch("CREATE TABLE asked (code STRING)").unwrap();
    let parts = ["", " ", "\u{b}", "-", "+", "0", "7", "10", ".", "5", "e3", "E-7", "x", "inf", "nan", "00001", "123456789012345", "9"];
    let mut asked = connection.prepare("INSERT INTO asked VALUES (?) RETURNING CAST(code AS TEXT)").unwrap();
    let all = || parts.iter();
    for text in all().flat_map(|a| all().flat_map(move |b| all().flat_map(move |c| all().map(move |d| [*a, *b, *c, *d].concat())))) {
        let back: String = asked.query_row([&text], |row| row.get(0)).unwrap();
        assert_eq!(Slot::Numeric.fits(&Cell::Text(&text)), back == text, "{text:?} comes back as {back:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_made_where_a_table_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let sink = SqliteSink::new(&folder.path().join("new.db"));
    let rows = people(&[(1, "one")]);
    let write = |create| Write { table: TablePath::table("made"), mode: Mode::Append, marker: None, create };
    let into = |create| sink.write(write(create), rows.schema(), crate::sink::conformance::incoming(vec![rows.clone()]));
    assert!(into(false).await.unwrap_err().message.contains("new.db"));
    assert_eq!(into(true).await.unwrap(), 1);
    let nowhere = SqliteSink::new(&folder.path().join("no/such/folder.db"));
    let error = nowhere.write(write(true), rows.schema(), crate::sink::conformance::incoming(vec![rows.clone()])).await.unwrap_err();
    assert!(error.message.contains("folder.db"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_named_and_old_markers_go() {
    let bench = SqliteBench::new();
    bench.sql("CREATE TABLE full (id INTEGER, name TEXT); INSERT INTO full VALUES (1, 'one')");
    for at in 0..3 {
        let write = Write { marker: Some(RunMarker::new(format!("run {at}")).unwrap()), ..to(&bench, "full", Mode::Append) };
        put(&bench, write, people(&[(2, "two")])).await.unwrap();
    }
    bench.sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100) INSERT INTO penchant_writes (run, rows) SELECT 'old ' || i, 0 FROM n");
    let write = Write { marker: Some(RunMarker::new("young").unwrap()), ..to(&bench, "full", Mode::Append) };
    put(&bench, write, people(&[(3, "three")])).await.unwrap();
    let kept: i64 = bench.connection().query_row("SELECT count(*) FROM penchant_writes", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 1000, "as many as are kept");
    let before = read(&bench, "full").await;
    // A limit of the file's pages is the nearest to a full disk that needs no disk of its own.
    let connection = bench.sink_with_pages().await;
    assert_eq!(connection.code, Some(crate::sink::DISK_FULL), "{connection}");
    assert_eq!(read(&bench, "full").await, before, "nothing was written");
}

impl SqliteBench {
    async fn sink_with_pages(&self) -> domain::Error {
        let sink = SqliteSink::new(&self.path);
        let connection = sink.open(false).unwrap();
        connection.pragma_update(None, "max_page_count", 1).unwrap();
        let interrupt = connection.get_interrupt_handle();
        let leaving = super::Leaving { interrupt, left: Arc::default() };
        let desk = super::SqliteDesk { sink, connection: Some(connection), leaving };
        let ids = Int64Array::from_iter_values(0..50_000);
        let names = StringArray::from_iter_values((0..50_000).map(|id| format!("a rather long name of {id}")));
        let rows = batch(vec![("id", Arc::new(ids)), ("name", Arc::new(names))]);
        let write = to(self, "full", Mode::Overwrite);
        super::carry_out(Box::new(desk), write, rows.schema(), crate::sink::conformance::incoming(vec![rows])).await.unwrap_err()
    }
}
