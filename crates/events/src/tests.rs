#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods, reason = "calls are timed")]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use dataset::{Datasets, TrainingData};
use domain::{Arn, ErrorKind, SystemClock};
use runs::{RunId, Runs};
use serde_json::{Value, json};
use store::{Artifacts, Buckets, Store};
use tempfile::TempDir;

use super::*;
use crate::flush::{LogPosition, POSITION_KEY};

const SCHEMA: &str = r#"{"type":"record","name":"Interactions","fields":[
    {"name":"USER_ID","type":"string"},{"name":"ITEM_ID","type":"string"},{"name":"TIMESTAMP","type":"long"},
    {"name":"EVENT_TYPE","type":"string"},{"name":"EVENT_VALUE","type":["float","null"]},{"name":"DEVICE_TYPE","type":["string","null"]}]}"#;

/// A whole installation in a folder that can be copied as a crash would leave it.
struct House {
    store: Store,
    datasets: Datasets,
    artifacts: Artifacts,
    events: Events,
}

impl House {
    async fn open(folder: &Path) -> Self {
        let store = Store::open(&folder.join("metadata.db"), Arc::new(SystemClock)).await.unwrap();
        let buckets = Buckets::open(&folder.join("buckets"), folder).unwrap();
        let artifacts = Artifacts::open(&folder.join("artifacts")).unwrap();
        let datasets = Datasets::new(Runs::new(store.clone()), buckets, artifacts.clone(), Default::default());
        let events = Events::open(&folder.join("events"), datasets.clone(), Settings::default()).await.unwrap();
        Self { store, datasets, artifacts, events }
    }

    /// With a group, its interactions dataset and a tracker; gives the group and the tracking id.
    async fn furnish(&self) -> (Arn, String) {
        let d = &self.datasets;
        let group = d.create_dataset_group(from(json!({"name": "shop"}))).await.unwrap().dataset_group_arn;
        let schema = d.create_schema(from(json!({"name": "s", "schema": SCHEMA}))).await.unwrap().schema_arn;
        let tracker = || self.events.create_event_tracker(from(json!({"name": "t", "datasetGroupArn": group})));
        let early = tracker().await.unwrap_err();
        assert!(early.message.contains("has no interactions dataset"), "{early}");
        let new = json!({"name": "i", "schemaArn": schema, "datasetGroupArn": group, "datasetType": "Interactions"});
        d.create_dataset(from(new)).await.unwrap();
        let id = tracker().await.unwrap().tracking_id;
        (group, id)
    }

    async fn load(&self, group: &Arn) -> TrainingData {
        let mut tx = self.store.begin().await.unwrap();
        let snapshot = self.datasets.snapshot_in(&mut tx, group, &RunId("none".into())).await.unwrap();
        tx.commit().await.unwrap();
        snapshot.load(&self.artifacts).await.unwrap()
    }

    async fn close(self) {
        self.store.close().await;
    }
}

fn from<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn put(tracking: &str, user: Option<&str>, session: &str, events: Value) -> PutEvents {
    let mut call = json!({"trackingId": tracking, "sessionId": session, "eventList": events});
    if let Some(user) = user {
        call["userId"] = user.into();
    }
    from(call)
}

fn view(id: &str, item: &str) -> Value {
    json!([{"eventId": id, "eventType": "View", "sentAt": 1_700_000_000.5, "itemId": item}])
}

fn live(house: &House, group: &Arn, user: &str) -> Vec<String> {
    house.events.live().get(group, user).iter().map(|event| event.item_id.to_string()).collect()
}

/// (user, item), by user.
fn stored(data: &TrainingData) -> Vec<(String, String)> {
    let e = &data.events;
    (0..e.len()).map(|at| (data.users.id(e.user[at]).unwrap().into(), data.items.id(e.item[at]).unwrap().into())).collect()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &target) } else { std::fs::copy(entry.path(), target).map(|_| ()).unwrap() }
    }
}

