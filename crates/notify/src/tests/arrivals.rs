//! Files that arrive in buckets, and workflows as targets.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::{Clock, Error, Result};
use serde_json::{Value, json};
use testkit::ManualClock;

use super::house::{House, until};
use crate::{Arrivals, Awaited, Event, Rule, Settings, TakesEvents};

struct Drop {
    house: House,
    clock: Arc<ManualClock>,
    arrivals: Arrivals,
}

impl Drop {
    async fn new() -> Self {
        let clock = ManualClock::at(domain::SystemClock.now().millis() + 2000);
        let house = House::with(clock.clone(), Settings::default()).await;
        house.installation.buckets.create("drop").unwrap();
        let arrivals = house.notify.arrivals(house.installation.buckets.clone());
        Self { house, clock, arrivals }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.house.installation.buckets.root().join("drop").join(key)
    }

    fn put(&self, key: &str, text: &str) {
        fs::create_dir_all(self.path(key).parent().unwrap()).unwrap();
        fs::write(self.path(key), text).unwrap();
    }

    /// Files are older than the clock says: with `since` in their past they are news, in their future they were there before.
    async fn look(&self, prefix: &str, since_ms: i64) -> usize {
        let since = self.clock.now().plus_ms(since_ms);
        let awaited = Awaited { bucket: Some("drop".into()), prefix: prefix.into(), since };
        self.arrivals.look(vec![awaited]).await.unwrap()
    }

    /// Two looks with the time between them that a file needs to settle.
    async fn settled(&self, prefix: &str, since_ms: i64) -> usize {
        let first = self.look(prefix, since_ms).await;
        self.clock.advance(2000);
        first + self.look(prefix, since_ms - 2000).await
    }

    async fn told(&self) -> Vec<String> {
        let told = self.house.installation.store.notifications(0, 1000).await.unwrap();
        told.into_iter().filter(|one| one.kind == "bucket.object_created").map(|one| one.subject).collect()
    }
}

const BEFORE: i64 = -60_000;

#[tokio::test]
async fn a_file_is_told_of_once_when_it_has_settled_and_again_when_it_has_changed() {
    let drop = Drop::new().await;
    drop.put("in/a.csv", "1");
    assert_eq!(drop.look("in/", BEFORE).await, 0, "it may still be growing");
    drop.clock.advance(1000);
    drop.put("in/a.csv", "1,2");
    assert_eq!(drop.look("in/", BEFORE).await, 0, "it was");
    drop.clock.advance(1999);
    assert_eq!(drop.look("in/", BEFORE).await, 0);
    drop.clock.advance(1);
    assert_eq!(drop.look("in/", BEFORE).await, 1);
    assert_eq!(drop.settled("in/", BEFORE).await, 0);
    drop.put("in/a.csv", "1,2,3");
    assert_eq!(drop.settled("in/", BEFORE).await, 1);
    fs::remove_file(drop.path("in/a.csv")).unwrap();
    assert_eq!(drop.settled("in/", BEFORE).await, 0);
    drop.put("in/a.csv", "1");
    assert_eq!(drop.settled("in/", BEFORE).await, 1, "a new file of an old name is a new file");
    assert_eq!(drop.told().await, ["drop/in/a.csv"; 3]);
}

#[tokio::test]
async fn hidden_and_unfinished_files_and_other_places_are_not_told_of() {
    let drop = Drop::new().await;
    for key in ["in/.hidden", "in/_temporary/part-0", "in/a.part", "in/b.tmp", "in/c.csv#12", "out/x.csv", "in.csv"] {
        drop.put(key, "x");
    }
    drop.put("in/deep/er/good.csv", "x");
    assert_eq!(drop.settled("in/", BEFORE).await, 1);
    fs::rename(drop.path("in/a.part"), drop.path("in/a.csv")).unwrap();
    assert_eq!(drop.settled("in/", BEFORE).await, 1, "finished now");
    assert_eq!(drop.told().await, ["drop/in/deep/er/good.csv", "drop/in/a.csv"]);
}

#[tokio::test]
async fn what_was_there_first_is_no_news_and_what_came_while_nobody_looked_is() {
    let mut drop = Drop::new().await;
    drop.put("in/old.csv", "x");
    assert_eq!(drop.settled("in/", 60_000).await, 0);
    // The process ends, files come, another process begins.
    drop.put("in/new.csv", "x");
    drop.arrivals = drop.house.notify.arrivals(drop.house.installation.buckets.clone());
    assert_eq!(drop.settled("in/", 60_000).await, 1);
    assert_eq!(drop.told().await, ["drop/in/new.csv"]);
    // Nobody awaits files there any more, then somebody does again: that is a new beginning.
    assert_eq!(drop.arrivals.look(Vec::new()).await.unwrap(), 0);
    drop.put("in/unseen.csv", "x");
    assert_eq!(drop.settled("in/", 60_000).await, 0);
}

