//! What every sink must do, asked of every sink by its own tests over a real database. What was written is read back through our
//! own [`Source`].

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array, Int64Array,
    ListArray, RecordBatch, StringArray, StringViewArray, StructArray, TimestampMicrosecondArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::compute::{cast, concat_batches, sort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, TimeUnit};
use arrow::util::display::array_value_to_string;
use async_trait::async_trait;
use domain::{Error, ErrorKind, Result};
use futures::stream::{self, StreamExt, TryStreamExt};
use testkit::servers::Proxy;

use super::{
    COLUMN_REQUIRED, COLUMN_TYPE, COLUMN_UNKNOWN, CONSTRAINT, Incoming, KEY_MISSING, Mode, RunMarker, Sink, TABLE_LOCKED, TABLE_MISSING,
    TABLE_UNFIT, VALUE_UNFIT, Write,
};
use crate::diagnosis::{AUTHENTICATION_FAILED, CONNECTION_LOST, TCP_FAILED};
use crate::source::{Scan, Source, TablePath};

/// A real database with a place for tables.
#[async_trait]
pub(crate) trait Bench: Send + Sync {
    /// 0 without network.
    fn port(&self) -> u16;

    /// A sink over this port of loopback with the right password, or with a wrong one, that waits so many seconds.
    fn sink(&self, port: u16, right_password: bool, seconds: u64) -> Arc<dyn Sink>;

    /// One that has seen nothing yet.
    fn source(&self) -> Arc<dyn Source>;

    fn path(&self, table: &str) -> TablePath;

    fn quote(&self, name: &str) -> String;

    /// A time with six digits of a second.
    fn timestamp(&self) -> &'static str;

    /// Runs statements.
    fn sql(&self, text: &str);

    /// Keeps others from writing to the table for some three seconds, from when it returns.
    fn hold(&self, table: &str) -> std::thread::JoinHandle<()>;

    /// Makes the move of rows into this table, which is made for them, fail once its marker is written. Gives what ends that.
    fn stop_move(&self, table: &str) -> Box<dyn FnOnce() + '_>;

    /// A table made for these has columns of these types; in the order of [`everything`]. JSON is read as text.
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

pub(crate) async fn keeps_the_contract(bench: &dyn Bench) {
    what_is_created_comes_back(bench).await;
    odd_names_are_written(bench).await;
    many_rows_arrive(bench).await;
    rows_are_appended_and_overwritten(bench).await;
    upserts_change_what_they_name(bench).await;
    a_marker_writes_once(bench).await;
    a_move_that_failed_is_tried_again(bench).await;
    a_stream_that_fails_leaves_the_table(bench).await;
    a_dropped_write_leaves_the_table(bench).await;
    readers_see_old_or_new(bench).await;
    what_does_not_go_together_is_named(bench).await;
    values_that_do_not_fit_are_named(bench).await;
    rules_of_the_table_hold(bench).await;
    a_locked_table_is_named(bench).await;
    if bench.port() != 0 {
        a_lost_connection_leaves_the_table(bench).await;
        who_is_refused_is_told_why(bench).await;
    }
}

pub(crate) fn sink_of(bench: &dyn Bench) -> Arc<dyn Sink> {
    bench.sink(bench.port(), true, 60)
}

pub(crate) fn to(bench: &dyn Bench, table: &str, mode: Mode) -> Write {
    Write { table: bench.path(table), mode, marker: None, create: false }
}

pub(crate) fn upsert(keys: &[&str]) -> Mode {
    Mode::Upsert { keys: keys.iter().map(|key| (*key).to_owned()).collect() }
}

pub(crate) fn incoming(batches: Vec<RecordBatch>) -> Incoming {
    stream::iter(batches.into_iter().map(Ok)).boxed()
}

pub(crate) fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

pub(crate) async fn put(bench: &dyn Bench, write: Write, rows: RecordBatch) -> Result<u64> {
    within(sink_of(bench).write(write, rows.schema(), incoming(vec![rows]))).await
}

/// `id` and `name`.
pub(crate) fn people(rows: &[(i64, &str)]) -> RecordBatch {
    let ids = Int64Array::from_iter_values(rows.iter().map(|(id, _)| *id));
    let names = StringArray::from_iter_values(rows.iter().map(|(_, name)| *name));
    batch(vec![("id", Arc::new(ids)), ("name", Arc::new(names))])
}

pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(100), work).await.expect("an outcome in time")
}