#[tokio::test]
async fn an_event_changes_the_history_at_once_and_the_dataset_after_a_flush() {
    let folder = TempDir::new().unwrap();
    let house = House::open(folder.path()).await;
    let (group, id) = house.furnish().await;
    let events = json!([
        {"eventType": "Purchase", "sentAt": 20, "itemId": "a", "eventValue": 2.5, "properties": "{\"deviceType\": \"phone\"}", "impression": ["a", "b"]},
        {"eventType": "View", "sentAt": 10, "properties": {"itemId": "b", "eventValue": "3"}},
        {"eventType": "Search", "sentAt": 30}]);
    house.events.put_events(put(&id, Some("u"), "s", events)).await.unwrap();
    assert_eq!(live(&house, &group, "u"), ["b", "a"], "by time; without an item there is nothing to show");
    let summary = house.events.flush().await.unwrap();
    assert_eq!(summary, FlushSummary { rows: 2, without_place: 1 });
    assert_eq!(house.events.flush().await.unwrap(), FlushSummary::default());
    let data = house.load(&group).await;
    assert_eq!(data.events.timestamp, [10, 20]);
    assert_eq!(data.events.event_value, [3.0, 2.5]);
    assert_eq!(data.events.event_types, ["Purchase", "View"]);
    house.close().await;

    let house = House::open(folder.path()).await;
    assert_eq!(live(&house, &group, "u"), ["b", "a"], "also after a restart");
    assert_eq!(house.events.flush().await.unwrap(), FlushSummary::default());
}

#[tokio::test]
async fn a_repeated_event_id_counts_once_also_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let house = House::open(folder.path()).await;
    let (group, id) = house.furnish().await;
    house.events.put_events(put(&id, Some("u"), "s", view("1", "a"))).await.unwrap();
    house.events.put_events(put(&id, Some("u"), "s", view("1", "a"))).await.unwrap();
    house.events.flush().await.unwrap();
    house.close().await;
    let house = House::open(folder.path()).await;
    house.events.put_events(put(&id, Some("u"), "s", view("1", "a"))).await.unwrap();
    house.events.put_events(put(&id, Some("u"), "s", view("2", "b"))).await.unwrap();
    assert_eq!(house.events.flush().await.unwrap().rows, 1);
    assert_eq!(live(&house, &group, "u"), ["a", "b"]);
    assert_eq!(stored(&house.load(&group).await).len(), 2);
}

#[tokio::test]
async fn a_session_becomes_its_user_once_both_are_known() {
    let folder = TempDir::new().unwrap();
    let house = House::open(folder.path()).await;
    let (group, id) = house.furnish().await;
    for (user, session, item) in [(None, "s1", "a"), (None, "s2", "b"), (Some("u"), "s0", "c")] {
        house.events.put_events(put(&id, user, session, view(item, item))).await.unwrap();
    }
    assert_eq!(live(&house, &group, "s1"), ["a"], "until then the session works as a user");
    house.events.flush().await.unwrap();
    house.events.put_events(put(&id, Some("u"), "s1", view("d", "d"))).await.unwrap();
    house.events.flush().await.unwrap();
    assert_eq!(live(&house, &group, "u"), ["a", "c", "d"]);
    assert_eq!(live(&house, &group, "s1"), [""; 0]);
    let pairs: Vec<(String, String)> = [("s2", "b"), ("u", "a"), ("u", "c"), ("u", "d")].map(|(u, i)| (u.into(), i.into())).into();
    assert_eq!(stored(&house.load(&group).await), pairs);
}

/// The state of the disk after a crash at each point of a flush: no event is lost, none is doubled.
#[tokio::test]
async fn a_crash_at_any_point_of_a_flush_loses_and_doubles_nothing() {
    let (before, after) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let folder = TempDir::new().unwrap();
    let house = House::open(folder.path()).await;
    let (group, id) = house.furnish().await;
    house.events.put_events(put(&id, Some("u"), "s", view("0", "zero"))).await.unwrap();
    house.events.flush().await.unwrap();
    for item in ["a", "b"] {
        house.events.put_events(put(&id, Some("u"), "s", view(item, item))).await.unwrap();
    }
    copy(folder.path(), before.path());
    assert_eq!(house.events.flush().await.unwrap().rows, 2);
    house.close().await;
    copy(folder.path(), after.path());

    // (what is on disk, whether the position was moved on, rows that the next flush adds)
    for (state, position_kept, rows) in [(&before, true, 2), (&after, false, 0), (&after, true, 0)] {
        let crashed = TempDir::new().unwrap();
        copy(state.path(), crashed.path());
        // The segments are still there, and so is a half-written part that nothing points at.
        copy(&before.path().join("events"), &crashed.path().join("events"));
        let store = Store::open(&crashed.path().join("metadata.db"), Arc::new(SystemClock)).await.unwrap();
        if !position_kept {
            store.delete::<LogPosition>(POSITION_KEY).await.unwrap();
        }
        store.close().await;
        let house = House::open(crashed.path()).await;
        assert_eq!(house.events.flush().await.unwrap().rows, rows, "position kept: {position_kept}");
        house.events.put_events(put(&id, Some("v"), "s", view("later", "c"))).await.unwrap();
        house.events.put_events(put(&id, Some("u"), "s", view("a", "a"))).await.unwrap();
        assert_eq!(house.events.flush().await.unwrap().rows, 1);
        let mut found: Vec<String> = stored(&house.load(&group).await).into_iter().map(|(_, item)| item).collect();
        found.sort();
        assert_eq!(found, ["a", "b", "c", "zero"]);
        assert_eq!(live(&house, &group, "u"), ["zero", "a", "b"]);
        house.close().await;
    }
}

