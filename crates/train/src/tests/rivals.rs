//! A version that serves is judged on the hold-out of the new one.

use bytes::Bytes;
use serde_json::{Value, json};

use super::fixture::{Shop, walks};
use crate::{CreateSolutionVersion, MANIFEST_FILE, Report, RivalWay, Solution, SolutionVersion};

impl Shop {
    pub(super) async fn train_beside(&self, solution: &Solution, rival: &SolutionVersion) -> Report {
        let judge_beside = vec![rival.solution_version_arn.clone()];
        let request = CreateSolutionVersion { solution_arn: solution.solution_arn.clone(), name: None, training_mode: None, judge_beside };
        let version = self.training.create_solution_version(request).await.unwrap();
        self.installation.runs.wait(&version.run).await.unwrap().succeeded().unwrap();
        self.training.report(&version.solution_version_arn).await.unwrap()
    }
}

/// [`walks`] of twice as many users, and how many of the eleven days of each.
fn many_walks(days: usize) -> String {
    let csv = walks();
    let mut lines = csv.lines();
    let header = lines.next().unwrap().to_owned();
    let kept = lines.enumerate().filter(|(at, _)| at % 11 < days).map(|(_, line)| line);
    let twice = kept.flat_map(|line| [line.to_owned(), line.replacen('u', "v", 1)]);
    std::iter::once(header).chain(twice).collect::<Vec<_>>().join("\n") + "\n"
}

#[tokio::test]
async fn on_unchanged_data_the_same_solution_is_as_good_as_itself() {
    let shop = Shop::with(&walks(), None).await;
    let solution = shop.solution("likes", "aws-user-personalization").await;
    let first = shop.train(&solution).await;
    let report = shop.train_beside(&solution, &first).await;
    let beside = &report.rivals[0];
    assert_eq!((beside.way, &beside.rival_arn), (RivalWay::FittedAgain, &first.solution_version_arn));
    assert_eq!((&beside.metrics, &beside.rival, beside.users), (&report.next.metrics, &report.next.metrics, report.next.users));
    assert_eq!(beside.baseline, report.next.baseline);
    assert!(beside.difference.mean.abs() < 1e-12, "{beside:?}");
}

#[tokio::test]
async fn a_model_that_knows_less_is_seen_to_be_worse_on_what_happened_since() {
    let shop = Shop::with(&many_walks(8), None).await;
    let best_sellers = shop.trained("best", "aws-popularity-count").await;
    let likes = shop.solution("likes", "aws-user-personalization").await;
    let older = shop.train(&likes).await;
    let dataset = shop.datasets.find_dataset(&shop.group, dataset::DatasetType::Interactions).await.unwrap().unwrap();
    shop.import(&dataset, "later", &many_walks(11)).await;
    let report = shop.train_beside(&likes, &best_sellers).await;
    let beside = &report.rivals[0];
    assert_eq!(beside.way, RivalWay::AsItServes);
    assert!(beside.users >= 30, "{beside:?}");
    assert!(beside.difference.low > 0.0, "{beside:?}");
    // Against itself of some days ago nothing can be said beyond chance.
    let beside = shop.train_beside(&likes, &older).await.rivals.remove(0);
    assert_eq!(beside.way, RivalWay::AsItServes);
    assert!(beside.difference.mean.abs() < 0.2, "{beside:?}");
}

#[tokio::test]
async fn a_version_whose_files_are_gone_does_not_forbid_a_training() {
    let shop = Shop::with(&walks(), None).await;
    let solution = shop.solution("best", "aws-popularity-count").await;
    let first = shop.train(&solution).await;
    let artifacts = shop.training.model(&first.solution_version_arn).await.unwrap().value.artifacts;
    shop.training.artifacts().delete(&artifacts).await.unwrap();
    assert_eq!(shop.train_beside(&solution, &first).await.rivals, []);
}

#[tokio::test]
async fn a_version_that_cannot_be_judged_is_told_of_and_does_not_forbid_a_training() {
    let shop = Shop::with(&walks(), None).await;
    let solution = shop.solution("recent", "penchant-popular-recent").await;
    let first = shop.train(&solution).await;
    let artifacts = shop.training.model(&first.solution_version_arn).await.unwrap().value.artifacts;
    let file = format!("{artifacts}/{MANIFEST_FILE}");
    let mut manifest: Value = serde_json::from_slice(&shop.training.artifacts().read(&file).await.unwrap()).unwrap();
    // As if a later program had written it: it can be read, but not be fitted again.
    manifest["parameters"] = json!({"days": "many"});
    shop.training.artifacts().delete(&file).await.unwrap();
    shop.training.artifacts().write(&file, Bytes::from(manifest.to_string())).await.unwrap();
    let judge_beside = vec![first.solution_version_arn.clone()];
    let request = CreateSolutionVersion { solution_arn: solution.solution_arn, name: None, training_mode: None, judge_beside };
    let version = shop.training.create_solution_version(request).await.unwrap();
    shop.installation.runs.wait(&version.run).await.unwrap().succeeded().unwrap();
    assert_eq!(shop.training.report(&version.solution_version_arn).await.unwrap().rivals, []);
    let log = shop.installation.runs.logs(&version.run, 0, 1_000).await.unwrap();
    let told = format!("{} cannot be judged beside the new version: ", first.solution_version_arn);
    assert!(log.iter().any(|line| line.level == "warn" && line.line.starts_with(&told)), "{log:?}");
}
