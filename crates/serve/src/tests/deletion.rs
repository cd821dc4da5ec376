//! Users leave: nothing of what they did is found anywhere afterwards.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dataset::{DatasetType, Leavers, ModelWithout};
use domain::{Arn, RunState};
use events::{CreateEventTracker, PutEvents};
use runs::{NewRun, RunId};
use serde_json::json;
use store::Location;

use super::Stall;
use super::fixture::{titles, walks};
use crate::filter::CreateFilter;
use crate::{CreateDataDeletionJob, DataDeletionExecutor, DataDeletionJob, DataDeletionReport, GetRecommendations};

const USERS: &str = r#"{"type":"record","name":"Users","namespace":"com.amazonaws.personalize.schema","fields":[
 {"name":"USER_ID","type":"string"},{"name":"AGE","type":"int"}],"version":"1.0"}"#;
/// Bought the first four lamps.
const ANNA: &str = "anna-who-leaves";

fn with_anna() -> String {
    let mut csv = walks();
    for place in 0..4 {
        csv += &format!("{ANNA},lamp{place},{},purchase,\n", 1_700_000_000 + 3_600 * place);
    }
    csv
}

async fn stall() -> Stall {
    let stall = Stall::open(&with_anna(), Some(&titles())).await;
    stall.shop.fill("Users", USERS, &format!("USER_ID,AGE\nu1,20\n{ANNA},30\nu2,40\n")).await;
    stall
}

fn works(stall: &Stall) {
    stall.shop.also_work(DataDeletionExecutor::new(stall.serving.clone(), stall.events.clone()));
}

async fn put(stall: &Stall, key: &str, text: &str) {
    let location = Location::parse(&format!("s3://shop-data/{key}")).unwrap();
    stall.shop.installation.buckets.write(&location, text.to_owned().into()).await.unwrap();
}

async fn create(stall: &Stall, name: &str, place: &str) -> DataDeletionJob {
    let request = json!({"jobName": name, "datasetGroupArn": stall.shop.group, "roleArn": "arn:aws:iam::1:role/r",
        "dataSource": {"dataLocation": format!("s3://shop-data/{place}")}});
    let request: CreateDataDeletionJob = serde_json::from_value(request).unwrap();
    stall.serving.create_data_deletion_job(request).await.unwrap()
}

async fn completed(stall: &Stall, job: &DataDeletionJob) -> DataDeletionReport {
    let run = stall.shop.installation.runs.wait(&job.run).await.unwrap();
    assert_eq!(run.state, RunState::Succeeded, "{:?}", run.message);
    run.result().unwrap()
}

async fn track(stall: &Stall) -> String {
    let new = CreateEventTracker { name: "clicks".into(), dataset_group_arn: stall.shop.group.clone() };
    stall.events.create_event_tracker(new).await.unwrap().tracking_id
}