#[tokio::test]
async fn events_without_their_dataset_are_counted_and_a_new_dataset_does_not_get_old_ones() {
    let folder = TempDir::new().unwrap();
    let house = House::open(folder.path()).await;
    let (group, id) = house.furnish().await;
    house.events.put_events(put(&id, Some("u"), "s", view("1", "a"))).await.unwrap();
    let dataset = house.datasets.list_datasets(Some(&group)).await.unwrap()[0].dataset_arn.clone();
    let schema = house.datasets.list_schemas().await.unwrap()[0].schema_arn.clone();
    house.datasets.delete_dataset(&dataset).await.unwrap();
    assert_eq!(house.events.flush().await.unwrap(), FlushSummary { rows: 0, without_place: 1 });
    let new = json!({"name": "i", "schemaArn": schema, "datasetGroupArn": group, "datasetType": "Interactions"});
    house.datasets.create_dataset(from(new)).await.unwrap();
    house.close().await;
    let house = House::open(folder.path()).await;
    assert_eq!(house.events.flush().await.unwrap(), FlushSummary::default());
}

#[tokio::test]
async fn trackers_live_and_die() {
    let folder = TempDir::new().unwrap();
    let house = House::open(folder.path()).await;
    let (group, id) = house.furnish().await;
    let trackers = house.events.list_event_trackers(Some(&group)).await.unwrap();
    let tracker = trackers[0].value.clone();
    assert_eq!((trackers.len(), tracker.tracking_id.len(), tracker.event_tracker_arn.id().len()), (1, 36, 8));
    let again = house.events.create_event_tracker(from(json!({"name": "t", "datasetGroupArn": group}))).await.unwrap_err();
    assert_eq!(again.kind, ErrorKind::AlreadyExists);
    let second = house.events.create_event_tracker(from(json!({"name": "t2", "datasetGroupArn": group}))).await.unwrap_err();
    assert_eq!(second.kind, ErrorKind::LimitExceeded);
    house.events.put_events(put(&id, Some("u"), "s", view("1", "a"))).await.unwrap();

    let dataset = house.datasets.list_datasets(Some(&group)).await.unwrap()[0].dataset_arn.clone();
    house.datasets.delete_dataset(&dataset).await.unwrap();
    let held = house.datasets.delete_dataset_group(&group).await.unwrap_err();
    assert!(held.kind == ErrorKind::InUse && held.message.contains("event tracker \"t\""), "{held}");
    house.events.delete_event_tracker(&tracker.event_tracker_arn).await.unwrap();
    let unknown = house.events.put_events(put(&id, Some("u"), "s", view("2", "a"))).await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::NotFound);
    house.datasets.delete_dataset_group(&group).await.unwrap();
}

