use domain::{ErrorKind, RunState};
use serde_json::json;
use store::Location;

use super::{House, crawler, types};
use crate::{FileLayout, TableChange};

async fn house(targets: serde_json::Value, more: serde_json::Value) -> House {
    let house = House::new().await;
    let mut json = json!({"Name": "c", "DatabaseName": "shop", "Targets": {"S3Targets": targets}});
    for (name, value) in more.as_object().unwrap() {
        json[name] = value.clone();
    }
    house.catalog.create_crawler(crawler(json)).await.unwrap();
    house
}

fn names(summary: &crate::CrawlSummary) -> Vec<&str> {
    summary.tables.iter().map(|table| table.name.as_str()).collect()
}

#[tokio::test]
async fn folders_become_tables() {
    let house = house(json!([{"Path": "data"}]), json!({"TablePrefix": "raw_"})).await;
    house.write("data/Customers/a.csv", "customer_id,name,age\n1,Anna,31\n2,Bernd,32\n");
    house.write("data/Customers/b.csv", "customer_id,name,age,tier\n3,Carl,,gold\n");
    house.write("data/products/p.jsonl", "{\"sku\":\"a\",\"size\":{\"w\":1}}\n");
    house.write("data/_temporary/x.csv", "no,no\n");
    let summary = house.crawl("c").await;
    assert_eq!(names(&summary), ["raw_customers", "raw_products"]);
    assert_eq!((summary.tables_created, summary.problem_count), (2, 0), "{:?}", summary.problems);
    let customers = house.table("raw_customers").await;
    assert_eq!(types(&customers), [("customer_id", "bigint"), ("name", "string"), ("age", "bigint"), ("tier", "string")]);
    assert_eq!(customers.location(), "data/Customers/");
    assert_eq!(customers.parameters["classification"], "csv");
    assert_eq!(customers.parameters["skip.header.line.count"], "1");
    assert_eq!(customers.parameters["recordCount"], "3");
    assert_eq!(customers.parameters["objectCount"], "2");
    FileLayout::of(&customers).unwrap();
    assert_eq!(types(&house.table("raw_products").await.value), [("sku", "string"), ("size", "struct<w:bigint>")]);
    assert_eq!(summary.tables[0].rows, Some(3));
}

#[tokio::test]
async fn a_second_crawl_writes_nothing() {
    let house = house(json!([{"Path": "data"}]), json!({})).await;
    house.write("data/sales/day=1/a.csv", "id,x\n1,2\n");
    house.write("data/sales/day=2/a.csv", "id,x\n1,2\n");
    house.write("data/latin/a.csv", b"name,town_name\nA,K\xf6ln\n");
    house.write("data/latin/README.txt", "Nothing to see, really.\nMove on\n");
    house.crawl("c").await;
    let before = (house.table("sales").await, house.table("latin").await, house.notifications().await);
    let partitions = house.catalog.list_partitions("shop", "sales").await.unwrap();
    assert_eq!(before.1.parameters["encoding"], "latin-1");
    let summary = house.crawl("c").await;
    assert_eq!((summary.tables_unchanged, summary.tables_created, summary.tables_updated), (2, 0, 0));
    assert!(summary.tables.iter().all(|table| table.change == TableChange::Unchanged));
    for (before, after) in [(&before.0, house.table("sales").await), (&before.1, house.table("latin").await)] {
        assert_eq!((before.version, before.updated), (after.version, after.updated));
        assert_eq!(before.value, after.value);
    }
    for (before, after) in partitions.iter().zip(house.catalog.list_partitions("shop", "sales").await.unwrap()) {
        assert_eq!((before.version, before.updated), (after.version, after.updated));
    }
    assert_eq!(house.notifications().await, before.2);
    assert_eq!(house.catalog.list_table_versions("shop", "sales").await.unwrap().len(), 1);
}

#[tokio::test]
async fn growth_is_no_new_version() {
    let house = house(json!([{"Path": "data/orders"}]), json!({})).await;
    house.write("data/orders/a.csv", "id,x\n1,2\n");
    house.crawl("c").await;
    house.write("data/orders/b.csv", "id,x\n3,4\n5,6\n");
    let summary = house.crawl("c").await;
    assert_eq!((summary.tables_unchanged, summary.tables_updated), (1, 0));
    let table = house.table("orders").await;
    assert_eq!((table.version_id.as_str(), table.parameters["recordCount"].as_str()), ("0", "3"));
    assert_eq!(house.notifications().await.len(), 1);
}

