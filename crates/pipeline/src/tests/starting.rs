//! New versions of the parameters and schedules in them start runs.

use domain::Timestamp;
use serde_json::json;
use testkit::ManualClock;

use super::fixture::walks;
use super::house::{House, parameters};
use crate::pipelines::Input;
use crate::{Pipeline, Scope};

#[tokio::test]
async fn a_new_version_of_the_file_starts_one_run() {
    let house = House::with_clock(std::sync::Arc::new(domain::SystemClock)).await;
    house.pipeline("nightly").await;
    assert!(house.watch.tick().await.unwrap().is_empty(), "there is no file yet");
    house.wants(&parameters()).await;
    assert_eq!(house.watch.tick().await.unwrap().len(), 1);
    assert!(house.watch.tick().await.unwrap().is_empty());
    house.wants(&json!({"broken": true})).await;
    let started = house.watch.tick().await.unwrap();
    assert_eq!(started.len(), 1, "the run says what is wrong with it");
    // A run that begins reads what is current, so that needs no other.
    house.write("Interactions/events.csv", &walks()).await;
    house.wants(&parameters()).await;
    house.work();
    house.succeeds().await;
    assert!(house.watch.tick().await.unwrap().is_empty());
    let mut pipeline = house.pipelines.get("nightly").await.unwrap().value;
    pipeline.run_on_change = false;
    house.pipelines.put(pipeline).await.unwrap();
    house.wants(&json!({})).await;
    assert!(house.watch.tick().await.unwrap().is_empty());
}

#[tokio::test]
async fn parameters_in_the_project_file_start_a_run_when_they_change() {
    let house = House::with_clock(std::sync::Arc::new(domain::SystemClock)).await;
    let mut pipeline: Pipeline = serde_json::from_value(json!({"Name": "nightly", "Parameters": parameters()})).unwrap();
    assert!(pipeline.run_on_change);
    house.pipelines.put(pipeline.clone()).await.unwrap();
    assert!(house.watch.tick().await.unwrap().is_empty());
    pipeline.parameters = Some(json!({"datasetGroup": {"name": "other"}}));
    house.pipelines.put(pipeline.clone()).await.unwrap();
    assert_eq!(house.watch.tick().await.unwrap().len(), 1);
    // Going back to what was there before is a change too.
    for parameters in [parameters(), json!({"datasetGroup": {"name": "other"}})] {
        pipeline.parameters = Some(parameters);
        house.pipelines.put(pipeline.clone()).await.unwrap();
        assert_eq!(house.watch.tick().await.unwrap().len(), 1);
        assert!(house.watch.tick().await.unwrap().is_empty());
    }
    assert_eq!(house.count(crate::RUN_KIND).await, 3, "each has a run of its own");
    pipeline.parameter_file = "params.json".into();
    assert!(house.pipelines.put(pipeline).await.unwrap_err().message.contains("found both"));
}

#[tokio::test]
async fn schedules_in_the_file_start_parts_once_however_long_nobody_looked() {
    let clock = ManualClock::at(1_700_000_000_000);
    let house = House::with_clock(clock.clone()).await;
    let mut wanted = parameters();
    wanted["schedules"] = json!({"import": "rate(6 hours)"});
    wanted["solutions"]["likes"]["schedules"] = json!({"full": "cron(0 2 * * ? *)", "update": "rate(2 hours)"});
    house.wants(&wanted).await;
    house.pipeline("nightly").await;
    assert!(house.watch.tick().await.unwrap().is_empty(), "a schedule counts from when it is first seen");
    clock.advance(3 * 3_600_000);
    let started = house.watch.tick().await.unwrap();
    let scope = async |id| house.installation.runs.get(id).await.unwrap().input::<Input>().unwrap().scope;
    assert_eq!((started.len(), scope(&started[0]).await), (1, Scope::Update { solution: "likes".into() }));
    assert!(house.watch.tick().await.unwrap().is_empty());
    clock.advance(72 * 3_600_000);
    let started = house.watch.tick().await.unwrap();
    let scopes = [scope(&started[0]).await, scope(&started[1]).await];
    assert_eq!(scopes, [Scope::Import, Scope::Train { solution: "likes".into() }], "the update of before is still waiting");
    assert_eq!(started.len(), 2);
    assert!(house.watch.tick().await.unwrap().is_empty());
    assert!(Timestamp(0) < house.installation.store.clock().now());
    // A rate keeps its beat, however late somebody looked: this one is due at 78 hours, looked at after 75.
    let all = house.installation.runs.list(&::runs::Filter::default(), 10).await.unwrap();
    for run in all {
        house.installation.runs.stop(&run.id).await.unwrap();
    }
    clock.advance(3 * 3_600_000);
    house.watch.tick().await.unwrap();
    let queued = ::runs::Filter { state: Some(domain::RunState::Queued), ..::runs::Filter::default() };
    let again = house.installation.runs.list(&queued, 10).await.unwrap();
    let scopes: Vec<Scope> = again.iter().map(|run| run.input::<Input>().unwrap().scope).collect();
    assert!(scopes.contains(&Scope::Import), "{scopes:?}");
}

