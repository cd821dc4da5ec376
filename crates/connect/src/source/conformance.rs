//! What every source must do, asked of every source by its own tests.
//!
//! A source's tests make a [`Bench`] over a real server and call [`keeps_the_contract`]. Each case stands for itself and says in its
//! message what it expected; tables that cases need are made through the bench.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use async_trait::async_trait;
use domain::{ErrorKind, Result};
use futures::{StreamExt, TryStreamExt};
use testkit::servers::Proxy;

use super::{Comparison, Literal, Predicate, Scan, Source, TablePath};
use crate::diagnosis::{AUTHENTICATION_FAILED, CONNECTION_LOST, Step, TABLE_GONE, TCP_FAILED};

/// A column of a test table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    Real,
    Text,
    Boolean,
    /// `decimal(12, 2)`
    Decimal,
    Date,
    Timestamp,
}

/// A value of a test table, in words that every source can be given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Boolean(bool),
    /// `-12.50`
    Decimal(&'static str),
    /// `2024-02-29`
    Date(&'static str),
    /// `2024-02-29 23:59:59.123456`, in UTC
    Timestamp(&'static str),
}

/// What a source cannot do by its nature; everything else it must.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lacks {
    /// No server: a file.
    pub network: bool,
    pub passwords: bool,
    /// Types that it keeps as something wider (SQLite's dates are texts, MongoDB has none): not compared.
    pub kinds: &'static [Kind],
    /// A table without rows has no columns.
    pub columns_without_rows: bool,
    /// It takes no filters.
    pub filters: bool,
}

/// A real server with a place for tables.
#[async_trait]
pub(crate) trait Bench: Send + Sync {
    fn lacks(&self) -> Lacks {
        Lacks::default()
    }

    /// The server's port, for the proxy; 0 without network.
    fn port(&self) -> u16;

    /// A wire to the server that the suite may cut; [`Bench::source`] over its port goes nowhere else.
    async fn proxy(&self) -> Arc<Proxy> {
        Arc::new(Proxy::to(self.port()).await)
    }

    /// A source over this port of loopback with the right password, or with a wrong one. Timeouts of a few seconds, no retries.
    fn source(&self, port: u16, right_password: bool) -> Arc<dyn Source>;

    /// Makes a table; the first column is an integer key without nulls, 1, 2, 3 ….
    async fn create(&self, table: &str, columns: &[(&str, Kind)], rows: &[Vec<Value>]) -> TablePath;

    /// Takes it away.
    async fn remove(&self, table: &TablePath);
}

/// All cases, one after the other.
pub(crate) async fn keeps_the_contract(bench: &dyn Bench) {
    let source = bench.source(bench.port(), true);
    types_round_trip(bench, source.as_ref()).await;
    nulls_and_unicode_survive(bench, source.as_ref()).await;
    an_empty_table_has_columns_and_no_rows(bench, source.as_ref()).await;
    a_wide_table_is_read_whole(bench, source.as_ref()).await;
    only_the_columns_asked_for_come(bench, source.as_ref()).await;
    filters_and_limits_mean_what_arrow_means(bench, source.as_ref()).await;
    parts_of_a_scan_are_the_whole(bench, source.as_ref()).await;
    many_tables_are_described_at_once(bench, source.as_ref()).await;
    a_stream_that_is_dropped_leaves_the_source_usable(bench, source.as_ref()).await;
    a_table_that_is_gone_is_named(bench, source.as_ref()).await;
    a_diagnosis_passes(source.as_ref()).await;
    if !bench.lacks().passwords {
        a_wrong_password_is_told_from_a_host_that_is_down(bench).await;
    }
    if !bench.lacks().network {
        a_host_that_is_down_is_named(bench).await;
        a_connection_lost_in_the_middle_is_an_error(bench).await;
    }
}

const ALL: &[(&str, Kind)] = &[
    ("id", Kind::Integer),
    ("amount", Kind::Integer),
    ("ratio", Kind::Real),
    ("name", Kind::Text),
    ("active", Kind::Boolean),
    ("price", Kind::Decimal),
    ("born", Kind::Date),
    ("seen", Kind::Timestamp),
];

fn rows() -> Vec<Vec<Value>> {
    let row = |id, amount, ratio, name: &str, active, price, born, seen| {
        vec![
            Value::Integer(id),
            Value::Integer(amount),
            Value::Real(ratio),
            Value::Text(name.into()),
            Value::Boolean(active),
            Value::Decimal(price),
            Value::Date(born),
            Value::Timestamp(seen),
        ]
    };
    vec![
        row(1, i64::MAX, 1.5, "plain", true, "9999999999.99", "1970-01-01", "1970-01-01 00:00:00.000000"),
        row(2, i64::MIN, -0.1, "quote ' \" \\ ; -- %_", false, "-0.01", "2024-02-29", "2024-02-29 23:59:59.123000"),
        row(3, 0, 1e300, "Ünïcødé 🛒 漢字 \u{301}", true, "0.00", "1752-09-14", "1999-12-31 12:00:00.000000"),
    ]
}

async fn types_round_trip(bench: &dyn Bench, source: &dyn Source) {
    let table = bench.create("all_types", ALL, &rows()).await;
    let read = whole(source, &table).await;
    let schema = source.schema(&table).await.unwrap();
    assert_eq!(read.num_rows(), 3, "types: rows");
    let types = [
        (Kind::Integer, DataType::Int64),
        (Kind::Real, DataType::Float64),
        (Kind::Text, DataType::Utf8),
        (Kind::Boolean, DataType::Boolean),
        (Kind::Decimal, DataType::Decimal128(12, 2)),
        (Kind::Date, DataType::Date32),
        (Kind::Timestamp, DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, None)),
    ];
    for (index, (name, kind)) in ALL.iter().enumerate() {
        if bench.lacks().kinds.contains(kind) {
            continue;
        }
        let expected = &types.iter().find(|(known, _)| known == kind).unwrap().1;
        let field = schema.field_with_name(name).unwrap_or_else(|_| panic!("types: no column {name} in {schema:?}"));
        assert_eq!(field.data_type(), expected, "types: the type of {name}");
        for (row, wanted) in rows().iter().enumerate() {
            assert_eq!(text_at(&read, name, row), shown(&wanted[index]), "types: {name} of row {row}");
        }
    }
    bench.remove(&table).await;
}

