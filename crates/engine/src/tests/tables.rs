//! Jobs that write into tables of databases: what is new, everything, or by key; each row once, whatever dies.

use etl::JobResult;
use runs::{Breakpoints, Run};
use serde_json::{Value, json};

use super::files::{CSV, csv};
use super::{House, Process};

/// The new rows of `shop.moves` into the table `sales`; a move of no parts divides by zero.
fn graph(mode: &str) -> Value {
    let keys = if mode == "upsert" { vec!["id"] } else { Vec::new() };
    json!({
        "moves": {"CatalogSource": {"Name": "Moves", "Database": "shop", "Table": "moves"}},
        "each": {"CustomFunction": {"Name": "Each", "Inputs": ["moves"], "Columns": [{"Name": "each", "Expression": "100 / parts"}]}},
        "cut": {"SelectFields": {"Name": "Cut", "Inputs": ["each"], "Paths": [["id"], ["word"], ["each"]]}},
        "out": {"JDBCConnectorTarget": {"Name": "Sales", "Inputs": ["cut"], "ConnectionName": "orders", "ConnectionTable": "sales",
            "ConnectorName": "c", "ConnectionType": "jdbc", "Mode": mode, "Keys": keys}}
    })
}

async fn create(house: &House, mode: &str) {
    house.graph_with("job", graph(mode), json!([{"Table": "shop.moves"}])).await;
}

async fn moves(house: &House, file: &str, rows: &str) {
    house.put(&format!("moves/{file}.csv"), format!("id,word,parts\n{rows}")).await;
}

fn forget(house: &House, files: &[&str]) {
    for file in files {
        std::fs::remove_file(house.installation.buckets.root().join(format!("data/moves/{file}.csv"))).unwrap();
    }
}

fn written(run: &Run) -> u64 {
    let JobResult::Sql { outputs, .. } = run.result().unwrap() else { panic!("{run:?}") };
    outputs.iter().map(|output| output.outcome.rows_written).sum()
}

/// What the database says is in the table, by id.
type Rows<'a> = &'a dyn Fn() -> String;

async fn wait(house: &House, id: &runs::RunId) -> Run {
    let run = house.installation.runs.wait(id).await.unwrap();
    assert_eq!(run.state, domain::RunState::Succeeded, "{:?}", run.message);
    run
}

/// Everything that is asked of a table, where `rows` shows it.
async fn writes_into_a_table(house: &House, rows: Rows<'_>) {
    house.table("moves", "s3://data/moves/", csv(CSV), "id bigint, word string, parts bigint").await;
    let process = house.process(Breakpoints::none());
    create(house, "append").await;
    moves(house, "a", "1,één,1\n2,two,2\n").await;
    assert_eq!(written(&house.succeed("job").await), 2);
    moves(house, "b", "4,zwei,4\n3,,5\n").await;
    assert_eq!(written(&house.succeed("job").await), 2);
    assert_eq!(written(&house.succeed("job").await), 0, "nothing is new");
    assert_eq!(rows(), "1|één|100 2|two|50 3||20 4|zwei|25");

    moves(house, "bad", "9,nine,9\n10,ten,0\n").await;
    let (code, message) = house.fail("job").await;
    let sentence = "In node \"Each\" (each), column \"each\": The query failed on the data: Divide by zero error.";
    assert_eq!((code.as_str(), message.as_str()), ("JOB_DATA", sentence));
    assert_eq!(rows(), "1|één|100 2|two|50 3||20 4|zwei|25", "not even the row before it");
    moves(house, "bad", "9,nine,9\n10,ten,10\n").await;
    assert_eq!(written(&house.succeed("job").await), 2, "the bookmark stood still");

    create(house, "overwrite").await;
    forget(house, &["b", "bad"]);
    assert_eq!(written(&house.succeed("job").await), 2);
    assert_eq!(rows(), "1|één|100 2|two|50");

    create(house, "upsert").await;
    house.succeed("job").await;
    moves(house, "c", "2,zwei,4\n4,four,1\n").await;
    house.succeed("job").await;
    assert_eq!(rows(), "1|één|100 2|zwei|25 4|four|100");
    drop(process);
    dies(house, rows).await;
}

