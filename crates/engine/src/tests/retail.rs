//! A retailer's days (online-retail, 305 CSV files) come in one at a time.
//!
//! A cancelled invoice (its number begins with C) is an event of its own, `cancel`, of negative value. What it takes back was mostly read
//! on an earlier day and is published already; so nothing is removed, and the values of a user and an item add up to what was kept.
//! The figures are DuckDB's over the files: rows with a customer, those of cancelled invoices, `sum(Quantity * UnitPrice)` as DECIMAL(18,3).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use domain::RunState;
use serde_json::{Value, json};

use super::files::{CSV, csv};
use super::{House, outcome, shared};

fn nodes(path: &str, mode: &str) -> Value {
    json!({
        "days": {"CatalogSource": {"Name": "Days", "Database": "shop", "Table": "days"}},
        "known": {"Filter": {"Name": "Known customers", "Inputs": ["days"], "LogicalOperator": "AND", "Filters": [
            {"Operation": "ISNULL", "Negated": true, "Values": [{"Type": "COLUMNEXTRACTED", "Value": ["CustomerID"]}]}]}},
        "event": {"CustomFunction": {"Name": "Events", "Inputs": ["known"], "Columns": [
            {"Name": "type", "Expression": "CASE WHEN InvoiceNo LIKE 'C%' THEN 'cancel' ELSE 'purchase' END"},
            {"Name": "seconds", "Expression": "epoch_seconds(InvoiceDate)"},
            {"Name": "value", "Expression": "CAST(Quantity * UnitPrice AS DECIMAL(18,3))"},
            {"Name": "user", "Expression": "CAST(CustomerID AS BIGINT)"}]}},
        "columns": {"ApplyMapping": {"Name": "Columns", "Inputs": ["event"], "Mapping": [
            {"FromPath": ["user"], "ToKey": "USER_ID", "ToType": "string"},
            {"FromPath": ["StockCode"], "ToKey": "ITEM_ID", "ToType": "string"},
            {"FromPath": ["seconds"], "ToKey": "TIMESTAMP", "ToType": "bigint"},
            {"FromPath": ["type"], "ToKey": "EVENT_TYPE", "ToType": "string"},
            {"FromPath": ["value"], "ToKey": "EVENT_VALUE", "ToType": "double"}]}},
        "out": {"S3DirectTarget": {"Name": "Out", "Inputs": ["columns"], "Path": path, "Format": "csv", "Mode": mode}}
    })
}

fn unpacked(archive: &Path, into: &Path) -> Vec<PathBuf> {
    let unpack = Command::new("python3").args(["-m", "zipfile", "-e"]).arg(archive).arg(into).status().unwrap();
    assert!(unpack.success());
    let mut days: Vec<PathBuf> = std::fs::read_dir(into.join("retail-data/by-day")).unwrap().map(|entry| entry.unwrap().path()).collect();
    days.sort();
    assert_eq!(days.len(), 305);
    days
}

/// Days that come in one at a time for certain; while there is time the others do too, and then ten at a time.
const SINGLE_DAYS: usize = 30;
const TIME: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_one_at_a_time_are_the_whole() {
    let Some(archive) = shared("online-retail/online-retail-by-day.zip") else { return };
    let house = House::new().await;
    let mut days = unpacked(&archive, &house.installation.folder.path().join("days")).into_iter().peekable();
    let columns = "InvoiceNo string, StockCode string, Description string, Quantity bigint, InvoiceDate string, UnitPrice double, \
                   CustomerID double, Country string";
    house.table("days", "s3://data/days/", csv(CSV), columns).await;
    house.graph_with("daily", nodes("s3://data/events/", "append"), json!([{"Table": "shop.days"}])).await;

    let (begun, mut runs, mut single) = (Instant::now(), 0, 0);
    while days.peek().is_some() {
        let step = if single < SINGLE_DAYS || begun.elapsed() < TIME { 1 } else { 10 };
        single += usize::from(step == 1);
        let came = days.by_ref().take(step).collect::<Vec<_>>();
        for day in &came {
            let name = day.file_name().unwrap().to_str().unwrap();
            house.put(&format!("days/{name}"), std::fs::read(day).unwrap()).await;
        }
        let run = house.succeed("daily").await;
        assert!(outcome(&run).rows_read() > 0, "{came:?}");
        runs += 1;
    }
    println!("{single} of 305 days one at a time, {runs} runs in {:?}", begun.elapsed());

    house.graph("whole", nodes("s3://data/whole/", "overwrite")).await;
    assert_eq!(outcome(&house.succeed("whole").await).rows_written, 406_829);
    let (header, daily) = house.lines("events/").await;
    assert_eq!(header, "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE");
    assert!(daily == house.lines("whole/").await.1, "the days together are the whole");

    let cells: Vec<Vec<&str>> = daily.iter().map(|line| line.split(',').collect()).collect();
    let thousandths = |event: &str| {
        let of = cells.iter().filter(|cells| cells[3] == event);
        of.map(|cells| (cells[4].parse::<f64>().unwrap() * 1_000.0).round() as i64).collect::<Vec<_>>()
    };
    let (bought, cancelled) = (thousandths("purchase"), thousandths("cancel"));
    assert_eq!((bought.len(), cancelled.len()), (406_829 - 8_905, 8_905));
    assert!(bought.iter().all(|value| *value >= 0) && cancelled.iter().all(|value| *value < 0));
    assert_eq!(cancelled.iter().sum::<i64>(), -611_342_090);
    assert_eq!(bought.iter().sum::<i64>(), 8_300_065_814 + 611_342_090);
    assert_eq!(cells.iter().map(|cells| cells[2].parse::<i64>().unwrap()).sum::<i64>(), 533_074_327_413_540);

    let nothing = house.run_job("daily", &[]).await;
    assert_eq!(nothing.state, RunState::Succeeded);
    assert_eq!(house.lines("events/").await.1.len(), 406_829, "a day without a file adds nothing");
}