async fn nulls_and_unicode_survive(bench: &dyn Bench, source: &dyn Source) {
    let columns = &ALL[..4];
    let rows: Vec<Vec<Value>> = vec![
        vec![Value::Integer(1), Value::Null, Value::Null, Value::Null],
        vec![Value::Integer(2), Value::Integer(7), Value::Real(0.5), Value::Text(String::new())],
        vec![Value::Integer(3), Value::Null, Value::Real(0.25), Value::Text("日本".into())],
    ];
    let table = bench.create("Weird näme 🛒 select \"x\"", columns, &rows).await;
    assert!(source.tables().await.unwrap().contains(&table), "names: {table} is among the tables");
    let read = whole(source, &table).await;
    for (index, (name, _)) in columns.iter().enumerate() {
        for (row, wanted) in rows.iter().enumerate() {
            assert_eq!(text_at(&read, name, row), shown(&wanted[index]), "nulls: {name} of row {row}");
        }
    }
    bench.remove(&table).await;
}

async fn an_empty_table_has_columns_and_no_rows(bench: &dyn Bench, source: &dyn Source) {
    let table = bench.create("nothing_here", ALL, &[]).await;
    let batches: Vec<RecordBatch> = source.scan(Scan::all(table.clone())).try_collect().await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 0, "empty: rows");
    if !bench.lacks().columns_without_rows {
        assert_eq!(source.schema(&table).await.unwrap().fields().len(), ALL.len(), "empty: columns");
    }
    assert!(source.count(&table).await.unwrap().is_none_or(|count| count == 0), "empty: count");
    bench.remove(&table).await;
}

async fn a_wide_table_is_read_whole(bench: &dyn Bench, source: &dyn Source) {
    let names: Vec<String> = (0..200).map(|index| format!("column_{index:03}")).collect();
    let mut columns = vec![("id", Kind::Integer)];
    columns.extend(names.iter().map(|name| (name.as_str(), Kind::Integer)));
    let row: Vec<Value> = (0..=200).map(|value| Value::Integer(if value == 0 { 1 } else { value })).collect();
    let table = bench.create("wide", &columns, &[row]).await;
    let read = whole(source, &table).await;
    assert!(read.num_columns() >= 201, "wide: {} columns", read.num_columns());
    assert_eq!(text_at(&read, "column_199", 0), "200", "wide: the last column");
    bench.remove(&table).await;
}

