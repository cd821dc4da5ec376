use async_trait::async_trait;
use domain::arn::Partition;
use domain::{Error, Result, Timestamp};
use runs::{Executor, Filter, Finished, NewRun, Registry, RunContext};
use serde_json::{Value, json};
use store::Notification;

use super::house::{House, Listener, until};
use crate::event::event_of;

fn told(kind: &str, subject: &str, detail: Value) -> Value {
    let told = Notification { id: 7, kind: kind.into(), subject: subject.into(), detail, created: Timestamp(1_700_000_000_123) };
    serde_json::to_value(event_of(&told, None, &Partition::default()).unwrap()).unwrap()
}

#[test]
fn changes_of_tables_look_like_awss() {
    let detail =
        json!({"databaseName": "shop", "tableName": "orders", "typeOfChange": "UpdateTable", "schemaDiff": {"added": []}, "changes": []});
    let event = told("catalog.table_changed", "shop.orders", detail.clone());
    let id = event["id"].as_str().unwrap().to_owned();
    assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    let expected = json!({
        "version": "0", "id": id, "detail-type": "Glue Data Catalog Table State Change", "source": "aws.glue", "account": "123456789012",
        "time": "2023-11-14T22:13:20Z", "region": "us-east-1", "resources": ["arn:aws:glue:us-east-1:123456789012:table/shop/orders"],
        "detail": detail,
    });
    assert_eq!(event, expected);
    assert_eq!(told("catalog.table_changed", "shop.orders", detail)["id"], id);
    let created =
        told("catalog.table_changed", "shop.orders", json!({"databaseName": "shop", "tableName": "orders", "typeOfChange": "CreateTable"}));
    assert_eq!(created["detail-type"], "Glue Data Catalog Database State Change");
    assert_eq!(created["detail"]["changedTables"], json!(["orders"]));
    let partitions =
        json!({"databaseName": "shop", "tableName": "orders", "typeOfChange": "BatchCreatePartition", "changedPartitions": ["2018,01"]});
    let event = told("catalog.table_changed", "shop.orders", partitions);
    assert_eq!(
        (&event["detail-type"], &event["detail"]["changedPartitions"]),
        (&json!("Glue Data Catalog Table State Change"), &json!(["2018,01"]))
    );
}

#[test]
fn ends_of_runs_look_like_awss() {
    let ended = |kind: &str, subject: &str, state: &str| {
        told("run.ended", subject, json!({"run": format!("{kind}-1"), "kind": kind, "state": state, "message": "why"}))
    };
    let job = ended("job", "items", "timed_out");
    assert_eq!((&job["source"], &job["detail-type"]), (&json!("aws.glue"), &json!("Glue Job State Change")));
    assert_eq!(job["detail"], json!({"jobName": "items", "severity": "ERROR", "state": "TIMEOUT", "jobRunId": "job-1", "message": "why"}));
    let workflow = ended("workflow", "nightly", "succeeded");
    assert_eq!(workflow["detail"]["state"], "COMPLETED");
    let train = ended("train", "arn:aws:personalize:us-east-1:1:solution/s/1", "failed");
    assert_eq!((&train["source"], &train["detail-type"]), (&json!("penchant"), &json!("Training State Change")));
    assert_eq!((&train["resources"][0], &train["detail"]["state"]), (&train["detail"]["subject"], &json!("failed")));
    assert_eq!(told("something.new", "x", json!({"a": 1}))["detail"], json!({"a": 1, "subject": "x"}));
}

struct Crawl;

#[async_trait]
impl Executor for Crawl {
    fn kind(&self) -> &'static str {
        "crawl"
    }

    async fn execute(&self, context: &RunContext) -> Result<Finished> {
        if context.run().subject == "bad" {
            return Err(Error::invalid_data("Nothing could be read."));
        }
        let tx = context.begin().await?;
        context.succeed(tx, &json!({"tables_created": 2, "tables_updated": 0, "tables": []})).await
    }
}

/// From a real run's end in the outbox, through rules, to a listener.
#[tokio::test]
async fn a_crawl_that_ends_is_told() {
    let (house, listener) = (House::new().await, Listener::start().await);
    let rule = |name: &str, state: &str| {
        let pattern = json!({"source": ["aws.glue"], "detail-type": ["Glue Crawler State Change"], "detail": {"state": [state]}});
        let target = json!({"Id": "hook", "Arn": listener.url(name)});
        serde_json::from_value(json!({"Name": name, "EventPattern": pattern.to_string(), "Targets": [target]})).unwrap()
    };
    house.notify.replace_rule(rule("good", "Succeeded")).await.unwrap();
    house.notify.replace_rule(rule("bad", "Failed")).await.unwrap();
    let mut disabled: crate::Rule = rule("silent", "Failed");
    disabled.state = crate::RuleState::Disabled;
    house.notify.replace_rule(disabled).await.unwrap();
    house.installation.work(Registry::default().with(Crawl));
    for subject in ["good", "bad"] {
        let id = house.installation.runs.submit(NewRun::new("crawl", subject)).await.unwrap();
        house.installation.runs.wait(&id).await.unwrap();
    }
    assert_eq!(house.installation.runs.list(&Filter::default(), 10).await.unwrap().len(), 2);
    let _work = house.work();
    until("both told", async || house.is_idle().await).await;
    let data = |path: &str| listener.at(path)[0].json()["data"].clone();
    assert_eq!((&data("good")["tablesCreated"], &data("good")["tablesUpdated"]), (&json!("2"), &json!("0")));
    assert_eq!((&data("good")["crawlerName"], &data("good")["runningTime (sec)"]), (&json!("good"), &json!("0")));
    assert!(data("bad")["errorMessage"].as_str().unwrap().contains("Nothing could be read"));
    assert_eq!((listener.at("good").len(), listener.at("bad").len(), listener.at("silent").len()), (1, 1, 0));
}
