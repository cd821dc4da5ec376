//! Jobs that read what is new, over real sources.

use connect::Connection;
use domain::RunState;
use etl::{Arguments, Format, Job, JobResult, JobSpec, StartJobRun, Target};
use runs::Run;
use serde_json::{Value, json};

use super::files::{CSV, csv};
use super::{House, outcome};

async fn create(house: &House, query: &str, bookmarks: Value) {
    let target = Target::file("s3://data/out/", Format::Csv);
    let mut job = Job::new("new", JobSpec::Sql { query: Some(query.into()), database: None, target });
    job.bookmarks = serde_json::from_value(bookmarks).unwrap();
    job.default_arguments.insert("--job-bookmark-option".into(), "job-bookmark-enable".into());
    if house.jobs.get_job("new").await.is_ok() {
        house.jobs.delete_job("new").await.unwrap();
    }
    house.jobs.create_job(job).await.unwrap();
}

async fn run_with(house: &House, arguments: &[(&str, &str)]) -> Run {
    let arguments: Arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let id = house.jobs.start_job_run(StartJobRun { job_name: "new".into(), arguments, ..StartJobRun::default() }).await.unwrap();
    house.installation.runs.wait(&id).await.unwrap()
}

async fn run(house: &House) -> Run {
    let run = run_with(house, &[]).await;
    assert_eq!(run.state, RunState::Succeeded, "{:?}", run.message);
    run
}

/// The lines that the next run publishes, sorted, without the header.
async fn next(house: &House) -> Vec<String> {
    let run = run(house).await;
    let JobResult::Sql { outputs, .. } = run.result().unwrap() else { panic!("{run:?}") };
    if outputs.is_empty() {
        return Vec::new();
    }
    let mut lines: Vec<String> = house.read("out/part-00000.csv").await.lines().skip(1).map(str::to_owned).collect();
    lines.sort();
    lines
}

async fn failure(house: &House) -> String {
    let run = run_with(house, &[]).await;
    assert_eq!(run.state, RunState::Failed);
    run.message.unwrap()
}

async fn last(house: &House, table: &str) -> Value {
    let text = house.jobs.get_job_bookmark("new", None).await.unwrap().job_bookmark;
    serde_json::from_str::<Value>(&text).unwrap()[table]["Keys"]["Last"].clone()
}

fn sqlite(house: &House, script: &str) {
    rusqlite::Connection::open(house.installation.folder.path().join("orders.db")).unwrap().execute_batch(script).unwrap();
}

/// As a crawl knows the tables, with their keys.
async fn crawl_sqlite(house: &House, script: &str) {
    sqlite(house, script);
    house.catalog.create_connection(Connection::sqlite("orders", "orders.db")).await.unwrap();
    crawl(house, json!({"JdbcTargets": [{"ConnectionName": "orders", "Path": "%"}]})).await;
}

async fn crawl(house: &House, targets: Value) {
    let crawler = catalog::Crawler {
        name: "all".into(),
        database_name: "shop".into(),
        targets: serde_json::from_value(targets).unwrap(),
        ..catalog::Crawler::default()
    };
    house.crawl(crawler).await;
}

#[tokio::test]
async fn a_primary_key_is_the_bookmark_where_none_is_named() {
    let house = House::new().await;
    crawl_sqlite(&house, "CREATE TABLE orders (id INTEGER PRIMARY KEY, who TEXT); INSERT INTO orders VALUES (1, 'a'), (2, 'b');").await;
    create(&house, "SELECT id FROM shop.orders WHERE who <> 'c'", json!([])).await;
    assert_eq!(next(&house).await, ["1", "2"]);
    sqlite(&house, "INSERT INTO orders VALUES (3, 'c'), (4, 'd');");
    let second = run(&house).await;
    assert_eq!(house.read("out/part-00000.csv").await, "id\n4\n");
    assert_eq!(outcome(&second).rows_read(), 1, "the source was asked for no more: {}", house.log(&second.id).await);
    assert_eq!(last(&house, "shop.orders").await, json!(["4"]));
    assert_eq!(next(&house).await, Vec::<String>::new());
    assert_eq!(house.read("out/part-00000.csv").await, "id\n4\n", "the result stays");
}