/// The table's rows as texts, by their first column.
pub(crate) async fn read(bench: &dyn Bench, table: &str) -> Vec<Vec<String>> {
    let batches: Vec<RecordBatch> = within(bench.source().scan(Scan::all(bench.path(table))).try_collect::<Vec<_>>()).await.unwrap();
    let Some(first) = batches.first() else { return Vec::new() };
    let all = concat_batches(first.schema_ref(), &batches).unwrap();
    let order = sort_to_indices(all.column(0), None, None).unwrap();
    let all = take_record_batch(&all, &order).unwrap();
    let shown = |column: &ArrayRef, row: usize| {
        if column.is_null(row) { "null".into() } else { array_value_to_string(column, row).unwrap() }
    };
    (0..all.num_rows()).map(|row| all.columns().iter().map(|column| shown(column, row)).collect()).collect()
}

fn rows(wanted: &[&[&str]]) -> Vec<Vec<String>> {
    wanted.iter().map(|row| row.iter().map(|value| (*value).to_owned()).collect()).collect()
}

/// A table `name (id key, name text not null, note text)` with two rows.
fn make(bench: &dyn Bench, name: &str) {
    let table = bench.quote(name);
    bench.sql(&format!(
        "CREATE TABLE {table} (id bigint NOT NULL PRIMARY KEY, name varchar(20) NOT NULL, note varchar(20));
         INSERT INTO {table} VALUES (1, 'one', 'kept'), (2, 'two', 'kept');"
    ));
}

const OLD: &[&[&str]] = &[&["1", "one", "kept"], &["2", "two", "kept"]];

/// Every type that comes out of an engine, three rows: usual, extreme, null.
fn everything() -> RecordBatch {
    let items = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), Some(vec![]), None]);
    let person = StructArray::from(vec![(
        Arc::new(Field::new("name", DataType::Utf8, true)),
        Arc::new(StringArray::from(vec![Some("Zoë \"Z\""), None, None])) as ArrayRef,
    )]);
    let micros = [Some(1_709_251_199_123_456), Some(-1), None];
    batch(vec![
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("large", Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(i64::MIN), None]))),
        ("small", Arc::new(Int32Array::from(vec![Some(7), Some(i32::MIN), None]))),
        ("huge", Arc::new(UInt64Array::from(vec![Some(12), Some(u64::MAX), None]))),
        ("single", Arc::new(Float32Array::from(vec![Some(0.1), Some(-3.402_823_5e38), None]))),
        ("double", Arc::new(Float64Array::from(vec![Some(0.1), Some(1.797_693_134_862_315_7e308), None]))),
        ("price", Arc::new(decimal(&[Some(-1250), Some(999_999_999_999), None], 12, 2))),
        ("long_number", Arc::new(decimal(&[Some(-7), Some(99_999_999_999_999_999_999_999_999_999_999_999_999), None], 38, 10))),
        (
            "text",
            Arc::new(StringArray::from(vec![Some("Ünïcødé 🛒 漢字 \u{301}"), Some(" tab\t, line\n\r, \\N \\. ' \" ` ; -- % "), None])),
        ),
        ("view", Arc::new(StringViewArray::from(vec![Some(""), Some("a text that is longer than twelve bytes"), None]))),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
        ("bytes", Arc::new(BinaryArray::from_opt_vec(vec![Some(b"\x00\xff'\\"), Some(b""), None]))),
        ("day", Arc::new(Date32Array::from(vec![Some(19_782), Some(-719_162 + 365 * 1000), None]))),
        ("moment", Arc::new(TimestampMicrosecondArray::from(micros.to_vec()))),
        ("zoned", Arc::new(TimestampMicrosecondArray::from(micros.to_vec()).with_timezone("+02:00"))),
        ("fine", Arc::new(TimestampNanosecondArray::from(vec![Some(1_709_251_199_123_456_789), Some(0), None]))),
        ("items", Arc::new(items)),
        ("person", Arc::new(person)),
        ("nothing", Arc::new(StringArray::from(vec![None::<&str>; 3]))),
    ])
}

pub(crate) fn decimal(values: &[Option<i128>], precision: u8, scale: i8) -> Decimal128Array {
    Decimal128Array::from(values.to_vec()).with_precision_and_scale(precision, scale).unwrap()
}

