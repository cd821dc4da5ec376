//! Triggers and workflows on the wire.

use serde_json::{Value, json};

use super::client::Client;

/// `export`: `clean`, then `items`.
async fn with_workflow() -> Client {
    let client = Client::new().await;
    client.glue("CreateWorkflow", json!({"Name": "export", "MaxConcurrentRuns": 2, "Tags": {"team": "data"}})).await.ok();
    let begin = json!({"Name": "begin", "WorkflowName": "export", "Type": "ON_DEMAND", "Actions": [{"JobName": "clean"}]});
    client.glue("CreateTrigger", begin).await.ok();
    client.glue("CreateTrigger", then("cleaned", "clean", "items")).await.ok();
    client
}

fn then(name: &str, after: &str, job: &str) -> Value {
    let conditions = json!([{"LogicalOperator": "EQUALS", "JobName": after, "State": "SUCCEEDED"}]);
    json!({"Name": name, "WorkflowName": "export", "Type": "CONDITIONAL", "StartOnCreation": true,
        "Predicate": {"Logical": "AND", "Conditions": conditions}, "Actions": [{"JobName": job}]})
}

#[tokio::test]
async fn triggers_of_every_type_are_kept_and_listed() {
    let client = with_workflow().await;
    let events = json!({"Name": "events", "WorkflowName": "export", "Type": "EVENT", "Actions": [{"JobName": "clean"}],
        "EventBatchingCondition": {"BatchSize": 5, "BatchWindow": 60}, "Tags": {"team": "data"}});
    client.glue("CreateTrigger", events).await.ok();
    let nightly = json!({"Name": "nightly", "Type": "SCHEDULED", "Schedule": "cron(30 2 * * ? *)", "Timezone": "Europe/Berlin",
        "StartDelaySeconds": 60, "Actions": [{"JobName": "clean"}]});
    client.glue("CreateTrigger", nightly).await.ok();
    let both = client.glue("BatchGetTriggers", json!({"TriggerNames": ["nightly", "events", "nowhere"]})).await.ok();
    assert_eq!(both["TriggersNotFound"], json!(["nowhere"]));
    assert_eq!(both["Triggers"][0]["Timezone"], "Europe/Berlin");
    assert_eq!(both["Triggers"][0]["StartDelaySeconds"], 60);
    assert_eq!(both["Triggers"][1]["EventBatchingCondition"], json!({"BatchSize": 5, "BatchWindow": 60}));
    assert!(both["Triggers"][1].get("Tags").is_none(), "tags are asked for by GetTags");
    assert_eq!(client.glue("ListTriggers", json!({"Tags": {"team": "data"}})).await.ok()["TriggerNames"], json!(["events"]));
    let (name, message) = client
        .glue("CreateTrigger", json!({"Name": "x", "Type": "SCHEDULED", "Schedule": "cron(0 0 30 2 ? *)", "Actions": [{"JobName": "a"}]}))
        .await
        .failed();
    assert!(name == "InvalidInputException" && message.contains("never due"), "{message}");
    let (name, message) = client.glue("CreateTrigger", then("back", "items", "clean")).await.failed();
    assert!(name == "InvalidInputException" && message.contains("waits for itself") && message.contains("trigger \"back\""), "{message}");
    let (name, _) = client.glue("GetTriggers", json!({"DependentJobName": "absent"})).await.failed();
    assert_eq!(name, "EntityNotFoundException");
}

