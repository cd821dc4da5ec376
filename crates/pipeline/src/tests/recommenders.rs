//! Recommenders of a parameter file.

use std::time::Duration;

use domain::Arn;
use serde_json::{Value, json};

use super::fixture::shopping;
use super::forms::avro;
use super::house::House;
use crate::{Action, Gate, Outcome, Plan, Stage};

/// A shop of domain ECOMMERCE with nothing but two recommenders.
fn parameters() -> Value {
    let fields = [("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long"), ("EVENT_TYPE", "string")];
    let recommender = |name: &str, recipe: &str| json!({"name": name, "recipeArn": Arn::recipe(recipe)});
    json!({
        "datasetGroup": {"name": "shop", "domain": "ECOMMERCE"},
        "datasets": {"Interactions": {"name": "shop-events", "schema": avro("Interactions", &fields)}},
        "recommenders": [
            recommender("viewed", "aws-ecomm-popular-items-by-views"),
            recommender("for-you", "aws-ecomm-recommended-for-you"),
        ],
    })
}

async fn open() -> House {
    let house = House::with_clock(std::sync::Arc::new(domain::SystemClock)).await;
    house.wants(&parameters()).await;
    house.write("Interactions/events.csv", &shopping()).await;
    house.pipeline("nightly").await;
    house
}

fn steps(plan: &Plan) -> Vec<(&str, Action)> {
    plan.of(Stage::Recommender).map(|step| (step.name.as_str(), step.action)).collect()
}

#[tokio::test]
async fn recommenders_are_made_kept_and_trained_again_through_the_gate() {
    let house = open().await;
    house.work();
    let plan = house.plan().await;
    assert_eq!(steps(&plan), [("viewed", Action::Create), ("for-you", Action::Create)]);
    let first = house.succeeds().await;
    assert_eq!((first.steps, first.recommenders.len(), first.decisions.len()), (plan.steps, 2, 0));
    let serving = &house.executor.serving;
    let recommenders = serving.list_recommenders(None).await.unwrap();
    assert!(recommenders.iter().all(|view| view.status() == "ACTIVE"));
    let plan = house.plan().await;
    assert!(!plan.changes(), "{plan:#?}");
    assert_eq!(house.succeeds().await.recommenders, first.recommenders);

    house.write("Interactions/events.csv", &(shopping() + "u1,tea3,1800000000,view\n")).await;
    assert_eq!(steps(&house.plan().await), [("viewed", Action::Update), ("for-you", Action::Update)]);
    let second = house.succeeds().await;
    let decided: Vec<(&str, Gate)> = second.decisions.iter().map(|one| (one.campaign.as_str(), one.outcome)).collect();
    assert_eq!(decided, [("recommender viewed", Gate::Passed), ("recommender for-you", Gate::Passed)]);
    assert!(second.recommenders.iter().zip(&first.recommenders).all(|(now, before)| now.0 == before.0 && now.1 != before.1));
    assert!(!house.plan().await.changes());

    // Settings reach a recommender whose new version the gate refuses.
    let mut wanted = parameters();
    wanted["recommenders"][0]["recommenderConfig"] = json!({"minRecommendationRequestsPerSecond": 2});
    wanted["qualityGate"] = json!({"minLiftOverPopularity": 9.0});
    house.wants(&wanted).await;
    let third = house.succeeds().await;
    let kept = third.decisions.iter().find(|one| one.campaign == "recommender for-you").unwrap();
    assert_eq!((kept.outcome, &third.recommenders[1]), (Gate::Kept, &second.recommenders[1]));
    let viewed = serving.get_recommender(&third.recommenders[0].0).await.unwrap();
    assert_eq!(viewed.recommender.recommender_config.min_recommendation_requests_per_second, Some(2));
    assert!(!house.plan().await.changes());

    wanted["recommenders"][0]["recipeArn"] = json!(Arn::recipe("aws-ecomm-popular-items-by-purchases"));
    house.wants(&wanted).await;
    let (message, code) = house.fails().await;
    assert!(message.contains("exists with recipe aws-ecomm-popular-items-by-views, which cannot become"), "{message}");
    assert_eq!(code.as_deref(), Some("PIPELINE_REFUSED"));
}

#[tokio::test]
async fn a_killed_run_goes_on_with_the_recommenders_that_it_began() {
    let house = open().await;
    let worker = house.work();
    let id = house.pipelines.start("nightly").await.unwrap();
    for _ in 0..2_000 {
        if house.count("recommender").await > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    worker.abort();
    let _ = worker.await;
    house.work();
    let outcome: Outcome = house.ended(&id).await.succeeded().unwrap().result().unwrap();
    assert_eq!(outcome.recommenders.len(), 2);
    assert_eq!((house.count("recommender").await, house.count("train").await), (2, 2));
    assert!(!house.plan().await.changes());
}

#[tokio::test]
async fn what_a_domain_does_not_have_is_told_before_anything_is_made() {
    let house = open().await;
    house.work();
    let mut wanted = parameters();
    wanted["recommenders"][0]["recipeArn"] = json!(Arn::recipe("aws-vod-top-picks"));
    wanted["recommenders"][1]["name"] = json!("viewed");
    house.wants(&wanted).await;
    let (message, _) = house.fails().await;
    assert!(message.contains("recommenders[0]: Dataset group \"shop\" is of domain ECOMMERCE"), "{message}");
    assert!(message.contains("found recommender \"viewed\" at recommenders[0] too"), "{message}");
    assert_eq!(house.count("import").await, 0);
}
