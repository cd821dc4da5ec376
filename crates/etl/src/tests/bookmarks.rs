//! Runs with bookmarks over an engine in memory: what is killed when, and what is then read.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use bytes::Bytes;
use catalog::{Catalog, Column, Database, StorageDescriptor, Table, below};
use domain::{Error, ErrorKind, Result, RunState};
use futures::{StreamExt, stream};
use runs::{Breakpoints, RunContext, RunId};
use serde_json::{Value, json};
use store::Buckets;

use super::{House, at, refused, sql_job};
use crate::{
    Arguments, ColumnsRead, Engine, FileOutput, Format, Job, JobResult, Means, Rows, SqlOutcome, SqlQuery, StartJobRun, TableBookmark,
    Tally, Window,
};

const RESULT: &str = "s3://shop/exports/items/part-00000.csv";

/// Knows `COPY` and a table's name: `shop.files`, whose rows are the lines of its files, or `shop.rows`, whose rows are these numbers.
/// `COPY shop.files shop.rows` reads both. A query that begins with `FAIL` fails once its rows are written.
struct Copying {
    catalog: Catalog,
    buckets: Buckets,
    rows: Arc<Mutex<Vec<i64>>>,
}

impl Copying {
    async fn read(&self, table: &str, window: Option<&Window>) -> Vec<String> {
        if table == "shop.rows" {
            let rows = self.rows.lock().unwrap().clone();
            let condition = match window {
                Some(Window::Where(condition)) => condition.clone(),
                _ => String::new(),
            };
            return rows.into_iter().filter(|id| holds(&condition, *id)).map(|id| id.to_string()).collect();
        }
        let table = self.catalog.get_table("shop", "files").await.unwrap().value;
        let found = self.catalog.table_files(&table).await.unwrap();
        let mut lines = Vec::new();
        for file in &found.files {
            let name = below(&found.prefix, &file.location);
            if matches!(window, Some(Window::Files(names)) if !names.contains(&name)) {
                continue;
            }
            let bytes = self.buckets.read(&at(&format!("s3://shop/files/{name}"))).await.unwrap();
            lines.extend(String::from_utf8(bytes.to_vec()).unwrap().lines().map(str::to_owned));
        }
        lines
    }
}

/// As much of a condition as is made for one key of numbers.
fn holds(condition: &str, id: i64) -> bool {
    let plain = condition.replace(['(', ')'], "");
    plain.split(" AND ").filter(|part| !part.is_empty()).all(|part| match part.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["\"id\"", ">", value] => id > value.parse().unwrap(),
        ["\"id\"", "<=", value] => id <= value.parse().unwrap(),
        ["FALSE"] => false,
        other => panic!("{other:?}"),
    })
}

#[async_trait]
impl Engine for Copying {
    fn name(&self) -> &'static str {
        "embedded"
    }

    async fn write(&self, query: SqlQuery, output: FileOutput, _: &RunContext) -> Result<SqlOutcome> {
        let mut lines = Vec::new();
        for table in query.text.split_whitespace().skip(1) {
            lines.extend(self.read(table, query.windows.get(table)).await);
        }
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.buckets.write(&crate::target::child(&output.folder, "part-00000.csv"), Bytes::from(text)).await?;
        if query.text.starts_with("FAIL") {
            return Err(Error::invalid_data("The last row is no row."));
        }
        Ok(SqlOutcome { rows_written: lines.len() as u64, files: vec!["part-00000.csv".into()], ..SqlOutcome::default() })
    }

    async fn rows(&self, query: SqlQuery, _: Means) -> Result<Rows> {
        let condition = query.text.strip_prefix("SELECT max(\"id\") AS \"last\" FROM \"shop\".\"rows\"").expect("the one question");
        let condition = condition.trim_start_matches(" WHERE ");
        let last = self.rows.lock().unwrap().iter().copied().filter(|id| holds(condition, *id)).max();
        let schema = Arc::new(Schema::new(vec![Field::new("last", DataType::Int64, true)]));
        let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(Int64Array::from(vec![last]))]).unwrap();
        Ok(Rows { schema, batches: stream::iter([Ok(batch)]).boxed(), tally: Tally::default() })
    }

    async fn columns(&self, _: &SqlQuery) -> Result<SchemaRef> {
        Ok(Arc::new(Schema::empty()))
    }

    async fn columns_read(&self, query: &SqlQuery) -> Result<Vec<ColumnsRead>> {
        Ok(query.text.split_whitespace().skip(1).map(|table| ColumnsRead { table: table.into(), columns: Vec::new() }).collect())
    }
}

