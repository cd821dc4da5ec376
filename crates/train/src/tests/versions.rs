use domain::{Arn, ErrorKind, RunState};
use serde_json::json;

use super::fixture::{Shop, titles, walks};
use crate::{Bundle, CreateSolutionVersion, MANIFEST_FILE, MODEL_FILE, Manifest, PERSONALIZE_METRICS, SERVING_FILE, TrainResult, Verdict};

fn version_of(solution: &crate::Solution) -> CreateSolutionVersion {
    CreateSolutionVersion { solution_arn: solution.solution_arn.clone(), name: None, training_mode: None, judge_beside: Vec::new() }
}

#[tokio::test]
async fn a_training_beats_best_sellers_where_there_is_a_pattern_and_leaves_files_that_load() {
    let shop = Shop::with(&walks(), Some(&titles())).await;
    let version = shop.trained("likes", "aws-user-personalization").await;
    let arn = &version.solution_version_arn;
    let metrics = shop.training.get_solution_metrics(arn).await.unwrap().metrics;
    assert_eq!(metrics.len(), PERSONALIZE_METRICS.len());
    assert!(PERSONALIZE_METRICS.iter().all(|name| metrics.contains_key(*name)), "{metrics:?}");
    let report = shop.training.report(arn).await.unwrap();
    assert_eq!(report.verdict(), Verdict::Beats, "{:?}", report.words());
    assert_eq!((report.users, report.items, report.next.users), (240, 61, 24));
    assert!(report.exclude_seen && report.repeat_share < 0.2, "{report:?}");
    let prefix = shop.training.model(arn).await.unwrap().value.artifacts;
    let read = async |name: &str| shop.installation.artifacts.read(&format!("{prefix}/{name}")).await.unwrap();
    let manifest = Manifest::load(&read(MANIFEST_FILE).await).unwrap();
    assert_eq!(manifest.report, report);
    assert_eq!(manifest.name_column.as_deref(), Some("TITLE"));
    assert_eq!(manifest.report.main_event_type.as_deref(), Some("purchase"));
    assert_eq!(manifest.search.len(), crate::DEFAULT_FITS);
    assert!(manifest.search.iter().any(|candidate| candidate.parameters["alpha"] == "1"));
    let bundle = Bundle::load(&read(SERVING_FILE).await).unwrap();
    assert_eq!(bundle.name(bundle.items.position("tea3").unwrap()), "The tea3, no. 3");
    assert_eq!(recipes::load(&read(MODEL_FILE).await).unwrap().n_items(), 61);
    let run = shop.installation.runs.get(&version.run).await.unwrap();
    assert_eq!(run.result::<TrainResult>().unwrap().report, report);
    let lines = shop.installation.runs.logs(&run.id, 0, 100).await.unwrap();
    assert!(lines.iter().any(|line| line.line.starts_with("Held out 24 of 240 users")), "{lines:?}");
    assert!(lines.iter().any(|line| line.line.starts_with("Of 100 customers")), "{lines:?}");
}

#[tokio::test]
async fn the_same_data_and_seed_give_the_same_bytes() {
    let shop = Shop::with(&walks(), None).await;
    let solution = shop.solution("likes", "aws-user-personalization").await;
    let mut files = Vec::new();
    for _ in 0..2 {
        let version = shop.train(&solution).await;
        let prefix = shop.training.model(&version.solution_version_arn).await.unwrap().value.artifacts;
        let read = async |name: &str| shop.installation.artifacts.read(&format!("{prefix}/{name}")).await.unwrap();
        files.push((prefix.clone(), read(MODEL_FILE).await, read(SERVING_FILE).await));
    }
    assert_ne!(files[0].0, files[1].0);
    assert!(files[0].1 == files[1].1 && files[0].2 == files[1].2);
}

#[tokio::test]
async fn best_sellers_and_recent_ones_can_be_trained_too() {
    let shop = Shop::with(&walks(), None).await;
    let best_sellers = shop.trained("best", "aws-popularity-count").await;
    let report = shop.training.report(&best_sellers.solution_version_arn).await.unwrap();
    assert_eq!(report.verdict(), Verdict::Baseline);
    assert_eq!(report.next.metrics, report.next.baseline);
    let recent = shop.trained("recent", "penchant-popular-recent").await;
    let prefix = shop.training.model(&recent.solution_version_arn).await.unwrap().value.artifacts;
    let manifest = shop.installation.artifacts.read(&format!("{prefix}/{MANIFEST_FILE}")).await.unwrap();
    let manifest = Manifest::load(&manifest).unwrap();
    assert_eq!(manifest.backing, "recent_popularity");
    assert!(manifest.parameters.contains_key("days"));
}

