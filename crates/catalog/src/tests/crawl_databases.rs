use connect::Connection;
use domain::{ErrorKind, RunState};
use serde_json::json;

use super::{House, crawler, types};
use crate::{ChangeKind, TableChange};

async fn house(sql: &str, target: serde_json::Value) -> House {
    let house = House::new().await;
    execute(&house, sql);
    house.catalog.create_connection(Connection::sqlite("orders", "orders.db")).await.unwrap();
    let json = json!({"Name": "c", "DatabaseName": "shop", "Targets": {"JdbcTargets": [target]}});
    house.catalog.create_crawler(crawler(json)).await.unwrap();
    house
}

fn execute(house: &House, sql: &str) {
    rusqlite::Connection::open(house.folder().join("orders.db")).unwrap().execute_batch(sql).unwrap();
}

const SHOP: &str = "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, amount REAL);
    INSERT INTO orders VALUES (1, 'anna', 2.5);
    CREATE TABLE lines (order_id INTEGER, sku TEXT);
    CREATE TABLE tmp_lines (x);";

#[tokio::test]
async fn tables_of_a_database_are_found() {
    let house = house(SHOP, json!({"ConnectionName": "orders", "Path": "%", "Exclusions": ["tmp_*"]})).await;
    let summary = house.crawl("c").await;
    assert_eq!(
        summary.tables.iter().map(|table| (table.name.as_str(), table.rows)).collect::<Vec<_>>(),
        [("lines", Some(0)), ("orders", Some(1))]
    );
    let orders = house.table("orders").await;
    assert_eq!(types(&orders), [("id", "bigint"), ("customer", "string"), ("amount", "double")]);
    let (connection, path) = orders.source().unwrap();
    assert_eq!((connection, path.table.as_str()), ("orders", "orders"));
    let before = house.notifications().await;
    execute(&house, "INSERT INTO orders VALUES (2, NULL, 3)");
    let again = house.crawl("c").await;
    assert_eq!((again.tables_unchanged, again.tables_updated), (2, 0));
    assert_eq!(house.notifications().await, before);
    let grown = house.table("orders").await;
    assert_eq!((grown.version_id.as_str(), grown.parameters["recordCount"].as_str()), ("0", "2"));
    house.crawl("c").await;
    assert_eq!(house.table("orders").await.version, grown.version);
    execute(&house, "ALTER TABLE orders ADD COLUMN channel TEXT; DROP TABLE lines;");
    let changed = house.crawl("c").await;
    assert_eq!((changed.tables_updated, changed.tables_deleted), (1, 1));
    assert!(changed.tables.iter().any(|table| table.name == "lines" && table.change == TableChange::Deprecated));
    let kinds: Vec<(&str, &ChangeKind)> = changed.changes.iter().map(|change| (change.table.as_str(), &change.kind)).collect();
    let added = ChangeKind::ColumnAdded { column: "channel".into(), data_type: "string".into() };
    assert_eq!((kinds, changed.change_count), (vec![("orders", &added), ("lines", &ChangeKind::TableGone)], 2));
    assert_eq!(house.table("orders").await.version_id, "1");
}

#[tokio::test]
async fn paths_choose_tables() {
    for (path, expected) in [("orders", vec!["orders"]), ("main/%lines", vec!["lines", "tmp_lines"]), ("ORDERS", vec!["orders"])] {
        let house = house(SHOP, json!({"ConnectionName": "orders", "Path": path})).await;
        let summary = house.crawl("c").await;
        assert_eq!(summary.tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>(), expected, "{path}");
    }
}

#[tokio::test]
async fn a_connection_that_leads_nowhere_fails_the_crawl() {
    let house = house(SHOP, json!({"ConnectionName": "orders", "Path": "%"})).await;
    house.catalog.update_connection("orders", Connection::sqlite("orders", "gone.db")).await.unwrap();
    let run = house.run("c").await;
    assert_eq!(run.state, RunState::Failed);
    assert!(run.message.unwrap().contains("gone.db"));
    house.catalog.delete_connection("orders").await.unwrap();
    assert!(house.run("c").await.message.unwrap().contains("connection \"orders\""));
}

#[tokio::test]
async fn an_unreachable_database_loses_no_tables() {
    let house = house(SHOP, json!({"ConnectionName": "orders", "Path": "%"})).await;
    house.crawl("c").await;
    house.write("data/x/a.csv", "id,x\n1,2\n");
    let json = json!({"Name": "c", "DatabaseName": "shop", "Targets": {
        "S3Targets": [{"Path": "data"}], "JdbcTargets": [{"ConnectionName": "orders", "Path": "%"}]},
        "SchemaChangePolicy": {"DeleteBehavior": "DELETE_FROM_DATABASE"}});
    house.catalog.update_crawler("c", crawler(json)).await.unwrap();
    std::fs::remove_file(house.folder().join("orders.db")).unwrap();
    let summary = house.crawl("c").await;
    assert_eq!((summary.tables_created, summary.tables_deleted, summary.problem_count), (1, 0, 1));
    assert_eq!(house.catalog.list_tables("shop").await.unwrap().len(), 4);
}