/// Rows that come, into files of the one table or as rows of the other.
struct Feed {
    house: House,
    rows: Arc<Mutex<Vec<i64>>>,
    table: &'static str,
}

impl Feed {
    async fn new(table: &'static str) -> Self {
        let mut house = House::new().await;
        let rows = Arc::new(Mutex::new(Vec::new()));
        let (catalog, buckets) = (house.catalog.clone(), house.installation.buckets.clone());
        house.engine = Arc::new(Copying { catalog, buckets, rows: rows.clone() });
        house.catalog.create_database(Database { name: "shop".into(), ..Database::default() }).await.unwrap();
        for name in ["files", "rows"] {
            let storage_descriptor = StorageDescriptor {
                location: Some(format!("s3://shop/{name}/")),
                columns: vec![Column::new("id", "bigint")],
                ..StorageDescriptor::default()
            };
            house.catalog.create_table("shop", Table { name: name.into(), storage_descriptor, ..Table::default() }).await.unwrap();
        }
        let feed = Self { house, rows, table };
        feed.house.jobs.create_job(feed.job("COPY")).await.unwrap();
        feed
    }

    fn job(&self, verb: &str) -> Job {
        let mut job = sql_job("copy", &format!("{verb} {}", self.table), Format::Csv);
        let keys = if self.table == "shop.rows" { vec!["ID".to_owned()] } else { Vec::new() };
        job.bookmarks = vec![TableBookmark { table: self.table.to_uppercase(), keys, ..TableBookmark::default() }];
        job.default_arguments.insert("--job-bookmark-option".into(), "job-bookmark-enable".into());
        job
    }

    async fn add(&self, ids: std::ops::Range<i64>) {
        let text: String = ids.clone().map(|id| format!("{id}\n")).collect();
        self.house.put(&format!("s3://shop/files/{:04}.csv", ids.start), &text).await;
        self.rows.lock().unwrap().extend(ids);
    }

    async fn start(&self, arguments: &[(&str, &str)]) -> RunId {
        let arguments: Arguments = arguments.iter().map(|(name, value)| (format!("--job-bookmark-{name}"), (*value).to_owned())).collect();
        self.house.jobs.start_job_run(StartJobRun { job_name: "copy".into(), arguments, ..StartJobRun::default() }).await.unwrap()
    }

    /// The rows that the run published; none where it published nothing.
    async fn result(&self, id: &RunId) -> Vec<i64> {
        let run = self.house.installation.runs.wait(id).await.unwrap();
        assert_eq!(run.state, RunState::Succeeded, "{:?}", run.message);
        let JobResult::Sql { outputs, .. } = run.result().unwrap() else { panic!("{run:?}") };
        if outputs.is_empty() { Vec::new() } else { self.published().await }
    }

    async fn published(&self) -> Vec<i64> {
        let bytes = self.house.installation.buckets.read(&at(RESULT)).await.unwrap();
        let mut ids: Vec<i64> = String::from_utf8(bytes.to_vec()).unwrap().lines().map(|line| line.parse().unwrap()).collect();
        ids.sort_unstable();
        ids
    }

    async fn run(&self, arguments: &[(&str, &str)]) -> Vec<i64> {
        let id = self.start(arguments).await;
        self.result(&id).await
    }

