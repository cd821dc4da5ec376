//! What a crawler may be told beyond its targets: configuration, recrawl policy, classifiers; and files that are damaged.

use domain::{ErrorKind, RunState};
use serde_json::{Value, json};

use super::{House, crawler, types};
use crate::{ChangeKind, Crawler, TableChange};

fn definition(targets: Value, more: Value) -> Crawler {
    let mut json = json!({"Name": "c", "DatabaseName": "shop", "Targets": {"S3Targets": targets}});
    for (name, value) in more.as_object().unwrap() {
        // Configuration is JSON in a text.
        json[name] = if name == "Configuration" { value.to_string().into() } else { value.clone() };
    }
    crawler(json)
}

async fn house(targets: Value, more: Value) -> House {
    let house = House::new().await;
    house.catalog.create_crawler(definition(targets, more)).await.unwrap();
    house
}

fn names(summary: &crate::CrawlSummary) -> Vec<&str> {
    summary.tables.iter().map(|table| table.name.as_str()).collect()
}

fn new_folders_only() -> Value {
    json!({"RecrawlPolicy": {"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"},
        "SchemaChangePolicy": {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"}})
}

#[tokio::test]
async fn only_new_folders_are_looked_into() {
    let house = house(json!([{"Path": "data"}]), new_folders_only()).await;
    for day in 1..=3 {
        house.write(&format!("data/sales/day={day}/a.csv"), "id,amount\n1,2.5\n");
    }
    house.write("data/customers/a.csv", "customer,town\n1,Ulm\n");
    let first = house.crawl("c").await;
    assert_eq!((names(&first), first.partitions_added), (vec!["customers", "sales"], 3));
    // Known folders are passed over, even with other and with damaged files in them.
    house.write("data/customers/b.csv", b"\x00\x01");
    house.write("data/sales/day=1/a.csv", "quite,other,columns\n1,2,3\n");
    let nothing = house.crawl("c").await;
    assert_eq!((nothing.problem_count, nothing.change_count, nothing.tables.len()), (0, 0, 0), "{:?}", nothing.problems);
    house.write("data/sales/day=4/a.csv", "id,amount\n1,2.5\n");
    house.write("data/sales/day=5/a.csv", "nothing,in,common\na,b,3\n");
    house.write("data/products/a.csv", "sku,price\nx,2.5\n");
    std::fs::remove_dir_all(house.folder().join("data/sales/day=2")).unwrap();
    let summary = house.crawl("c").await;
    assert_eq!((summary.partitions_added, summary.partitions_deleted, summary.tables_created), (1, 0, 2), "{:?}", summary.tables);
    assert_eq!(house.catalog.list_partitions("shop", "sales").await.unwrap().len(), 4);
    let day = house.catalog.get_partition("shop", "sales", &["4".into()]).await.unwrap();
    assert_eq!(day.location(), "data/sales/day=4/");
    assert!(summary.problems.iter().any(|p| p.place == "data/sales/day=5" && p.reason.contains("columns are common")), "{summary:?}");
    assert_eq!(types(&house.table("products").await.value), [("sku", "string"), ("price", "double")]);
    assert_eq!(house.crawl("c").await.tables.len(), 0);
}

#[tokio::test]
async fn folders_without_names_and_of_deeper_tables_are_added_too() {
    let house = house(json!([{"Path": "data/logs"}]), new_folders_only()).await;
    for town in ["berlin", "paris"] {
        house.write(&format!("data/logs/{town}/2024/x.csv"), "id,amount\n1,2.5\n");
        house.write(&format!("data/logs/{town}/2025/x.csv"), "id,amount\n1,2.5\n");
    }
    assert_eq!(house.crawl("c").await.partitions_added, 4);
    house.write("data/logs/rome/2024/x.csv", "id,amount\n1,2.5\n");
    house.write("data/logs/paris/2026/x.csv", "id,amount\n1,2.5\n");
    let summary = house.crawl("c").await;
    assert_eq!((summary.partitions_added, names(&summary)), (2, vec!["logs"]));
    house.catalog.get_partition("shop", "logs", &["rome".into(), "2024".into()]).await.unwrap();
}

#[tokio::test]
async fn what_is_not_known_or_does_not_go_together_is_refused_by_name() {
    let target = || json!([{"Path": "data"}]);
    let policy = json!({"RecrawlPolicy": {"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"}});
    let cases = [
        (definition(target(), policy), "LOG for updates and for deletions"),
        (definition(target(), json!({"RecrawlPolicy": {"RecrawlBehavior": "CRAWL_EVENT_MODE"}})), "CRAWL_EVENT_MODE"),
        (definition(target(), json!({"Configuration": {"Grouping": {"TableFlavour": 1}}})), "TableFlavour"),
        (definition(target(), json!({"Configuration": {"Version": 2.0}})), "2.0"),
        (definition(target(), json!({"Configuration": {"Grouping": {"TableGroupingPolicy": "All"}}})), "All"),
        (definition(target(), json!({"Configuration": {"CrawlerOutput": {"Tables": {"TableThreshold": 0}}}})), "TableThreshold"),
        (crawler(json!({"Name": "c", "DatabaseName": "d", "Targets": {"IcebergTargets": [{}]}})), "IcebergTargets"),
        (crawler(json!({"Name": "c", "DatabaseName": "d", "Targets": {"JdbcTargets": [{"Path": "%"}]}})), "ConnectionName"),
        (crawler(json!({"Name": "c", "DatabaseName": "d", "Targets": {"MongoDBTargets": [{"ConnectionName": "m"}]}})), "Path"),
        (
            crawler(json!({"Name": "c", "DatabaseName": "d", "Targets": {"JdbcTargets": [
                {"ConnectionName": "x", "Path": "%", "EnableAdditionalMetadata": ["SIZES"]}]}})),
            "SIZES",
        ),
    ];
    let house = House::new().await;
    for (definition, named) in cases {
        let error = house.catalog.create_crawler(definition).await.unwrap_err();
        assert!(error.kind == ErrorKind::InvalidInput && error.message.contains(named), "{named}: {error}");
    }
}

#[tokio::test]
async fn compatible_folders_are_combined_where_asked() {
    let files = |house: &House| {
        house.write("data/in/a/x.csv", "id,amount\n1,2.5\n");
        house.write("data/in/b/x.csv", "id,town,street\n1,Ulm,Weg\n");
    };
    let apart = house(json!([{"Path": "data/in"}]), json!({})).await;
    files(&apart);
    assert_eq!(names(&apart.crawl("c").await), ["a", "b"]);
    let policy = json!({"Configuration": {"Version": 1.0, "Grouping": {"TableGroupingPolicy": "CombineCompatibleSchemas"}}});
    let together = house(json!([{"Path": "data/in"}]), policy).await;
    files(&together);
    assert_eq!(names(&together.crawl("c").await), ["in"]);
    let table = together.table("in").await;
    assert_eq!(types(&table), [("id", "bigint"), ("amount", "double"), ("town", "string"), ("street", "string")]);
    assert_eq!(table.partition_keys.len(), 1);
}

#[tokio::test]
async fn tables_are_at_the_level_that_is_asked_for() {
    let level = json!({"Configuration": {"Grouping": {"TableLevelConfiguration": 3}, "CreatePartitionIndex": true}});
    let house = house(json!([{"Path": "s3://lake"}]), level).await;
    house.installation.buckets.create("lake").unwrap();
    // All alike: without a level this would be one table with two keys.
    for (zone, table, year) in [("raw", "a", "2024"), ("raw", "b", "2024"), ("clean", "a", "2024"), ("clean", "a", "2025")] {
        let at = store::Location::parse(&format!("s3://lake/{zone}/{table}/{year}/x.csv")).unwrap();
        house.installation.buckets.write(&at, "id,amount\n1,2.5\n".into()).await.unwrap();
    }
    let summary = house.crawl("c").await;
    let places: Vec<(&str, usize)> = summary.tables.iter().map(|table| (table.location.as_str(), table.partitions)).collect();
    assert_eq!(places, [("s3://lake/clean/a/", 2), ("s3://lake/raw/a/", 1), ("s3://lake/raw/b/", 1)]);
    let (name, keys) = house.catalog.list_partition_indexes("shop", &summary.tables[0].name).await.unwrap().remove(0);
    assert_eq!((name.as_str(), keys[0].name.as_str()), ("crawler_partition_index", "partition_0"));
    assert_eq!(house.crawl("c").await.tables_unchanged, 3);
}

#[tokio::test]
async fn a_threshold_keeps_the_catalog_clean() {
    let configuration = json!({"Configuration": {"CrawlerOutput": {"Tables": {"TableThreshold": 1}}}});
    let house = house(json!([{"Path": "data"}]), configuration).await;
    house.write("data/a/x.csv", "id,x\n1,2\n");
    house.crawl("c").await;
    house.write("data/b/x.csv", "sku,title\nk,2\n");
    let run = house.run("c").await;
    assert_eq!((run.state, run.code.as_deref()), (RunState::Failed, Some("CRAWL_TOO_MANY_TABLES")));
    assert_eq!(house.catalog.list_tables("shop").await.unwrap().len(), 1);
}

#[tokio::test]
async fn merged_columns_stay_and_grow() {
    let configuration = json!({"Configuration": {"CrawlerOutput": {"Tables": {"AddOrUpdateBehavior": "MergeNewColumns"},
        "Partitions": {"AddOrUpdateBehavior": "InheritFromTable"}}}});
    let house = house(json!([{"Path": "data/a"}]), configuration).await;
    house.write("data/a/x.csv", "id,x,old\n1,2,3\n");
    house.crawl("c").await;
    house.write("data/a/x.csv", "id,x,new\n1,text,n\n");
    let summary = house.crawl("c").await;
    assert_eq!(types(&house.table("a").await.value), [("id", "bigint"), ("x", "bigint"), ("old", "bigint"), ("new", "string")]);
    let added = ChangeKind::ColumnAdded { column: "new".into(), data_type: "string".into() };
    assert_eq!(summary.changes.iter().map(|change| &change.kind).collect::<Vec<_>>(), [&added]);
    assert_eq!(house.crawl("c").await.tables_unchanged, 1);
}

#[tokio::test]
async fn every_crawl_ends_with_its_changes() {
    let house = house(json!([{"Path": "data"}]), json!({})).await;
    house.write("data/orders/a.csv", "id,cust_name,amount\n1,Anna,3\n");
    house.write("data/gone/a.csv", "sku,title\nk,2\n");
    let first = house.crawl("c").await;
    assert!(first.changes.iter().all(|change| change.kind == ChangeKind::TableAdded) && first.change_count == 2, "{first:?}");
    std::fs::remove_dir_all(house.folder().join("data/gone")).unwrap();
    std::fs::remove_dir_all(house.folder().join("data/orders")).unwrap();
    for day in 1..=2 {
        house.write(&format!("data/orders/day={day}/a.csv"), "id,customer_name,amount\n1,Anna,3.5\n");
    }
    let run = house.run("c").await.succeeded().unwrap();
    let summary: crate::CrawlSummary = run.result().unwrap();
    let told: Vec<String> = summary.changes.iter().map(ToString::to_string).collect();
    let expected = [
        "shop.orders: partitioned by () before, by (day) now.",
        "shop.orders: column amount was bigint and is double.",
        "shop.orders: column cust_name is gone and looks renamed to customer_name.",
        "shop.orders: new column day (string).",
        "shop.gone: its data is gone.",
    ];
    assert_eq!(told, expected);
    let log = house.installation.runs.logs(&run.id, 0, 100).await.unwrap();
    assert!(expected[..4].iter().all(|line| log.iter().any(|logged| logged.line == *line)), "{log:?}");
    // What comes back is told as new.
    house.write("data/gone/a.csv", "sku,title\nk,2\n");
    let back = house.crawl("c").await;
    assert_eq!(back.changes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["shop.gone: new table."]);
}

#[tokio::test]
async fn damaged_files_are_reported_and_lose_nothing() {
    let delete = json!({"SchemaChangePolicy": {"DeleteBehavior": "DELETE_FROM_DATABASE"}});
    let house = house(json!([{"Path": "data"}]), delete).await;
    let packed = {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        (0..2000).for_each(|n| writeln!(encoder, "{n},{}", n * 7919 % 1000).unwrap());
        encoder.finish().unwrap()
    };
    house.write("data/zipped/a.csv.gz", &packed);
    house.write("data/fine/a.csv", "id,x\n1,2\n");
    house.crawl("c").await;
    house.write("data/zipped/a.csv.gz", &packed[..20]);
    house.write("data/parquet/half.parquet", b"PAR1\x15\x04\x15\x10and then the machine went off");
    let summary = house.crawl("c").await;
    assert_eq!((summary.tables_deleted, summary.problem_count), (0, 2), "{:?}", summary.problems);
    let mut places: Vec<&str> = summary.problems.iter().map(|problem| problem.place.as_str()).collect();
    places.sort_unstable();
    assert_eq!(places, ["data/parquet/half.parquet", "data/zipped/a.csv.gz"]);
    assert!(summary.problems.iter().all(|problem| problem.reason.len() > 10));
    assert!(house.catalog.find_table("shop", "zipped").await.unwrap().is_some());
    assert!(summary.tables.iter().any(|table| table.name == "fine" && table.change == TableChange::Unchanged));
}

#[tokio::test]
async fn custom_classifiers_are_tried_first() {
    let house = house(json!([{"Path": "data"}]), json!({})).await;
    house.write("data/people/a.csv", "Anna;31\nBernd;32\n");
    let csv = json!({"CsvClassifier": {"Name": "bare", "Delimiter": ";", "ContainsHeader": "ABSENT", "Header": ["who", "age"]}});
    house.catalog.create_classifier(serde_json::from_value(csv).unwrap()).await.unwrap();
    let crawler = house.catalog.get_crawler("c").await.unwrap().value;
    house.catalog.update_crawler("c", crate::Crawler { classifiers: vec!["bare".into()], ..crawler }).await.unwrap();
    house.crawl("c").await;
    assert_eq!(types(&house.table("people").await.value), [("who", "string"), ("age", "bigint")]);
    house.catalog.delete_classifier("bare").await.unwrap();
    assert!(house.run("c").await.message.unwrap().contains("bare"));
}
