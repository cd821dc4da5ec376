#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use domain::ErrorKind;
use futures::{StreamExt, TryStreamExt};

use super::SqliteSource;
use crate::source::conformance;
use crate::source::{Comparison, Literal, Predicate, Scan, Source, TablePath};

fn database(folder: &Path, sql: &str) -> PathBuf {
    let path = folder.join("shop.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    path
}

fn orders() -> (tempfile::TempDir, SqliteSource) {
    let folder = tempfile::tempdir().unwrap();
    let path = database(
        folder.path(),
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT COLLATE NOCASE, amount NUMERIC, mixed INTEGER, day DATE, at DATETIME, raw BLOB, hollow);
         INSERT INTO orders VALUES (1, 'anna', 10, 5, '2024-05-17', '2024-05-17 08:26:00', x'00ff', NULL);
         INSERT INTO orders VALUES (2, 'Anna', 2.5, 'five', '2024-02-29', '2024-05-17T08:26:00.5', NULL, NULL);
         INSERT INTO orders VALUES (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
         CREATE VIEW big AS SELECT * FROM orders WHERE amount > 5;",
    );
    let source = SqliteSource::open(&path).unwrap();
    (folder, source)
}

async fn read(source: &SqliteSource, scan: Scan) -> Vec<RecordBatch> {
    source.scan(scan).try_collect().await.unwrap()
}

fn ids(batches: &[RecordBatch]) -> Vec<i64> {
    batches.iter().flat_map(|batch| batch["id"].as_primitive::<Int64Type>().values().to_vec()).collect()
}

#[tokio::test]
async fn types_are_those_of_the_values() {
    let (_folder, source) = orders();
    let names: Vec<String> = source.tables().await.unwrap().into_iter().map(|table| table.table).collect();
    assert_eq!(names, ["big", "orders"]);
    let schema = source.schema(&TablePath::table("ORDERS")).await.unwrap();
    let types: Vec<&DataType> = schema.fields().iter().map(|field| field.data_type()).collect();
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
    let expected = [
        &DataType::Int64,
        &DataType::Utf8,
        &DataType::Float64,
        &DataType::Utf8,
        &DataType::Date32,
        &timestamp,
        &DataType::Binary,
        &DataType::Utf8,
    ];
    assert_eq!(types, expected);
    assert_eq!(source.count(&TablePath::table("orders")).await.unwrap(), Some(3));
}

#[tokio::test]
async fn values_arrive_as_they_are() {
    let (_folder, source) = orders();
    let batches = read(&source, Scan::all(TablePath::table("orders"))).await;
    let [batch] = batches.as_slice() else { panic!("one batch") };
    assert_eq!(batch["amount"].as_primitive::<Float64Type>().iter().collect::<Vec<_>>(), [Some(10.0), Some(2.5), None]);
    assert_eq!(batch["mixed"].as_string::<i32>().iter().collect::<Vec<_>>(), [Some("5"), Some("five"), None]);
    assert_eq!(batch["raw"].as_binary::<i32>().value(0), [0, 0xff]);
    let at = arrow::compute::cast(&batch["at"], &DataType::Int64).unwrap();
    assert_eq!(at.as_primitive::<Int64Type>().value(1), 1_715_934_360_500_000);
}

#[tokio::test]
async fn texts_in_a_date_column_that_are_no_dates_keep_it_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(
        folder.path(),
        "CREATE TABLE t (a DATE, b DATETIME, c DATETIME);
         INSERT INTO t VALUES ('2024-02-30', '2024-02-30 10:00', '2024-05-17');
         INSERT INTO t VALUES ('2024-02-01', '2024-02-01 10:00', '2024-05-17 10:00:00');",
    );
    let schema = SqliteSource::open(&path).unwrap().schema(&TablePath::table("t")).await.unwrap();
    assert_eq!(schema.field(0).data_type(), &DataType::Utf8);
    assert_eq!(schema.field(1).data_type(), &DataType::Utf8);
    assert_eq!(schema.field(2).data_type(), &DataType::Timestamp(TimeUnit::Microsecond, None));
}