#[tokio::test]
async fn calls_that_do_not_fit_are_refused_with_the_member_named() {
    let folder = TempDir::new().unwrap();
    let house = House::open(folder.path()).await;
    let (group, id) = house.furnish().await;
    let event = |change: Value| {
        let mut event = json!({"eventType": "View", "sentAt": 5, "itemId": "a"});
        event.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        put(&id, Some("u"), "s", json!([event]))
    };
    let many = Value::Array(vec![view("1", "a")[0].clone(); 11]);
    for (call, sentence) in [
        (put(&id, Some(""), "s", view("1", "a")), "userId: expected 1 to 256 characters, found 0."),
        (put(&id, None, "", view("1", "a")), "sessionId: expected 1 to 256 characters, found 0."),
        (put(&id, None, "s", many), "eventList: expected 1 to 10 events, found 11."),
        (
            event(json!({"sentAt": 1_700_000_000_000_i64})),
            "eventList[0].sentAt: expected epoch seconds, found 1700000000000, which looks like milliseconds.",
        ),
        (event(json!({"sentAt": -1})), "eventList[0].sentAt: expected epoch seconds, found -1."),
        (event(json!({"eventType": ""})), "eventList[0].eventType: expected 1 to 256 characters"),
        (event(json!({"properties": "[1]"})), "eventList[0].properties: expected the JSON text of an object, found [1]."),
        (event(json!({"properties": "{"})), "eventList[0].properties: expected the JSON text of an object, found \"{\""),
        (event(json!({"properties": {"x": "y".repeat(1100)}})), "eventList[0].properties: expected at most 1024 characters"),
        (event(json!({"recommendationId": "r".repeat(41)})), "eventList[0].recommendationId: expected 1 to 40 characters, found 41."),
        (event(json!({"impression": vec!["i"; 26]})), "eventList[0].impression: expected at most 25 items, found 26."),
    ] {
        let error = house.events.put_events(call).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidInput);
        assert!(error.message.starts_with(sentence), "{error}");
    }
    assert!(house.events.live().is_empty());
    assert_eq!(house.events.flush().await.unwrap(), FlushSummary::default());
    assert_eq!(live(&house, &group, "u"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_share_the_disk_and_every_answer_is_durable() {
    const CALLERS: usize = 32;
    const CALLS: usize = 60;
    let folder = TempDir::new().unwrap();
    let house = House::open(folder.path()).await;
    let (group, id) = house.furnish().await;
    let started = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (events, id) = (house.events.clone(), id.clone());
            tokio::spawn(async move {
                let mut waits = Vec::new();
                for turn in 0..CALLS {
                    let call = put(&id, Some(&format!("u{caller}")), "s", view(&format!("{caller}-{turn}"), &format!("i{turn}")));
                    let begun = Instant::now();
                    events.put_events(call).await.unwrap();
                    waits.push(begun.elapsed());
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for caller in callers {
        waits.extend(caller.await.unwrap());
    }
    let took = started.elapsed();
    waits.sort();
    let rate = waits.len() as f64 / took.as_secs_f64();
    println!("{CALLERS} callers: {rate:.0} calls/s, p50 {:?}, p99 {:?}", waits[waits.len() / 2], waits[waits.len() * 99 / 100]);
    house.close().await;
    // Nothing was closed in an orderly way: what was acknowledged is on disk.
    let house = House::open(folder.path()).await;
    assert_eq!(house.events.live().len(), CALLERS * CALLS);
    assert_eq!(live(&house, &group, "u31").len(), CALLS);
    assert_eq!(house.events.flush().await.unwrap().rows, (CALLERS * CALLS) as u64);
}

#[tokio::test]
async fn the_history_in_memory_is_bounded() {
    let folder = TempDir::new().unwrap();
    let house = House::open(folder.path()).await;
    let (group, id) = house.furnish().await;
    house.close().await;
    let settings = Settings { remembered_events: 5, events_per_user: 3, ..Settings::default() };
    let house = House::open(folder.path()).await;
    let events = Events::open(&folder.path().join("small"), house.datasets.clone(), settings).await.unwrap();
    let items = |user: &str| events.live().get(&group, user).iter().map(|e| e.item_id.to_string()).collect::<Vec<_>>();
    for turn in 0..50 {
        events.put_events(put(&id, Some("busy"), "s", view(&format!("b{turn}"), &format!("b{turn}")))).await.unwrap();
    }
    assert_eq!(items("busy"), ["b47", "b48", "b49"]);
    for turn in 0..4 {
        events.put_events(put(&id, Some("calm"), "s", view(&format!("c{turn}"), &format!("c{turn}")))).await.unwrap();
    }
    assert_eq!((items("calm"), events.live().len()), (vec!["c1".into(), "c2".into(), "c3".into()], 5));
    assert_eq!(items("busy"), ["b48", "b49"]);
}
