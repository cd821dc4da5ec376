#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use dataset::DatasetType;
use serde_json::{Value, json};

use crate::{BEST, Parameters};

/// The samples' `params.json`, shortened, with what this version has.
fn sample() -> Value {
    json!({
        "datasetGroup": {"name": "MovieLensDemo"},
        "datasets": {
            "Items": {"name": "ItemsDataset", "schema": {}},
            "Interactions": {"name": "InteractionsDataset", "schema": {}, "dataLocation": "s3://data/clicks/"}
        },
        "solutions": {"userPersonalization": {"name": "u", "recipeArn": "arn:aws:personalize:::recipe/aws-user-personalization"}},
        "campaigns": {"userPersonalizationCampaign": {"name": "c", "minProvisionedTPS": 1}},
        "eventTracker": {"name": "t"}
    })
}

fn parse(value: &Value) -> domain::Result<Parameters> {
    Parameters::parse(&value.to_string())
}

#[test]
fn the_samples_file_is_understood() {
    let parameters = parse(&sample()).unwrap();
    let kinds: Vec<DatasetType> = parameters.typed_datasets().iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [DatasetType::Interactions, DatasetType::Items]);
    let (key, campaign) = parameters.campaigns.iter().next().unwrap();
    assert_eq!(parameters.solution_of(key, campaign), "userPersonalization");
}

#[test]
fn a_campaign_may_ask_for_the_best() {
    let mut wanted = sample();
    wanted["campaigns"] = json!({"shop": {"name": "shop", "solution": BEST}});
    let parameters = parse(&wanted).unwrap();
    assert_eq!(parameters.solution_of("shop", &parameters.campaigns["shop"]), BEST);
}

#[test]
fn everything_wrong_is_said_at_once() {
    let mut wrong = sample();
    wrong["datasetGroup"]["name"] = json!("-no");
    wrong["datasets"] = json!({"Clicks": {"name": "x", "schema": {}}});
    wrong["campaigns"]["simsCampaign"] = json!({"name": "s"});
    wrong["filters"] = json!([{"name": "f"}]);
    let message = parse(&wrong).unwrap_err().message;
    for expected in ["-no", "Clicks", "needs Interactions", "simsCampaign serves solution \"sims\"", "filters are not offered"] {
        assert!(message.contains(expected), "expected {expected:?} in: {message}");
    }
}

#[test]
fn what_is_no_parameter_file_is_refused_with_its_place() {
    let error = Parameters::parse("{\"datasetGroup\": {}}").unwrap_err();
    assert!(error.message.contains("missing field `name`") && error.message.contains("line 1"), "{error}");
    let mut unknown = sample();
    unknown["solution"] = json!({});
    assert!(parse(&unknown).unwrap_err().message.contains("unknown field `solution`"));
    let mut no_object = sample();
    no_object["solutions"] = json!({"x": "personal"});
    assert!(parse(&no_object).unwrap_err().message.contains("expected a map"));
}