async fn only_the_columns_asked_for_come(bench: &dyn Bench, source: &dyn Source) {
    let table = numbers(bench, "projected", 50).await;
    let asked = Scan { columns: Some(vec!["name".into(), "id".into()]), ..Scan::all(table.clone()) };
    let read = gathered(source, asked).await;
    let names: Vec<&str> = read.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!((names, read.num_rows()), (vec!["name", "id"], 50), "projection: names in the order asked for");
    let none = Scan { columns: Some(Vec::new()), ..Scan::all(table.clone()) };
    let batches: Vec<RecordBatch> = source.scan(none).try_collect().await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 50, "projection: no columns still count rows");
    let unknown = Scan { columns: Some(vec!["no_such_column".into()]), ..Scan::all(table.clone()) };
    let error = source.scan(unknown).try_collect::<Vec<_>>().await.unwrap_err();
    assert!(error.to_string().contains("no_such_column"), "projection: an unknown column is named: {error}");
    bench.remove(&table).await;
}

async fn filters_and_limits_mean_what_arrow_means(bench: &dyn Bench, source: &dyn Source) {
    let table = numbers(bench, "filtered", 100).await;
    let schema = source.schema(&table).await.unwrap();
    let limited = gathered(source, Scan { limit: Some(7), ..Scan::all(table.clone()) }).await;
    assert_eq!(limited.num_rows(), 7, "limit: rows");
    let small = gathered(source, Scan { batch_rows: 10, ..Scan::all(table.clone()) }).await;
    assert_eq!(small.num_rows(), 100, "batches: rows");
    let batches: Vec<RecordBatch> = source.scan(Scan { batch_rows: 10, ..Scan::all(table.clone()) }).try_collect().await.unwrap();
    assert!(batches.iter().all(|batch| batch.num_rows() <= 10), "batches: at most as many rows as asked for");
    let id = |comparison, value| Predicate::compare("id", comparison, Literal::Integer(value));
    let cases: Vec<(Predicate, usize)> = vec![
        (id(Comparison::Equal, 5), 1),
        (id(Comparison::NotEqual, 5), 99),
        (id(Comparison::Less, 5), 4),
        (id(Comparison::LessOrEqual, 5), 5),
        (id(Comparison::Greater, 90), 10),
        (id(Comparison::GreaterOrEqual, 90), 11),
        (Predicate::In { column: "id".into(), values: vec![Literal::Integer(1), Literal::Integer(2), Literal::Integer(1000)] }, 2),
        (Predicate::And(vec![id(Comparison::Greater, 10), id(Comparison::Less, 20)]), 9),
        (Predicate::Or(vec![id(Comparison::Less, 3), id(Comparison::Greater, 98)]), 4),
        // Every tenth amount is null: unknown is not kept.
        (Predicate::IsNull("amount".into()), 10),
        (Predicate::IsNotNull("amount".into()), 90),
        (Predicate::compare("amount", Comparison::NotEqual, Literal::Integer(-1)), 90),
        (Predicate::And(Vec::new()), 100),
        (Predicate::Or(Vec::new()), 0),
        // Names are NAME1, name2, NAME3 …: case counts.
        (Predicate::compare("name", Comparison::Equal, Literal::Text("name2".into())), 1),
        (Predicate::compare("name", Comparison::Equal, Literal::Text("NAME2".into())), 0),
        (Predicate::compare("name", Comparison::Equal, Literal::Text("name2 ".into())), 0),
    ];
    if !bench.lacks().filters {
        assert!(source.accepts(&id(Comparison::Equal, 5), &schema), "filters: an integer key is compared in the source");
    }
    for (filter, expected) in cases {
        if !source.accepts(&filter, &schema) {
            continue;
        }
        let read = gathered(source, Scan { filters: vec![filter.clone()], ..Scan::all(table.clone()) }).await;
        assert_eq!(read.num_rows(), expected, "filters: {filter:?}");
        let counted = Scan { filters: vec![filter.clone()], limit: Some(3), ..Scan::all(table.clone()) };
        assert_eq!(gathered(source, counted).await.num_rows(), expected.min(3), "filters with a limit: {filter:?}");
    }
    bench.remove(&table).await;
}