/// Killed before the table has the rows, and after, before the run is known to have succeeded.
async fn dies(house: &House, rows: Rows<'_>) {
    create(house, "append").await;
    forget(house, &["a", "c"]);
    moves(house, "d", "5,five,1\n").await;
    let process = house.process(Breakpoints::none());
    house.succeed("job").await;
    drop(process);
    let mut expected = rows();
    for (id, point, there) in [(20, "job.decided", false), (21, "job.before_publish", true), (22, "job.published", true)] {
        moves(house, &format!("late{id}"), &format!("{id},late,1\n")).await;
        let held: Process = house.process(Breakpoints::hold_at(point));
        let run = house.start_job("job", &[]).await;
        let after = format!("{expected} {id}|late|100");
        for _ in 0..if there { 300 } else { 7 } {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            if rows() == after {
                break;
            }
        }
        drop(held);
        assert_eq!(rows(), if there { &after } else { &expected }.as_str(), "killed at {point}");
        let process = house.process(Breakpoints::none());
        wait(house, &run).await;
        assert_eq!(rows(), after, "once, after {point}");
        assert_eq!(written(&house.succeed("job").await), 0, "the bookmark went with the rows");
        assert_eq!(rows(), after);
        drop(process);
        expected = after;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_of_sqlite_takes_each_row_once() {
    let house = House::idle().await;
    house.sqlite("CREATE TABLE sales (id INTEGER PRIMARY KEY, word TEXT, \"each\" INTEGER)").await;
    let path = house.installation.folder.path().join("orders.db");
    let rows = || {
        let database = rusqlite::Connection::open(&path).unwrap();
        let mut rows = database.prepare("SELECT id || '|' || coalesce(word, '') || '|' || \"each\" FROM sales ORDER BY id").unwrap();
        let lines: Vec<String> = rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        lines.join(" ")
    };
    writes_into_a_table(&house, &rows).await;
}

#[tokio::test]
async fn values_that_became_null_on_the_way_into_a_table_are_told() {
    let house = House::new().await;
    house.sqlite("CREATE TABLE sales (id INTEGER, word TEXT, \"each\" INTEGER)").await;
    house.table("moves", "s3://data/moves/", csv(CSV), "id bigint, word string, parts bigint").await;
    moves(&house, "a", "1,one,1\n2,two,many\n3,three,3,3\n4,four,4\n").await;
    create(&house, "append").await;
    let run = house.succeed("job").await;
    assert_eq!(written(&run), 3);
    let log = house.log(&run.id).await;
    for sentence in [
        "1 values of column \"parts\" are no Int64 and became null (first: \"many\" in moves/a.csv line 3).",
        "1 rows are too long and were left out (first: moves/a.csv line 4 has 4 fields, 3 were expected).",
    ] {
        assert_eq!(log.matches(&format!("warn: {sentence}")).count(), 1, "{log}");
    }
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_of_postgresql_takes_each_row_once() {
    let Some(server) = testkit::servers::Postgres::start() else { return };
    let house = House::idle().await;
    server.psql("postgres", "CREATE TABLE sales (id bigint PRIMARY KEY, word text, \"each\" bigint)");
    house.postgres(&server, server.port).await;
    let rows = || {
        let text =
            server.psql("postgres", "SELECT string_agg(id || '|' || coalesce(word, '') || '|' || \"each\", ' ' ORDER BY id) FROM sales");
        text.trim().to_owned()
    };
    writes_into_a_table(&house, &rows).await;
}

#[cfg(feature = "mysql")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysqls_databases_stand_where_others_have_schemas() {
    let Some(server) = testkit::servers::MariaDb::start() else { return };
    let house = House::new().await;
    server.sql("shop", "CREATE TABLE orders (id bigint PRIMARY KEY); INSERT INTO orders VALUES (1), (2); CREATE TABLE copy (id bigint)");
    server.sql("", "CREATE DATABASE depot; CREATE TABLE depot.orders (id bigint); INSERT INTO depot.orders VALUES (9)");
    let password = house.installation.folder.path().join("password");
    std::fs::write(&password, &server.password).unwrap();
    // The connection is to no database in particular.
    let properties = [
        ("JDBC_CONNECTION_URL", format!("jdbc:mysql://127.0.0.1:{}", server.port)),
        ("USERNAME", server.user.clone()),
        ("PASSWORD", format!("${{file:{}}}", password.display())),
    ];
    house.catalog.create_connection(connect::Connection::new("orders", "JDBC", properties)).await.unwrap();
    let crawler =
        json!({"Name": "c", "DatabaseName": "shop", "Targets": {"JdbcTargets": [{"ConnectionName": "orders", "Path": "shop/copy"}]}});
    house.crawl(serde_json::from_value(crawler).unwrap()).await;
    let copy = |table: &str, database: Option<&str>| {
        json!({
            "raw": {"DirectJDBCSource": {"Name": "Raw", "ConnectionName": "orders", "ConnectionType": "mysql", "Database": database, "Table": table}},
            "out": {"MySQLCatalogTarget": {"Name": "Out", "Inputs": ["raw"], "Database": "shop", "Table": "shop_copy", "Mode": "overwrite"}}
        })
    };
    for (table, database, expected) in
        [("shop.orders", None, "id\n1\n2\n"), ("orders", Some("depot"), "id\n9\n"), ("depot.orders", None, "id\n9\n")]
    {
        house.graph("copy", copy(table, database)).await;
        house.succeed("copy").await;
        assert_eq!(house.csv("SELECT id FROM shop.shop_copy ORDER BY id").await, expected, "{table}");
    }
    house.graph("copy", copy("orders", None)).await;
    assert!(house.fail("copy").await.1.contains("orders stands for several tables of connection \"orders\""));
}