#[tokio::test]
async fn a_changed_schema_is_a_new_version_and_is_told() {
    let house = house(json!([{"Path": "data/orders"}]), json!({})).await;
    house.write("data/orders/a.csv", "id,x,old\n1,2,3\n");
    house.crawl("c").await;
    // What people wrote beside it stays.
    let mut mine = house.table("orders").await.value;
    mine.description = Some("Orders of the shop".into());
    mine.parameters.insert("owner_team".into(), "sales".into());
    mine.storage_descriptor.columns[0].comment = Some("the number".into());
    house.catalog.update_table("shop", mine, crate::TableUpdate { skip_archive: true, ..Default::default() }).await.unwrap();
    house.write("data/orders/a.csv", "id,x,new\n1,2.5,n\n");
    let summary = house.crawl("c").await;
    assert_eq!(summary.tables_updated, 1);
    let table = house.table("orders").await;
    assert_eq!(types(&table), [("id", "bigint"), ("x", "double"), ("new", "string")]);
    assert_eq!(table.description.as_deref(), Some("Orders of the shop"));
    assert_eq!(table.parameters["owner_team"], "sales");
    assert_eq!(table.columns()[0].comment.as_deref(), Some("the number"));
    let versions = house.catalog.list_table_versions("shop", "orders").await.unwrap();
    assert_eq!(versions.iter().map(|version| version.version_id.as_str()).collect::<Vec<_>>(), ["2", "1"]);
    let told = house.installation.store.notifications(0, 100).await.unwrap();
    let told = told.into_iter().rfind(|told| told.kind == "catalog.table_changed").unwrap();
    let diff = json!({
        "added": [{"name": "new", "type": "string"}],
        "removed": [{"name": "old", "type": "bigint"}],
        "retyped": [{"name": "x", "from": "bigint", "to": "double"}],
    });
    assert_eq!((told.detail["typeOfChange"].as_str(), &told.detail["schemaDiff"]), (Some("UpdateTable"), &diff));
    assert_eq!(house.crawl("c").await.tables_unchanged, 1);
}