#[tokio::test]
async fn projection_filters_and_limit_reach_the_database() {
    let (_folder, source) = orders();
    let table = TablePath::table("orders");
    let filter = |column: &str, comparison, value| Predicate::compare(column, comparison, value);
    let scan = |filters: Vec<Predicate>| Scan { columns: Some(vec!["id".into()]), filters, ..Scan::all(table.clone()) };
    let text = |text: &str| Literal::Text(text.into());
    // The column's own collation would find both spellings.
    assert_eq!(ids(&read(&source, scan(vec![filter("customer", Comparison::Equal, text("Anna"))])).await), [2]);
    assert_eq!(ids(&read(&source, scan(vec![filter("customer", Comparison::NotEqual, text("Anna"))])).await), [1]);
    assert_eq!(ids(&read(&source, scan(vec![filter("mixed", Comparison::Equal, text("5"))])).await), [1]);
    assert_eq!(ids(&read(&source, scan(vec![filter("amount", Comparison::Less, Literal::Float(3.0))])).await), [2]);
    assert_eq!(ids(&read(&source, scan(vec![Predicate::IsNull("customer".into())])).await), [3]);
    let ins = Predicate::In { column: "id".into(), values: vec![Literal::Integer(1), Literal::Integer(3)] };
    let either = Predicate::Or(vec![filter("id", Comparison::Greater, Literal::Integer(2)), Predicate::IsNotNull("raw".into())]);
    assert_eq!(ids(&read(&source, scan(vec![ins, either])).await), [1, 3]);
    assert_eq!(ids(&read(&source, scan(vec![Predicate::Or(Vec::new())])).await), Vec::<i64>::new());
    let limited = Scan { limit: Some(2), ..scan(Vec::new()) };
    assert_eq!(ids(&read(&source, limited).await), [1, 2]);
    let hostile = filter("customer", Comparison::Equal, text("'; DROP TABLE orders; --"));
    assert_eq!(ids(&read(&source, scan(vec![hostile])).await), Vec::<i64>::new());
}

#[tokio::test]
async fn what_would_mean_something_else_is_not_accepted() {
    let (_folder, source) = orders();
    let schema = source.schema(&TablePath::table("orders")).await.unwrap();
    let accepts = |column: &str, value| source.accepts(&Predicate::compare(column, Comparison::Equal, value), &schema);
    assert!(accepts("id", Literal::Integer(1)) && accepts("customer", Literal::Text("x".into())));
    assert!(!accepts("id", Literal::Text("1".into())));
    assert!(!accepts("id", Literal::Float(1.5)));
    assert!(!accepts("amount", Literal::Float(f64::NAN)));
    assert!(!accepts("day", Literal::Text("2024-05-17".into())));
    assert!(!accepts("nowhere", Literal::Integer(1)));
    assert!(source.accepts(&Predicate::IsNull("day".into()), &schema));
}

#[tokio::test]
async fn no_columns_still_count_rows() {
    let (_folder, source) = orders();
    let scan = Scan { columns: Some(Vec::new()), batch_rows: 2, ..Scan::all(TablePath::table("orders")) };
    let rows: Vec<usize> = read(&source, scan).await.iter().map(RecordBatch::num_rows).collect();
    assert_eq!(rows, [2, 1]);
}