async fn what_is_created_comes_back(bench: &dyn Bench) {
    let written = everything();
    let write = Write { create: true, ..to(bench, "everything", Mode::Append) };
    assert_eq!(put(bench, write.clone(), written.clone()).await.unwrap(), 3, "created: rows");
    let batches: Vec<RecordBatch> = bench.source().scan(Scan::all(bench.path("everything"))).try_collect().await.unwrap();
    let found = concat_batches(batches[0].schema_ref(), &batches).unwrap();
    for (index, expected) in bench.types().iter().enumerate() {
        let (name, array) = (written.schema_ref().field(index).name().clone(), found.column(index));
        assert_eq!(array.data_type(), expected, "created: the type of {name}");
        let want = match name.as_str() {
            "items" => vec!["[1,null]".to_owned(), "[]".into(), "null".into()],
            "person" => vec!["{\"name\":\"Zoë \\\"Z\\\"\"}".to_owned(), "{\"name\":null}".into(), "{\"name\":null}".into()],
            _ => {
                let plain = if name == "zoned" { written.column(index - 1) } else { written.column(index) };
                let shown = cast(plain, expected).unwrap_or_else(|e| panic!("created: {name}: {e}"));
                (0..3).map(|row| if shown.is_null(row) { "null".into() } else { array_value_to_string(&shown, row).unwrap() }).collect()
            }
        };
        for (row, want) in want.iter().enumerate() {
            let got = if array.is_null(row) { "null".into() } else { array_value_to_string(array, row).unwrap() };
            // Databases of JSON have their own way with blanks.
            let got = if matches!(name.as_str(), "items" | "person") { got.replace(": ", ":").replace(", ", ",") } else { got };
            assert_eq!(&got, want, "created: {name} of row {row}");
        }
    }
    let again = put(bench, write, written).await.unwrap();
    assert_eq!((again, read(bench, "everything").await.len()), (3, 6), "created: a table that is there is written to");
    let none = Write { create: true, ..to(bench, "empty_made", upsert(&["id"])) };
    let schema = people(&[]).schema();
    assert_eq!(within(sink_of(bench).write(none, schema, incoming(vec![]))).await.unwrap(), 0, "created: without rows");
    assert_eq!(bench.source().schema(&bench.path("empty_made")).await.unwrap().fields().len(), 2, "created: without rows");
}

async fn odd_names_are_written(bench: &dyn Bench) {
    let names = ["order", "select", "with space", "quo\"te", "back`tick", "pct%s", "Größe ⚓"];
    let columns = names.iter().enumerate();
    let columns: Vec<(&str, ArrayRef)> =
        columns.map(|(at, name)| (*name, Arc::new(Int64Array::from(vec![at as i64])) as ArrayRef)).collect();
    for table in ["Weird näme ⚓ \"select\" `x`", "table"] {
        for mode in [upsert(&["order", "with space"]), Mode::Overwrite, upsert(&["order", "with space"])] {
            let write = Write { create: true, ..to(bench, table, mode) };
            assert_eq!(put(bench, write, batch(columns.clone())).await.unwrap(), 1, "names: {table}");
        }
        assert_eq!(read(bench, table).await, rows(&[&["0", "1", "2", "3", "4", "5", "6"]]), "names: {table}");
    }
    // Case counts only where it must.
    make(bench, "cased");
    let shouted = batch(vec![("ID", Arc::new(Int64Array::from(vec![9]))), ("Name", Arc::new(StringArray::from(vec!["nine"])))]);
    put(bench, to(bench, "cased", Mode::Overwrite), shouted).await.unwrap();
    assert_eq!(read(bench, "cased").await, rows(&[&["9", "nine", "null"]]), "names: found without regard to case");
}

