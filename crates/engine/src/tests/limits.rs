use std::time::{Duration, Instant};

use domain::RunState;
use etl::Format;

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

#[tokio::test]
async fn too_little_memory_for_even_that_is_a_clear_failure() {
    let house = House::with_memory(64 << 10).await;
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
