use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::RunState;
use etl::{Engine, Format, Means, SqlQuery, TableMode, TableTarget, Target};
use futures::TryStreamExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use runs::Run;
use tokio_util::sync::CancellationToken;

use super::files::{CSV, csv};
use super::{House, outcome};

/// 30,000 rows of 400 bytes.
const ROWS: &str = "SELECT repeat('x', 390) || CAST(value * 7919 % 100003 AS VARCHAR) AS text, value FROM generate_series(1, 30000)";

/// Finishes within `memory`, which the data does not fit into.
async fn spills(query: &str, memory: usize, rows: u64) -> House {
    let house = House::with_memory(memory).await;
    let run = house.run(query).await;
    assert_eq!(run.state, RunState::Succeeded, "{:?}", run.message);
    let outcome = outcome(&run);
    assert_eq!(outcome.rows_written, rows);
    assert!(outcome.spills > 0 && outcome.spilled_bytes > 1 << 20, "{outcome:?}");
    assert!(outcome.peak_memory_bytes > 0 && outcome.peak_memory_bytes <= memory as u64, "{outcome:?}");
    let spill = house.installation.folder.path().join("spill");
    assert_eq!(std::fs::read_dir(spill).unwrap().count(), 0, "the spill folder is tidied");
    assert!(house.log(&run.id).await.contains("KiB went to disk in"));
    house
}

#[tokio::test]
async fn a_sort_larger_than_its_memory_spills_and_is_right() {
    let house = spills(&format!("SELECT text FROM ({ROWS}) ORDER BY text"), 6 << 20, 30_000).await;
    let csv = house.read("out/part-00000.csv").await;
    assert!(csv.lines().skip(1).is_sorted());
}

#[tokio::test]
async fn an_aggregate_larger_than_its_memory_spills_and_is_right() {
    let query = format!("SELECT text, count(*) AS n, max(value) AS m FROM ({ROWS}) GROUP BY text");
    let house = spills(&query, 12 << 20, 30_000).await;
    let csv = house.read("out/part-00000.csv").await;
    assert!(csv.lines().skip(1).all(|line| line.split(',').nth(1) == Some("1")));
}

/// So many rows of a kilobyte of text, whose numbers are mixed.
fn wide(rows: u64) -> String {
    format!("SELECT value * 7919 % 1000003 AS id, repeat('x', 1000) || CAST(value AS VARCHAR) AS text FROM generate_series(1, {rows})")
}

/// The job ends well within `memory`, after a beginning in which it did not.
async fn finishes(house: &House, query: &str, memory: u64) -> Run {
    let run = house.run(query).await;
    assert_eq!(run.state, RunState::Succeeded, "{:?}", run.message);
    let done = outcome(&run);
    assert!(done.peak_memory_bytes <= memory && done.spilled_bytes > memory, "{done:?}");
    assert!(house.log(&run.id).await.contains("it begins anew"));
    run
}

#[tokio::test]
async fn a_join_of_two_tables_ten_times_the_memory_each_finishes() {
    const MEMORY: usize = 16 << 20;
    let rows = 160_000;
    let house = House::with_memory(MEMORY).await;
    let query = format!(
        "SELECT count(*) AS n, sum(a.id) AS ids, sum(length(concat(a.text, b.text))) AS bytes FROM ({0}) a JOIN ({0}) b ON a.id = b.id",
        wide(rows)
    );
    finishes(&house, &query, MEMORY as u64).await;
    let ids: u64 = (1..=rows).map(|value| value * 7919 % 1_000_003).sum();
    let bytes: usize = (1..=rows).map(|value| 2 * (1000 + value.to_string().len())).sum();
    assert_eq!(house.read("out/part-00000.csv").await, format!("n,ids,bytes\n{rows},{ids},{bytes}\n"));
}