    async fn mark(&self) -> Value {
        serde_json::from_str(&self.house.jobs.get_job_bookmark("copy", None).await.unwrap().job_bookmark).unwrap()
    }
}

fn ids(range: std::ops::Range<i64>) -> Vec<i64> {
    range.collect()
}

#[tokio::test]
async fn wherever_a_run_is_killed_each_row_is_read_once() {
    for table in ["shop.files", "shop.rows"] {
        for point in ["job.claimed", "job.decided", "job.written", "job.swapped", "job.before_publish", "job.published"] {
            let feed = Feed::new(table).await;
            feed.add(0..10).await;
            let process = feed.house.work();
            let mut all = feed.run(&[]).await;
            assert_eq!(all, ids(0..10), "{table}");
            drop(process);

            feed.add(10..20).await;
            let held = feed.house.work_until(Breakpoints::hold_at(point));
            let id = feed.start(&[]).await;
            tokio::time::sleep(Duration::from_millis(150)).await;
            drop(held);
            // Too late for the run, unless it had not looked yet.
            feed.add(20..30).await;
            let process = feed.house.work();
            let second = feed.result(&id).await;
            assert_eq!(second, if point == "job.claimed" { ids(10..30) } else { ids(10..20) }, "{table}, {point}");
            all.extend(second);
            assert_eq!(feed.house.jobs.get_job_bookmark("copy", None).await.unwrap().run, 2, "{table}, {point}");

            feed.add(30..40).await;
            all.extend(feed.run(&[]).await);
            assert_eq!(all, ids(0..40), "{table}, {point}");
            assert_eq!(feed.run(&[]).await, Vec::<i64>::new(), "{table}, {point}");
            assert_eq!(feed.run(&[("option", "job-bookmark-disable")]).await, all, "the full run: {table}, {point}");
            drop(process);
        }
    }
}

#[tokio::test]
async fn nothing_new_leaves_the_result_and_says_so() {
    let feed = Feed::new("shop.rows").await;
    let _process = feed.house.work();
    let empty = feed.start(&[]).await;
    assert_eq!(feed.result(&empty).await, Vec::<i64>::new());
    assert_eq!(feed.mark().await, json!({}), "a table without rows has no mark");
    feed.add(0..3).await;
    assert_eq!(feed.run(&[]).await, [0, 1, 2]);
    let id = feed.start(&[]).await;
    assert_eq!(feed.result(&id).await, Vec::<i64>::new());
    assert_eq!(feed.published().await, [0, 1, 2]);
    assert!(feed.house.log(&id).await.contains("info: There is nothing new in shop.rows."));
    let entry = feed.house.jobs.get_job_bookmark("copy", None).await.unwrap();
    assert_eq!((entry.version, entry.run, entry.attempt, entry.run_id), (3, 3, 0, Some(id.0)));
    assert_eq!(feed.mark().await["shop.rows"]["Keys"]["Last"], json!(["2"]));
}

#[tokio::test]
async fn a_run_that_fails_leaves_the_bookmark_where_it_was() {
    let feed = Feed::new("shop.files").await;
    let _process = feed.house.work();
    feed.add(0..3).await;
    feed.run(&[]).await;
    let before = feed.mark().await;
    feed.add(3..5).await;
    feed.house.jobs.update_job("copy", feed.job("FAIL")).await.unwrap();
    let id = feed.start(&[]).await;
    assert_eq!(feed.house.installation.runs.wait(&id).await.unwrap().state, RunState::Failed);
    assert_eq!(feed.mark().await, before);
    feed.house.jobs.update_job("copy", feed.job("COPY")).await.unwrap();
    assert_eq!(feed.run(&[]).await, [3, 4], "what the failed run had wanted to read is read by the next");
}