#[tokio::test]
async fn tables_that_are_not_named_are_read_whole() {
    let house = House::new().await;
    let script = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO items VALUES (1, 'pen'), (2, 'ink');
        CREATE TABLE sales (id INTEGER PRIMARY KEY, item INTEGER); INSERT INTO sales VALUES (10, 1);";
    crawl_sqlite(&house, script).await;
    let query = "SELECT s.id, i.name FROM shop.sales AS s JOIN shop.items AS i ON i.id = s.item";
    create(&house, query, json!([])).await;
    let message = failure(&house).await;
    assert!(message.contains("several tables or none (shop.items, shop.sales); name those"), "{message}");
    create(&house, query, json!([{"Table": "shop.sales"}])).await;
    assert_eq!(next(&house).await, ["10,pen"]);
    sqlite(&house, "INSERT INTO sales VALUES (11, 1), (12, 2);");
    assert_eq!(next(&house).await, ["11,pen", "12,ink"]);
    create(&house, query, json!([{"Table": "shop.sales"}])).await;
    assert_eq!(next(&house).await, ["10,pen", "11,pen", "12,ink"], "a job that was made anew begins anew");
}

#[tokio::test]
async fn keys_of_every_type_are_told_apart_exactly() {
    let house = House::new().await;
    let script = "CREATE TABLE t (micros DATETIME, day DATE, amount DECIMAL(18,6), word TEXT, falls INTEGER);
        INSERT INTO t VALUES ('2025-01-01 00:00:00.000001', '2025-01-01', 0.1, 'a', 9);";
    crawl_sqlite(&house, script).await;
    for (keys, order) in [
        (vec!["micros"], "ASC"),
        (vec!["day"], "ASC"),
        (vec!["word"], "ASC"),
        (vec!["falls"], "DESC"),
        (vec!["day", "word", "micros"], "ASC"),
    ] {
        sqlite(&house, "DELETE FROM t; INSERT INTO t VALUES ('2025-01-01 00:00:00.000001', '2025-01-01', 0.1, 'it''s', 9);");
        create(&house, "SELECT falls FROM shop.t", json!([{"Table": "shop.t", "Keys": keys, "Order": order}])).await;
        assert_eq!(next(&house).await, ["9"], "{keys:?}");
        assert_eq!(next(&house).await, Vec::<String>::new(), "{keys:?}");
        sqlite(&house, "INSERT INTO t VALUES ('2025-01-01 00:00:00.000002', '2025-01-02', 0.2, 'it''s so', 8);");
        assert_eq!(next(&house).await, ["8"], "{keys:?}");
        assert_eq!(next(&house).await, Vec::<String>::new(), "{keys:?}");
    }
    // The first column is the same, the second decides.
    create(&house, "SELECT falls FROM shop.t", json!([{"Table": "shop.t", "Keys": ["day", "falls"]}])).await;
    assert_eq!(next(&house).await, ["8", "9"]);
    sqlite(&house, "INSERT INTO t VALUES (NULL, '2025-01-02', 0, '', 10), (NULL, '2025-01-02', 0, '', 7), (NULL, '2025-01-03', 0, '', 1);");
    assert_eq!(next(&house).await, ["1", "10"], "7 comes before the bookmark, and is not seen");
    assert_eq!(last(&house, "shop.t").await, json!(["2025-01-03", "1"]));
    // Of the newest day all rows lack a part of the key: those of the day before are new all the same.
    sqlite(
        &house,
        "INSERT INTO t VALUES (NULL, '2025-01-04', 0, '', 5), (NULL, '2025-01-04', 0, '', NULL), (NULL, '2025-01-05', 0, '', NULL);",
    );
    assert_eq!(next(&house).await, ["5"]);
    assert_eq!(last(&house, "shop.t").await, json!(["2025-01-04", "5"]));
    assert_eq!(next(&house).await, Vec::<String>::new());
}