/// As jobs have it: text files, the joined rows written whole, in an order, and counted.
#[tokio::test]
async fn a_join_of_large_files_is_written_and_read_by_whoever_asks() {
    const MEMORY: usize = 8 << 20;
    let house = House::with_memory(MEMORY).await;
    for table in ["a", "b"] {
        let lines: String = (1..=20_000).map(|id| format!("{},{}{id}\n", id * 7919 % 30_011, table.repeat(4_000))).collect();
        house.put(&format!("{table}/1.csv"), Bytes::from(format!("id,text\n{lines}"))).await;
        house.table(table, &format!("s3://data/{table}/"), csv(CSV), "id bigint, text string").await;
    }
    let joined = "SELECT a.id, a.text, b.text AS other FROM shop.a JOIN shop.b ON a.id = b.id";
    let run = finishes(&house, &format!("{joined} ORDER BY a.id"), MEMORY as u64).await;
    assert_eq!(outcome(&run).rows_read(), 40_000, "the first beginning does not count");
    let text = house.read("out/part-00000.csv").await;
    let ids: Vec<u64> = text.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
    assert!(ids.len() == 20_000 && ids.is_sorted());
    drop(text);

    let spill_folder = house.installation.folder.path().join("asked");
    let means = Means { memory_bytes: MEMORY, spill_folder, cancel: CancellationToken::new(), frugal: false };
    let rows = house.engine.rows(SqlQuery::new(joined), means).await.unwrap();
    let count = rows.batches.try_fold(0, |count, batch| std::future::ready(Ok(count + batch.num_rows()))).await.unwrap();
    assert_eq!(count, 20_000);
    let finish = rows.tally.finished();
    assert!(finish.spilled_bytes > MEMORY as u64 && finish.peak_memory_bytes <= MEMORY as u64, "{finish:?}");
    assert_eq!(rows.tally.read().iter().map(|read| read.rows).sum::<u64>(), 40_000);
}

#[tokio::test]
async fn every_kind_of_join_gives_the_same_within_little_memory() {
    let ample = House::with_memory(1 << 30).await;
    let little = House::with_memory(8 << 20).await;
    let (a, b) = (wide(20_000), format!("SELECT id + 1 AS id, text FROM ({})", wide(20_000)));
    let counts = "count(*) AS n, sum(id) AS ids, sum(length(text)) AS bytes";
    let sides = "SELECT coalesce(a.id, b.id + 7) AS id, concat(a.text, b.text) AS text";
    for kind in ["LEFT", "RIGHT", "FULL"] {
        let query =
            format!("SELECT {counts} FROM ({sides} FROM ({a}) a {kind} JOIN ({b}) b ON a.id = b.id AND length(a.text) = length(b.text))");
        assert_eq!(little.csv(&query).await, ample.csv(&query).await, "{kind}");
    }
    for condition in ["EXISTS", "NOT EXISTS"] {
        let query = format!(
            "SELECT {counts} FROM ({a}) a WHERE {condition} (SELECT 1 FROM ({b}) b WHERE a.id = b.id AND length(a.text || b.text) > 2003)"
        );
        assert_eq!(little.csv(&query).await, ample.csv(&query).await, "{condition}");
    }
    let texts =
        format!("SELECT {counts} FROM (SELECT a.id, c.text FROM ({a}) a JOIN ({b}) b ON a.id = b.id JOIN ({a}) c ON b.text = c.text)");
    assert_eq!(little.csv(&texts).await, ample.csv(&texts).await, "three");
}

#[tokio::test]
async fn a_table_is_told_what_a_spilling_query_took() {
    let house = House::with_memory(6 << 20).await;
    house.sqlite("CREATE TABLE sales (text TEXT, value INTEGER)").await;
    let (connection, table) = ("orders".into(), "sales".into());
    let target = Target::Table(TableTarget { connection, table, mode: TableMode::Append, keys: Vec::new(), create: false });
    let id = house.start_into(&format!("SELECT text, value FROM ({ROWS}) ORDER BY text"), target).await;
    let run = house.installation.runs.wait(&id).await.unwrap();
    assert_eq!(run.state, RunState::Succeeded, "{:?}", run.message);
    let done = outcome(&run);
    assert!(done.spills > 0 && done.spilled_bytes > 1 << 20 && done.peak_memory_bytes > 1 << 20, "{done:?}");
    assert!((30_000 * 400..30_000 * 420).contains(&done.bytes_written), "{done:?}");
}

#[tokio::test]
async fn a_row_group_of_parquet_takes_a_share_of_the_memory() {
    const MEMORY: u64 = 8 << 20;
    let house = House::with_memory(MEMORY as usize).await;
    let digits: Vec<String> = (0..8).map(|salt| format!("md5(CAST(value * 8 + {salt} AS VARCHAR))")).collect();
    let query = format!("SELECT {} AS text FROM generate_series(1, 60000)", digits.join(" || "));
    let id = house.start(&query, Format::Parquet).await;
    let run = house.installation.runs.wait(&id).await.unwrap();
    assert_eq!(run.state, RunState::Succeeded, "{:?}", run.message);
    let bytes = house.files().await.remove(0).1;
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let groups = reader.metadata().row_groups();
    assert_eq!(groups.iter().map(|group| group.num_rows()).sum::<i64>(), 60_000);
    let largest = groups.iter().map(|group| group.total_byte_size()).max().unwrap();
    assert!(largest < 3 << 19 && groups.len() < 30, "{} groups of at most {largest} bytes", groups.len());
    let peak = outcome(&run).peak_memory_bytes;
    assert!((1 << 19..=MEMORY).contains(&peak), "what is not written yet counts: {peak}");
}