async fn many_rows_arrive(bench: &dyn Bench) {
    const ROWS: i64 = 200_000;
    let part = |from: i64| {
        let ids = Int64Array::from_iter_values(from..from + 20_000);
        let names = StringArray::from_iter_values((from..from + 20_000).map(|id| format!("naïve name of {id}")));
        batch(vec![("id", Arc::new(ids)), ("name", Arc::new(names))])
    };
    let batches: Vec<RecordBatch> = (0..ROWS / 20_000).map(|at| part(at * 20_000)).collect();
    for mode in [Mode::Append, Mode::Overwrite, upsert(&["id"])] {
        let table = format!("many_{}", if mode == Mode::Append { "appended" } else { "replaced" });
        if mode != Mode::Append {
            bench.sql(&format!("DROP TABLE IF EXISTS {}", bench.quote(&table)));
        }
        for _ in 0..2 {
            let write = Write { create: true, ..to(bench, &table, mode.clone()) };
            let schema = batches[0].schema();
            assert_eq!(
                within(sink_of(bench).write(write, schema, incoming(batches.clone()))).await.unwrap(),
                ROWS as u64,
                "many: {mode:?}"
            );
        }
        let found: Vec<RecordBatch> = bench.source().scan(Scan::all(bench.path(&table))).try_collect().await.unwrap();
        let ids = || found.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().iter());
        let times = if mode == Mode::Append { 2 } else { 1 };
        assert_eq!((ids().count() as i64, ids().sum::<i64>()), (times * ROWS, times * ROWS * (ROWS - 1) / 2), "many: {mode:?}");
    }
}

async fn rows_are_appended_and_overwritten(bench: &dyn Bench) {
    make(bench, "modes");
    let three = people(&[(3, "three")]);
    assert_eq!(put(bench, to(bench, "modes", Mode::Append), three.clone()).await.unwrap(), 1);
    let appended: &[&[&str]] = &[OLD[0], OLD[1], &["3", "three", "null"]];
    assert_eq!(read(bench, "modes").await, rows(appended), "append");
    assert_eq!(put(bench, to(bench, "modes", Mode::Overwrite), three.clone()).await.unwrap(), 1);
    assert_eq!(read(bench, "modes").await, rows(&[&["3", "three", "null"]]), "overwrite");
    assert_eq!(put(bench, to(bench, "modes", Mode::Overwrite), three.slice(0, 0)).await.unwrap(), 0);
    assert_eq!(read(bench, "modes").await, rows(&[]), "overwrite with nothing");
}

async fn upserts_change_what_they_name(bench: &dyn Bench) {
    make(bench, "upserted");
    let news = people(&[(2, "zwei"), (5, "five"), (5, "fünf"), (2, "deux"), (5, "cinq")]);
    assert_eq!(put(bench, to(bench, "upserted", upsert(&["id"])), news).await.unwrap(), 5, "upsert: all rows count");
    let expected: &[&[&str]] = &[&["1", "one", "kept"], &["2", "deux", "kept"], &["5", "cinq", "null"]];
    assert_eq!(read(bench, "upserted").await, rows(expected), "upsert: the last of one key wins, other columns stay");
    // Names that databases have for rows of their own.
    let news = ["id", "rowid", "_rowid_", "oid"].map(|name| {
        let values = if name == "id" { vec![1, 1, 1] } else { vec![3, 1, 2] };
        (name, Arc::new(Int64Array::from(values)) as ArrayRef)
    });
    let write = Write { create: true, ..to(bench, "row_numbers", upsert(&["id"])) };
    assert_eq!(put(bench, write, batch(news.to_vec())).await.unwrap(), 3);
    assert_eq!(read(bench, "row_numbers").await, rows(&[&["1", "2", "2", "2"]]), "upsert: the last is the last that came");
    let twice = batch(vec![("id", Arc::new(Int64Array::from(vec![1, 8]))), ("name", Arc::new(StringArray::from(vec!["a", "b"])))]);
    // By all columns there is nothing to change.
    bench.sql(&format!("CREATE TABLE {} (id bigint NOT NULL, name varchar(20) NOT NULL, UNIQUE (name, id))", bench.quote("pairs")));
    for _ in 0..2 {
        assert_eq!(put(bench, to(bench, "pairs", upsert(&["id", "name"])), twice.clone()).await.unwrap(), 2);
    }
    assert_eq!(read(bench, "pairs").await, rows(&[&["1", "a"], &["8", "b"]]), "upsert: nothing but keys");
    let none = put(bench, to(bench, "upserted", upsert(&["name"])), people(&[(1, "x")])).await.unwrap_err();
    assert_eq!((none.code, none.message.contains("(name)")), (Some(KEY_MISSING), true), "upsert: {none}");
    let unknown = put(bench, to(bench, "upserted", upsert(&["note"])), people(&[(1, "x")])).await.unwrap_err();
    assert_eq!((unknown.code, unknown.message.contains("\"note\"")), (Some(KEY_MISSING), true), "upsert: {unknown}");
    // A row that collides with another by a second unique index is an error, never somebody else's row changed.
    bench.sql(&format!("CREATE UNIQUE INDEX upserted_name ON {} (name)", bench.quote("upserted")));
    let clash = put(bench, to(bench, "upserted", upsert(&["id"])), people(&[(77, "cinq")])).await.unwrap_err();
    assert_eq!(clash.code, Some(CONSTRAINT), "upsert: {clash}");
    assert_eq!(read(bench, "upserted").await, rows(expected), "upsert: nothing of it was written");
    let by_name = put(bench, to(bench, "upserted", upsert(&["name"])), people(&[(50, "cinq")])).await;
    assert_eq!(by_name.unwrap(), 1, "upsert by the other key");
    assert_eq!(read(bench, "upserted").await[2], ["50", "cinq", "null"], "upsert by the other key");
}

