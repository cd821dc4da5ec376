//! Blueprints are refused where they cannot be used, and render to what they say.

use super::*;

fn parameters(pairs: serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    pairs.as_object().unwrap().clone()
}

#[tokio::test]
async fn the_articles_workflow_is_built_in() {
    let home = Installation::new().await;
    let workflows = Workflows::new(home.runs.clone());
    let blueprint = workflows.get_blueprint("export-and-train").await.unwrap();
    let given = parameters(json!({"Name": "nightly", "Bucket": "shop", "Database": "stores"}));
    let rendered = blueprint.definition.render(given).unwrap();
    let names: Vec<&str> = rendered["jobs"].as_array().unwrap().iter().map(|job| job["Name"].as_str().unwrap()).collect();
    assert_eq!(names, ["nightly-clean", "nightly-interactions", "nightly-items", "nightly-users"]);
    assert_eq!(rendered["jobs"][1]["Spec"]["Sql"]["Target"], json!({"Location": "s3://shop/export/interactions/", "Format": "csv"}));
    let triggers: Vec<Trigger> = serde_json::from_value(rendered["workflows"][0]["Triggers"].clone()).unwrap();
    assert_eq!(triggers.iter().map(|trigger| trigger.actions.len()).collect::<Vec<_>>(), [1, 3, 1]);
    let taken = Blueprint { name: "export-and-train".into(), ..Blueprint::default() };
    assert_eq!(workflows.create_blueprint(taken).await.unwrap_err().kind, ErrorKind::AlreadyExists);
    assert_eq!(workflows.list_blueprints().await.unwrap().len(), 1);
}

#[test]
fn parameters_fit_their_types_and_every_placeholder_has_one() {
    let text = "
Parameters:
  Name: {Type: String}
  Retries: {Type: Integer, Default: 2}
  Format: {Type: String, Default: csv, AllowedValues: [csv, parquet]}
Template:
  jobs:
  - {Name: a-$(Name)-$(Retries), MaxRetries: $(Retries)}
";
    let definition = Definition::parse(text.as_bytes()).unwrap();
    let rendered = definition.render(parameters(json!({"Name": "x\": 1", "Retries": "3"}))).unwrap();
    assert_eq!(rendered["jobs"][0], json!({"Name": "a-x\": 1-3", "MaxRetries": 3}), "a value is a value and no syntax");
    for (given, expected) in [
        (json!({}), "needs the parameter \"Name\""),
        (json!({"Name": "x", "Retries": "many"}), "\"Retries\" is a whole number; found \"many\""),
        (json!({"Name": "x", "Format": "orc"}), "is one of \"csv\", \"parquet\"; found \"orc\""),
        (json!({"Name": "x", "Nam": "y"}), "found \"Nam\""),
    ] {
        let error = definition.render(parameters(given)).unwrap_err();
        assert!(error.message.contains(expected), "{error}");
    }
    for (text, expected) in [
        ("Template: {jobs: [{Name: $(Nam)}]}", "no parameter \"Nam\""),
        ("Template: {connections: []}", "found \"connections\""),
        ("Jobs: []", "Jobs"),
        ("PK\u{3}\u{4}", "found a zip"),
    ] {
        let error = Definition::parse(text.as_bytes()).unwrap_err();
        assert!(error.message.contains(expected), "{error}");
    }
}