#[tokio::test]
async fn runs_have_properties_that_are_put_and_refuse_what_they_cannot_do() {
    let client = with_workflow().await;
    let run = client.glue("StartWorkflowRun", json!({"Name": "export", "RunProperties": {"a": "1"}})).await.ok()["RunId"].clone();
    let of_run = |more: Value| {
        let mut all = json!({"Name": "export", "RunId": run});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    client.glue("PutWorkflowRunProperties", of_run(json!({"RunProperties": {"a": "2", "b": "3"}}))).await.ok();
    let properties = client.glue("GetWorkflowRunProperties", of_run(json!({}))).await.ok();
    assert_eq!(properties["RunProperties"], json!({"a": "2", "b": "3"}));
    let got = client.glue("GetWorkflowRun", of_run(json!({"IncludeGraph": true}))).await.ok();
    assert_eq!(got["Run"]["WorkflowRunProperties"], json!({"a": "2", "b": "3"}));
    assert_eq!(got["Run"]["Statistics"]["ErroredActions"], 0);
    let (name, _) = client.glue("ResumeWorkflowRun", of_run(json!({"NodeIds": ["wnode_job_clean"]}))).await.failed();
    assert_eq!(name, "IllegalWorkflowStateException");
    client.glue("StopWorkflowRun", of_run(json!({}))).await.ok();
    let (name, message) = client.glue("ResumeWorkflowRun", of_run(json!({"NodeIds": ["wnode_job_clean"]}))).await.failed();
    assert!(name == "InvalidInputException" && message.contains("did not start"), "{message}");
    let (name, _) = client.glue("PutWorkflowRunProperties", json!({"Name": "export", "RunId": "wr_0", "RunProperties": {}})).await.failed();
    assert_eq!(name, "EntityNotFoundException");
    client.glue("StartWorkflowRun", json!({"Name": "export"})).await.ok();
    client.glue("StartWorkflowRun", json!({"Name": "export"})).await.ok();
    let (name, _) = client.glue("StartWorkflowRun", json!({"Name": "export"})).await.failed();
    assert_eq!(name, "ConcurrentRunsExceededException");
}

#[tokio::test]
async fn workflows_are_got_together_and_bear_tags() {
    let client = with_workflow().await;
    let got = client.glue("BatchGetWorkflows", json!({"Names": ["export", "nowhere"], "IncludeGraph": true})).await.ok();
    assert_eq!(got["MissingWorkflows"], json!(["nowhere"]));
    assert_eq!(got["Workflows"][0]["Graph"]["Nodes"].as_array().unwrap().len(), 4);
    let arn = "arn:aws:glue:us-east-1:123456789012:workflow/export";
    assert_eq!(client.glue("GetTags", json!({"ResourceArn": arn})).await.ok()["Tags"], json!({"team": "data"}));
    client.glue("TagResource", json!({"ResourceArn": arn, "TagsToAdd": {"cost": "7"}})).await.ok();
    client.glue("UntagResource", json!({"ResourceArn": arn, "TagsToRemove": ["team"]})).await.ok();
    assert_eq!(client.glue("GetTags", json!({"ResourceArn": arn})).await.ok()["Tags"], json!({"cost": "7"}));
    let table = json!({"ResourceArn": "arn:aws:glue:us-east-1:123456789012:table/a/b"});
    assert!(client.glue("GetTags", table).await.failed().1.contains("\"table\""));
}

#[tokio::test]
async fn blueprints_are_kept_and_their_runs_asked_for() {
    let client = Client::new().await;
    client.installation.buckets.create("prints").unwrap();
    let file = client.installation.buckets.root().join("prints/nightly.yaml");
    let text = "Parameters: {Name: {Type: String}}\nTemplate: {workflows: [{Name: $(Name)}]}\n";
    std::fs::write(&file, text).unwrap();
    let location = "s3://prints/nightly.yaml";
    client.glue("CreateBlueprint", json!({"Name": "nightly", "BlueprintLocation": location, "Tags": {"a": "b"}})).await.ok();
    let (name, _) = client.glue("CreateBlueprint", json!({"Name": "nightly", "BlueprintLocation": location})).await.failed();
    assert_eq!(name, "AlreadyExistsException");
    assert_eq!(client.glue("ListBlueprints", json!({})).await.ok()["Blueprints"], json!(["export-and-train", "nightly"]));
    assert_eq!(client.glue("ListBlueprints", json!({"Tags": {"a": "b"}})).await.ok()["Blueprints"], json!(["nightly"]));
    let asked = json!({"Name": "nightly", "IncludeBlueprint": true, "IncludeParameterSpec": true});
    let got = client.glue("GetBlueprint", asked).await.ok()["Blueprint"].clone();
    assert_eq!((&got["Status"], &got["BlueprintLocation"]), (&json!("ACTIVE"), &json!(location)));
    let spec: Value = serde_json::from_str(got["ParameterSpec"].as_str().unwrap()).unwrap();
    assert_eq!(spec, json!({"Name": {"Type": "String"}}));
    let several = client.glue("BatchGetBlueprints", json!({"Names": ["nightly", "nowhere"]})).await.ok();
    assert_eq!((several["Blueprints"].as_array().unwrap().len(), &several["MissingBlueprints"]), (1, &json!(["nowhere"])));
    let start = |parameters: &str| json!({"BlueprintName": "nightly", "RoleArn": "arn:aws:iam::1:role/r", "Parameters": parameters});
    let (_, message) = client.glue("StartBlueprintRun", start("{}")).await.failed();
    assert!(message.contains("\"Name\""), "{message}");
    let run = client.glue("StartBlueprintRun", start(r#"{"Name": "n1"}"#)).await.ok()["RunId"].clone();
    let got = client.glue("GetBlueprintRun", json!({"BlueprintName": "nightly", "RunId": run})).await.ok()["BlueprintRun"].clone();
    assert_eq!((&got["State"], &got["WorkflowName"], &got["Parameters"]), (&json!("RUNNING"), &json!("n1"), &json!(r#"{"Name":"n1"}"#)));
    let runs = client.glue("GetBlueprintRuns", json!({"BlueprintName": "nightly"})).await.ok();
    assert_eq!(runs["BlueprintRuns"][0]["RunId"], run);
    std::fs::write(&file, b"PK\x03\x04rest of a zip").unwrap();
    let (name, message) = client.glue("UpdateBlueprint", json!({"Name": "nightly", "BlueprintLocation": location})).await.failed();
    assert!(name == "InvalidInputException" && message.contains("Python"), "{message}");
    client.glue("DeleteBlueprint", json!({"Name": "nightly"})).await.ok();
    assert_eq!(client.glue("GetBlueprint", json!({"Name": "nightly"})).await.failed().0, "EntityNotFoundException");
}