async fn a_marker_writes_once(bench: &dyn Bench) {
    make(bench, "marked");
    let marked = |text: &str| Write { marker: Some(RunMarker::new(text).unwrap()), ..to(bench, "marked", Mode::Append) };
    assert_eq!(put(bench, marked("run 1 'ü'"), people(&[(3, "three"), (4, "four")])).await.unwrap(), 2);
    let again = put(bench, marked("run 1 'ü'"), people(&[(9, "never")])).await.unwrap();
    assert_eq!((again, read(bench, "marked").await.len()), (2, 4), "marker: the second time gives the count of the first");
    assert_eq!(put(bench, marked("RUN 1 'ü'"), people(&[(5, "five")])).await.unwrap(), 1, "marker: another run writes");
    let failed = put(bench, marked("run 2"), people(&[(1, "there already")])).await.unwrap_err();
    assert_eq!(failed.code, Some(CONSTRAINT), "marker: {failed}");
    assert_eq!(put(bench, marked("run 2"), people(&[(6, "six")])).await.unwrap(), 1, "marker: a write that failed left none");
    let sink = sink_of(bench);
    let race = (0..4).map(|at| {
        let rows = people(&[(100 + at, "raced")]);
        sink.write(marked("race"), rows.schema(), incoming(vec![rows]))
    });
    for outcome in within(futures::future::join_all(race)).await {
        assert_eq!(outcome.unwrap(), 1, "marker: all of a race are answered");
    }
    assert_eq!(read(bench, "marked").await.iter().filter(|row| row[1] == "raced").count(), 1, "marker: one of a race writes");
    assert!(RunMarker::new("").is_err() && RunMarker::new("x".repeat(201)).is_err());
}

/// Neither its table nor its marker stays.
async fn a_move_that_failed_is_tried_again(bench: &dyn Bench) {
    let marker = Some(RunMarker::new("tried again").unwrap());
    let write = Write { marker, create: true, ..to(bench, "tried_again", Mode::Append) };
    let news = people(&[(1, "one"), (2, "two")]);
    let (staged, is_staged) = tokio::sync::oneshot::channel();
    let (stopped, is_stopped) = tokio::sync::oneshot::channel();
    let (first, last) = (news.slice(0, 1), news.slice(1, 1));
    let rest = stream::once(async move {
        staged.send(()).unwrap();
        is_stopped.await.unwrap();
        Ok(last)
    });
    let sink = sink_of(bench);
    let written = sink.write(write.clone(), news.schema(), stream::iter([Ok(first)]).chain(rest).boxed());
    let stopping = async {
        is_staged.await.unwrap();
        let free = bench.stop_move("tried_again");
        stopped.send(()).unwrap();
        free
    };
    let (written, free) = within(futures::future::join(written, stopping)).await;
    written.unwrap_err();
    free();
    assert!(!bench.source().tables().await.unwrap().contains(&write.table), "failed move: no table is left");
    assert_eq!(put(bench, write, news).await.unwrap(), 2, "failed move: tried again");
    assert_eq!(read(bench, "tried_again").await, rows(&[&["1", "one"], &["2", "two"]]), "failed move: tried again");
}

