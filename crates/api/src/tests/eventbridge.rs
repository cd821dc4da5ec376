use serde_json::{Value, json};

use super::client::{Ask, Client, Reply};

async fn ask(client: &Client, operation: &str, body: Value) -> Reply {
    client.send(Ask::target(&format!("AWSEvents.{operation}"), "events", &body)).await
}

#[tokio::test]
async fn rules_and_their_targets() {
    let client = Client::new().await;
    let pattern = r#"{"source": ["aws.glue"], "detail": {"tableName": [{"prefix": "ord"}]}}"#;
    let put = ask(&client, "PutRule", json!({"Name": "changes", "EventPattern": pattern, "Description": "d"})).await.ok();
    assert_eq!(put, json!({"RuleArn": "arn:aws:events:us-east-1:123456789012:rule/changes"}));
    let targets = json!([
        {"Id": "1", "Arn": "https://example.org/hook", "RoleArn": "arn:aws:iam::1:role/r", "RetryPolicy": {"MaximumRetryAttempts": 3}},
        {"Id": "2", "Arn": "mailto:ann@example.org", "InputTransformer": {"InputPathsMap": {"t": "$.detail.tableName"}, "InputTemplate": "\"<t>\""}}
    ]);
    let put = ask(&client, "PutTargets", json!({"Rule": "changes", "EventBusName": "default", "Targets": targets})).await.ok();
    assert_eq!(put["FailedEntryCount"], 0);
    ask(&client, "DisableRule", json!({"Name": "changes"})).await.ok();
    let rule = ask(&client, "DescribeRule", json!({"Name": "changes"})).await.ok();
    assert_eq!((&rule["State"], &rule["EventPattern"], &rule["EventBusName"]), (&json!("DISABLED"), &json!(pattern), &json!("default")));
    ask(&client, "EnableRule", json!({"Name": "changes"})).await.ok();
    let listed = ask(&client, "ListRules", json!({"NamePrefix": "ch", "Limit": 10})).await.ok();
    assert_eq!((&listed["Rules"][0]["Name"], &listed["Rules"][0]["State"]), (&json!("changes"), &json!("ENABLED")));
    let first = ask(&client, "ListTargetsByRule", json!({"Rule": "changes", "Limit": 1})).await.ok();
    assert_eq!(first["Targets"][0]["RetryPolicy"]["MaximumRetryAttempts"], 3);
    let more = json!({"Rule": "changes", "Limit": 1, "NextToken": first["NextToken"]});
    let second = ask(&client, "ListTargetsByRule", more).await.ok();
    assert_eq!((&second["Targets"][0]["Arn"], second.get("NextToken")), (&json!("mailto:ann@example.org"), None));
    let names = ask(&client, "ListRuleNamesByTarget", json!({"TargetArn": "mailto:ann@example.org"})).await.ok();
    assert_eq!(names["RuleNames"], json!(["changes"]));
    let (name, message) = ask(&client, "DeleteRule", json!({"Name": "changes"})).await.failed();
    assert!(name == "ValidationException" && message.contains("no targets"), "{name}: {message}");
    let removed = ask(&client, "RemoveTargets", json!({"Rule": "changes", "Ids": ["1", "2", "3"]})).await.ok();
    assert_eq!((&removed["FailedEntryCount"], &removed["FailedEntries"][0]["TargetId"]), (&json!(1), &json!("3")));
    ask(&client, "DeleteRule", json!({"Name": "changes"})).await.ok();
    ask(&client, "DeleteRule", json!({"Name": "changes"})).await.ok();
    assert_eq!(ask(&client, "DescribeRule", json!({"Name": "changes"})).await.failed().0, "ResourceNotFoundException");
    let buses = ask(&client, "ListEventBuses", json!({})).await.ok();
    assert_eq!(buses["EventBuses"], json!([{"Name": "default", "Arn": "arn:aws:events:us-east-1:123456789012:event-bus/default"}]));
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let client = Client::new().await;
    let cases = [
        ("PutRule", json!({"Name": "r", "EventPattern": r#"{"source": "x"}"#}), "InvalidEventPatternException", "at source"),
        ("PutRule", json!({"Name": "r", "ScheduleExpression": "rate(1 day)"}), "ValidationException", "CreateTrigger"),
        ("PutRule", json!({"Name": "a b", "EventPattern": r#"{"source": ["x"]}"#}), "ValidationException", "Name has 1 to 64"),
        ("PutRule", json!({"Name": "r", "EventPattern": "{}", "EventBusName": "mine"}), "ResourceNotFoundException", "mine"),
        ("PutTargets", json!({"Rule": "nope", "Targets": []}), "ResourceNotFoundException", "nope"),
        ("TestEventPattern", json!({"EventPattern": "[", "Event": "{}"}), "InvalidEventPatternException", "JSON"),
        ("TestEventPattern", json!({"EventPattern": r#"{"a": [1]}"#, "Event": "{"}), "ValidationException", "Event"),
        ("PutEvents", json!({"Entries": []}), "ValidationException", "1 to 10"),
        ("Fly", json!({}), "UnknownOperationException", "Fly"),
    ];
    for (operation, body, exception, words) in cases {
        let (name, message) = ask(&client, operation, body.clone()).await.failed();
        assert!(name == exception && message.contains(words), "{operation} {body}: {name}: {message}");
    }
    ask(&client, "PutRule", json!({"Name": "r", "EventPattern": r#"{"source": ["x"]}"#})).await.ok();
    let targets = [
        (json!({"Id": "1", "Arn": "command:/bin/sh"}), "penchant.yaml"),
        (json!({"Id": "1", "Arn": "https://example.org/", "SigningSecret": "${file:/etc/passwd}"}), "SigningSecret"),
        (json!({"Id": "1", "Arn": "arn:aws:sns:us-east-1:1:topic"}), "https://host/path"),
    ];
    for (target, words) in targets {
        let (name, message) = ask(&client, "PutTargets", json!({"Rule": "r", "Targets": [target]})).await.failed();
        assert!(name == "ValidationException" && message.contains(words), "{name}: {message}");
    }
    // The event service of Personalize is another one.
    let other = client.send(Ask::target("AWSEvents.ListRules", "personalize", &json!({}))).await.failed();
    assert_eq!(other.0, "InvalidSignatureException");
}

#[tokio::test]
async fn events_are_put_and_patterns_tried() {
    let client = Client::new().await;
    let tried = |pattern: &str| json!({"EventPattern": pattern, "Event": r#"{"source": "shop", "detail": {"n": 3}}"#});
    assert_eq!(
        ask(&client, "TestEventPattern", tried(r#"{"detail": {"n": [{"numeric": [">", 2]}]}}"#)).await.ok(),
        json!({"Result": true})
    );
    assert_eq!(ask(&client, "TestEventPattern", tried(r#"{"detail": {"n": [4]}}"#)).await.ok(), json!({"Result": false}));
    let entry =
        |source: &str| json!({"Source": source, "DetailType": "Order", "Detail": "{\"n\": 1}", "Time": 1_700_000_000, "Resources": ["x"]});
    let put = ask(&client, "PutEvents", json!({"Entries": [entry("shop"), entry("aws.glue")]})).await.ok();
    assert_eq!(put["FailedEntryCount"], 1);
    assert_eq!(put["Entries"][1]["ErrorCode"], "InvalidArgument");
    let told = client.installation.store.notifications(0, 10).await.unwrap();
    assert_eq!((told.len(), &told[0].detail["id"]), (1, &put["Entries"][0]["EventId"]));
    assert_eq!((&told[0].detail["detail-type"], &told[0].detail["time"]), (&json!("Order"), &json!("2023-11-14T22:13:20Z")));
}