async fn parts_of_a_scan_are_the_whole(bench: &dyn Bench, source: &dyn Source) {
    let table = numbers(bench, "split", 1000).await;
    for parts in [1, 2, 7] {
        let scans = source.split(Scan::all(table.clone()), parts).await.unwrap();
        assert!((1..=parts).contains(&scans.len()), "split: {} parts of at most {parts}", scans.len());
        let mut ids = Vec::new();
        for scan in scans {
            let read = gathered(source, scan).await;
            let column = cast(read.column_by_name("id").unwrap(), &DataType::Int64).unwrap();
            ids.extend(column.as_primitive::<Int64Type>().values().iter().copied());
        }
        ids.sort_unstable();
        assert_eq!(ids, (1..=1000).collect::<Vec<i64>>(), "split in {parts}: every row once");
    }
    bench.remove(&table).await;
}

async fn many_tables_are_described_at_once(bench: &dyn Bench, source: &dyn Source) {
    let first = numbers(bench, "described_a", 3).await;
    let second = numbers(bench, "described_b", 3).await;
    let ghost = TablePath { table: "no_such_table".into(), ..first.clone() };
    let described = source.describe(&[second.clone(), ghost, first.clone()]).await.unwrap();
    assert_eq!(described.len(), 3, "describe: one answer for each");
    let names = |schema: &SchemaRef| schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    let own = |at: usize| names(&described[at].as_ref().unwrap().schema);
    assert!(own(0).contains(&"amount".to_owned()) && own(0) == own(2), "describe: {:?} and {:?}", own(0), own(2));
    let error = described[1].as_ref().unwrap_err();
    assert!(error.to_string().contains("no_such_table"), "describe: a table that is not there is named: {error}");
    bench.remove(&first).await;
    bench.remove(&second).await;
}

async fn a_stream_that_is_dropped_leaves_the_source_usable(bench: &dyn Bench, source: &dyn Source) {
    let table = numbers(bench, "dropped", 5000).await;
    for _ in 0..20 {
        let mut rows = source.scan(Scan { batch_rows: 10, ..Scan::all(table.clone()) });
        rows.next().await.unwrap().unwrap();
    }
    let ended = tokio::time::timeout(Duration::from_secs(20), gathered(source, Scan::all(table.clone()))).await;
    assert_eq!(ended.expect("cancellation: dropped streams hold no connection").num_rows(), 5000);
    bench.remove(&table).await;
}

async fn a_table_that_is_gone_is_named(bench: &dyn Bench, source: &dyn Source) {
    let table = numbers(bench, "soon_gone", 3).await;
    source.schema(&table).await.unwrap();
    bench.remove(&table).await;
    let error = source.scan(Scan::all(table.clone())).try_collect::<Vec<_>>().await.unwrap_err();
    assert!(error.to_string().contains("soon_gone"), "table gone: named: {error}");
    assert!(matches!(error.kind, ErrorKind::NotFound | ErrorKind::InvalidData), "table gone: {:?}", error.kind);
    if !bench.lacks().network {
        assert_eq!(error.code, Some(TABLE_GONE), "table gone: {error}");
    }
}

async fn a_diagnosis_passes(source: &dyn Source) {
    let diagnosis = source.diagnose().await;
    assert_eq!(diagnosis.failure(), None, "diagnosis: {diagnosis:?}");
    assert!(!diagnosis.steps.is_empty());
}

async fn a_wrong_password_is_told_from_a_host_that_is_down(bench: &dyn Bench) {
    let source = bench.source(bench.port(), false);
    let error = within(source.tables()).await.unwrap_err();
    assert_eq!(error.code, Some(AUTHENTICATION_FAILED), "wrong password: {error}");
    assert!(!error.is_retryable(), "wrong password: another try is no use: {error}");
    let diagnosis = source.diagnose().await;
    assert_eq!(diagnosis.failure().map(|step| step.step), Some(Step::Authentication), "wrong password: {diagnosis:?}");
}

