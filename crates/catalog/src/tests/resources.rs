use domain::ErrorKind;
use serde_json::json;

use super::{House, crawler};
use crate::{Column, CrawlerState, Database, Partition, Table, TableUpdate};

fn table(name: &str, columns: &[(&str, &str)]) -> Table {
    let mut table = Table { name: name.into(), ..Table::default() };
    table.storage_descriptor.columns = columns.iter().map(|(name, data_type)| Column::new(*name, *data_type)).collect();
    table
}

async fn with_table() -> House {
    let house = House::new().await;
    house.catalog.create_database(Database { name: "Shop".into(), ..Database::default() }).await.unwrap();
    house.catalog.create_table("SHOP", table("Orders", &[("id", "bigint")])).await.unwrap();
    house
}

#[tokio::test]
async fn databases_hold_tables_until_they_are_deleted() {
    let house = with_table().await;
    let catalog = &house.catalog;
    assert_eq!(catalog.get_database("shop").await.unwrap().name, "shop");
    let again = catalog.create_database(Database { name: "shop".into(), ..Database::default() }).await.unwrap_err();
    assert_eq!(again.kind, ErrorKind::AlreadyExists);
    assert_eq!(catalog.get_table("shop", "orders").await.unwrap().version_id, "0");
    assert_eq!(catalog.create_table("nowhere", table("t", &[])).await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(catalog.create_table("shop", table("a/b", &[])).await.unwrap_err().kind, ErrorKind::InvalidInput);
    assert_eq!(catalog.list_tables("nowhere").await.unwrap_err().kind, ErrorKind::NotFound);
    catalog.delete_database("shop").await.unwrap();
    assert!(catalog.find_table("shop", "orders").await.unwrap().is_none());
    assert!(catalog.list_databases().await.unwrap().is_empty());
}

#[tokio::test]
async fn updates_keep_what_was() {
    let house = with_table().await;
    let catalog = &house.catalog;
    let wider = || table("orders", &[("id", "string"), ("amount", "double")]);
    catalog.update_table("shop", wider(), TableUpdate::default()).await.unwrap();
    let stale = TableUpdate { expected_version: Some("0".into()), ..TableUpdate::default() };
    assert_eq!(catalog.update_table("shop", wider(), stale).await.unwrap_err().kind, ErrorKind::Conflict);
    let silent = TableUpdate { skip_archive: true, expected_version: Some("1".into()) };
    catalog.update_table("shop", table("orders", &[("amount", "double")]), silent).await.unwrap();
    let versions = catalog.list_table_versions("shop", "orders").await.unwrap();
    let ids: Vec<(&str, usize)> = versions.iter().map(|version| (version.version_id.as_str(), version.table.columns().len())).collect();
    assert_eq!(ids, [("2", 1), ("0", 1)]);
    let told = house.installation.store.notifications(0, 10).await.unwrap();
    assert_eq!(told[1].kind, "catalog.table_changed");
    assert_eq!(told[1].subject, "shop/orders");
    let diff = json!({
        "added": [{"name": "amount", "type": "double"}],
        "removed": [],
        "retyped": [{"name": "id", "from": "bigint", "to": "string"}],
    });
    assert_eq!(told[1].detail["schemaDiff"], diff);
    assert_eq!(catalog.get_table_version("shop", "orders", "0").await.unwrap().table.columns()[0].data_type, "bigint");
    catalog.delete_table_version("shop", "orders", "0").await.unwrap();
    assert_eq!(catalog.get_table_version("shop", "orders", "0").await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn partitions_belong_to_their_table() {
    let house = with_table().await;
    let catalog = &house.catalog;
    let mut parted = table("sales", &[("id", "bigint")]);
    parted.partition_keys = vec![Column::new("day", "string"), Column::new("shop", "string")];
    catalog.create_table("shop", parted).await.unwrap();
    let values = |day: &str| vec![day.to_owned(), "a/b".to_owned()];
    let partition = |day: &str| Partition { values: values(day), ..Partition::default() };
    catalog.create_partition("shop", "sales", partition("1")).await.unwrap();
    assert_eq!(catalog.create_partition("shop", "sales", partition("1")).await.unwrap_err().kind, ErrorKind::AlreadyExists);
    let wrong = Partition { values: vec!["1".into()], ..Partition::default() };
    assert!(catalog.create_partition("shop", "sales", wrong).await.unwrap_err().message.contains("2 values"));
    catalog.update_partition("shop", "sales", &values("1"), partition("2")).await.unwrap();
    assert_eq!(catalog.list_partitions("shop", "sales").await.unwrap().len(), 1);
    assert_eq!(catalog.get_partition("shop", "sales", &values("2")).await.unwrap().values, values("2"));
    catalog.delete_table("shop", "sales").await.unwrap();
    assert_eq!(catalog.get_partition("shop", "sales", &values("2")).await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn tables_are_written_in_glues_names() {
    let text = json!({
        "Name": "t", "StorageDescriptor": {"Columns": [{"Name": "id", "Type": "bigint"}], "Location": "s3://bucket/t/", "NotKnown": 1,
        "SerdeInfo": {"SerializationLibrary": "x", "Parameters": {"field.delim": ","}}}, "PartitionKeys": [], "Parameters": {"classification": "csv"},
        "TableType": "EXTERNAL_TABLE", "Retention": 0, "SomethingNew": {"a": 1},
    });
    let table: Table = serde_json::from_value(text).unwrap();
    let back = serde_json::to_value(&table).unwrap();
    assert_eq!(back["StorageDescriptor"]["Columns"], json!([{"Name": "id", "Type": "bigint"}]));
    assert_eq!(back["StorageDescriptor"]["SerdeInfo"]["Parameters"], json!({"field.delim": ","}));
    assert_eq!(back["Parameters"], json!({"classification": "csv"}));
    assert!(back.get("Description").is_none() && back.get("VersionId").is_none());
}

#[tokio::test]
async fn crawlers_refuse_what_they_would_not_do() {
    let house = House::new().await;
    let refused = async |patch: serde_json::Value| {
        let mut json = json!({"Name": "c", "DatabaseName": "shop", "Targets": {"S3Targets": [{"Path": "data"}]}});
        for (name, value) in patch.as_object().unwrap() {
            json[name] = value.clone();
        }
        let error = house.catalog.create_crawler(crawler(json)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidInput);
        error.message
    };
    assert!(refused(json!({"DatabaseName": ""})).await.contains("DatabaseName"));
    assert!(refused(json!({"Targets": {}})).await.contains("at least one target"));
    assert!(refused(json!({"Targets": {"DeltaTargets": [{"DeltaTables": ["x"]}]}})).await.contains("DeltaTargets"));
    assert!(refused(json!({"Targets": {"MongoDBTargets": [{"Path": "db/c"}]}})).await.contains("ConnectionName"));
    assert!(refused(json!({"RecrawlPolicy": {"RecrawlBehavior": "CRAWL_EVENT_MODE"}})).await.contains("CRAWL_EVENT_MODE"));
    assert!(refused(json!({"Configuration": "{\"Version\":1.0,\"Groping\":{}}"})).await.contains("Groping"));
    assert!(refused(json!({"Configuration": "no"})).await.contains("JSON"));
    assert!(refused(json!({"Targets": {"S3Targets": [{"Path": "x", "SampleSize": 0}]}})).await.contains("SampleSize"));
    assert!(refused(json!({"Targets": {"S3Targets": [{"Path": "x", "Exclusions": ["[a"]}]}})).await.contains("[a"));
    assert!(refused(json!({"Targets": {"JdbcTargets": [{"ConnectionName": "c"}]}})).await.contains("Path"));
}

#[tokio::test]
async fn a_crawler_runs_once_at_a_time() {
    // Without a worker the crawl stays in the queue.
    let installation = testkit::Installation::new().await;
    let catalog = crate::Catalog::new(installation.runs.clone(), installation.buckets.clone(), domain::arn::Partition::default());
    let mine = || crawler(json!({"Name": "c", "DatabaseName": "Shop", "Targets": {"S3Targets": [{"Path": "data"}]}, "Targets2": 1}));
    catalog.create_crawler(mine()).await.unwrap();
    assert_eq!(catalog.get_crawler("c").await.unwrap().database_name, "shop");
    assert_eq!(catalog.stop_crawler("c").await.unwrap_err().code, Some("CRAWLER_NOT_RUNNING"));
    assert_eq!(catalog.start_crawler("nobody").await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(catalog.crawler_status("c").await.unwrap().state, CrawlerState::Ready);
    catalog.start_crawler("c").await.unwrap();
    assert_eq!(catalog.start_crawler("c").await.unwrap_err().code, Some("CRAWLER_RUNNING"));
    assert_eq!(catalog.update_crawler("c", mine()).await.unwrap_err().code, Some("CRAWLER_RUNNING"));
    assert_eq!(catalog.delete_crawler("c").await.unwrap_err().code, Some("CRAWLER_RUNNING"));
    assert_eq!(catalog.crawler_status("c").await.unwrap().state, CrawlerState::Running);
    catalog.stop_crawler("c").await.unwrap();
    let status = catalog.crawler_status("c").await.unwrap();
    assert_eq!(status.state, CrawlerState::Ready);
    assert_eq!(status.last_crawl.unwrap().status, "CANCELLED");
    catalog.update_crawler("c", mine()).await.unwrap();
    catalog.delete_crawler("c").await.unwrap();
}