#[tokio::test]
async fn too_little_data_fails_with_what_was_expected_and_found() {
    let few = walks().lines().take(1 + 20 * 11).map(str::to_owned).collect::<Vec<_>>();
    let again = |day: usize| few[1..].iter().map(move |line| line.replace(",17", &format!(",1{}", 6 - day)) + "\n");
    let csv: String = [few[0].clone() + "\n"].into_iter().chain((0..5).flat_map(again)).collect();
    let shop = Shop::with(&csv, None).await;
    let version = shop.train(&shop.solution("likes", "aws-user-personalization").await).await;
    let view = shop.training.get_solution_version(&version.solution_version_arn).await.unwrap();
    assert_eq!(view.status(), "CREATE FAILED");
    assert_eq!(view.run.code.as_deref(), Some("TRAIN_TOO_FEW_USERS"));
    let reason = view.failure_reason().unwrap();
    assert!(reason.contains("at least 25 users with two or more interactions each; found 20 among 20 users"), "{reason}");
    let metrics = shop.training.get_solution_metrics(&version.solution_version_arn).await.unwrap_err();
    assert!(metrics.message.contains("is CREATE FAILED, not ACTIVE"), "{metrics}");
}

#[tokio::test]
async fn a_version_needs_interactions() {
    let shop = Shop::empty().await;
    let solution = shop.solution("likes", "aws-popularity-count").await;
    let error = shop.training.create_solution_version(version_of(&solution)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidInput);
    assert!(error.message.contains("needs an Interactions dataset"), "{error}");
    assert!(shop.training.list_solution_versions(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn only_the_events_asked_for_train() {
    let mut csv = walks();
    for line in walks().lines().skip(1).take(500) {
        csv.push_str(&line.replace("purchase,", "rating,2"));
        csv.push('\n');
    }
    let shop = Shop::with(&csv, None).await;
    let mut request = shop.request("bought", "aws-user-personalization");
    request.event_type = Some("Purchase".into());
    let solution = shop.training.create_solution(request).await.unwrap();
    let version = shop.train(&solution).await;
    assert_eq!(shop.training.report(&version.solution_version_arn).await.unwrap().interactions, 2640);
    let mut request = shop.request("rated", "aws-user-personalization");
    request.event_type = Some("rating".into());
    request.solution_config = serde_json::from_value(json!({"eventValueThreshold": "3"})).unwrap();
    let solution = shop.training.create_solution(request).await.unwrap();
    let version = shop.train(&solution).await;
    let view = shop.training.get_solution_version(&version.solution_version_arn).await.unwrap();
    let reason = view.failure_reason().unwrap();
    assert!(reason.contains("event type \"rating\" with a value of at least 3; found 0 among 3140"), "{reason}");
    assert!(reason.contains("(purchase 2640, rating 500)"), "{reason}");
}

#[tokio::test]
async fn a_pending_version_can_be_stopped_and_a_held_one_keeps_its_solution() {
    let shop = Shop::with(&walks(), None).await;
    let version = shop.trained("likes", "aws-popularity-count").await;
    let arn = &version.solution_version_arn;
    let stopped = shop.training.stop_solution_version_creation(arn).await.unwrap_err();
    assert!(stopped.message.contains("is ACTIVE"), "{stopped}");
    let campaign = Arn::parse("arn:aws:personalize:us-east-1:123456789012:campaign/shop").unwrap();
    let mut tx = shop.installation.store.begin().await.unwrap();
    shop.training.hold_version(&mut tx, arn, &campaign).await.unwrap();
    shop.training.hold_version(&mut tx, arn, &campaign).await.unwrap();
    tx.commit().await.unwrap();
    let held = shop.training.delete_solution(&version.solution_arn).await.unwrap_err();
    assert_eq!(held.kind, ErrorKind::InUse);
    assert!(held.message.contains("campaign/shop"), "{held}");
    let mut tx = shop.installation.store.begin().await.unwrap();
    shop.training.release_version(&mut tx, arn, &campaign).await.unwrap();
    tx.commit().await.unwrap();
    let folder = shop.installation.artifacts.path(&shop.training.model(arn).await.unwrap().value.artifacts);
    assert!(folder.join(MODEL_FILE).is_file());
    shop.training.delete_solution(&version.solution_arn).await.unwrap();
    assert!(!folder.join(MODEL_FILE).exists());
    assert_eq!(shop.training.get_solution_version(arn).await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn stopping_ends_a_training() {
    let shop = Shop::with(&walks(), None).await;
    let solution = shop.solution("likes", "aws-user-personalization").await;
    let version = shop.training.create_solution_version(version_of(&solution)).await.unwrap();
    shop.training.stop_solution_version_creation(&version.solution_version_arn).await.unwrap();
    let run = shop.installation.runs.wait(&version.run).await.unwrap();
    assert_eq!(run.state, RunState::Stopped);
    let view = shop.training.get_solution_version(&version.solution_version_arn).await.unwrap();
    assert_eq!(view.status(), "CREATE STOPPED");
    shop.training.delete_solution(&solution.solution_arn).await.unwrap();
}