#[tokio::test]
async fn connections_are_kept_and_checked() {
    let house = House::new().await;
    let catalog = &house.catalog;
    let wrong = Connection { connection_type: "KAFKA".into(), ..Connection::sqlite("k", "x") };
    assert_eq!(catalog.create_connection(wrong).await.unwrap_err().kind, ErrorKind::InvalidInput);
    catalog.create_connection(Connection::sqlite("k", "x")).await.unwrap();
    assert_eq!(catalog.create_connection(Connection::sqlite("k", "y")).await.unwrap_err().kind, ErrorKind::AlreadyExists);
    assert_eq!(catalog.get_connection("k").await.unwrap().connection_properties["PATH"], "x");
    assert_eq!(catalog.list_connections().await.unwrap().len(), 1);
}

/// What is odd is read, or reported with its place; the rest is there.
#[tokio::test]
async fn odd_names_and_broken_views_stop_nothing() {
    let sql = r#"CREATE TABLE "select" ("from" INTEGER, "a b" TEXT, "Ünï""c" REAL);
        CREATE TABLE "two words" (id INTEGER PRIMARY KEY);
        CREATE TABLE two_words (id INTEGER);
        CREATE TABLE "🚚 it's" (id INTEGER);
        CREATE TABLE gone (x INTEGER);
        CREATE VIEW broken AS SELECT x FROM gone;
        CREATE VIEW fine AS SELECT id FROM two_words;
        DROP TABLE gone;"#;
    let house = house(sql, json!({"ConnectionName": "orders", "Path": "%"})).await;
    let summary = house.crawl("c").await;
    assert_eq!((summary.tables_created, summary.problem_count), (5, 1), "{:?}", summary.problems);
    assert_eq!(summary.problems[0].place, "orders: broken");
    assert!(summary.problems[0].reason.contains("gone"), "{:?}", summary.problems);
    assert_eq!(types(&house.table("select").await.value), [("from", "bigint"), ("a b", "string"), ("Ünï\"c", "double")]);
    let truck = house.table("__it_s").await;
    assert_eq!(truck.source().unwrap().1.table, "🚚 it's");
    let fine = house.table("fine").await;
    assert_eq!((fine.parameters["typeOfData"].as_str(), fine.table_type.as_deref()), ("view", Some("EXTERNAL_TABLE")));
    let names: Vec<&str> = summary.tables.iter().map(|table| table.name.as_str()).filter(|name| name.starts_with("two_words")).collect();
    assert_eq!(names.len(), 2, "one has a suffix: {names:?}");
    let keyed = house.catalog.list_tables("shop").await.unwrap();
    assert_eq!(keyed.iter().filter(|table| table.parameters.get("primaryKey").is_some_and(|key| key == "id")).count(), 1);
    assert_eq!(house.crawl("c").await.tables_unchanged, 5);
}

#[tokio::test]
async fn a_view_that_breaks_keeps_its_table() {
    let house = house("CREATE TABLE t (x); CREATE VIEW v AS SELECT x FROM t;", json!({"ConnectionName": "orders", "Path": "%"})).await;
    house.crawl("c").await;
    execute(&house, "DROP TABLE t; CREATE TABLE u (y);");
    let summary = house.crawl("c").await;
    assert_eq!((summary.tables_created, summary.tables_deleted, summary.problem_count), (1, 1, 1), "{:?}", summary.problems);
    let view = house.table("v").await;
    assert!(!view.parameters.contains_key("DEPRECATED_BY_CRAWLER"));
    assert!(house.table("t").await.parameters.contains_key("DEPRECATED_BY_CRAWLER"));
}

#[tokio::test]
async fn several_targets_are_read_side_by_side_in_their_order() {
    let house = house(SHOP, json!({"ConnectionName": "orders", "Path": "orders"})).await;
    house.write("data/x/a.csv", "id,x\n1,2\n");
    let jdbc: Vec<serde_json::Value> =
        ["lines", "orders", "tmp_%"].iter().map(|path| json!({"ConnectionName": "orders", "Path": path})).collect();
    let json = json!({"Name": "c", "DatabaseName": "shop", "Targets": {"S3Targets": [{"Path": "data"}], "JdbcTargets": jdbc}});
    house.catalog.update_crawler("c", crawler(json)).await.unwrap();
    let summary = house.crawl("c").await;
    let names: Vec<&str> = summary.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["x", "lines", "orders", "tmp_lines"]);
}
