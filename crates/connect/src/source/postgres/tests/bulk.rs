#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use futures::StreamExt;
use testkit::servers::Postgres;

use super::{PostgresBench, public};
use crate::source::{Scan, Source};

/// The most memory that this process has had so far, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// 2,000,000 rows are 300 MB in Arrow, and a reader that stands still is not run over.
#[tokio::test(flavor = "multi_thread")]
async fn many_rows_take_little_memory() {
    let Some(postgres) = Postgres::start() else { return };
    let bench = PostgresBench(postgres);
    bench.sql(
        "CREATE VIEW many AS SELECT i AS id, i::numeric(12, 2) AS price, repeat('x', 100) AS padding, now() AS at
         FROM generate_series(1, 2000000) i",
    );
    let source = bench.source("postgres");
    let mut stream = source.scan(Scan::all(public("many")));
    let mut rows = stream.next().await.unwrap().unwrap().num_rows();
    let before = peak();
    tokio::time::sleep(Duration::from_secs(1)).await;
    while let Some(batch) = stream.next().await {
        rows += batch.unwrap().num_rows();
    }
    let grown = peak() - before;
    assert_eq!(rows, 2_000_000);
    assert!(grown < 64 << 10, "reading took {grown} KiB");
}

/// As many as the anchor of our benchmark has; in a build without optimisation.
#[tokio::test(flavor = "multi_thread")]
async fn three_thousand_tables_are_described_in_seconds() {
    let Some(postgres) = Postgres::start() else { return };
    let bench = PostgresBench(postgres);
    let columns: Vec<String> =
        (0..12).map(|index| format!("column_{index} {}", ["int", "text", "numeric(8,2)", "timestamptz"][index % 4])).collect();
    let mut sql = String::from("BEGIN;\n");
    for index in 0..3000 {
        sql.push_str(&format!(
            "CREATE TABLE t{index:05} (id int PRIMARY KEY, {}); COMMENT ON TABLE t{index:05} IS 'number {index}';\n",
            columns.join(", ")
        ));
    }
    sql.push_str("COMMIT;");
    bench.sql(&sql);
    let source = bench.source("postgres");
    let crawl = async {
        let tables = source.tables().await.unwrap();
        let described = source.describe(&tables).await.unwrap();
        (tables.len(), described)
    };
    let (count, described) = tokio::time::timeout(Duration::from_secs(20), crawl).await.expect("seconds, not minutes");
    assert_eq!(count, 3000);
    for (index, description) in described.into_iter().enumerate() {
        let description = description.unwrap();
        assert_eq!(description.comment.as_deref(), Some(format!("number {index}").as_str()));
        assert_eq!((description.schema.fields().len(), description.primary_key.len()), (13, 1));
    }
    // A part of them is looked for by name, and not among all.
    let tables = source.tables().await.unwrap();
    let part = source.describe(&tables[1000..1600]).await.unwrap();
    let names: Vec<_> = part.into_iter().map(|description| description.unwrap().comment).collect();
    assert_eq!(names.len(), 600);
    let all = source.describe(&tables).await.unwrap();
    assert_eq!(names[0], all.into_iter().nth(1000).unwrap().unwrap().comment);
}