#[tokio::test]
async fn pausing_reads_between_runs_and_moves_nothing() {
    for table in ["shop.files", "shop.rows"] {
        let feed = Feed::new(table).await;
        let _process = feed.house.work();
        let mut runs = Vec::new();
        for step in 0..3 {
            feed.add(step * 10..step * 10 + 10).await;
            let id = feed.start(&[]).await;
            feed.result(&id).await;
            runs.push(id.0);
        }
        feed.add(30..40).await;
        let before = feed.house.jobs.get_job_bookmark("copy", None).await.unwrap();
        let pause = ("option", "job-bookmark-pause");
        assert_eq!(feed.run(&[pause]).await, ids(30..40), "{table}");
        assert_eq!(feed.run(&[pause, ("from", &runs[0]), ("to", &runs[1])]).await, ids(10..20), "{table}");
        assert_eq!(feed.run(&[pause, ("from", &runs[0])]).await, ids(10..40), "{table}");
        assert_eq!(feed.run(&[pause, ("to", &runs[1])]).await, ids(0..20), "{table}");
        assert_eq!(feed.run(&[pause, ("from", &runs[1]), ("to", &runs[1])]).await, Vec::<i64>::new(), "{table}");
        assert_eq!(feed.house.jobs.get_job_bookmark("copy", None).await.unwrap(), before, "{table}");
        assert_eq!(feed.run(&[]).await, ids(30..40), "{table}");
        let id = feed.start(&[pause, ("from", "job-unknown")]).await;
        let failed = feed.house.installation.runs.wait(&id).await.unwrap().message.unwrap();
        assert!(failed.contains("no bookmark of run \"job-unknown\"") && failed.contains(&runs[0]), "{failed}");
    }
}

#[tokio::test]
async fn a_bookmark_is_reset_and_rewound_but_not_under_a_run() {
    let feed = Feed::new("shop.files").await;
    refused(feed.house.jobs.get_job_bookmark("copy", None).await, ErrorKind::NotFound);
    refused(feed.house.jobs.reset_job_bookmark("copy", None).await, ErrorKind::NotFound);
    let process = feed.house.work();
    feed.add(0..10).await;
    let first = feed.start(&[]).await;
    feed.result(&first).await;
    feed.add(10..20).await;
    feed.run(&[]).await;
    let rewound = feed.house.jobs.reset_job_bookmark("copy", Some(&first)).await.unwrap();
    assert_eq!((rewound.version, rewound.run, rewound.run_id.as_deref()), (3, 1, Some(first.0.as_str())));
    assert_eq!(feed.run(&[]).await, ids(10..20), "all but what was read by then");
    let reset = feed.house.jobs.reset_job_bookmark("copy", None).await.unwrap();
    assert_eq!((reset.run, reset.run_id, reset.job_bookmark.as_str()), (0, None, "{}"));
    assert_eq!(feed.run(&[]).await, ids(0..20));
    drop(process);

    let held = feed.house.work_until(Breakpoints::hold_at("job.written"));
    feed.add(20..30).await;
    let id = feed.start(&[]).await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    let message = refused(feed.house.jobs.reset_job_bookmark("copy", None).await, ErrorKind::Conflict);
    assert!(message.contains(&id.0), "{message}");
    drop(held);
    let _process = feed.house.work();
    assert_eq!(feed.result(&id).await, ids(20..30));
    feed.house.jobs.reset_job_bookmark("copy", None).await.unwrap();
    feed.house.jobs.delete_job("copy").await.unwrap();
    feed.house.jobs.create_job(feed.job("COPY")).await.unwrap();
    refused(feed.house.jobs.get_job_bookmark("copy", None).await, ErrorKind::NotFound);
}

#[tokio::test]
async fn two_runs_never_read_by_one_bookmark() {
    let feed = Feed::new("shop.rows").await;
    let mut job = feed.job("COPY");
    job.execution_property.max_concurrent_runs = 2;
    feed.house.jobs.update_job("copy", job).await.unwrap();
    feed.add(0..10).await;
    let held = feed.house.work_until(Breakpoints::hold_at("job.written"));
    let first = feed.start(&[]).await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    let second = feed.start(&[]).await;
    let run = feed.house.installation.runs.wait(&second).await.unwrap();
    assert_eq!(run.state, RunState::Failed);
    assert!(run.message.unwrap().contains(&format!("Run {} of job \"copy\" is under way with the same bookmark", first.0)));
    drop(held);
    let _process = feed.house.work();
    assert_eq!(feed.result(&first).await, ids(0..10));
}

