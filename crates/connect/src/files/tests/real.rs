#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use object_store::local::LocalFileSystem;

use super::*;

/// The folder of real data sets, or nothing, said aloud, where it is not.
fn data(set: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("PENCHANT_SHARED_DATA")
        .map_or_else(|| std::path::Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../../shared/data"), PathBuf::from);
    let folder = shared.join(set);
    if !folder.is_dir() {
        println!("{} is not here: its files were not read", folder.display());
        return None;
    }
    Some(folder)
}

async fn file(path: &std::path::Path) -> Inspection {
    let store: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new());
    let meta = store.head(&Path::from_filesystem_path(path).unwrap()).await.unwrap();
    match inspect(store, &meta, SampleLimits::default()).await.unwrap() {
        Finding::Usable(found) => found,
        other => panic!("{}: {other:?}", path.display()),
    }
}

#[tokio::test]
async fn gift_cards_are_nested_json_lines_in_gzip() {
    let Some(folder) = data("amazon-gift-cards") else { return };
    let reviews = file(&folder.join("Gift_Cards_5.json.gz")).await;
    assert_eq!((reviews.format.clone(), reviews.compression, reviews.rows), (Format::Json, Compression::Gzip, Some(2972)));
    assert_eq!(reviews.schema.field_with_name("overall").unwrap().data_type(), &DataType::Float64);
    assert!(matches!(reviews.schema.field_with_name("style").unwrap().data_type(), DataType::Struct(_)));
    let products = file(&folder.join("meta_Gift_Cards.json.gz")).await;
    let list = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
    assert_eq!(products.schema.field_with_name("also_buy").unwrap().data_type(), &list);
    let rows = products.rows.unwrap();
    assert!((1450..=1650).contains(&rows), "estimated {rows} of 1547");
}

#[tokio::test]
async fn the_complete_journey_is_parquet() {
    let Some(folder) = data("complete-journey") else { return };
    for (name, rows) in [("transactions", 1_469_307), ("products", 92_331), ("promotions", 20_940_529), ("demographics", 801)] {
        let found = file(&folder.join(format!("{name}.parquet"))).await;
        assert_eq!((found.format, found.rows), (Format::Parquet, Some(rows)), "{name}");
    }
}

#[tokio::test]
async fn the_days_of_online_retail_are_alike() {
    let Some(folder) = data("online-retail") else { return };
    let days = tempfile::tempdir().unwrap();
    let zip = folder.join("online-retail-by-day.zip");
    let Ok(status) = std::process::Command::new("unzip").arg("-q").arg(zip).arg("-d").arg(days.path()).status() else {
        println!("unzip is not here: online-retail was not read");
        return;
    };
    assert!(status.success());
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(days.path().join("retail-data/by-day")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert_eq!(paths.len(), 305);
    let first = file(&paths[0]).await;
    let (mut schema, mut rows) = (first.schema.as_ref().clone(), 0);
    for path in &paths {
        let found = file(path).await;
        assert!(similarity(&first, &found).is_enough() && found.notes.is_empty(), "{}: {:?}", path.display(), found.notes);
        schema = merge(&schema, &found.schema);
        rows += found.rows.unwrap();
    }
    assert_eq!(rows, 541_909);
    let types: Vec<String> = schema.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type())).collect();
    assert_eq!(
        types,
        [
            "InvoiceNo Utf8",
            "StockCode Utf8",
            "Description Utf8",
            "Quantity Int64",
            "InvoiceDate Timestamp(µs)",
            "UnitPrice Float64",
            "CustomerID Float64",
            "Country Utf8"
        ]
    );
}
