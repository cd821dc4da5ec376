use connect::Connection;
use domain::{ErrorKind, RunState};
use serde_json::json;

use super::{House, crawler, types};
use crate::TableChange;

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