async fn a_stream_that_fails_leaves_the_table(bench: &dyn Bench) {
    make(bench, "failing");
    for mode in [Mode::Append, Mode::Overwrite, upsert(&["id"])] {
        let good = people(&[(2, "changed"), (7, "new")]);
        let failing = stream::iter(vec![Ok(good.clone()), Ok(good.slice(1, 1)), Err(Error::unavailable("The engine is gone."))]).boxed();
        let marker = Some(RunMarker::new("failing").unwrap());
        let write = Write { marker, ..to(bench, "failing", mode.clone()) };
        let error = within(sink_of(bench).write(write, good.schema(), failing)).await.unwrap_err();
        assert_eq!(error.message, "The engine is gone.", "failing: {mode:?}");
        assert_eq!(read(bench, "failing").await, rows(OLD), "failing: {mode:?}");
    }
    let schema = people(&[]).schema();
    let failing = stream::iter(vec![Ok(people(&[(1, "x")])), Err(Error::unavailable("The engine is gone."))]).boxed();
    let write = Write { create: true, ..to(bench, "never_made", Mode::Append) };
    within(sink_of(bench).write(write, schema, failing)).await.unwrap_err();
    assert!(!bench.source().tables().await.unwrap().contains(&bench.path("never_made")), "failing: no table is made");
}

async fn a_dropped_write_leaves_the_table(bench: &dyn Bench) {
    make(bench, "left");
    let first = people(&[(7, "new")]);
    let endless = stream::iter(vec![Ok(first.clone())]).chain(stream::pending()).boxed();
    let sink = sink_of(bench);
    let written = tokio::time::timeout(Duration::from_millis(700), sink.write(to(bench, "left", Mode::Overwrite), first.schema(), endless));
    assert!(written.await.is_err(), "dropped: it waits for rows");
    assert_eq!(read(bench, "left").await, rows(OLD), "dropped");
    assert_eq!(put(bench, to(bench, "left", Mode::Overwrite), first).await.unwrap(), 1, "dropped: nothing is held");
}

/// Every row of a version says which one it is.
async fn readers_see_old_or_new(bench: &dyn Bench) {
    const ROWS: i64 = 3000;
    bench.sql(&format!("CREATE TABLE {} (id bigint PRIMARY KEY, version bigint)", bench.quote("versions")));
    let version = |version: i64| {
        let (ids, versions) = (Int64Array::from_iter_values(0..ROWS), Int64Array::from_iter_values((0..ROWS).map(|_| version)));
        batch(vec![("id", Arc::new(ids)), ("version", Arc::new(versions))])
    };
    put(bench, to(bench, "versions", Mode::Overwrite), version(0)).await.unwrap();
    let done = AtomicBool::new(false);
    let writer = async {
        for at in 1..=12 {
            let mode = if at % 3 == 0 { upsert(&["id"]) } else { Mode::Overwrite };
            put(bench, to(bench, "versions", mode), version(at)).await.unwrap();
        }
        done.store(true, Ordering::SeqCst);
    };
    let reader = async {
        let (source, path, mut seen) = (bench.source(), bench.path("versions"), Vec::new());
        loop {
            let was_done = done.load(Ordering::SeqCst);
            let batches: Vec<RecordBatch> = source.scan(Scan::all(path.clone())).try_collect().await.unwrap();
            let all: Vec<i64> = batches.iter().flat_map(|b| b.column(1).as_primitive::<Int64Type>().values().to_vec()).collect();
            assert_eq!(all.len() as i64, ROWS, "readers: half a table");
            assert!(all.iter().all(|one| *one == all[0]), "readers: rows of two versions");
            seen.push(all[0]);
            if was_done {
                return seen;
            }
        }
    };
    let (seen, ()) = within(futures::future::join(reader, writer)).await;
    assert!(seen.is_sorted() && seen.last() == Some(&12) && seen.len() > 1, "readers: {seen:?}");
}

async fn refused(bench: &dyn Bench, table: &str, mode: Mode, rows: RecordBatch, code: &'static str, words: &[&str]) {
    let error = put(bench, to(bench, table, mode), rows).await.unwrap_err();
    assert_eq!(error.code, Some(code), "{table}: {error}");
    for word in words.iter().chain(&[table]) {
        assert!(error.message.contains(word), "{table}: {word:?} in {error}");
    }
}

