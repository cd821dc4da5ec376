//! Thousands of tables: seconds, not minutes.

use connect::Connection;
use serde_json::json;

use super::{House, crawler};

async fn crawl_and_crawl_again(tables: usize) -> House {
    let house = House::new().await;
    let sql: String = (0..tables)
        .map(|n| format!("CREATE TABLE t{n} (id INTEGER PRIMARY KEY, name TEXT, price REAL); INSERT INTO t{n} VALUES ({n}, 'n', 1.5);"))
        .collect();
    let mut file = rusqlite::Connection::open(house.folder().join("many.db")).unwrap();
    let tx = file.transaction().unwrap();
    tx.execute_batch(&sql).unwrap();
    tx.commit().unwrap();
    house.catalog.create_connection(Connection::sqlite("many", "many.db")).await.unwrap();
    let targets = json!({"JdbcTargets": [{"ConnectionName": "many", "Path": "%"}]});
    house.catalog.create_crawler(crawler(json!({"Name": "c", "DatabaseName": "shop", "Targets": targets}))).await.unwrap();
    let timed = async |what: &str| {
        let run = house.run("c").await.succeeded().unwrap();
        let taken = run.ended.unwrap().since_ms(run.started.unwrap());
        eprintln!("{tables} tables, {what} crawl: {taken} ms");
        (run.result::<crate::CrawlSummary>().unwrap(), taken)
    };
    let (first, taken) = timed("first").await;
    assert_eq!((first.tables_created, first.change_count, first.problem_count), (tables as u64, tables as u64, 0));
    assert_eq!((first.tables.len(), first.changes.len()), (crate::crawl::MAX_TABLES, crate::crawl::MAX_CHANGES));
    // Far more than it takes, even without optimisation.
    assert!(taken < 60_000, "{taken} ms");
    let (second, _) = timed("second").await;
    assert_eq!((second.tables_unchanged, second.change_count), (tables as u64, 0));
    house
}

async fn profile(house: &House, tables: usize) {
    let run = house.catalog.start_profiles("shop").await.unwrap();
    let run = house.installation.runs.wait(&run).await.unwrap().succeeded().unwrap();
    eprintln!("{tables} tables, profiled: {} ms", run.ended.unwrap().since_ms(run.started.unwrap()));
    let summary: crate::profile::ProfileSummary = run.result().unwrap();
    assert_eq!((summary.tables, summary.rows, summary.problem_count), (tables as u64, tables as u64, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_thousand_tables() {
    crawl_and_crawl_again(3000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "half a minute without optimisation: run by hand to measure"]
async fn seventeen_thousand_tables() {
    crawl_and_crawl_again(17_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a minute without optimisation: run by hand to measure"]
async fn profiles_of_three_thousand_tables() {
    let house = crawl_and_crawl_again(3000).await;
    profile(&house, 3000).await;
}
