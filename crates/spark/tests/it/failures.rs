//! Mistakes, and works that end before their time.

use std::time::{Duration, Instant};

use domain::{ErrorKind, RunState};
use etl::{Engine, Format};
use futures::TryStreamExt;
use testkit::servers::Spark;

use super::house::{House, Server};

/// Minutes of work.
const LONG: &str = "SELECT count(*) AS n FROM generate_series(1, 1000000000000) WHERE value * 7 % 5 = 3";

pub async fn all(house: &House) {
    mistakes(house).await;
    tables_that_no_cluster_reads(house).await;
    whoever_cancels_gets_stopped(house).await;
    a_run_stops_within_a_second(house).await;
    a_dropped_stream_ends_the_work(house).await;
    if house.server == Server::Spark {
        progress(house).await;
    }
}

async fn mistakes(house: &House) {
    for (query, kind, code, what) in [
        ("SELECT nobody FROM shop.orders", ErrorKind::InvalidInput, Some("SPARK_QUERY_INVALID"), "nobody"),
        ("SELECT no_such_function(id) AS x FROM shop.orders", ErrorKind::InvalidInput, Some("SPARK_QUERY_INVALID"), "no_such_function"),
        ("SELECT id FROM shop.nowhere", ErrorKind::InvalidInput, None, "shop.nowhere"),
        ("SELECT CAST(who AS INT) AS x FROM shop.orders", ErrorKind::InvalidData, None, "ann"),
        ("SELECT id / (id - id) AS x FROM shop.orders", ErrorKind::InvalidData, None, "zero"),
        ("SELECT DISTINCT ON (id) id FROM shop.orders", ErrorKind::InvalidInput, Some("SPARK_SQL_UNSUPPORTED"), "DISTINCT ON"),
    ] {
        let error = house.rows(query).await.expect_err(query);
        assert_eq!((error.kind, error.code), (kind, code), "{query}: {error}");
        let text = error.to_string();
        assert!(text.to_lowercase().contains(&what.to_lowercase()) && !text.contains('\n'), "{query}: {text}");
    }
}

async fn tables_that_no_cluster_reads(house: &House) {
    house.put("pages/a.xml", "<r><p><id>1</id></p></r>").await;
    house.table("pages", &[("classification", "xml"), ("rowTag", "p")], "id int", "").await;
    let error = house.rows("SELECT id FROM shop.pages").await.unwrap_err();
    assert_eq!(error.code, Some("SPARK_TABLE_UNSUPPORTED"));
    assert!(error.to_string().contains("shop.pages") && error.to_string().contains("xml"), "{error}");
}

async fn whoever_cancels_gets_stopped(house: &House) {
    let means = house.means();
    let cancel = means.cancel.clone();
    let rows = house.engine.rows(House::query(LONG), means).await.unwrap();
    let waiting = tokio::spawn(rows.batches.try_collect::<Vec<_>>());
    tokio::time::sleep(Duration::from_millis(500)).await;
    let asked = Instant::now();
    cancel.cancel();
    assert_eq!(waiting.await.unwrap().unwrap_err().kind, ErrorKind::Stopped);
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
}

async fn a_run_stops_within_a_second(house: &House) {
    let writing = house.start(LONG, house.output("out/long", Format::Csv)).await;
    while house.installation.runs.get(&writing.id).await.unwrap().state != RunState::Running {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let asked = Instant::now();
    house.installation.runs.stop(&writing.id).await.unwrap();
    let error = house.outcome(writing).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Stopped);
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
}

/// The server has two threads: were they still at work, the next query would wait for minutes.
async fn a_dropped_stream_ends_the_work(house: &House) {
    for _ in 0..3 {
        let rows = house.engine.rows(House::query(LONG), house.means()).await.unwrap();
        drop(rows);
    }
    let answer = tokio::time::timeout(Duration::from_secs(60), house.texts("SELECT count(*) AS n FROM shop.orders")).await;
    assert_eq!(answer.expect("an answer, as nothing else is at work"), ["4"]);
}

async fn progress(house: &House) {
    let query = "SELECT count(*) AS n FROM generate_series(1, 100000000) WHERE value * 7 % 5 = 3";
    let writing = house.start(query, house.output("out/progress", Format::Csv)).await;
    let id = writing.id.clone();
    let mut seen = None;
    let watch = async {
        while seen.is_none() {
            let run = house.installation.runs.get(&id).await.unwrap();
            seen = Some(run.progress).filter(|progress| progress.total > 0);
            if run.state.is_final() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::join!(watch, async { house.outcome(writing).await.unwrap() });
    let progress = seen.expect("progress while the cluster works");
    assert_eq!(progress.unit, "tasks");
    assert!(progress.total >= progress.done);
}

pub async fn a_server_that_stands_still(house: &House, server: &Spark) {
    server.pause();
    let asked = Instant::now();
    let means = house.means();
    let cancel = means.cancel.clone();
    let waiting = house.engine.rows(House::query("SELECT 1 AS x"), means);
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        cancel.cancel();
    };
    let (answer, ()) = tokio::join!(waiting, stopping);
    assert_eq!(answer.err().unwrap().kind, ErrorKind::Stopped);
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    server.resume();
}