async fn a_host_that_is_down_is_named(bench: &dyn Bench) {
    let port = testkit::servers::free_port();
    let source = bench.source(port, true);
    let error = within(source.tables()).await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Unavailable, Some(TCP_FAILED)), "host down: {error}");
    assert!(error.to_string().contains(&port.to_string()), "host down: the port is named: {error}");
    let diagnosis = source.diagnose().await;
    assert_eq!(diagnosis.failure().map(|step| step.step), Some(Step::Tcp), "host down: {diagnosis:?}");
}

async fn a_connection_lost_in_the_middle_is_an_error(bench: &dyn Bench) {
    let rows = 60_000;
    let table = numbers(bench, "cut_off", rows).await;
    let proxy = bench.proxy().await;
    let source = bench.source(proxy.port, true);
    let mut stream = source.scan(Scan { batch_rows: 100, ..Scan::all(table.clone()) });
    within(async { stream.next().await.unwrap() }).await.unwrap();
    proxy.cut();
    let rest: Result<Vec<RecordBatch>> = within(stream.try_collect()).await;
    let error = rest.expect_err("connection lost: half a table is not a table");
    assert_eq!((error.kind, error.code), (ErrorKind::Unavailable, Some(CONNECTION_LOST)), "connection lost: {error}");
    proxy.mend();
    assert!(within(source.tables()).await.unwrap().contains(&table), "connection lost: later calls connect anew");
    bench.remove(&table).await;
}

/// Rows with id 1 …, amount twice that (every tenth null), a name whose case depends on the id, and much text.
pub(crate) async fn numbers(bench: &dyn Bench, table: &str, count: i64) -> TablePath {
    let columns = [("id", Kind::Integer), ("amount", Kind::Integer), ("name", Kind::Text), ("padding", Kind::Text)];
    let padding = "x".repeat(if count > 10_000 { 400 } else { 40 });
    let row = |id: i64| {
        let name = if id % 2 == 0 { format!("name{id}") } else { format!("NAME{id}") };
        let amount = if id % 10 == 0 { Value::Null } else { Value::Integer(2 * id) };
        vec![Value::Integer(id), amount, Value::Text(name), Value::Text(padding.clone())]
    };
    let rows: Vec<Vec<Value>> = (1..=count).map(row).collect();
    bench.create(table, &columns, &rows).await
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("an answer within a minute")
}

/// Every row, in the order of `id` where there is one.
pub(crate) async fn gathered(source: &dyn Source, scan: Scan) -> RecordBatch {
    let batches: Vec<RecordBatch> = within(source.scan(scan).try_collect::<Vec<_>>()).await.unwrap();
    let Some(first) = batches.first() else { return RecordBatch::new_empty(Arc::new(arrow::datatypes::Schema::empty())) };
    let all = concat_batches(first.schema_ref(), &batches).unwrap();
    let Some(ids) = all.column_by_name("id") else { return all };
    let order = arrow::compute::sort_to_indices(ids, None, None).unwrap();
    arrow::compute::take_record_batch(&all, &order).unwrap()
}

async fn whole(source: &dyn Source, table: &TablePath) -> RecordBatch {
    gathered(source, Scan::all(table.clone())).await
}

fn text_at(batch: &RecordBatch, column: &str, row: usize) -> String {
    let values = batch.column_by_name(column).unwrap_or_else(|| panic!("no column {column}"));
    if values.is_null(row) {
        return "null".into();
    }
    match values.data_type() {
        DataType::Timestamp(..) => {
            let micros = cast(values, &DataType::Int64).unwrap();
            micros.as_primitive::<Int64Type>().value(row).to_string()
        }
        DataType::Float64 | DataType::Float32 => {
            let real = cast(values, &DataType::Float64).unwrap();
            format!("{:?}", real.as_primitive::<arrow::datatypes::Float64Type>().value(row))
        }
        _ => cast(values, &DataType::Utf8).unwrap().as_string::<i32>().value(row).to_owned(),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Integer(value) => value.to_string(),
        Value::Real(value) => format!("{value:?}"),
        Value::Text(text) => text.clone(),
        Value::Boolean(value) => value.to_string(),
        Value::Decimal(text) | Value::Date(text) => (*text).to_owned(),
        Value::Timestamp(text) => {
            let parsed = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").unwrap();
            parsed.and_utc().timestamp_micros().to_string()
        }
    }
}