/// Rows that a graph reads by itself, from the node `raw`, and that have a column `id`.
async fn own_source(house: &House, raw: Value) {
    let nodes = json!({
        "raw": raw,
        "cut": {"SelectFields": {"Name": "Cut", "Inputs": ["raw"], "Paths": [["id"]]}},
        "out": {"S3DirectTarget": {"Name": "Out", "Inputs": ["cut"], "Path": "s3://data/out/", "Format": "csv", "Mode": "overwrite"}}
    });
    house.graph("new", nodes).await;
    let mut job = house.jobs.get_job("new").await.unwrap().value;
    job.default_arguments.insert("--job-bookmark-option".into(), "job-bookmark-enable".into());
    house.jobs.update_job("new", job).await.unwrap();
}

#[tokio::test]
async fn files_that_a_graph_reads_by_their_path_are_read_once() {
    let house = House::new().await;
    let raw = json!({"S3CsvSource": {"Name": "Raw", "Paths": ["s3://data/raw/"], "Separator": "comma", "QuoteChar": "quote", "WithHeader": true}});
    house.put("raw/a.csv", "id,word\n1,one\n2,two\n").await;
    own_source(&house, raw).await;
    assert_eq!(next(&house).await, ["1", "2"]);
    assert_eq!(next(&house).await, Vec::<String>::new());
    house.put("raw/b.csv", "id,word\n3,three\n").await;
    assert_eq!(next(&house).await, ["3"]);
    let shown = house.jobs.get_job_bookmark("new", None).await.unwrap().job_bookmark;
    assert!(shown.contains("\"direct.raw\"") && shown.contains("\"b.csv\""), "{shown}");
    let job = house.jobs.get_job("new").await.unwrap().value;
    let by_key = serde_json::from_value(json!([{"Table": "direct.raw", "Keys": ["id"]}])).unwrap();
    house.jobs.reset_job_bookmark("new", None).await.unwrap();
    house.jobs.update_job("new", Job { bookmarks: by_key, ..job }).await.unwrap();
    assert_eq!(next(&house).await, ["1", "2", "3"], "by a key of theirs too");
    house.put("raw/c.csv", "id,word\n3,drei\n4,four\n").await;
    assert_eq!(next(&house).await, ["4"]);
}

#[tokio::test]
async fn a_table_that_a_graph_reads_through_a_connection_is_read_once() {
    let house = House::new().await;
    sqlite(&house, "CREATE TABLE sales (id INTEGER PRIMARY KEY, word TEXT); INSERT INTO sales VALUES (1, 'a'), (2, 'b');");
    house.catalog.create_connection(Connection::sqlite("orders", "orders.db")).await.unwrap();
    let raw = json!({"JDBCConnectorSource": {"Name": "Sales", "ConnectionName": "orders", "ConnectionTable": "sales", "ConnectorName": "c",
        "ConnectionType": "jdbc"}});
    own_source(&house, raw).await;
    assert_eq!(next(&house).await, ["1", "2"]);
    sqlite(&house, "INSERT INTO sales VALUES (3, 'c');");
    assert_eq!(next(&house).await, ["3"]);
    assert_eq!(last(&house, "direct.sales").await, json!(["3"]), "its primary key");
}

#[tokio::test]
async fn what_no_bookmark_can_follow_is_refused_with_what_to_set() {
    let house = House::new().await;
    let script = "CREATE TABLE codes (code TEXT PRIMARY KEY, x REAL); CREATE TABLE bare (a INTEGER);
        CREATE TABLE pairs (a INTEGER, b INTEGER, PRIMARY KEY (a, b)); CREATE VIEW seen AS SELECT * FROM bare;";
    crawl_sqlite(&house, script).await;
    let cases = [
        ("codes", "its primary key \"code\" is neither a number nor a time"),
        ("bare", "it has no primary key"),
        ("pairs", "its primary key has 2 columns (a, b)"),
        ("seen", "it is a view"),
    ];
    for (table, expected) in cases {
        create(&house, &format!("SELECT * FROM shop.{table}"), json!([])).await;
        let message = failure(&house).await;
        assert!(message.contains(expected) && message.contains(&format!("{{Table: shop.{table}, Keys: [...]}}")), "{message}");
        let all = run_with(&house, &[("--job-bookmark-option", "job-bookmark-disable")]).await;
        assert_eq!(all.state, RunState::Succeeded, "without bookmarks nobody minds: {:?}", all.message);
    }
    create(&house, "SELECT * FROM shop.codes", json!([{"Table": "shop.codes", "Keys": ["x"]}])).await;
    let message = failure(&house).await;
    assert!(message.contains("Key \"x\" of the bookmark of shop.codes is to be a column of whole numbers"), "{message}");
}

