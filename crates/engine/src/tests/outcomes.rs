//! Rules of data quality around a job's targets: where outcomes go, what stays after a rule failed, and what is then read.

use domain::RunState;
use etl::JobResult;
use runs::Run;
use serde_json::{Value, json};

use super::House;
use super::files::{CSV, csv};

const FAILED: &str = "DATA_QUALITY_FAILED";

/// The amounts of `shop.orders`, appended to files, judged: none may be more than 50.
fn graph(stop: &str) -> Value {
    let rules = "Rules = [ IsComplete \"id\", ColumnValues \"amount\" < 50 ]";
    json!({
        "orders": {"CatalogSource": {"Name": "Orders", "Database": "shop", "Table": "orders"}},
        "judge": {"EvaluateDataQuality": {"Name": "Judge", "Inputs": ["orders"], "Ruleset": rules, "Output": "EvaluationResults",
            "PublishingOptions": {"ResultsS3Prefix": "s3://data/outcomes/"}, "StopJobOnFailureOptions": {"StopJobOnFailureTiming": stop}}},
        "out": {"S3DirectTarget": {"Name": "Out", "Inputs": ["orders"], "Path": "s3://data/out/", "Format": "csv"}}
    })
}

async fn shop(amounts: &[u32]) -> House {
    let house = House::new().await;
    house.table("orders", "s3://data/orders/", csv(CSV), "id bigint, amount bigint").await;
    for (id, amount) in amounts.iter().enumerate() {
        add(&house, id, *amount).await;
    }
    house
}

async fn add(house: &House, id: usize, amount: u32) {
    house.put(&format!("orders/{id}.csv"), format!("id,amount\n{id},{amount}\n")).await;
}

/// Rule and outcome of what lies under the prefix for outcomes, sorted.
async fn outcomes(house: &House) -> Vec<String> {
    let prefix = store::Location::parse("s3://data/outcomes/").unwrap();
    let mut found = Vec::new();
    for file in house.installation.buckets.list(&prefix).await.unwrap() {
        let text = house.read(file.location.as_ref()).await;
        found.extend(text.lines().map(|line| {
            let row: Value = serde_json::from_str(line).unwrap();
            format!("{} {}", row["Rule"].as_str().unwrap(), row["Outcome"].as_str().unwrap())
        }));
    }
    found.sort();
    found
}

fn passed(run: &Run) -> Vec<bool> {
    let JobResult::Sql { quality, .. } = run.result().unwrap() else { panic!("{run:?}") };
    quality.iter().flat_map(|node| node.rules.iter().map(|rule| rule.passed)).collect()
}

#[tokio::test]
async fn results_that_share_a_prefix_are_refused_before_anything_is_written() {
    let house = shop(&[10]).await;
    house.sqlite("CREATE TABLE sales (id INTEGER PRIMARY KEY, amount INTEGER)").await;
    let mut nodes = graph("Immediate");
    nodes["sales"] = json!({"JDBCConnectorTarget": {"Name": "Sales", "Inputs": ["orders"], "ConnectionName": "orders",
        "ConnectionTable": "sales", "ConnectorName": "c", "ConnectionType": "jdbc"}});
    let mut same_outcomes = nodes.clone();
    same_outcomes["again"] = nodes["judge"].clone();
    let mut over_a_target = nodes.clone();
    over_a_target["judge"]["EvaluateDataQuality"]["PublishingOptions"]["ResultsS3Prefix"] = "s3://data//out".into();
    for (nodes, prefix) in [(same_outcomes, "s3://data/outcomes/"), (over_a_target, "s3://data/")] {
        house.graph("job", nodes).await;
        let (_, message) = house.fail("job").await;
        assert!(message.starts_with("Each result of a job") && message.contains(prefix) && message.contains("\"judge\""), "{message}");
    }
    let path = house.installation.folder.path().join("orders.db");
    let rows: u64 = rusqlite::Connection::open(path).unwrap().query_row("SELECT count(*) FROM sales", [], |row| row.get(0)).unwrap();
    assert_eq!((rows, house.files().await.len(), outcomes(&house).await.len()), (0, 0, 0), "nothing was written");
}

