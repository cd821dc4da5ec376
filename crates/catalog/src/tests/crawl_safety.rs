//! What a crawl must not do to tables that it did not see, or saw in part only.

use connect::Connection;
use serde_json::{Value, json};
use store::Location;
use testkit::{Installation, ManualClock};

use super::{House, crawler, types};
use crate::{CrawlSummary, Crawler};

fn definition(targets: Value, more: Value) -> Crawler {
    let mut json = json!({"Name": "c", "DatabaseName": "shop", "Targets": targets});
    for (name, value) in more.as_object().unwrap() {
        json[name] = value.clone();
    }
    crawler(json)
}

fn files(paths: &[&str]) -> Value {
    let targets: Vec<Value> = paths.iter().map(|path| json!({"Path": path})).collect();
    json!({"S3Targets": targets})
}

fn names(summary: &CrawlSummary) -> Vec<&str> {
    summary.tables.iter().map(|table| table.name.as_str()).collect()
}

fn delete() -> Value {
    json!({"SchemaChangePolicy": {"DeleteBehavior": "DELETE_FROM_DATABASE"}})
}

fn execute(house: &House, file: &str, sql: &str) {
    rusqlite::Connection::open(house.folder().join(file)).unwrap().execute_batch(sql).unwrap();
}

#[tokio::test]
async fn targets_inside_each_other_find_each_table_once() {
    let house = House::new().await;
    let threshold = json!({"Configuration": json!({"CrawlerOutput": {"Tables": {"TableThreshold": 3}}}).to_string()});
    let mut targets = files(&["data", "data/orders"]);
    targets["JdbcTargets"] = json!([{"ConnectionName": "db", "Path": "%"}, {"ConnectionName": "db", "Path": "main/%"}]);
    house.catalog.create_connection(Connection::sqlite("db", "db.db")).await.unwrap();
    house.catalog.create_crawler(definition(targets, threshold)).await.unwrap();
    house.write("data/orders/a.csv", "id,amount\n1,2.5\n");
    house.write("data/customers/a.csv", "customer,town,age\nAnna,Ulm,31\n");
    execute(&house, "db.db", "CREATE TABLE lines (id INTEGER);");
    let summary = house.crawl("c").await;
    assert_eq!((names(&summary), summary.tables_created), (vec!["customers", "orders", "lines"], 3));
    assert_eq!(house.crawl("c").await.tables_unchanged, 3);
}

