//! Solutions that are trained again: by themselves, and with the settings of an earlier version.

use domain::Timestamp;
use serde_json::{Value, json};

use super::fixture::{Shop, walks};
use crate::{CreateSolutionVersion, Solution, UpdateSolution, VersionView};

const DAY_MS: i64 = 86_400_000;

async fn automatic(shop: &Shop, config: Value) -> domain::Result<Solution> {
    let mut request = serde_json::to_value(shop.request("likes", "aws-user-personalization")).unwrap();
    request["performAutoTraining"] = true.into();
    request["solutionConfig"] = config;
    shop.training.create_solution(serde_json::from_value(request).unwrap()).await
}

fn mode(solution: &Solution, mode: &str) -> CreateSolutionVersion {
    let solution_arn = solution.solution_arn.clone();
    CreateSolutionVersion { solution_arn, name: None, training_mode: Some(mode.into()), judge_beside: Vec::new() }
}

impl Shop {
    async fn due(&self, days: i64) -> usize {
        let now: Timestamp = self.installation.store.clock().now();
        self.training.train_what_is_due(now.plus_ms(days * DAY_MS)).await.unwrap()
    }

    async fn newest(&self, solution: &Solution) -> VersionView {
        let view = self.training.latest_version(&solution.solution_arn).await.unwrap().unwrap();
        self.installation.runs.wait(&view.run.id).await.unwrap().succeeded().unwrap();
        self.training.get_solution_version(&view.version.solution_version_arn).await.unwrap()
    }

    async fn more(&self, name: &str, lines: &str) {
        let dataset = self.datasets.find_dataset(&self.group, dataset::DatasetType::Interactions).await.unwrap().unwrap();
        self.import(&dataset, name, &(walks() + lines)).await;
    }
}

#[tokio::test]
async fn a_solution_trains_by_itself_when_it_is_due_and_its_data_are_new() {
    let shop = Shop::with(&walks(), None).await;
    let solution = automatic(&shop, json!({"autoTrainingConfig": {"schedulingExpression": "rate(2 days)"}})).await.unwrap();
    shop.solution("by-hand", "aws-popularity-count").await;
    assert_eq!(shop.due(0).await, 1, "the first training waits for nothing");
    assert_eq!(shop.due(3).await, 0, "it is under way, or its data are the same");
    let first = shop.newest(&solution).await;
    assert_eq!((first.version.training_type.as_str(), first.version.training_mode.as_str()), ("AUTOMATIC", "FULL"));
    assert_eq!(shop.due(3).await, 0, "nothing is new");
    shop.more("more", "u1,tea3,1700000000,purchase,\n").await;
    assert_eq!(shop.due(1).await, 0, "its version is young");
    assert_eq!(shop.due(2).await, 1);
    let second = shop.newest(&solution).await;
    assert_ne!(first.version.solution_version_arn, second.version.solution_version_arn);
    assert!(second.version.judge_beside.is_empty(), "nothing serves");

    // What is used is judged beside the new one; and what is told to rest rests.
    let mut tx = shop.installation.store.begin().await.unwrap();
    let campaign = domain::arn::Partition::default().personalize("campaign", "home");
    shop.training.hold_version(&mut tx, &first.version.solution_version_arn, &campaign).await.unwrap();
    tx.commit().await.unwrap();
    shop.more("still-more", "u2,tea3,1700000000,purchase,\nu3,tea3,1700000000,purchase,\n").await;
    let change = |on: bool, config: Value| -> UpdateSolution {
        let arn = &solution.solution_arn;
        serde_json::from_value(json!({"solutionArn": arn, "performAutoTraining": on, "solutionUpdateConfig": config})).unwrap()
    };
    let slower = json!({"autoTrainingConfig": {"schedulingExpression": "rate(30 days)"}});
    let refused = shop.training.update_solution(change(false, slower.clone())).await.unwrap_err();
    assert_eq!(refused.message, "solutionConfig.autoTrainingConfig needs performAutoTraining; found false.");
    shop.training.update_solution(change(false, Value::Null)).await.unwrap();
    assert_eq!(shop.due(100).await, 0, "it was told to rest");
    shop.training.update_solution(change(true, slower)).await.unwrap();
    assert_eq!((shop.due(29).await, shop.due(30).await), (0, 1));
    let third = shop.newest(&solution).await;
    assert_eq!(third.version.judge_beside, std::slice::from_ref(&first.version.solution_version_arn));
    assert_eq!(shop.training.report(&third.version.solution_version_arn).await.unwrap().rivals.len(), 1);
}

#[tokio::test]
async fn a_solution_without_data_waits_and_wrong_schedules_are_refused() {
    let shop = Shop::empty().await;
    automatic(&shop, json!({})).await.unwrap();
    assert_eq!(shop.due(100).await, 0);
    for found in ["rate(0 days)", "rate(31 days)", "rate(2 hours)", "cron(0 0 * * ? *)", ""] {
        let error = automatic(&shop, json!({"autoTrainingConfig": {"schedulingExpression": found}})).await.unwrap_err();
        let expected = format!("autoTrainingConfig.schedulingExpression is rate(n days) with n from 1 to 30; found {found:?}.");
        assert_eq!(error.message, expected);
    }
}

#[tokio::test]
async fn an_update_keeps_what_the_last_search_found_and_learns_what_is_new() {
    let shop = Shop::with(&walks(), None).await;
    let solution = shop.solution("likes", "aws-user-personalization").await;
    let error = shop.training.create_solution_version(mode(&solution, "UPDATE")).await.unwrap_err();
    assert!(error.message.contains("\"likes\" has none: train with FULL first"), "{error}");
    let full = shop.train(&solution).await;
    let error = shop.training.create_solution_version(mode(&solution, "UPDATE")).await.unwrap_err();
    assert!(error.message.starts_with("There is no new data since version likes/"), "{error}");
    let new: String = (0..200).map(|user| format!("u{user},brand-new,1700900000,purchase,\n")).collect();
    shop.more("more", &new).await;
    let version = shop.training.create_solution_version(mode(&solution, "UPDATE")).await.unwrap();
    let run = shop.installation.runs.wait(&version.run).await.unwrap();
    run.succeeded().unwrap();
    assert_eq!((version.training_mode.as_str(), version.keeps.as_ref()), ("UPDATE", Some(&full.solution_version_arn)));
    let manifests = [&full, &version].map(|version| async { shop.training.manifest(&version.solution_version_arn).await.unwrap() });
    let [before, after] = manifests;
    let (before, after) = (before.await, after.await);
    assert_eq!((&before.backing, &before.parameters), (&after.backing, &after.parameters));
    assert!(after.search.is_empty() && !before.search.is_empty());
    assert_eq!((before.report.items, after.report.items), (60, 61));
    let lines = shop.installation.runs.logs(&version.run, 0, 100).await.unwrap();
    let told = lines.iter().find(|line| line.line.starts_with("An update: the settings are those")).unwrap();
    assert!(told.line.ends_with("nothing was searched."), "{}", told.line);
    assert_eq!(after.report.decision, std::slice::from_ref(&told.line));
    // The next update keeps what was searched, not what was kept.
    shop.more("still-more", &new.replace("1700900000", "1700900001")).await;
    let next = shop.training.create_solution_version(mode(&solution, "UPDATE")).await.unwrap();
    assert_eq!(next.keeps.as_ref(), Some(&full.solution_version_arn));
    assert!(shop.training.create_solution_version(mode(&solution, "HALF")).await.unwrap_err().message.contains("FULL or UPDATE"));
}