async fn what_does_not_go_together_is_named(bench: &dyn Bench) {
    make(bench, "strict");
    let unknown = batch(vec![("id", Arc::new(Int64Array::from(vec![9]))), ("nmae", Arc::new(StringArray::from(vec!["x"])))]);
    refused(bench, "strict", Mode::Append, unknown, COLUMN_UNKNOWN, &["\"nmae\"", "note"]).await;
    let less = batch(vec![("id", Arc::new(Int64Array::from(vec![9])))]);
    refused(bench, "strict", Mode::Append, less, COLUMN_REQUIRED, &["\"name\""]).await;
    let typed = batch(vec![("id", Arc::new(StringArray::from(vec!["9"]))), ("name", Arc::new(StringArray::from(vec!["x"])))]);
    refused(bench, "strict", Mode::Overwrite, typed, COLUMN_TYPE, &["\"id\"", "Utf8", "bigint"]).await;
    let twice = batch(vec![
        ("id", Arc::new(Int64Array::from(vec![9]))),
        ("ID", Arc::new(Int64Array::from(vec![9]))),
        ("NAME", Arc::new(StringArray::from(vec!["x"]))),
    ]);
    refused(bench, "strict", Mode::Append, twice, COLUMN_UNKNOWN, &["\"ID\""]).await;
    refused(bench, "no_such_table", Mode::Append, people(&[]), TABLE_MISSING, &[]).await;
    bench.sql(&format!("CREATE VIEW {} AS SELECT id, name FROM {}", bench.quote("strict_view"), bench.quote("strict")));
    refused(bench, "strict_view", Mode::Append, people(&[]), TABLE_UNFIT, &["view"]).await;
    let (child, strict) = (bench.quote("strict_child"), bench.quote("strict"));
    bench.sql(&format!("CREATE TABLE {child} (strict_id bigint, FOREIGN KEY (strict_id) REFERENCES {strict} (id) ON DELETE CASCADE)"));
    bench.sql(&format!("INSERT INTO {child} VALUES (1)"));
    refused(bench, "strict", Mode::Overwrite, people(&[(1, "x")]), TABLE_UNFIT, &["strict_child"]).await;
    assert_eq!(read(bench, "strict").await, rows(OLD), "refused: nothing was written");
    assert_eq!(put(bench, to(bench, "strict", upsert(&["id"])), people(&[(1, "eins")])).await.unwrap(), 1);
    assert_eq!(read(bench, "strict_child").await, rows(&[&["1"]]), "an upsert leaves who refers to it");
}

async fn values_that_do_not_fit_are_named(bench: &dyn Bench) {
    bench.sql(&format!(
        "CREATE TABLE {} (id bigint NOT NULL PRIMARY KEY, name varchar(20) NOT NULL, price decimal(7,2), seen {})",
        bench.quote("tight"),
        bench.timestamp()
    ));
    let with = |column: &'static str, values: ArrayRef| {
        let ids = Int64Array::from_iter_values(0..10_000);
        let names = StringArray::from_iter_values((0..10_000).map(|id| id.to_string()));
        let mut columns: Vec<(&str, ArrayRef)> = vec![("id", Arc::new(ids)), ("name", Arc::new(names))];
        columns.retain(|(name, _)| *name != column);
        columns.push((column, values));
        batch(columns)
    };
    let at = |wrong: i128| decimal(&(0..10_000).map(|row| Some(if row == 9_000 { wrong } else { 50 })).collect::<Vec<_>>(), 20, 3);
    let unfit = |rows, words: &'static [&'static str]| refused(bench, "tight", Mode::Append, rows, VALUE_UNFIT, words);
    unfit(with("price", Arc::new(at(123_456_000))), &["\"price\"", "123456.000", "row 9001"]).await;
    unfit(with("price", Arc::new(at(1_005))), &["\"price\"", "1.005", "row 9001"]).await;
    let names =
        |row: &str| Arc::new(StringArray::from_iter((0..10_000).map(|at| (at != 9_500).then_some("x").or((row != "null").then_some(row)))));
    unfit(with("name", names("null")), &["\"name\"", "null", "row 9501"]).await;
    let keyless =
        batch(vec![("id", Arc::new(Int64Array::from(vec![Some(1), None]))), ("name", Arc::new(StringArray::from(vec!["x", "y"])))]);
    refused(bench, "tight", upsert(&["id"]), keyless, VALUE_UNFIT, &["\"id\"", "row 2"]).await;
    let far = TimestampMicrosecondArray::from_iter_values((0..10_000).map(|at| if at == 3 { i64::MAX } else { 0 }));
    unfit(with("seen", Arc::new(far)), &["\"seen\"", "row 4"]).await;
    assert_eq!(put(bench, to(bench, "tight", Mode::Append), with("price", Arc::new(at(1_230)))).await.unwrap(), 10_000);
    let prices: Vec<String> =
        read(bench, "tight").await.into_iter().map(|row| row[2].clone()).filter(|price| !price.starts_with("0.05")).collect();
    assert_eq!(prices.len(), 1, "{prices:?}");
    assert!(prices[0].starts_with("1.23"), "{prices:?}");
}

