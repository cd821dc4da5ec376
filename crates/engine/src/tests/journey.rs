//! The real tables of a retailer (complete-journey, 8 Parquet files) become what training takes, by one job.
//!
//! The figures are DuckDB's, over the same files: `count(*)`, sums of amounts as DECIMAL(12,2), sums of `epoch(transaction_timestamp)`.

use std::collections::BTreeSet;

use etl::{JobResult, Workbench};
use runs::Run;
use serde_json::json;
use store::Location;

use super::journey_graph::graph;
use super::{House, shared};

/// Cells of a CSV without quoted ones, as these tables give.
fn cells(lines: &[String]) -> impl Iterator<Item = Vec<&str>> {
    lines.iter().map(|line| line.split(',').collect())
}

fn amount(cell: &str) -> f64 {
    cell.parse().unwrap()
}

fn rows(run: &Run) -> Vec<(String, u64)> {
    let JobResult::Sql { outputs, .. } = run.result().unwrap() else { panic!("{run:?}") };
    let mut rows: Vec<(String, u64)> = outputs.into_iter().map(|output| (output.node.unwrap(), output.outcome.rows_written)).collect();
    rows.sort();
    rows
}

fn check_interactions(header: &str, lines: &[String]) {
    assert_eq!(header, "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE");
    for (event, rows, users, items, value, seconds) in [
        ("purchase", 1_469_307, 2_469, 68_509, 4_596_039.58, 2_202_502_194_511_445_i64),
        ("redemption", 1_026, 289, 727, 993.0, 1_543_833_119_870),
    ] {
        let found: Vec<Vec<&str>> = cells(lines).filter(|cells| cells[3] == event).collect();
        let distinct = |at: usize| found.iter().map(|cells| cells[at]).collect::<BTreeSet<_>>().len();
        assert_eq!((found.len(), distinct(0), distinct(1)), (rows, users, items), "{event}");
        assert_eq!(found.iter().map(|cells| cells[2].parse::<i64>().unwrap()).sum::<i64>(), seconds, "{event}");
        let cents: i64 = found.iter().map(|cells| (amount(cells[4]) * 100.0).round() as i64).sum();
        assert_eq!(cents, (value * 100.0_f64).round() as i64, "{event}");
    }
}

fn check_items(header: &str, lines: &[String]) {
    assert_eq!(header, "ITEM_ID,CATEGORY_L1,CATEGORY_L2,CATEGORY_L3,BRAND,PRICE_MEAN,PRICE_MIN,PRICE_MAX");
    let found: Vec<Vec<&str>> = csv_lines(lines);
    let filled = |at: usize| found.iter().filter(|cells| !cells[at].is_empty()).count();
    // 17 products were sold that the list lacks; 540 of the list have no category.
    assert_eq!((found.len(), filled(1), filled(2), filled(3)), (92_348, 92_331, 91_791, 91_803));
    assert_eq!((filled(5), filled(6), filled(7)), (68_260, 68_260, 68_260));
    for (at, sum) in [(5, 268_230.847_8), (6, 244_674.724_7), (7, 292_241.196_7)] {
        let prices: f64 = found.iter().filter(|cells| !cells[at].is_empty()).map(|cells| amount(cells[at])).sum();
        assert!((prices - sum).abs() < 1e-2, "{at}: {prices}");
    }
}

/// No cell of the retailer's holds a comma, a quote or a line's end: DuckDB counts none.
fn csv_lines(lines: &[String]) -> Vec<Vec<&str>> {
    assert!(!lines.iter().any(|line| line.contains('"')));
    cells(lines).collect()
}

fn check_users(header: &str, lines: &[String]) {
    assert_eq!(header, "USER_ID,AGE,INCOME,HOME_OWNERSHIP,HOUSEHOLD_SIZE,KIDS_COUNT");
    let found = csv_lines(lines);
    let filled = |at: usize| found.iter().filter(|cells| !cells[at].is_empty()).count();
    assert_eq!((found.len(), filled(0), filled(1), filled(2), filled(3), filled(5)), (2_469, 2_469, 801, 801, 568, 801));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retailers_tables_become_interactions_items_and_users() {
    let Some(folder) = shared("complete-journey") else { return };
    let house = House::with_memory(512 << 20).await;
    let crawler = json!({"Name": "c", "DatabaseName": "shop", "Targets": {"S3Targets": [{"Path": folder}]}});
    house.crawl(serde_json::from_value(crawler).unwrap()).await;
    house.graph("journey", graph()).await;
    let run = house.succeed("journey").await;
    let expected = [("interactions", 1_470_333), ("items", 92_348), ("users", 2_469)];
    assert_eq!(rows(&run), expected.map(|(name, rows)| (name.to_owned(), rows)));

    let (header, interactions) = house.lines("journey/interactions/").await;
    check_interactions(&header, &interactions);
    let (header, items) = house.lines("journey/items/").await;
    check_items(&header, &items);
    let (header, users) = house.lines("journey/users/").await;
    check_users(&header, &users);
    let ids = |lines: &[String]| cells(lines).map(|cells| cells[0].to_owned()).collect::<BTreeSet<_>>();
    let (item_ids, user_ids) = (ids(&items), ids(&users));
    assert_eq!((item_ids.len(), user_ids.len()), (items.len(), users.len()), "an id is there once");
    assert!(cells(&interactions).all(|cells| user_ids.contains(cells[0]) && item_ids.contains(cells[1])), "no key is lost");

    // The job's own code, written down and run, is the same job.
    let bench = Workbench::new(house.jobs.clone(), house.catalog.clone(), house.engine.clone());
    let file = Location::parse("s3://data/code/journey.sql").unwrap();
    bench.eject("journey", &file).await.unwrap();
    let code = house.read("code/journey.sql").await;
    assert!(code.contains("-- Purchases by coupon (met, Join)") && code.matches("-- target: ").count() == 3, "{code}");
    let again = house.succeed("journey").await;
    assert_eq!(rows(&again), rows(&run));
    for (name, before) in [("interactions", interactions), ("items", items), ("users", users)] {
        assert!(house.lines(&format!("journey/{name}/")).await.1 == before, "{name}");
    }
}