#[tokio::test]
async fn a_delay_leaves_the_youngest_rows_and_files_for_later() {
    let house = House::new().await;
    sqlite(&house, "CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME);");
    sqlite(&house, "INSERT INTO t VALUES (1, datetime('now', '-2 hours')), (2, datetime('now', '+1 hour')), (3, datetime('now'));");
    house.catalog.create_connection(Connection::sqlite("orders", "orders.db")).await.unwrap();
    crawl(&house, json!({"JdbcTargets": [{"ConnectionName": "orders", "Path": "%"}]})).await;
    create(&house, "SELECT id FROM shop.t", json!([{"Table": "shop.t", "Keys": ["at"], "Delay": 600}])).await;
    assert_eq!(next(&house).await, ["1"]);
    sqlite(&house, "INSERT INTO t VALUES (4, datetime('now', '-1 hour'));");
    assert_eq!(next(&house).await, ["4"], "late, but not too late");
    create(&house, "SELECT id FROM shop.t", json!([{"Table": "shop.t", "Delay": 600}])).await;
    assert!(failure(&house).await.contains("its first key is to be a timestamp; found Int64"));

    house.put("young/a.csv", "id\n1\n").await;
    house.table("young", "s3://data/young/", csv(CSV), "id bigint").await;
    create(&house, "SELECT id FROM shop.young", json!([{"Table": "shop.young", "Delay": 600}])).await;
    assert_eq!(next(&house).await, Vec::<String>::new());
    create(&house, "SELECT id FROM shop.young", json!([{"Table": "shop.young"}])).await;
    assert_eq!(next(&house).await, ["1"]);
}