async fn see(stall: &Stall, tracking_id: &str, user: Option<&str>, session: &str, item: &str) {
    let event = json!({"eventType": "purchase", "sentAt": 1_800_000_000, "itemId": item});
    let call = json!({"trackingId": tracking_id, "userId": user, "sessionId": session, "eventList": [event]});
    stall.events.put_events(serde_json::from_value::<PutEvents>(call).unwrap()).await.unwrap();
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Files in which the text stands as it is: of the log and the models.
fn naming(stall: &Stall, text: &str) -> Vec<PathBuf> {
    let folder = stall.shop.installation.folder.path();
    let holds = |path: &PathBuf| std::fs::read(path).unwrap().windows(text.len()).any(|bytes| bytes == text.as_bytes());
    let all = ["events", "artifacts"].into_iter().flat_map(|name| files(&folder.join(name)));
    all.filter(holds).collect()
}

async fn rows(stall: &Stall, kind: DatasetType) -> u64 {
    let dataset = stall.shop.datasets.find_dataset(&stall.shop.group, kind).await.unwrap().unwrap();
    stall.shop.datasets.contents(&dataset.dataset_arn).await.unwrap().rows()
}

fn without(version: &train::SolutionVersion, users: u64, events: u64) -> ModelWithout {
    ModelWithout { solution_version_arn: version.solution_version_arn.clone(), users, events }
}

fn places(interactions: u64, users: u64) -> BTreeMap<String, u64> {
    [("INTERACTIONS".to_owned(), interactions), ("ITEMS".to_owned(), 0), ("USERS".to_owned(), users)].into()
}

#[tokio::test]
async fn a_user_who_leaves_is_a_stranger_afterwards_and_in_no_file() {
    let stall = stall().await;
    let tracking_id = track(&stall).await;
    // One part of events that is flushed before the training, one event that is in the log and in memory only.
    see(&stall, &tracking_id, None, "session-of-anna", "lamp4").await;
    see(&stall, &tracking_id, Some(ANNA), "session-of-anna", "lamp5").await;
    see(&stall, &tracking_id, Some("u1"), "s1", "tea1").await;
    stall.events.flush().await.unwrap();
    let version = stall.shop.trained("likes", "aws-user-personalization").await;
    let campaign = stall.campaign(Stall::request("home", &version)).await.campaign_arn;
    see(&stall, &tracking_id, Some(ANNA), "session-of-anna", "lamp6").await;
    see(&stall, &tracking_id, None, "session-of-anna", "lamp7").await;
    see(&stall, &tracking_id, Some("u1"), "s1", "tea2").await;
    let new = CreateFilter {
        name: "bought".into(),
        dataset_group_arn: stall.shop.group.clone(),
        filter_expression: "EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN (\"purchase\")".into(),
    };
    let filter = stall.serving.create_filter(new).await.unwrap().filter_arn;
    stall.serving.refresh().await.unwrap();
    let unbought = |user: &str| {
        let filtered = GetRecommendations { filter_arn: Some(filter.clone()), ..super::ask(&campaign, user, 100) };
        stall.serving.get_recommendations(&filtered).unwrap().item_list.len()
    };
    let (of_u1, all) = (unbought("u1"), unbought("stranger"));
    assert_eq!(unbought(ANNA), all - 7, "the anonymous event after the last call with her name is not hers yet");
    assert_ne!(stall.items(&campaign, ANNA, 5), stall.items(&campaign, "stranger", 5));
    assert!(!naming(&stall, ANNA).is_empty());
    let (interactions, history) = (rows(&stall, DatasetType::Interactions).await, stall.items(&campaign, "u1", 5));

    works(&stall);
    put(&stall, "leave/list.csv", &format!("user_id\n{ANNA}\n{ANNA}\nnever-heard-of\n")).await;
    let report = completed(&stall, &create(&stall, "leave", "leave/").await).await;
    // Four imported, two flushed before and three since then, of which one is u1's.
    let expected = DataDeletionReport {
        files: 1,
        users: 2,
        num_deleted: 9,
        rows: places(8, 1),
        logged_events: 4,
        models: vec![without(&version, 1, 6)],
        rows_left: 0,
    };
    assert_eq!(report, expected);
    assert_eq!(rows(&stall, DatasetType::Interactions).await, interactions + 3 - 8);
    assert_eq!((unbought(ANNA), unbought("session-of-anna"), unbought("u1")), (all, all, of_u1));
    assert_eq!(stall.items(&campaign, ANNA, 5), stall.items(&campaign, "stranger", 5));
    assert_eq!(stall.items(&campaign, "u1", 5), history, "others are answered as before");
    for name in [ANNA, "session-of-anna"] {
        assert_eq!(naming(&stall, name), Vec::<PathBuf>::new());
        assert!(stall.events.live().get(&stall.shop.group, name).is_empty());
    }
    assert_eq!(stall.shop.training.model(&version.solution_version_arn).await.unwrap().deleted_users, 1);
    files_are_those_that_are_pointed_at(&stall, &version.solution_version_arn).await;
    // Nor does it come back with the log, and numbers of events go on.
    let folder = stall.shop.installation.folder.path().join("again");
    std::fs::create_dir_all(&folder).unwrap();
    for file in files(&stall.shop.installation.folder.path().join("events")) {
        std::fs::copy(&file, folder.join(file.file_name().unwrap())).unwrap();
    }
    let again = events::Events::open(&folder, stall.shop.datasets.clone(), events::Settings::default()).await.unwrap();
    assert!(again.live().get(&stall.shop.group, ANNA).is_empty());
    assert_eq!(again.live().get(&stall.shop.group, "u1").len(), 2);
    // Who comes back is somebody new.
    see(&stall, &tracking_id, Some(ANNA), "another", "book1").await;
    stall.events.flush().await.unwrap();
    assert_eq!(rows(&stall, DatasetType::Interactions).await, interactions + 3 - 8 + 1);
    stall.serving.refresh().await.unwrap();
    assert_eq!((unbought(ANNA), unbought("u1")), (all - 1, of_u1));
}

/// No part and no model lies about that nothing needs.
async fn files_are_those_that_are_pointed_at(stall: &Stall, version: &Arn) {
    let artifacts = &stall.shop.installation.artifacts;
    let mut expected = Vec::new();
    for dataset in stall.shop.datasets.list_datasets(Some(&stall.shop.group)).await.unwrap() {
        let contents = stall.shop.datasets.contents(&dataset.dataset_arn).await.unwrap();
        assert!(contents.retired.is_empty());
        expected.extend(contents.parts.iter().map(|part| artifacts.path(&part.name)));
    }
    let model = stall.shop.training.model(version).await.unwrap().value.artifacts;
    expected.extend(["manifest.json", "model.safetensors", "serving.safetensors"].map(|name| artifacts.path(&format!("{model}/{name}"))));
    let mut found = files(&stall.shop.installation.folder.path().join("artifacts"));
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn an_attempt_that_died_is_gone_on_with_and_nothing_is_counted_twice() {
    let stall = stall().await;
    let tracking_id = track(&stall).await;
    see(&stall, &tracking_id, Some(ANNA), "s", "lamp5").await;
    let version = stall.shop.trained("likes", "aws-user-personalization").await;
    put(&stall, "list.csv", &format!("USER_ID\n{ANNA}\n")).await;
    let job = create(&stall, "leave", "list.csv").await;
    let users = || [ANNA.to_owned()].into();
    // Dies after the datasets, then after the models.
    let first = stall.events.delete_users(&job.run, "died-1", &stall.shop.group, users()).await.unwrap();
    let second = stall.events.delete_users(&job.run, "died-2", &stall.shop.group, users()).await.unwrap();
    assert_eq!(first.deletion, second.deletion);
    let leavers = Leavers { users: users(), ..Leavers::default() };
    stall.shop.training.delete_users(&second.deletion, &leavers).await.unwrap();
    works(&stall);
    let report = completed(&stall, &job).await;
    assert_eq!((report.rows, report.logged_events), (places(5, 1), 1));
    assert_eq!(report.models, [without(&version, 1, 4)]);
    assert_eq!(naming(&stall, ANNA), Vec::<PathBuf>::new());
    files_are_those_that_are_pointed_at(&stall, &version.solution_version_arn).await;
    assert!(stall.shop.datasets.deletion(&job.run).await.unwrap().is_none(), "the sessions are forgotten with the record");
    let again = completed(&stall, &create(&stall, "leave-again", "list.csv").await).await;
    assert_eq!((again.num_deleted, again.logged_events, again.models.len()), (0, 0, 0));
}

#[tokio::test]
async fn it_waits_for_a_training_and_then_reaches_its_model() {
    let stall = stall().await;
    works(&stall);
    // Queued for nobody: a training that reads the group.
    let reader = stall.shop.installation.runs.submit(NewRun::new("nobody-does-this", "x")).await.unwrap();
    hold(&stall, &reader).await;
    put(&stall, "list.csv", &format!("USER_ID\n{ANNA}\n")).await;
    let job = create(&stall, "leave", "list.csv").await;
    let runs = &stall.shop.installation.runs;
    while runs.get(&job.run).await.unwrap().failed_attempts == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(rows(&stall, DatasetType::Users).await, 3, "nothing is half-visible");
    let view = stall.serving.get_data_deletion_job(&job.data_deletion_job_arn).await.unwrap();
    assert!(["PENDING", "IN_PROGRESS"].contains(&view.status()) && view.num_deleted().is_none());
    runs.stop(&reader).await.unwrap();
    assert_eq!(completed(&stall, &job).await.num_deleted, 5);
    let view = stall.serving.get_data_deletion_job(&job.data_deletion_job_arn).await.unwrap();
    assert_eq!((view.status(), view.num_deleted()), ("COMPLETED", Some(5)));
}

async fn hold(stall: &Stall, reader: &RunId) {
    let mut tx = stall.shop.installation.store.begin().await.unwrap();
    stall.shop.datasets.snapshot_in(&mut tx, &stall.shop.group, reader).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_list_that_cannot_be_read_whole_deletes_nothing() {
    let stall = stall().await;
    works(&stall);
    for (at, (text, expected)) in [
        ("USER_ID\n", "found a header and nothing below it"),
        ("NAME\nanna-who-leaves\n", "found none for USER_ID"),
        ("USER_ID,AGE\nanna-who-leaves,3\n,4\n", "line 3: expected a USER_ID, found none."),
        ("USER_ID,AGE\nanna-who-leaves\n", "line 2: expected a USER_ID, found another number of fields than in the header."),
    ]
    .into_iter()
    .enumerate()
    {
        put(&stall, "bad.csv", text).await;
        let job = create(&stall, &format!("bad-{at}"), "bad.csv").await;
        let run = stall.shop.installation.runs.wait(&job.run).await.unwrap();
        assert_eq!(run.state, RunState::Failed);
        let view = stall.serving.get_data_deletion_job(&job.data_deletion_job_arn).await.unwrap();
        assert_eq!(view.status(), "FAILED");
        assert!(view.failure_reason().unwrap().contains(expected), "{:?}", view.failure_reason());
    }
    assert_eq!(rows(&stall, DatasetType::Users).await, 3);
    assert_eq!(stall.serving.list_data_deletion_jobs(Some(&stall.shop.group)).await.unwrap().len(), 4);
}