#[tokio::test]
async fn a_disk_that_fills_while_a_query_spills_has_a_code() {
    let house = House::with_memory(6 << 20).await;
    let disk = house.installation.folder.path().join("spill");
    std::fs::create_dir_all(&disk).unwrap();
    let mount = std::process::Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&disk).output();
    if !mount.is_ok_and(|done| done.status.success()) {
        eprintln!("not tried: no file system can be mounted here");
        return;
    }
    let mut found = Vec::new();
    for query in [
        format!("SELECT text FROM ({ROWS}) ORDER BY text"),
        format!("SELECT text, count(*) AS n FROM ({ROWS}) GROUP BY text"),
        format!("SELECT sum(length(a.text || b.text)) AS n FROM ({0}) a JOIN ({0}) b ON a.id = b.id", wide(30_000)),
    ] {
        found.push((house.run(&query).await, query));
    }
    assert!(std::process::Command::new("umount").arg(&disk).status().unwrap().success());
    for (run, query) in found {
        assert_eq!((run.state, run.code.as_deref()), (RunState::Failed, Some("JOB_SPILL_FULL")), "{query}: {run:?}");
        let message = run.message.unwrap();
        assert!(message.starts_with("The disk has no room for what the query puts aside in the spill folder: "), "{message}");
    }
}

#[tokio::test]
async fn too_little_memory_for_even_that_is_a_clear_failure() {
    let house = House::with_memory(4 << 10).await;
    let failure = house.failure(&format!("SELECT text FROM ({ROWS}) ORDER BY text")).await;
    assert!(failure.starts_with("The query needs more memory or spill space than the limits allow"), "{failure}");
}

#[tokio::test]
async fn a_run_stops_within_a_second() {
    let house = House::new().await;
    let query = "SELECT count(*) AS n FROM generate_series(1, 100000) a, generate_series(1, 1000000) b WHERE a.value * b.value % 7 = 3";
    let id = house.start(query, Format::Csv).await;
    while house.installation.runs.get(&id).await.unwrap().state != RunState::Running {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let asked = Instant::now();
    house.jobs.stop_job_run("job", &id).await.unwrap();
    let run = house.installation.runs.wait(&id).await.unwrap();
    assert_eq!(run.state, RunState::Stopped, "{:?}", run.message);
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
}

/// The rows of the first branch are in the table's transaction when the join outgrows the memory: it is thrown away, and all is written once.
#[tokio::test]
async fn a_table_whose_first_rows_have_gone_out_is_written_anew() {
    const MEMORY: usize = 8 << 20;
    let house = House::with_memory(MEMORY).await;
    house.sqlite("CREATE TABLE sales (id INTEGER, bytes INTEGER); INSERT INTO sales VALUES (-1, 0);").await;
    let (connection, table) = ("orders".into(), "sales".into());
    let target = Target::Table(TableTarget { connection, table, mode: TableMode::Append, keys: Vec::new(), create: false });
    let query = format!(
        "SELECT value AS id, 0 AS bytes FROM generate_series(2000001, 2050000) UNION ALL \
         SELECT a.id, length(concat(a.text, b.text)) AS bytes FROM ({0}) a JOIN ({0}) b ON a.id = b.id",
        wide(30_000)
    );
    let id = house.start_into(&query, target).await;
    let run = house.installation.runs.wait(&id).await.unwrap();
    assert_eq!(run.state, RunState::Succeeded, "{:?}", run.message);
    assert_eq!(house.log(&run.id).await.matches("it begins anew").count(), 1);
    let done = outcome(&run);
    assert_eq!(done.rows_written, 80_000);
    assert!(done.spilled_bytes > MEMORY as u64 && done.peak_memory_bytes <= MEMORY as u64, "{done:?}");
    let database = rusqlite::Connection::open(house.installation.folder.path().join("orders.db")).unwrap();
    let question = "SELECT count(*), count(DISTINCT id), sum(id > 2000000), sum(bytes) FROM sales";
    let found = database.query_row(question, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    let bytes: usize = (1..=30_000_u32).map(|value| 2 * (1000 + value.to_string().len())).sum();
    assert_eq!(found, (80_001, 80_001, 50_000, i64::try_from(bytes).unwrap()));
}