#[tokio::test]
async fn errors_say_what_was_expected_and_found() {
    let folder = tempfile::tempdir().unwrap();
    let missing = SqliteSource::open(&folder.path().join("gone.db")).unwrap_err();
    assert_eq!(missing.kind, ErrorKind::NotFound);
    let text = folder.path().join("orders.csv");
    std::fs::write(&text, "id,customer\n1,anna and more text\n").unwrap();
    let no_database = SqliteSource::open(&text).unwrap_err();
    assert_eq!(no_database.kind, ErrorKind::InvalidData);
    assert!(no_database.message.contains("orders.csv"), "{no_database}");
    let (_folder, source) = orders();
    let no_table = source.schema(&TablePath::table("customers")).await.unwrap_err();
    assert_eq!(no_table.kind, ErrorKind::NotFound);
    assert!(no_table.message.contains("big, orders"), "{no_table}");
    let scan = Scan { columns: Some(vec!["nope".into()]), ..Scan::all(TablePath::table("orders")) };
    let no_column = source.scan(scan).try_collect::<Vec<_>>().await.unwrap_err();
    assert!(no_column.message.contains("nope") && no_column.message.contains("customer"), "{no_column}");
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_named() {
    let (folder, source) = orders();
    let table = TablePath::table("orders");
    source.schema(&table).await.unwrap();
    let writer = rusqlite::Connection::open(folder.path().join("shop.db")).unwrap();
    writer.execute_batch("INSERT INTO orders (id, amount) VALUES (4, 'ten')").unwrap();
    let error = source.scan(Scan::all(table)).try_collect::<Vec<_>>().await.unwrap_err();
    assert!(error.message.contains("amount") && error.message.contains("Text"), "{error}");
}

#[tokio::test]
async fn a_locked_file_is_worth_another_try() {
    let (folder, source) = orders();
    let writer = rusqlite::Connection::open(folder.path().join("shop.db")).unwrap();
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let connection = source.acquire().unwrap();
    connection.busy_timeout(Duration::from_millis(1)).unwrap();
    let error = source.error(super::table_names(&connection).unwrap_err());
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("locked"), "{error}");
}

#[tokio::test]
async fn dropping_the_stream_ends_the_query() {
    let folder = tempfile::tempdir().unwrap();
    // Without an end, and without a row that passes the filter.
    let path =
        database(folder.path(), "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n;");
    let source = SqliteSource::open(&path).unwrap();
    let plan = super::sql::Plan {
        table: "endless".into(),
        sql: "SELECT i FROM endless WHERE i < 0".into(),
        values: Vec::new(),
        columns: vec![super::shape::ShapeColumn { name: "i".into(), kind: super::shape::Kind::Integer }],
        batch_rows: 10,
    };
    let connection = source.acquire().unwrap();
    let mut stream = super::rows::stream(source.clone(), connection, plan).boxed();
    let waited = tokio::time::timeout(Duration::from_millis(100), stream.next()).await;
    assert!(waited.is_err(), "the query has no row");
    drop(stream);
    // The thread holds the other copy of the path as long as it reads.
    let ended = async {
        while std::sync::Arc::strong_count(&source.path) > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(1), ended).await.expect("the query ends");
}

#[tokio::test]
async fn batches_are_as_large_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(
        folder.path(),
        "CREATE TABLE t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 25) SELECT i FROM n;",
    );
    let source = SqliteSource::open(&path).unwrap();
    let scan = Scan { batch_rows: 10, ..Scan::all(TablePath::table("t")) };
    let rows: Vec<usize> = read(&source, scan).await.iter().map(RecordBatch::num_rows).collect();
    assert_eq!(rows, [10, 10, 5]);
}

