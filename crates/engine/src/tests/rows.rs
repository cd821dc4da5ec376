use domain::ErrorKind;
use etl::{Engine, Means, Rows, SqlQuery, TableRead, Window};
use futures::TryStreamExt;
use tokio_util::sync::CancellationToken;

use super::House;
use super::files::{CSV, csv};

async fn house() -> House {
    let house = House::new().await;
    house.put("orders/a.csv", "id,who\n1,ann\n2,bob\n").await;
    house.put("orders/b.csv", "id,who\n3,cid\n4,dan\n").await;
    house.table("orders", "s3://data/orders/", csv(CSV), "id bigint, who string").await;
    house
}

fn means(house: &House) -> Means {
    Means {
        memory_bytes: 64 << 20,
        spill_folder: house.installation.folder.path().join("preview"),
        cancel: CancellationToken::new(),
        frugal: false,
    }
}

async fn ids(house: &House, query: SqlQuery) -> (Vec<i64>, Vec<TableRead>) {
    let Rows { batches, tally, .. } = house.engine.rows(query, means(house)).await.unwrap();
    let batches: Vec<arrow::array::RecordBatch> = batches.try_collect().await.unwrap();
    let mut ids: Vec<i64> = Vec::new();
    for batch in &batches {
        ids.extend(batch.column(0).as_any().downcast_ref::<arrow::array::Int64Array>().unwrap().values());
    }
    ids.sort_unstable();
    (ids, tally.read())
}

fn query(text: &str) -> SqlQuery {
    SqlQuery::new(text)
}

#[tokio::test]
async fn rows_come_with_the_count_of_what_was_read() {
    let house = house().await;
    let (found, read) = ids(&house, query("SELECT id FROM shop.orders WHERE id > 2")).await;
    assert_eq!(found, [3, 4]);
    assert_eq!(read, [TableRead { table: "shop.orders".into(), rows: 4, bytes: 38 }]);
    assert!(!means(&house).spill_folder.exists(), "the spill folder goes with the rows");
}

#[tokio::test]
async fn a_window_is_all_that_a_query_sees_of_a_table() {
    let house = house().await;
    let mut seen = query("SELECT id FROM shop.orders");
    seen.windows.insert("shop.orders".into(), Window::Files(vec!["b.csv".into()]));
    assert_eq!(ids(&house, seen.clone()).await.0, [3, 4]);
    seen.windows.insert("shop.orders".into(), Window::Where("id > 1 AND id <= 3".into()));
    assert_eq!(ids(&house, seen.clone()).await.0, [2, 3]);
    seen.sample_rows = Some(1);
    assert_eq!(ids(&house, seen.clone()).await.0.len(), 1);
    seen.windows.insert("shop.orders".into(), Window::Files(vec!["b.csv".into(), "gone.csv".into()]));
    let error = house.engine.rows(seen, means(&house)).await.err().unwrap();
    assert_eq!(error.to_string(), "1 files of table shop.orders that were to be read are no longer there.");
}

#[tokio::test]
async fn columns_are_known_without_reading() {
    let house = house().await;
    house.put("orders/a.csv", "broken").await;
    let schema = house.engine.columns(&query("SELECT who, count(*) AS n FROM shop.orders GROUP BY who")).await.unwrap();
    let found: Vec<String> = catalog::hive::columns(&schema).iter().map(|column| format!("{} {}", column.name, column.data_type)).collect();
    assert_eq!(found, ["who string", "n bigint"]);
    let error = house.engine.columns(&query("SELECT nobody FROM shop.orders")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidInput);
}

#[tokio::test]
async fn whoever_cancels_gets_stopped() {
    let house = house().await;
    let means = means(&house);
    let cancel = means.cancel.clone();
    let rows = house.engine.rows(query("SELECT count(*) FROM generate_series(1, 100000000000)"), means).await.unwrap();
    cancel.cancel();
    let error = rows.batches.try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Stopped);
}