#[tokio::test]
async fn a_schedule_that_has_fired_leaves_its_file_usable() {
    // 2026-11-30, a day before the schedule's only occurrence.
    let clock = ManualClock::at(1_796_000_000_000);
    let house = House::with_clock(clock.clone()).await;
    let mut wanted = parameters();
    wanted["schedules"] = json!({"import": "cron(0 2 1 12 ? 2026)"});
    wanted["solutions"]["likes"]["schedules"] = json!({"full": "rate(2 days)"});
    house.wants(&wanted).await;
    house.pipeline("nightly").await;
    let plan = async || house.executor.planner().plan(&house.pipelines.get("nightly").await.unwrap(), &Scope::All).await;
    plan().await.unwrap();
    assert!(house.watch.tick().await.unwrap().is_empty());
    clock.advance(3 * 86_400_000);
    // A watch that reads the file only now finds both schedules in it.
    let watch = crate::Watch::new(house.pipelines.clone(), std::time::Duration::from_millis(10));
    assert_eq!(watch.tick().await.unwrap().len(), 2);
    let source = crate::source::Source::read(house.pipelines.buckets(), &house.pipelines.get("nightly").await.unwrap()).await.unwrap();
    assert_eq!(source.wanted().unwrap().import_schedule.as_deref(), Some("cron(0 2 1 12 ? 2026)"));
    // Who asks for a plan is told that it is over.
    assert!(plan().await.unwrap_err().message.contains("schedules.import: expected a schedule that fires"));
}

#[tokio::test]
async fn a_part_does_its_part_only() {
    let house = House::new().await;
    let part = house.pipelines.start_part("nightly", Scope::Train { solution: "likes".into() }).await.unwrap();
    let message = house.ended(&part).await.message.unwrap();
    assert!(message.contains("dataset group shop: it does not exist yet: run the whole pipeline first."), "{message}");
    house.succeeds().await;
    let part = house.pipelines.start_part("nightly", Scope::Train { solution: "likes".into() }).await.unwrap();
    let outcome: crate::Outcome = house.ended(&part).await.succeeded().unwrap().result().unwrap();
    assert_eq!((outcome.imports.len(), outcome.trained.len(), outcome.decisions.len()), (0, 1, 1));
    assert_eq!((house.count("import").await, house.count("train").await), (1, 3));
    let part = house.pipelines.start_part("nightly", Scope::Import).await.unwrap();
    house.ended(&part).await.succeeded().unwrap();
    assert_eq!((house.count("import").await, house.count("train").await), (1, 3), "the files are the same");
    house.write("Interactions/events.csv", &(walks() + "u1,tea3,1800000000,purchase,\n")).await;
    let part = house.pipelines.start_part("nightly", Scope::Import).await.unwrap();
    house.ended(&part).await.succeeded().unwrap();
    assert_eq!((house.count("import").await, house.count("train").await), (2, 3));
    // What the part imported the whole need not import again, but is to be trained on.
    let outcome = house.succeeds().await;
    assert_eq!((outcome.imports.len(), outcome.trained.len()), (0, 2));
    // A changed file is still to be carried out as a whole after a part has read it.
    assert!(house.watch.tick().await.unwrap().is_empty());
    let mut wanted = parameters();
    wanted["campaigns"]["home"]["minProvisionedTPS"] = json!(7);
    house.wants(&wanted).await;
    let part = house.pipelines.start_part("nightly", Scope::Import).await.unwrap();
    house.ended(&part).await.succeeded().unwrap();
    let [whole] = house.watch.tick().await.unwrap().try_into().unwrap();
    house.ended(&whole).await.succeeded().unwrap();
    assert!(!house.plan().await.changes());
}

#[tokio::test]
async fn an_update_keeps_the_settings_of_the_last_full_training_and_waits_for_new_data() {
    let house = House::new().await;
    let mut wanted = parameters();
    house.wants(&wanted).await;
    let first = house.succeeds().await.trained;
    let update = async || {
        let part = house.pipelines.start_part("nightly", Scope::Update { solution: "likes".into() }).await.unwrap();
        let outcome: crate::Outcome = house.ended(&part).await.succeeded().unwrap().result().unwrap();
        outcome
    };
    let version = async |arn: &domain::Arn| house.executor.training.get_solution_version(arn).await.unwrap().version.value;
    assert!(update().await.trained.is_empty(), "nothing is new");
    house.write("Interactions/events.csv", &(walks() + "u1,tea3,1800000000,purchase,\n")).await;
    let part = house.pipelines.start_part("nightly", Scope::Import).await.unwrap();
    house.ended(&part).await.succeeded().unwrap();
    let outcome = update().await;
    assert_eq!((outcome.trained.len(), outcome.decisions.len()), (1, 1));
    let updated = version(&outcome.trained[0].solution_version_arn).await;
    let likes = first.iter().find(|trained| trained.key == "likes").unwrap();
    assert_eq!((updated.training_mode.as_str(), updated.keeps.as_ref()), ("UPDATE", Some(&likes.solution_version_arn)));
    assert!(update().await.trained.is_empty(), "the update has seen what was new");
    // On its own schedule a training is a full one.
    let part = house.pipelines.start_part("nightly", Scope::Train { solution: "likes".into() }).await.unwrap();
    let outcome: crate::Outcome = house.ended(&part).await.succeeded().unwrap().result().unwrap();
    assert_eq!(version(&outcome.trained[0].solution_version_arn).await.training_mode, "FULL");
    // A file that changed trains again without new data, which no update could do.
    wanted["campaigns"]["home"]["minProvisionedTPS"] = json!(3);
    house.wants(&wanted).await;
    assert_eq!(version(&house.succeeds().await.trained[0].solution_version_arn).await.training_mode, "FULL");
}