#[tokio::test]
async fn files_are_read_as_they_come_and_again_when_they_are_replaced() {
    let house = House::new().await;
    house.put("raw/a.csv", "id\n1\n").await;
    house.put("raw/50%/b #1.csv", "id\n2\n").await;
    house.table("raw", "s3://data/raw/", csv(CSV), "id bigint").await;
    create(&house, "SELECT id FROM shop.raw", json!([])).await;
    assert_eq!(next(&house).await, ["1", "2"]);
    assert_eq!(next(&house).await, Vec::<String>::new());
    house.put("raw/c.csv", "id\n3\n").await;
    assert_eq!(next(&house).await, ["3"]);
    house.put("raw/a.csv", "id\n1\n4\n").await;
    assert_eq!(next(&house).await, ["1", "4"], "the file as a whole");
    let shown = house.jobs.get_job_bookmark("new", None).await.unwrap().job_bookmark;
    assert!(shown.contains("\"50%/b #1.csv\": {") && shown.contains("\"Size\": 7"), "{shown}");
    create(&house, "SELECT id FROM shop.raw", json!([{"Table": "shop.raw", "Keys": ["id"]}])).await;
    assert_eq!(next(&house).await, ["1", "2", "3", "4"]);
    house.put("raw/d.csv", "id\n4\n5\n").await;
    assert_eq!(next(&house).await, ["5"], "files can be read by a key too");
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn postgresqls_tables_are_read_by_key() {
    let Some(server) = testkit::servers::Postgres::start() else { return };
    let house = House::new().await;
    server.psql(
        "postgres",
        "CREATE TABLE moves (id bigserial PRIMARY KEY, at timestamptz, amount numeric(20,4), code text COLLATE \"und-x-icu\");
         INSERT INTO moves (at, amount, code) VALUES ('2025-01-01 00:00:00.000001+00', 1.0001, 'a'), ('2025-01-01 00:00:00.000002+00', 1.0002, 'b');",
    );
    house.postgres(&server, server.port).await;
    crawl(&house, json!({"JdbcTargets": [{"ConnectionName": "orders", "Path": "postgres/public/moves"}]})).await;
    let table = "shop.postgres_public_moves";
    for key in [None, Some("at"), Some("amount"), Some("code")] {
        server.psql("postgres", "DELETE FROM moves WHERE code NOT IN ('a', 'b')");
        let keys: Vec<&str> = key.into_iter().collect();
        create(&house, &format!("SELECT code FROM {table}"), json!([{"Table": table, "Keys": keys}])).await;
        assert_eq!(next(&house).await, ["a", "b"], "{key:?}");
        assert_eq!(next(&house).await, Vec::<String>::new(), "{key:?}");
        server.psql("postgres", "INSERT INTO moves (at, amount, code) VALUES ('2025-01-01 00:00:00.000003+00', 1.0003, 'Ä')");
        // By code: the server compares bytes too when asked to, whatever the column's collation; Ä comes after b.
        let second = run(&house).await;
        assert_eq!(house.read("out/part-00000.csv").await, "code\nÄ\n", "{key:?}");
        assert_eq!(outcome(&second).rows_read(), 1, "the server filters: {key:?}");
    }
}

#[cfg(feature = "kafka")]
#[tokio::test(flavor = "multi_thread")]
async fn kafkas_topics_are_read_by_offset() {
    use testkit::servers::Kafka;
    let Some(server) = tokio::task::block_in_place(Kafka::start) else { return };
    let house = House::new().await;
    tokio::task::block_in_place(|| {
        server.create_topic("clicks", 2);
        server.send("clicks", 0, &[r#"{"n":1}"#, r#"{"n":2}"#]);
    });
    let mut connection = Connection::new(
        "orders",
        "KAFKA",
        [("KAFKA_BOOTSTRAP_SERVERS", format!("127.0.0.1:{}", server.port)), ("KAFKA_SSL_ENABLED", "false".into())],
    );
    for (name, value) in Kafka::client_settings() {
        connection.connection_properties.insert(format!("KAFKA_CLIENT_{name}"), value);
    }
    house.catalog.create_connection(connection).await.unwrap();
    crawl(&house, json!({"KafkaTargets": [{"ConnectionName": "orders", "Path": "clicks"}]})).await;
    create(&house, "SELECT n FROM shop.clicks", json!([])).await;
    assert_eq!(next(&house).await, ["1", "2"]);
    assert_eq!(next(&house).await, Vec::<String>::new());
    tokio::task::block_in_place(|| {
        server.send("clicks", 1, &[r#"{"n":3}"#]);
        server.send("clicks", 0, &[r#"{"n":4}"#]);
    });
    let third = run(&house).await;
    assert_eq!(outcome(&third).rows_read(), 2, "read from the bookmark on: {}", house.log(&third.id).await);
    let shown: Value = serde_json::from_str(&house.jobs.get_job_bookmark("new", None).await.unwrap().job_bookmark).unwrap();
    assert_eq!(shown, json!({"shop.clicks": {"Offsets": {"0": 3, "1": 1}}}));
    let again = run_with(&house, &[("--job-bookmark-option", "job-bookmark-pause"), ("--job-bookmark-to", &third.id.0)]).await;
    assert_eq!(outcome(&again).rows_written, 4);
    tokio::task::block_in_place(|| {
        server.delete_topic("clicks");
        server.create_topic("clicks", 2);
        server.send("clicks", 0, &[r#"{"n":5}"#]);
    });
    let lost = run_with(&house, &[]).await;
    assert_eq!((lost.state, lost.code.as_deref()), (RunState::Failed, Some("SOURCE_OFFSET_GONE")), "{:?}", lost.message);
    house.jobs.reset_job_bookmark("new", None).await.unwrap();
    assert_eq!(next(&house).await, ["5"]);
}
