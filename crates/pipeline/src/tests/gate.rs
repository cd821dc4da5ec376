//! A new version replaces the one that serves only if it is good enough.

use std::collections::BTreeMap;

use domain::Arn;
use serde_json::json;
use train::{Difference, Judgement, Report, RivalJudgement, RivalWay};

use super::house::{House, parameters};
use crate::gate::{Candidate, decide};
use crate::{Decision, Gate, QualityGate};

fn arn(id: &str) -> Arn {
    domain::arn::Partition::default().personalize("solution", id)
}

/// Figures of the new version, the live one and best-sellers.
fn report(recipe: &str, new: f64, live: Option<f64>, popularity: f64) -> Report {
    let metric = |value: f64| BTreeMap::from([(QualityGate::default().metric, value)]);
    let difference = Difference { mean: 0.1, low: 0.05, high: 0.15, p_value: 0.01 };
    let rival = live.map(|live| RivalJudgement {
        rival_arn: arn("likes/1"),
        way: RivalWay::AsItServes,
        users: 40,
        metrics: metric(new),
        rival: metric(live),
        baseline: metric(popularity),
        difference,
    });
    Report {
        recipe: recipe.into(),
        users: 400,
        items: 60,
        interactions: 4000,
        main_event_type: None,
        next: Judgement {
            users: 40,
            metrics: metric(new),
            baseline: metric(popularity),
            difference,
            figures: BTreeMap::new(),
            segments: Vec::new(),
        },
        coming: None,
        exclude_seen: true,
        decision: Vec::new(),
        best_recipe_arn: None,
        repeat_share: 0.0,
        rivals: rival.into_iter().collect(),
        insights: Vec::new(),
    }
}

/// The decision about a version that was trained while `likes/1` served.
fn decided(gate: &QualityGate, version: &str, report: &Report, live: Option<&Arn>) -> Decision {
    decide(gate, "home", &Candidate { version: &arn(version), report, beside: &[arn("likes/1")] }, live)
}

#[test]
fn the_threshold_decides_and_the_words_say_why() {
    let live = arn("likes/1");
    let cases = [
        (0.30, Some(0.30), 0.1, Gate::Passed, "good enough"),
        (0.286, Some(0.30), 0.1, Gate::Passed, "good enough"),
        (0.284, Some(0.30), 0.1, Gate::Kept, "is worse than the live version by more than 5.0 %: the old one goes on serving."),
        (0.30, Some(0.20), 0.31, Gate::Kept, "is worse than best-sellers: the old one"),
        (0.10, Some(0.20), 0.31, Gate::Kept, "by more than 5.0 % and worse than best-sellers"),
        (0.30, None, 0.1, Gate::Passed, "the live version could not be judged, because its files could not be read. The new"),
    ];
    for (new, served, popularity, expected, words) in cases {
        let report = report("aws-user-personalization", new, served, popularity);
        let decision = decided(&QualityGate::default(), "likes/2", &report, Some(&live));
        assert_eq!(decision.outcome, expected, "{decision:?}");
        assert!(decision.words.contains(words), "{words:?} in {:?}", decision.words);
    }
    let first = decided(&QualityGate::default(), "likes/2", &report("aws-user-personalization", 0.1, None, 0.3), None);
    assert!(
        first.outcome == Gate::First && first.words.ends_with("It is worse than best-sellers, and serves because nothing served before.")
    );
    let lift = QualityGate { min_lift_over_popularity: 0.5, max_drop: 1.0, ..QualityGate::default() };
    let figures = report("aws-user-personalization", 0.14, Some(0.3), 0.1);
    assert_eq!(decided(&lift, "likes/2", &figures, Some(&live)).outcome, Gate::Kept);
    // Best-sellers are not asked to be better than themselves.
    let figures = report("aws-popularity-count", 0.1, Some(0.1), 0.1);
    assert_eq!(decided(&lift, "popular/2", &figures, Some(&live)).outcome, Gate::Passed);
}

#[test]
fn a_live_version_that_was_changed_during_the_training_goes_on_serving() {
    let figures = report("aws-user-personalization", 0.30, Some(0.10), 0.1);
    let decision = decided(&QualityGate::default(), "likes/3", &figures, Some(&arn("likes/0")));
    assert_eq!((decision.outcome, decision.live), (Gate::Kept, None), "{decision:?}");
    let words = "The live version changed to likes/0 while the new one was trained and was not judged beside it: it goes on serving.";
    assert!(decision.words.ends_with(words), "{}", decision.words);
    // What somebody let serve already is not held back from itself.
    assert_eq!(decided(&QualityGate::default(), "likes/3", &figures, Some(&arn("likes/3"))).outcome, Gate::Passed);
}

#[tokio::test]
async fn a_worse_version_does_not_replace_the_live_one_unless_the_file_lets_it() {
    let house = House::new().await;
    house.succeeds().await;
    assert_eq!(house.serves().await, "likes");
    let mut wanted = parameters();
    wanted["campaigns"]["home"]["solution"] = json!("popular");
    house.wants(&wanted).await;
    let run = house.run().await.succeeded().unwrap();
    let outcome: crate::Outcome = run.result().unwrap();
    let [decision] = outcome.decisions.as_slice() else { panic!("{:?}", outcome.decisions) };
    assert_eq!(decision.outcome, Gate::Kept, "{decision:?}");
    assert!(decision.new < decision.live.unwrap(), "{decision:?}");
    assert_eq!(house.serves().await, "likes");
    assert!(house.log(&run.id).await.contains("the old one goes on serving."));
    let told = house.told().await;
    let (_, decided) = told.iter().rfind(|(kind, _)| kind == "pipeline.gate_decided").unwrap();
    assert_eq!(decided["decision"]["outcome"], "kept");
    // What was refused stays refused: nothing is new.
    assert!(!house.plan().await.changes());

    wanted["qualityGate"] = json!({"maxDrop": 1.0, "minLiftOverPopularity": -1});
    house.wants(&wanted).await;
    assert_eq!(house.succeeds().await.decisions[0].outcome, Gate::Passed);
    assert_eq!(house.serves().await, "popular");
    // And back by one call; the next run leaves that alone.
    let arn = house.executor.datasets.partition().personalize("campaign", "home");
    let back = house.executor.serving.rollback_campaign(&arn).await.unwrap();
    house.ended(&back.latest_campaign_update.unwrap().run).await.succeeded().unwrap();
    assert_eq!(house.serves().await, "likes");
    house.succeeds().await;
    assert_eq!(house.serves().await, "likes");
}