#[tokio::test]
async fn more_files_than_one_look_takes_are_all_found_in_the_end() {
    let drop = Drop::new().await;
    for number in 0..10_050 {
        drop.put(&format!("in/{:03}/{number:05}.csv", number / 100), "");
    }
    let mut told = 0;
    for _ in 0..6 {
        told += drop.look("in/", BEFORE).await;
        drop.clock.advance(1500);
    }
    assert_eq!(told, 10_050);
    assert_eq!(drop.settled("in/", BEFORE).await + drop.settled("in/", BEFORE).await, 0);
}

#[tokio::test]
async fn rules_about_s3_say_where_files_are_awaited() {
    let drop = Drop::new().await;
    let rule = |name: &str, pattern: Value| serde_json::from_value::<Rule>(json!({"Name": name, "EventPattern": pattern})).unwrap();
    let of = |key: Value| json!({"source": ["aws.s3"], "detail": {"bucket": {"name": ["drop"]}, "object": {"key": key}}});
    for rule in [
        rule("a", of(json!([{"prefix": "a/"}, "b/file", {"wildcard": "c/*.csv"}, {"suffix": ".csv"}]))),
        rule("b", json!({"source": ["aws.s3"], "detail-type": ["Object Created"]})),
        rule("c", json!({"source": ["aws.s3"], "detail-type": ["Object Deleted"]})),
        rule("d", json!({"detail": {"bucket": {"name": ["drop"]}}})),
    ] {
        drop.house.notify.replace_rule(rule).await.unwrap();
    }
    let awaited = drop.house.notify.awaited_files().await.unwrap();
    let places: Vec<(Option<&str>, &str)> = awaited.iter().map(|one| (one.bucket.as_deref(), one.prefix.as_str())).collect();
    assert_eq!(places, [(Some("drop"), "a/"), (Some("drop"), "b/file"), (Some("drop"), "c/"), (Some("drop"), ""), (None, "")]);
}

/// Refuses the first event, takes the others.
#[derive(Debug, Default)]
struct Taking(Mutex<Vec<(String, Event)>>);

#[async_trait]
impl TakesEvents for Taking {
    async fn take(&self, workflow: &str, event: &Event) -> Result<()> {
        let mut all = self.0.lock().unwrap();
        all.push((workflow.to_owned(), event.clone()));
        if all.len() == 1 { Err(Error::unavailable("Not now.")) } else { Ok(()) }
    }
}

#[tokio::test]
async fn a_file_reaches_the_workflow_that_a_rule_names_as_s3s_event_even_if_it_was_busy() {
    let house = House::new().await;
    let taking = Arc::new(Taking::default());
    let notify = house.notify.clone().with_workflows(taking.clone());
    let target = json!([{"Id": "w", "Arn": "arn:aws:glue:us-east-1:123456789012:workflow/nightly"}]);
    let pattern = json!({"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": ["drop"]}}});
    let rule = json!({"Name": "files", "EventPattern": pattern, "Targets": target});
    notify.replace_rule(serde_json::from_value::<Rule>(rule).unwrap()).await.unwrap();
    house.installation.buckets.create("drop").unwrap();
    let arrivals = notify.arrivals(house.installation.buckets.clone());
    fs::write(house.installation.buckets.root().join("drop/a.csv"), "a,b").unwrap();
    let house = House { notify: notify.clone(), ..house };
    house.work();
    until("the second delivery", async || {
        arrivals.look(notify.awaited_files().await.unwrap()).await.unwrap();
        taking.0.lock().unwrap().len() == 2
    })
    .await;
    let all = taking.0.lock().unwrap();
    let ((workflow, event), (_, again)) = (&all[0], &all[1]);
    assert_eq!((workflow.as_str(), event), ("nightly", again));
    assert_eq!((event.source.as_str(), event.detail_type.as_str()), ("aws.s3", "Object Created"));
    assert_eq!(event.resources, ["arn:aws:s3:::drop"]);
    assert_eq!((&event.detail["bucket"]["name"], &event.detail["object"]["key"]), (&json!("drop"), &json!("a.csv")));
    assert_eq!(event.detail["object"]["size"], json!(3));
}

#[tokio::test]
async fn what_is_no_workflows_arn_is_refused() {
    let house = House::new().await;
    for arn in ["arn:aws:glue:us-east-1:123456789012:job/x", "arn:aws:glue:us-east-1:1:workflow/", "arn:aws:lambda:us-east-1:1:function:x"]
    {
        let rule = json!({"Name": "r", "EventPattern": "{\"source\": [\"x\"]}", "Targets": [{"Id": "w", "Arn": arn}]});
        let error = house.notify.replace_rule(serde_json::from_value::<Rule>(rule).unwrap()).await.unwrap_err();
        assert!(error.code == Some("TARGET_INVALID") && error.message.contains(arn), "{error}");
    }
}