#[tokio::test]
async fn rows_that_a_rule_failed_after_the_load_stay_and_are_not_read_again() {
    let house = shop(&[10, 99]).await;
    house.sqlite("CREATE TABLE sales (id INTEGER, amount INTEGER)").await;
    let mut nodes = graph("AfterDataLoad");
    nodes["sales"] = json!({"JDBCConnectorTarget": {"Name": "Sales", "Inputs": ["orders"], "ConnectionName": "orders",
        "ConnectionTable": "sales", "ConnectorName": "c", "ConnectionType": "jdbc"}});
    house.graph_with("job", nodes, json!([{"Table": "shop.orders"}])).await;
    let path = house.installation.folder.path().join("orders.db");
    let sales = || {
        let database = rusqlite::Connection::open(&path).unwrap();
        let mut ids = database.prepare("SELECT id FROM sales ORDER BY id").unwrap();
        ids.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect::<Vec<u32>>()
    };
    let failed = house.run_job("job", &[]).await;
    assert_eq!((failed.state, failed.code.as_deref(), passed(&failed)), (RunState::Failed, Some(FAILED), vec![true, false]));
    assert_eq!((house.lines("out/").await.1, sales()), (vec!["0,10".to_owned(), "1,99".into()], vec![0, 1]));
    assert_eq!(house.jobs.get_job_bookmark("job", None).await.unwrap().run_id, Some(failed.id.0));

    add(&house, 2, 20).await;
    let next = house.succeed("job").await;
    assert_eq!(passed(&next), [true, true], "of what is new");
    assert_eq!((house.lines("out/").await.1, sales()), (vec!["0,10".to_owned(), "1,99".into(), "2,20".into()], vec![0, 1, 2]));
    let all = ["ColumnValues \"amount\" < 50 Failed", "ColumnValues \"amount\" < 50 Passed", "IsComplete \"id\" Passed"];
    assert_eq!(outcomes(&house).await, [all[0], all[1], all[2], all[2]]);
}

#[tokio::test]
async fn rows_stay_too_where_rules_cannot_be_judged_after_the_load() {
    let house = shop(&[10, 0]).await;
    let mut nodes = graph("AfterDataLoad");
    nodes["judge"]["EvaluateDataQuality"]["Ruleset"] = "Rules = [ CustomSql \"select sum(100 / amount) from primary\" > 0 ]".into();
    nodes["judge"]["EvaluateDataQuality"].as_object_mut().unwrap().remove("PublishingOptions");
    house.graph_with("job", nodes, json!([{"Table": "shop.orders"}])).await;
    assert_eq!(house.fail("job").await.0, "JOB_DATA");
    add(&house, 2, 20).await;
    house.succeed("job").await;
    assert_eq!(house.lines("out/").await.1, ["0,10", "1,0", "2,20"]);
}

#[tokio::test]
async fn files_appended_before_a_rule_failed_stay_when_the_next_run_appends() {
    let house = shop(&[99]).await;
    house.graph("job", graph("AfterDataLoad")).await;
    for times in 1..4 {
        assert_eq!(house.fail("job").await.0, FAILED);
        assert_eq!(house.lines("out/").await.1, vec!["0,99"; times], "without a bookmark every run reads everything");
    }
}

#[tokio::test]
async fn outcomes_stay_of_a_run_that_they_stopped_before_the_load() {
    let house = shop(&[99]).await;
    house.graph_with("job", graph("Immediate"), json!([{"Table": "shop.orders"}])).await;
    for times in 1..3 {
        let failed = house.run_job("job", &[]).await;
        assert_eq!((failed.state, failed.code.as_deref(), passed(&failed)), (RunState::Failed, Some(FAILED), vec![true, false]));
        assert_eq!(outcomes(&house).await.len(), 2 * times);
    }
    assert!(house.files().await.is_empty());
    add(&house, 0, 9).await;
    house.succeed("job").await;
    assert_eq!(house.lines("out/").await.1, ["0,9"], "the bookmark stood still");
}
