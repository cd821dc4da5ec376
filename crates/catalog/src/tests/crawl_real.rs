//! On the real data beside the repository, where it is there.

use std::path::{Path, PathBuf};
use std::process::Command;

use connect::Connection;
use serde_json::json;

use super::{House, crawler, types};

fn shared(name: &str) -> Option<PathBuf> {
    let base = std::env::var_os("PENCHANT_SHARED_DATA")
        .map_or_else(|| Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../../shared/data"), PathBuf::from);
    let path = base.join(name);
    if !path.exists() {
        println!("not run: {} absent", path.display());
        return None;
    }
    Some(std::path::absolute(path).unwrap())
}

fn unzip(archive: &Path, into: &Path) {
    let status = Command::new("python3").args(["-m", "zipfile", "-e"]).arg(archive).arg(into).status().unwrap();
    assert!(status.success());
}

async fn house(path: &Path) -> House {
    let house = House::new().await;
    let path = path.canonicalize().unwrap();
    let json = json!({"Name": "c", "DatabaseName": "shop", "Targets": {"S3Targets": [{"Path": path}]}});
    house.catalog.create_crawler(crawler(json)).await.unwrap();
    house
}

#[tokio::test]
async fn the_retailers_parquet_files_are_tables() {
    let Some(folder) = shared("complete-journey") else { return };
    let house = house(&folder).await;
    let summary = house.crawl("c").await;
    let rows: Vec<(&str, Option<u64>)> = summary.tables.iter().map(|table| (table.name.as_str(), table.rows)).collect();
    let expected = [
        ("campaign_descriptions", 27),
        ("campaigns", 6_589),
        ("coupon_redemptions", 2_102),
        ("coupons", 116_204),
        ("demographics", 801),
        ("products", 92_331),
        ("promotions", 20_940_529),
        ("transactions", 1_469_307),
    ];
    assert_eq!(rows, expected.map(|(name, rows)| (name, Some(rows))));
    let transactions = house.table("transactions").await;
    assert!(
        types(&transactions).contains(&("household_id", "string")) || types(&transactions).contains(&("household_id", "bigint")),
        "{:?}",
        types(&transactions)
    );
    assert_eq!(house.crawl("c").await.tables_unchanged, 8);
}

#[tokio::test]
async fn daily_csv_files_are_one_table() {
    let Some(archive) = shared("online-retail/online-retail-by-day.zip") else { return };
    let folder = tempfile::tempdir().unwrap();
    unzip(&archive, folder.path());
    let house = house(folder.path()).await;
    let summary = house.crawl("c").await;
    assert_eq!((summary.tables.len(), summary.tables[0].files), (1, Some(305)), "{:?} {:?}", summary.tables, summary.problems);
    let table = house.catalog.get_table("shop", &summary.tables[0].name).await.unwrap();
    let expected = [
        ("InvoiceNo", "string"),
        ("StockCode", "string"),
        ("Description", "string"),
        ("Quantity", "bigint"),
        ("InvoiceDate", "timestamp"),
        ("UnitPrice", "double"),
        ("CustomerID", "double"),
        ("Country", "string"),
    ];
    assert_eq!(types(&table), expected);
    assert_eq!(house.crawl("c").await.tables_unchanged, 1);
}

#[tokio::test]
async fn nested_json_lines_in_gzip_are_tables() {
    let Some(folder) = shared("amazon-gift-cards") else { return };
    let house = house(&folder).await;
    let summary = house.crawl("c").await;
    let found: Vec<(&str, &str, Option<u64>)> =
        summary.tables.iter().map(|table| (table.name.as_str(), table.classification.as_str(), table.rows)).collect();
    assert_eq!(found[0], ("gift_cards_5", "json", Some(2_972)), "{:?}", summary.problems);
    let (name, classification, rows) = found[1];
    assert_eq!((name, classification), ("meta_gift_cards", "json"));
    // Longer than the sample: 1,547 lines, estimated.
    assert!((1_200..=1_900).contains(&rows.unwrap()), "{rows:?}");
    let reviews = house.table("gift_cards_5").await;
    let style = types(&reviews).into_iter().find(|(name, _)| *name == "style").unwrap().1;
    assert!(style.starts_with("struct<"), "{style}");
    crate::hive::schema(reviews.columns()).unwrap();
    assert_eq!(house.crawl("c").await.tables_unchanged, 2);
}

#[tokio::test]
async fn a_sample_database_is_found_whole() {
    let Some(archive) = shared("chinook/chinook.zip") else { return };
    let folder = tempfile::tempdir().unwrap();
    unzip(&archive, folder.path());
    let path = find(folder.path(), ".sqlite").expect("a SQLite file in the archive");
    let house = House::new().await;
    house.catalog.create_connection(Connection::sqlite("chinook", path.to_string_lossy())).await.unwrap();
    let json = json!({"Name": "c", "DatabaseName": "shop", "Targets": {"JdbcTargets": [{"ConnectionName": "chinook", "Path": "%"}]}});
    house.catalog.create_crawler(crawler(json)).await.unwrap();
    let summary = house.crawl("c").await;
    assert_eq!((summary.tables.len(), summary.problem_count), (11, 0));
    let rows: Vec<Option<u64>> = ["track", "invoiceline", "playlisttrack"]
        .iter()
        .map(|name| summary.tables.iter().find(|table| table.name == *name).unwrap().rows)
        .collect();
    assert_eq!(rows, [Some(3_503), Some(2_240), Some(8_715)]);
    assert_eq!(house.crawl("c").await.tables_unchanged, 11);
}

fn find(folder: &Path, ending: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().find_map(|path| {
        if path.is_dir() {
            return find(&path, ending);
        }
        path.to_string_lossy().ends_with(ending).then_some(path)
    })
}
