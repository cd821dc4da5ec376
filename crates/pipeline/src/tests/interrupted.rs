//! Killed and taken up again; two at once.

use std::time::Duration;

use ::runs::Registry;
use dataset::ImportExecutor;
use serde_json::json;
use serve::DeployExecutor;
use train::{TrainExecutor, TrainSettings};

use super::house::{House, parameters};
use crate::Outcome;

/// Waits until there are so many runs of a kind.
async fn until(house: &House, kind: &str, count: usize) {
    for _ in 0..2_000 {
        if house.count(kind).await >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{count} runs of kind {kind} were never there");
}

#[tokio::test]
async fn a_killed_run_goes_on_with_the_file_and_plan_that_it_began_with() {
    for kind in ["import", "train", "deploy"] {
        let house = House::with_clock(std::sync::Arc::new(domain::SystemClock)).await;
        house.wants(&parameters()).await;
        house.write("Interactions/events.csv", &super::fixture::walks()).await;
        house.pipeline("nightly").await;
        let plan = house.plan().await;
        let worker = house.work();
        let id = house.pipelines.start("nightly").await.unwrap();
        until(&house, kind, 1).await;
        worker.abort();
        let _ = worker.await;
        // Somebody changes the file meanwhile: that is the next run's.
        let mut wanted = parameters();
        wanted["campaigns"]["home"]["minProvisionedTPS"] = json!(7);
        house.wants(&wanted).await;
        house.work();
        let outcome: Outcome = house.ended(&id).await.succeeded().unwrap().result().unwrap();
        assert_eq!(outcome.steps, plan.steps, "killed at {kind}");
        assert_eq!((house.count("import").await, house.count("train").await, house.count("deploy").await), (1, 2, 1), "killed at {kind}");
        let kinds: Vec<String> = house.told().await.into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, ["pipeline.started", "pipeline.gate_decided", "pipeline.succeeded"], "killed at {kind}");
        assert!(house.plan().await.changes());
    }
}

#[tokio::test]
async fn one_run_works_on_a_dataset_group_and_the_next_reads_the_file_of_its_own_time() {
    let house = House::new().await;
    house.pipeline("other").await;
    let first = house.pipelines.start("nightly").await.unwrap();
    until(&house, "import", 1).await;
    let second = house.pipelines.start("other").await.unwrap();
    for _ in 0..400 {
        if house.log(&second).await.contains("Waits for run") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut wanted = parameters();
    wanted["campaigns"]["home"]["minProvisionedTPS"] = json!(7);
    house.wants(&wanted).await;
    let (first, second) = (house.ended(&first).await, house.ended(&second).await);
    assert!(second.ended >= first.ended);
    let (first, second): (Outcome, Outcome) = (first.result().unwrap(), second.result().unwrap());
    assert_ne!(first.file.unwrap().content, second.file.unwrap().content);
    assert_eq!((first.imports.len(), second.imports.len()), (1, 0));
}

#[tokio::test]
async fn a_deployment_that_somebody_asked_for_is_waited_for_and_kept() {
    let house = House::with_clock(std::sync::Arc::new(domain::SystemClock)).await;
    house.wants(&parameters()).await;
    house.write("Interactions/events.csv", &super::fixture::walks()).await;
    house.pipeline("nightly").await;
    let worker = house.work();
    house.succeeds().await;
    house.write("Interactions/events.csv", &(super::fixture::walks() + "u1,tea3,1800000000,purchase,\n")).await;
    house.succeeds().await;
    worker.abort();
    let _ = worker.await;
    house.write("Interactions/events.csv", &(super::fixture::walks() + "u1,tea4,1800000000,purchase,\n")).await;
    let id = house.pipelines.start("nightly").await.unwrap();
    let executor = &house.executor;
    let imports = ImportExecutor::new(executor.datasets.clone());
    house.installation.work(Registry::default().with(imports).with(executor.clone()));
    until(&house, "train", 6).await;
    let arn = house.executor.datasets.partition().personalize("campaign", "home");
    let back = house.executor.serving.rollback_campaign(&arn).await.unwrap().latest_campaign_update.unwrap();
    // Trained while nobody deploys: the way back is still under way when the run comes to the campaign.
    let training = TrainExecutor::new(executor.training.clone(), TrainSettings::default());
    house.installation.work(Registry::default().with(training));
    for _ in 0..6_000 {
        if house.log(&id).await.contains("which deploys campaign home.") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(house.log(&id).await.contains(&format!("Waits for run {}, which deploys campaign home.", back.run)));
    house.installation.work(Registry::default().with(DeployExecutor::new(executor.serving.clone())));
    let outcome: Outcome = house.ended(&id).await.succeeded().unwrap().result().unwrap();
    let [decision] = outcome.decisions.as_slice() else { panic!("{:?}", outcome.decisions) };
    assert_eq!((decision.outcome, decision.live_version_arn.as_ref()), (crate::Gate::Kept, Some(&back.solution_version_arn)));
    let serves = house.executor.serving.get_campaign(&arn).await.unwrap().campaign.value.solution_version_arn;
    assert_eq!(serves, back.solution_version_arn);
}

#[tokio::test]
async fn a_stopped_run_leaves_the_turn_to_the_next() {
    let house = House::new().await;
    let id = house.pipelines.start("nightly").await.unwrap();
    until(&house, "train", 1).await;
    house.installation.runs.stop(&id).await.unwrap();
    assert_eq!(house.ended(&id).await.state, domain::RunState::Stopped);
    house.succeeds().await;
    assert_eq!(house.serves().await, "likes");
}