/// `../shared/data` beside the repository, or where PENCHANT_SHARED_DATA says.
fn shared(name: &str) -> Option<PathBuf> {
    let base = std::env::var_os("PENCHANT_SHARED_DATA")
        .map_or_else(|| Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../../shared/data"), PathBuf::from);
    let path = base.join(name);
    if !path.exists() {
        println!("not run: {} absent", path.display());
        return None;
    }
    Some(path)
}

#[tokio::test]
async fn chinook_is_read_whole() {
    let Some(archive) = shared("chinook/chinook.zip") else { return };
    let folder = tempfile::tempdir().unwrap();
    let unpacked = std::process::Command::new("python3").args(["-m", "zipfile", "-e"]).arg(archive).arg(folder.path()).status().unwrap();
    assert!(unpacked.success());
    let path = find(folder.path(), ".sqlite").expect("a SQLite file in the archive");
    let source = SqliteSource::open(&path).unwrap();
    assert_eq!(source.tables().await.unwrap().len(), 11);
    let invoices = source.schema(&TablePath::table("Invoice")).await.unwrap();
    let date = invoices.field_with_name("InvoiceDate").unwrap();
    assert_eq!(date.data_type(), &DataType::Timestamp(TimeUnit::Microsecond, None));
    let tracks: usize = read(&source, Scan::all(TablePath::table("Track"))).await.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(tracks, 3503);
    let lines = read(&source, Scan::all(TablePath::table("InvoiceLine"))).await;
    let price: f64 = lines.iter().flat_map(|batch| batch["UnitPrice"].as_primitive::<Float64Type>().values().to_vec()).sum();
    assert!((price - 2328.60).abs() < 0.01, "{price}");
}

fn find(folder: &Path, ending: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().find_map(|path| {
        if path.is_dir() {
            return find(&path, ending);
        }
        path.to_string_lossy().ends_with(ending).then_some(path)
    })
}

struct Bench {
    folder: tempfile::TempDir,
}

#[async_trait::async_trait]
impl conformance::Bench for Bench {
    fn lacks(&self) -> conformance::Lacks {
        use conformance::Kind;
        conformance::Lacks { network: true, passwords: true, kinds: &[Kind::Boolean, Kind::Decimal], ..conformance::Lacks::default() }
    }

    fn port(&self) -> u16 {
        0
    }

    fn source(&self, _: u16, _: bool) -> std::sync::Arc<dyn Source> {
        let path = self.folder.path().join("bench.db");
        rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE IF NOT EXISTS first (id INTEGER)").unwrap();
        std::sync::Arc::new(SqliteSource::open(&path).unwrap())
    }

    async fn create(&self, table: &str, columns: &[(&str, conformance::Kind)], rows: &[Vec<conformance::Value>]) -> TablePath {
        use conformance::{Kind, Value};
        let declared = |kind: Kind| match kind {
            Kind::Integer | Kind::Boolean => "INTEGER",
            Kind::Real => "REAL",
            Kind::Text => "TEXT",
            Kind::Decimal => "DECIMAL(12, 2)",
            Kind::Date => "DATE",
            Kind::Timestamp => "TIMESTAMP",
        };
        let mut connection = rusqlite::Connection::open(self.folder.path().join("bench.db")).unwrap();
        let list: Vec<String> = columns.iter().map(|(name, kind)| format!("{} {}", super::sql::quote(name), declared(*kind))).collect();
        connection.execute_batch(&format!("CREATE TABLE {} ({})", super::sql::quote(table), list.join(", "))).unwrap();
        let insert = format!("INSERT INTO {} VALUES ({})", super::sql::quote(table), vec!["?"; columns.len()].join(", "));
        let writing = connection.transaction().unwrap();
        for row in rows {
            let values = row.iter().map(|value| match value {
                Value::Null => rusqlite::types::Value::Null,
                Value::Integer(value) => rusqlite::types::Value::Integer(*value),
                Value::Boolean(value) => rusqlite::types::Value::Integer(i64::from(*value)),
                Value::Real(value) => rusqlite::types::Value::Real(*value),
                Value::Text(text) => rusqlite::types::Value::Text(text.clone()),
                Value::Decimal(text) | Value::Date(text) | Value::Timestamp(text) => rusqlite::types::Value::Text((*text).to_owned()),
            });
            writing.execute(&insert, rusqlite::params_from_iter(values)).unwrap();
        }
        writing.commit().unwrap();
        TablePath::table(table)
    }

    async fn remove(&self, table: &TablePath) {
        let connection = rusqlite::Connection::open(self.folder.path().join("bench.db")).unwrap();
        connection.execute_batch(&format!("DROP TABLE {}", super::sql::quote(&table.table))).unwrap();
    }
}

#[tokio::test]
async fn sqlite_keeps_the_contract() {
    conformance::keeps_the_contract(&Bench { folder: tempfile::tempdir().unwrap() }).await;
}