#[tokio::test]
async fn a_new_folder_does_not_take_the_name_of_one_passed_over() {
    let house = House::new().await;
    let more = json!({"RecrawlPolicy": {"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"},
        "SchemaChangePolicy": {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"}});
    house.catalog.create_crawler(definition(files(&["data"]), more)).await.unwrap();
    house.write("data/a/orders/x.csv", "id,amount\n1,2.5\n");
    house.crawl("c").await;
    house.write("data/b/orders/x.csv", "sku,title,pages\na,Book,3\n");
    let summary = house.crawl("c").await;
    assert_eq!(summary.tables_created, 1, "{:?}", summary.tables);
    assert!(summary.tables[0].name.starts_with("orders_"), "{:?}", summary.tables);
    assert_eq!(house.table(&summary.tables[0].name).await.location(), "data/b/orders/");
    assert_eq!(house.table("orders").await.location(), "data/a/orders/");
}

#[tokio::test]
async fn a_new_database_does_not_take_the_table_of_one_that_is_down() {
    let house = House::new().await;
    let target = |name: &str| json!({"ConnectionName": name, "Path": "%"});
    for (name, file) in [("one", "one.db"), ("two", "two.db")] {
        house.catalog.create_connection(Connection::sqlite(name, file)).await.unwrap();
        execute(&house, file, "CREATE TABLE orders (id INTEGER);");
    }
    house.catalog.create_crawler(definition(json!({"JdbcTargets": [target("one")]}), delete())).await.unwrap();
    house.crawl("c").await;
    let both = definition(json!({"JdbcTargets": [target("one"), target("two")]}), delete());
    house.catalog.update_crawler("c", both).await.unwrap();
    std::fs::remove_file(house.folder().join("one.db")).unwrap();
    let summary = house.crawl("c").await;
    assert_eq!((summary.tables_created, summary.tables_updated, summary.tables_deleted), (1, 0, 0), "{:?}", summary.tables);
    assert!(summary.tables[0].name.starts_with("orders_"), "{:?}", summary.tables);
    assert_eq!(house.table("orders").await.source().unwrap().0, "one");
}

#[tokio::test]
async fn a_place_that_cannot_be_read_is_known_however_it_is_spelt() {
    let house = House::new().await;
    house.catalog.create_crawler(definition(files(&["data", "s3a://retail"]), delete())).await.unwrap();
    house.write("data/a/x.csv", "id,x\n1,2\n");
    house.installation.buckets.create("retail").unwrap();
    let at = Location::parse("s3://retail/in/x.csv").unwrap();
    house.installation.buckets.write(&at, "sku,price\na,2\n".into()).await.unwrap();
    assert_eq!(house.crawl("c").await.tables_created, 2);
    std::fs::remove_dir_all(house.installation.buckets.root().join("retail")).unwrap();
    let summary = house.crawl("c").await;
    assert_eq!((summary.tables_deleted, summary.problem_count), (0, 1), "{:?}", summary.problems);
    assert_eq!(house.table("in").await.location(), "s3://retail/in/");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_takes_no_columns_away() {
    let house = House::new().await;
    house.catalog.create_crawler(definition(files(&["data"]), json!({}))).await.unwrap();
    house.write("data/s/a.csv", "id,name,town\n1,Anna,Ulm\n");
    house.write("data/s/b.csv", "id,name,town,price\n2,Bernd,Ulm,2.5\n");
    house.crawl("c").await;
    let whole = [("id", "bigint"), ("name", "string"), ("town", "string"), ("price", "double")];
    assert_eq!(types(&house.table("s").await.value), whole);
    house.write("data/s/b.csv", b"\x00\x01\x02");
    assert_eq!(house.crawl("c").await.problem_count, 1);
    assert_eq!(types(&house.table("s").await.value), whole);
    assert_eq!(house.crawl("c").await.tables_unchanged, 1);
    // What is gone, not hidden, is gone.
    std::fs::remove_file(house.folder().join("data/s/b.csv")).unwrap();
    house.crawl("c").await;
    assert_eq!(types(&house.table("s").await.value), whole[..3]);
}

#[tokio::test]
async fn a_table_that_another_crawl_made_meanwhile_stays() {
    let clock = ManualClock::at(1_795_406_400_000);
    let house = House::with(Installation::with_clock(clock.clone()).await);
    house.catalog.create_crawler(definition(files(&["data"]), delete())).await.unwrap();
    house.write("data/a/x.csv", "id,x\n1,2\n");
    house.write("data/b/orders/x.csv", "sku,title,pages\na,Book,3\n");
    assert_eq!(house.crawl("c").await.tables_created, 2);
    // As seen by a crawl that began to look before these tables were written, and before their data came.
    clock.advance(-1000);
    std::fs::remove_dir_all(house.folder().join("data/b")).unwrap();
    house.write("data/c/orders/x.csv", "ean,weight,colour,size\nk,2,red,4\n");
    let early = house.crawl("c").await;
    assert_eq!((early.tables_created, early.tables_deleted), (1, 0), "{:?}", early.tables);
    assert_eq!(house.table("orders").await.location(), "data/b/orders/", "its name is not free either");
    clock.advance(2000);
    assert_eq!(house.crawl("c").await.tables_deleted, 1);
}

#[tokio::test]
async fn names_given_to_columns_go_with_their_classifier() {
    let house = House::new().await;
    let csv = json!({"CsvClassifier": {"Name": "mine", "Delimiter": ",", "ContainsHeader": "PRESENT", "Header": ["who", "years"]}});
    house.catalog.create_classifier(serde_json::from_value(csv).unwrap()).await.unwrap();
    house.catalog.create_crawler(definition(files(&["data"]), json!({"Classifiers": ["mine"]}))).await.unwrap();
    house.write("data/people/a.csv", "name,age\nAnna,31\nBernd,32\n");
    house.crawl("c").await;
    let named = house.table("people").await;
    assert_eq!(types(&named), [("who", "string"), ("years", "bigint")]);
    assert_eq!(named.parameters["columnsByPosition"], "true");
    house.catalog.update_crawler("c", definition(files(&["data"]), json!({}))).await.unwrap();
    house.crawl("c").await;
    let table = house.table("people").await;
    assert_eq!(types(&table), [("name", "string"), ("age", "bigint")]);
    assert!(!table.parameters.contains_key("columnsByPosition"));
}

#[tokio::test]
async fn the_serde_of_json_names_the_columns() {
    let house = House::new().await;
    let merge = json!({"Configuration": json!({"CrawlerOutput": {"Tables": {"AddOrUpdateBehavior": "MergeNewColumns"}}}).to_string()});
    house.catalog.create_crawler(definition(files(&["data"]), merge)).await.unwrap();
    let paths = async || house.table("items").await.storage_descriptor.serde_info.clone().unwrap().parameters["paths"].clone();
    house.write("data/items/a.jsonl", "{\"sku\":\"a\",\"size\":{\"w\":1}}\n");
    house.crawl("c").await;
    assert_eq!(paths().await, "sku,size");
    house.write("data/items/a.jsonl", "{\"sku\":\"a\",\"weight\":1}\n");
    house.crawl("c").await;
    assert_eq!(paths().await, "sku,size,weight");
}

#[tokio::test]
async fn a_new_folder_in_another_encoding_is_no_partition() {
    let house = House::new().await;
    let more = json!({"RecrawlPolicy": {"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"},
        "SchemaChangePolicy": {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"}});
    house.catalog.create_crawler(definition(files(&["data"]), more)).await.unwrap();
    for day in 1..=2 {
        house.write(&format!("data/towns/day={day}/a.csv"), b"id,town\n1,K\xf6ln\n");
    }
    house.crawl("c").await;
    assert_eq!(house.table("towns").await.parameters["encoding"], "latin-1");
    house.write("data/towns/day=3/a.csv", "id,town\n1,Ulm\n");
    house.write("data/towns/day=4/a.csv", "id,town\n1,Köln\n");
    let summary = house.crawl("c").await;
    assert_eq!((summary.partitions_added, summary.tables_created), (1, 1), "{:?}", summary.tables);
    house.catalog.get_partition("shop", "towns", &["3".into()]).await.unwrap();
    assert!(summary.problems.iter().any(|problem| problem.reason.contains("encoding")), "{:?}", summary.problems);
}