#[tokio::test]
async fn a_bookmark_has_a_history_of_bounded_length() {
    let feed = Feed::new("shop.rows").await;
    let _process = feed.house.work();
    let mut runs = Vec::new();
    for step in 0..34 {
        feed.add(step..step + 1).await;
        let id = feed.start(&[]).await;
        feed.result(&id).await;
        runs.push(id);
    }
    refused(feed.house.jobs.get_job_bookmark("copy", Some(&runs[1])).await, ErrorKind::NotFound);
    let oldest = feed.house.jobs.get_job_bookmark("copy", Some(&runs[2])).await.unwrap();
    assert_eq!((oldest.version, oldest.previous_run_id.as_ref()), (3, Some(&runs[1].0)));
}

#[tokio::test]
async fn jobs_whose_bookmarks_could_never_work_are_refused() {
    let feed = Feed::new("shop.files").await;
    let cases = [
        (json!([{"Table": "files"}]), "written database.table"),
        (json!([{"Table": "shop.files"}, {"Table": "Shop.Files"}]), "named twice"),
        (json!([{"Table": "shop.rows", "Keys": ["a", "a"]}]), "key is named twice"),
        (json!([{"Table": "shop.rows", "Order": "desc"}]), "Order needs Keys"),
        (json!([{"Table": "shop.rows", "Keys": ["a"], "Order": "DESC", "Delay": 5}]), "Delay needs a key that grows"),
        (json!([{"Table": "shop.rows", "Delay": 1_000_000}]), "Delay is 0 to 604800 seconds"),
    ];
    for (bookmarks, expected) in cases {
        let mut job = feed.job("COPY");
        job.bookmarks = serde_json::from_value(bookmarks.clone()).unwrap();
        let message = refused(feed.house.jobs.update_job("copy", job).await, ErrorKind::InvalidInput);
        assert!(message.contains(expected), "{bookmarks}: {message}");
    }
    let mut job = feed.job("COPY");
    job.default_arguments.insert("--job-bookmark-option".into(), "yes".into());
    refused(feed.house.jobs.update_job("copy", job).await, ErrorKind::InvalidInput);

    let _process = feed.house.work();
    let failure = async |change: &dyn Fn(&mut Job)| {
        let mut job = feed.job("COPY");
        change(&mut job);
        feed.house.jobs.update_job("copy", job).await.unwrap();
        let id = feed.start(&[]).await;
        feed.house.installation.runs.wait(&id).await.unwrap().message.unwrap()
    };
    let query = |job: &mut Job, text: &str| {
        let Some(crate::JobSpec::Sql { query, .. }) = &mut job.spec else { panic!("{job:?}") };
        *query = Some(text.into());
    };
    let several = failure(&|job| {
        job.bookmarks.clear();
        query(job, "COPY shop.files shop.rows");
    })
    .await;
    assert!(several.contains("reads several tables or none (shop.files, shop.rows); name those"));
    let stranger = failure(&|job| query(job, "COPY shop.rows")).await;
    assert!(stranger.contains("name table SHOP.FILES, which the job does not read; it reads shop.rows"));
    let unknown = failure(&|job| job.bookmarks[0].keys = vec!["nr".into()]).await;
    assert!(unknown.contains("Key \"nr\" of the bookmark of shop.files is to be a column"));
    let delayed = failure(&|job| {
        job.bookmarks[0].keys = vec!["id".into()];
        job.bookmarks[0].delay = Some(5);
    })
    .await;
    assert!(delayed.contains("its first key is to be a timestamp; found Int64"));
}
