//! Profiles of many tables of a server: what they cost is the tables, not the way to them.

use connect::Connection;
use serde_json::json;
use testkit::servers::Postgres;

use super::{House, crawler};
use crate::profile::ProfileSummary;

async fn crawled(postgres: &Postgres, tables: usize) -> House {
    let columns = "id int PRIMARY KEY, name text, price numeric(8,2), at timestamptz, note text";
    let sql: String = (0..tables)
        .map(|n| {
            format!(
                "CREATE TABLE t{n} ({columns}); INSERT INTO t{n} SELECT i, 'n' || i, i / 4.0, now(), NULL FROM generate_series(1, 20) i;\n"
            )
        })
        .collect();
    postgres.psql("postgres", &format!("BEGIN;\n{sql}COMMIT;"));
    let house = House::new().await;
    house.write("password", &postgres.password);
    let password = format!("${{file:{}}}", house.folder().join("password").display());
    let text = |text: &str| text.to_owned();
    let properties = [
        ("HOST", text("127.0.0.1")),
        ("PORT", postgres.port.to_string()),
        ("DATABASE", text("postgres")),
        ("USERNAME", text("postgres")),
        ("PASSWORD", password),
    ];
    house.catalog.create_connection(Connection::new("many", "POSTGRESQL", properties)).await.unwrap();
    let targets = json!({"JdbcTargets": [{"ConnectionName": "many", "Path": "postgres/public/%"}]});
    house.catalog.create_crawler(crawler(json!({"Name": "c", "DatabaseName": "shop", "Targets": targets}))).await.unwrap();
    assert_eq!(house.crawl("c").await.tables_created, tables as u64);
    house
}

async fn profile(house: &House, tables: usize) -> i64 {
    let run = house.catalog.start_profiles("shop").await.unwrap();
    let run = house.installation.runs.wait(&run).await.unwrap().succeeded().unwrap();
    let taken = run.ended.unwrap().since_ms(run.started.unwrap());
    eprintln!("{tables} tables of PostgreSQL, profiled: {taken} ms");
    let summary: ProfileSummary = run.result().unwrap();
    assert_eq!((summary.tables, summary.rows, summary.problem_count), (tables as u64, 20 * tables as u64, 0));
    taken
}

/// Sessions that were ever opened.
fn sessions(postgres: &Postgres) -> u64 {
    let sql = "SELECT pg_stat_clear_snapshot(); SELECT sessions FROM pg_stat_database WHERE datname = 'postgres'";
    postgres.psql("postgres", sql).trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tables_share_a_few_connections() {
    let Some(postgres) = Postgres::start() else { return };
    let house = crawled(&postgres, 200).await;
    let before = sessions(&postgres);
    profile(&house, 200).await;
    // A server counts a session when it ends, or soon after it begins.
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    let opened = sessions(&postgres) - before;
    assert!((1..=10).contains(&opened), "{opened} sessions for 200 tables");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "half a minute without optimisation: run by hand to measure"]
async fn profiles_of_three_thousand_tables_of_postgresql() {
    let Some(postgres) = Postgres::start() else { return };
    let house = crawled(&postgres, 3000).await;
    assert!(profile(&house, 3000).await < 60_000);
}