#[tokio::test]
async fn policy_log_leaves_the_catalog_alone() {
    let policy = json!({"SchemaChangePolicy": {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"}});
    let house = house(json!([{"Path": "data"}]), policy).await;
    house.write("data/a/x.csv", "id,x\n1,2\n");
    house.write("data/b/x.csv", "sku,title\nk,2\n");
    house.crawl("c").await;
    house.write("data/a/x.csv", "id,x\n1,two\n");
    std::fs::remove_dir_all(house.folder().join("data/b")).unwrap();
    let summary = house.crawl("c").await;
    assert_eq!((summary.tables_updated, summary.tables_deleted), (0, 0));
    assert_eq!(summary.tables[0].change, TableChange::Logged);
    assert_eq!(types(&house.table("a").await.value), [("id", "bigint"), ("x", "bigint")]);
    assert!(!house.table("b").await.parameters.contains_key("DEPRECATED_BY_CRAWLER"));
}

#[tokio::test]
async fn gone_data_is_deprecated_and_comes_back() {
    let house = house(json!([{"Path": "data"}]), json!({})).await;
    house.write("data/a/x.csv", "id,x\n1,2\n");
    house.write("data/b/x.csv", "sku,title\nk,2\n");
    house.crawl("c").await;
    std::fs::remove_dir_all(house.folder().join("data/b")).unwrap();
    assert_eq!(house.crawl("c").await.tables_deleted, 1);
    let gone = house.table("b").await;
    assert!(gone.parameters.contains_key("DEPRECATED_BY_CRAWLER"));
    assert_eq!(house.crawl("c").await.tables_deleted, 0);
    assert_eq!(house.table("b").await.version, gone.version);
    house.write("data/b/x.csv", "sku,title\nk,2\n");
    house.crawl("c").await;
    assert!(!house.table("b").await.parameters.contains_key("DEPRECATED_BY_CRAWLER"));
}

#[tokio::test]
async fn gone_data_is_deleted_where_asked_but_not_when_unreadable() {
    let policy = json!({"SchemaChangePolicy": {"DeleteBehavior": "DELETE_FROM_DATABASE"}});
    let house = house(json!([{"Path": "data"}]), policy).await;
    house.write("data/a/x.csv", "id,x\n1,2\n");
    house.write("data/b/x.csv", "sku,title\nk,2\n");
    house.write("data/c/x.csv", "ean,weight\nk,2\n");
    house.crawl("c").await;
    std::fs::remove_dir_all(house.folder().join("data/b")).unwrap();
    house.write("data/c/x.csv", b"\x00\x01\x02");
    let summary = house.crawl("c").await;
    assert_eq!((summary.tables_deleted, summary.problem_count), (1, 1));
    assert!(house.catalog.find_table("shop", "b").await.unwrap().is_none());
    assert!(house.catalog.find_table("shop", "c").await.unwrap().is_some());
    // Everything gone, and readable: the tables go too.
    std::fs::remove_dir_all(house.folder().join("data")).unwrap();
    assert_eq!(house.crawl("c").await.tables_deleted, 2);
    assert!(house.catalog.list_tables("shop").await.unwrap().is_empty());
}

#[tokio::test]
async fn hive_folders_become_partitions() {
    let house = house(json!([{"Path": "data/sales"}]), json!({})).await;
    for (year, month) in [("2023", "12"), ("2024", "01"), ("2024", "02")] {
        house.write(&format!("data/sales/year={year}/month={month}/part.csv"), "id,amount,month\n1,2.5,x\n");
    }
    let summary = house.crawl("c").await;
    assert_eq!((names(&summary), summary.partitions_added), (vec!["sales"], 3));
    let sales = house.table("sales").await;
    let keys: Vec<(&str, &str)> = sales.partition_keys.iter().map(|key| (key.name.as_str(), key.data_type.as_str())).collect();
    assert_eq!(keys, [("year", "string"), ("month", "string")]);
    assert_eq!(types(&sales), [("id", "bigint"), ("amount", "double")], "a key hides the column of its name");
    let partition = house.catalog.get_partition("shop", "sales", &["2024".into(), "01".into()]).await.unwrap();
    assert_eq!(partition.location(), "data/sales/year=2024/month=01/");
    house.write("data/sales/year=2024/month=03/part.csv", "id,amount,month\n1,2.5,x\n");
    std::fs::remove_dir_all(house.folder().join("data/sales/year=2023")).unwrap();
    let summary = house.crawl("c").await;
    assert_eq!((summary.partitions_added, summary.partitions_deleted, summary.tables_unchanged), (1, 1, 1));
    let old = house.catalog.get_partition("shop", "sales", &["2023".into(), "12".into()]).await.unwrap();
    assert!(old.parameters.contains_key("DEPRECATED_BY_CRAWLER"));
    assert_eq!(house.crawl("c").await.partitions_deleted, 0);
}

#[tokio::test]
async fn alike_folders_become_partitions_without_names() {
    let house = house(json!([{"Path": "data/logs"}]), json!({})).await;
    for folder in ["berlin", "paris", "rome"] {
        house.write(&format!("data/logs/{folder}/x.csv"), "id,amount\n1,2.5\n");
    }
    house.write("data/logs/notes/x.csv", "author,text,at\nme,hello you,2024-05-17\n");
    let summary = house.crawl("c").await;
    assert_eq!(names(&summary), ["logs", "notes"]);
    let logs = house.table("logs").await;
    assert_eq!(logs.partition_keys[0].name, "partition_0");
    assert_eq!(logs.parameters["exclusions"], "[\"notes/**\"]");
    assert_eq!(house.catalog.list_partitions("shop", "logs").await.unwrap().len(), 3);
    assert!(summary.problems.iter().any(|problem| problem.place == "data/logs/notes"), "{:?}", summary.problems);
    assert!(summary.tables[1].reason.as_deref().unwrap().contains("differ"));
}

#[tokio::test]
async fn files_of_several_kinds_in_one_folder_become_tables_each() {
    let house = house(json!([{"Path": "data"}]), json!({})).await;
    house.write("data/orders.csv", "id,amount\n1,2.5\n");
    house.write("data/customers.csv", "customer,town\n1,Ulm\n");
    house.write("data/products.csv.json", "{\"sku\": 1}\n");
    let summary = house.crawl("c").await;
    assert_eq!(names(&summary), ["customers", "orders", "products"]);
    assert_eq!(house.table("orders").await.location(), "data/orders.csv");
    assert!(summary.tables[0].reason.as_deref().unwrap().contains("3 kinds"), "{:?}", summary.tables[0].reason);
}

#[tokio::test]
async fn one_odd_file_does_not_split_a_folder() {
    let house = house(json!([{"Path": "data/orders", "SampleSize": 2}]), json!({})).await;
    for day in 1..=8 {
        house.write(&format!("data/orders/{day}.csv"), "id,amount\n1,2.5\n");
    }
    house.write("data/orders/9.csv", "title,text,at\nx,y,2024-05-17\n");
    house.write("data/orders/empty.csv", "");
    house.write("data/orders/photo.png", b"\x89PNG\x00\x00");
    let summary = house.crawl("c").await;
    assert_eq!(names(&summary), ["orders"]);
    assert_eq!(summary.problem_count, 3, "{:?}", summary.problems);
    let orders = house.table("orders").await;
    assert_eq!(orders.parameters["exclusions"], "[\"9.csv\",\"empty.csv\",\"photo.png\"]");
    assert_eq!((orders.parameters["objectCount"].as_str(), orders.parameters["recordCount"].as_str()), ("8", "8"));
}

#[tokio::test]
async fn a_table_of_files_does_not_swallow_its_folders() {
    let house = house(json!([{"Path": "data"}]), json!({})).await;
    house.write("data/a.csv", "id,amount\n1,2.5\n");
    house.write("data/b.csv", "id,amount\n1,2.5\n");
    house.write("data/archive/x.csv", "customer,town\n1,Ulm\n");
    let summary = house.crawl("c").await;
    assert_eq!(names(&summary), ["data", "archive"]);
    assert_eq!(house.table("data").await.parameters["exclusions"], "[\"archive/**\"]");
}

#[tokio::test]
async fn a_target_may_be_one_file_or_a_bucket() {
    let house = house(json!([{"Path": "data/Orders 2024.csv.gz"}, {"Path": "s3://retail"}]), json!({})).await;
    let gzip = {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(b"id,amount\n1,2.5\n").unwrap();
        encoder.finish().unwrap()
    };
    house.write("data/Orders 2024.csv.gz", gzip);
    house.installation.buckets.create("retail").unwrap();
    let at = Location::parse("s3://retail/in/x.tsv").unwrap();
    house.installation.buckets.write(&at, "sku\tprice\na\t2\n".into()).await.unwrap();
    let summary = house.crawl("c").await;
    assert_eq!(names(&summary), ["orders_2024", "in"]);
    let orders = house.table("orders_2024").await;
    assert_eq!((orders.location(), orders.parameters["compressionType"].as_str()), ("data/Orders 2024.csv.gz", "gzip"));
    let tsv = house.table("in").await;
    assert_eq!((tsv.location(), tsv.parameters["delimiter"].as_str()), ("s3://retail/in/", "\t"));
}

#[tokio::test]
async fn exclusions_and_clashes() {
    let targets = json!([{"Path": "one", "Exclusions": ["**/tmp-*", "old/**"]}, {"Path": "two"}]);
    let house = house(targets, json!({})).await;
    house.write("one/orders/a.csv", "id,amount\n1,2.5\n");
    house.write("one/orders/tmp-b.csv", "broken");
    house.write("one/old/a.csv", "customer,town\n1,Ulm\n");
    house.write("two/orders/a.csv", "sku,title\na,Book\n");
    let summary = house.crawl("c").await;
    assert_eq!(summary.tables.len(), 2);
    assert_eq!(summary.tables[0].name, "orders");
    let other = summary.tables[1].name.clone();
    assert!(other.starts_with("orders_") && other.len() == "orders_".len() + 8, "{other}");
    assert_eq!(summary.problem_count, 0);
    let again = house.crawl("c").await;
    assert_eq!((again.tables_unchanged, again.tables[1].name.as_str()), (2, other.as_str()));
    // The name is free again: the table keeps the one it has.
    std::fs::remove_dir_all(house.folder().join("one")).unwrap();
    assert_eq!(house.crawl("c").await.tables[0].name, other);
}

#[tokio::test]
async fn nothing_to_read_is_a_failure_with_a_reason() {
    let house = house(json!([{"Path": "nowhere"}]), json!({})).await;
    let run = house.run("c").await;
    assert_eq!((run.state, run.code.as_deref()), (RunState::Failed, Some("CRAWL_NOTHING_FOUND")));
    assert!(run.message.unwrap().contains("nowhere"));
    let status = house.catalog.crawler_status("c").await.unwrap();
    assert_eq!(status.last_crawl.unwrap().status, "FAILED");
    house.write("nowhere/x.bin", b"\x00\x01");
    let message = house.run("c").await.message.unwrap();
    assert!(message.contains("x.bin") && message.contains("binary"), "{message}");
    assert_eq!(house.catalog.get_database("shop").await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_missing_bucket_beside_a_good_folder_is_a_problem() {
    let house = house(json!([{"Path": "data"}, {"Path": "s3://no-such-bucket/x"}]), json!({})).await;
    house.write("data/a/x.csv", "id,x\n1,2\n");
    let summary = house.crawl("c").await;
    assert_eq!((summary.tables_created, summary.problem_count), (1, 1));
    assert!(summary.problems[0].reason.contains("no-such-bucket"), "{:?}", summary.problems);
}

#[tokio::test]
async fn a_table_of_somebody_else_keeps_its_name() {
    let house = house(json!([{"Path": "data"}]), json!({})).await;
    house.catalog.create_database(crate::Database { name: "shop".into(), ..Default::default() }).await.unwrap();
    let mut mine = crate::Table { name: "a".into(), ..Default::default() };
    mine.storage_descriptor.location = Some("elsewhere/".into());
    house.catalog.create_table("shop", mine).await.unwrap();
    house.write("data/a/x.csv", "id,x\n1,2\n");
    let summary = house.crawl("c").await;
    assert!(summary.tables[0].name.starts_with("a_"), "{:?}", summary.tables);
    assert_eq!(house.table("a").await.location(), "elsewhere/");
}