async fn rules_of_the_table_hold(bench: &dyn Bench) {
    make(bench, "ruled");
    refused(bench, "ruled", Mode::Append, people(&[(5, "five"), (1, "there already")]), CONSTRAINT, &[]).await;
    refused(bench, "ruled", Mode::Overwrite, people(&[(5, "five"), (5, "again")]), CONSTRAINT, &[]).await;
    assert_eq!(read(bench, "ruled").await, rows(OLD), "rules");
}

async fn a_locked_table_is_named(bench: &dyn Bench) {
    make(bench, "held");
    let holder = bench.hold("held");
    let rows_in = people(&[(3, "three")]);
    let sink = bench.sink(bench.port(), true, 2);
    let write = to(bench, "held", Mode::Overwrite);
    let error = within(sink.write(write.clone(), rows_in.schema(), incoming(vec![rows_in.clone()]))).await.unwrap_err();
    assert_eq!((error.code, error.is_retryable()), (Some(TABLE_LOCKED), true), "locked: {error}");
    assert!(error.message.contains("2 seconds"), "locked: the timeout is named: {error}");
    tokio::task::spawn_blocking(move || holder.join().unwrap()).await.unwrap();
    assert_eq!(read(bench, "held").await, rows(OLD), "locked");
    assert_eq!(put(bench, write, rows_in).await.unwrap(), 1, "locked: free again");
}

async fn a_lost_connection_leaves_the_table(bench: &dyn Bench) {
    make(bench, "cut_off");
    for mode in [Mode::Append, Mode::Overwrite, upsert(&["id"])] {
        let proxy = Arc::new(Proxy::to(bench.port()).await);
        let sink = bench.sink(proxy.port, true, 60);
        let wire = proxy.clone();
        let many: Vec<(i64, String)> = (10..8_000).map(|id| (id, format!("name {id}"))).collect();
        let many = people(&many.iter().map(|(id, name)| (*id, name.as_str())).collect::<Vec<_>>());
        let schema = many.schema();
        let batches = (0..6).map(move |at| {
            let batch = batch(vec![
                ("id", Arc::new(Int64Array::from_iter_values((0..7_990).map(|row| 10 + row + at * 10_000)))),
                ("name", many.column(1).clone()),
            ]);
            if at == 3 {
                wire.cut();
            }
            Ok(batch)
        });
        let write = Write { marker: Some(RunMarker::new(format!("cut {mode:?}")).unwrap()), ..to(bench, "cut_off", mode.clone()) };
        let error = within(sink.write(write.clone(), schema, stream::iter(batches).boxed())).await.unwrap_err();
        assert_eq!((error.kind, error.code), (ErrorKind::Unavailable, Some(CONNECTION_LOST)), "cut: {mode:?}: {error}");
        assert_eq!(read(bench, "cut_off").await, rows(OLD), "cut: {mode:?}");
    }
    let again = Write { marker: Some(RunMarker::new("cut Overwrite").unwrap()), ..to(bench, "cut_off", Mode::Overwrite) };
    assert_eq!(put(bench, again, people(&[(1, "one")])).await.unwrap(), 1, "cut: the run tried again writes");
}

async fn who_is_refused_is_told_why(bench: &dyn Bench) {
    let rows = people(&[(1, "x")]);
    let write = to(bench, "modes", Mode::Append);
    let wrong = bench.sink(bench.port(), false, 5);
    let error = within(wrong.write(write.clone(), rows.schema(), incoming(vec![rows.clone()]))).await.unwrap_err();
    assert_eq!((error.code, error.is_retryable()), (Some(AUTHENTICATION_FAILED), false), "password: {error}");
    let down = bench.sink(testkit::servers::free_port(), true, 5);
    let error = within(down.write(write, Arc::new(Schema::empty()), incoming(vec![]))).await.unwrap_err();
    assert_eq!(error.code, Some(TCP_FAILED), "host down: {error}");
}
