use connect::Connection;
use domain::arn::Partition as Place;
use serde_json::json;
use testkit::Installation;

use super::{House, crawler};
use crate::profile::{LooksLike, ProfileSummary, TableProfile};
use crate::statistics::StatisticsData;
use crate::{Catalog, Database, Table};

const SQL: &str = "CREATE TABLE orders (id INTEGER PRIMARY KEY, contact TEXT, amount REAL, paid INTEGER, note TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
    INSERT INTO orders SELECT i * 7, 'user' || i || '@example.com', i / 4.0, i % 2, CASE WHEN i % 5 = 0 THEN NULL ELSE 'n' || (i % 3) END FROM n;
    CREATE TABLE empty (x TEXT);
    CREATE TABLE mixed (id INTEGER);";

async fn house(extra: serde_json::Value) -> House {
    let house = House::new().await;
    rusqlite::Connection::open(house.folder().join("orders.db")).unwrap().execute_batch(SQL).unwrap();
    house.catalog.create_connection(Connection::sqlite("orders", "orders.db")).await.unwrap();
    let targets = json!({"JdbcTargets": [{"ConnectionName": "orders", "Path": "%"}]});
    let configuration = json!({"Version": 1.0, "Penchant": extra}).to_string();
    let json = json!({"Name": "c", "DatabaseName": "shop", "Targets": targets, "Configuration": configuration});
    house.catalog.create_crawler(crawler(json)).await.unwrap();
    house
}

async fn profile(house: &House, table: &str) -> TableProfile {
    house.catalog.get_profile("shop", table).await.unwrap().value
}

#[tokio::test]
async fn a_crawl_profiles_what_is_new_and_glue_gets_it_too() {
    let house = house(json!({"Profile": true})).await;
    let run = house.crawl("c").await.profile.unwrap();
    let run = house.installation.runs.wait(&run).await.unwrap().succeeded().unwrap();
    let summary: ProfileSummary = run.result().unwrap();
    assert_eq!((summary.tables, summary.rows, summary.problem_count), (3, 500, 0), "{:?}", summary.problems);
    let orders = profile(&house, "orders").await;
    assert_eq!((orders.sampled_rows, orders.is_complete, orders.version_id.as_str()), (500, true, "0"));
    let looks: Vec<Option<LooksLike>> = orders.columns.iter().map(|column| column.looks_like).collect();
    let expected = [LooksLike::Id, LooksLike::Email, LooksLike::Price, LooksLike::Flag, LooksLike::Category];
    assert_eq!(looks, expected.map(Some));
    let note = &orders.columns[4];
    assert_eq!((note.count, note.nulls, note.distinct, note.mean_length), (500, 100, 3, Some(2.0)));
    assert_eq!(note.top.iter().map(|top| top.count).sum::<u64>(), 400);
    assert_eq!((orders.columns[2].min.as_deref(), orders.columns[2].max.as_deref()), (Some("0.25"), Some("125.0")));
    let empty = profile(&house, "empty").await;
    assert_eq!((empty.sampled_rows, empty.is_complete, empty.columns[0].count), (0, true, 0));
    let wanted = ["id".to_owned(), "note".to_owned()];
    let glue = house.catalog.get_column_statistics("shop", "orders", None, &wanted).await.unwrap().found;
    let StatisticsData::Long(id) = &glue[0].statistics_data else { panic!("{glue:?}") };
    assert_eq!((id.minimum_value, id.maximum_value, id.number_of_distinct_values), (Some(7), Some(3500), 500));
    let StatisticsData::String(note) = &glue[1].statistics_data else { panic!("{glue:?}") };
    assert_eq!((note.maximum_length, note.number_of_nulls, note.number_of_distinct_values), (2, 100, 3));
    // Nothing changed: nothing to profile.
    assert_eq!(house.crawl("c").await.profile, None);
    // A table that goes takes its profile with it.
    house.catalog.delete_table("shop", "orders").await.unwrap();
    assert!(house.catalog.get_profile("shop", "orders").await.is_err());
}

#[tokio::test]
async fn samples_are_bounded_and_trouble_with_one_table_is_told() {
    let house = house(json!({"Profile": true, "ProfileRows": 100})).await;
    let run = house.crawl("c").await.profile.unwrap();
    house.installation.runs.wait(&run).await.unwrap().succeeded().unwrap();
    let orders = profile(&house, "orders").await;
    assert_eq!((orders.sampled_rows, orders.is_complete, orders.columns[0].distinct), (100, false, 100));
    rusqlite::Connection::open(house.folder().join("orders.db")).unwrap().execute_batch("DROP TABLE mixed").unwrap();
    let run = house.catalog.start_profiles("shop").await.unwrap();
    let summary: ProfileSummary = house.installation.runs.wait(&run).await.unwrap().succeeded().unwrap().result().unwrap();
    assert_eq!((summary.tables, summary.problem_count), (2, 1));
    assert_eq!(summary.problems[0].place, "shop.mixed");
    let run = house.catalog.start_profile("shop", "mixed").await.unwrap();
    let run = house.installation.runs.wait(&run).await.unwrap();
    assert!(run.message.unwrap().contains("shop.mixed"));
    assert!(house.catalog.start_profile("shop", "nothing").await.is_err());
}

#[tokio::test]
async fn two_who_ask_for_statistics_at_once_start_one_run() {
    let installation = Installation::new().await;
    let catalog = Catalog::new(installation.runs.clone(), installation.buckets.clone(), Place::default());
    catalog.create_database(Database { name: "shop".into(), ..Database::default() }).await.unwrap();
    catalog.create_table("shop", Table { name: "orders".into(), ..Table::default() }).await.unwrap();
    let ask = || catalog.start_statistics_run("shop", "orders");
    let (a, b, c) = tokio::join!(ask(), ask(), ask());
    let (started, refused): (Vec<_>, Vec<_>) = [a, b, c].into_iter().partition(Result::is_ok);
    assert_eq!((started.len(), refused.len()), (1, 2));
    assert!(refused.into_iter().all(|refused| refused.unwrap_err().code == Some("COLUMN_STATISTICS_RUNNING")));
    assert_eq!(catalog.list_statistics_runs(None).await.unwrap().len(), 1);
}
