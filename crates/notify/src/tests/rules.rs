use domain::ErrorKind;
use serde_json::{Value, json};

use super::house::House;
use crate::{CustomEvent, Rule, RuleState, Target};

fn target(json: Value) -> Target {
    serde_json::from_value(json).unwrap()
}

#[tokio::test]
async fn rules_and_targets_are_kept() {
    let house = House::new().await;
    let notify = &house.notify;
    let rule = |pattern: &str| Rule { name: "r".into(), event_pattern: pattern.into(), ..Rule::default() };
    notify.put_rule(rule(r#"{"source": ["a"]}"#)).await.unwrap();
    notify
        .put_targets(
            "r",
            vec![target(json!({"Id": "one", "Arn": "mailto:a@b.org"})), target(json!({"Id": "two", "Arn": "kafka:h:9092/t"}))],
        )
        .await
        .unwrap();
    notify.put_targets("r", vec![target(json!({"Id": "one", "Arn": "https://example.org/"}))]).await.unwrap();
    notify.put_rule(rule(r#"{"source": ["b"]}"#)).await.unwrap();
    notify.set_state("r", RuleState::Disabled).await.unwrap();
    let got = notify.get_rule("r").await.unwrap();
    assert_eq!((got.state, got.targets.len(), got.event_pattern.as_str()), (RuleState::Disabled, 2, r#"{"source": ["b"]}"#));
    assert_eq!(got.targets[1].arn, "https://example.org/");
    assert_eq!(notify.remove_targets("r", &["one".into(), "two".into(), "three".into()]).await.unwrap(), ["three"]);
    notify.delete_rule("r").await.unwrap();
    assert_eq!(notify.delete_rule("r").await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(notify.set_state("r", RuleState::Enabled).await.unwrap_err().kind, ErrorKind::NotFound);
    assert!(notify.list_rules().await.unwrap().is_empty());
    let version = async || notify.get_rule("r").await.unwrap().version;
    notify.replace_rule(rule(r#"{"source": ["b"]}"#)).await.unwrap();
    notify.replace_rule(rule(r#"{"source": ["b"]}"#)).await.unwrap();
    assert_eq!(version().await, 1);
}

#[test]
fn patterns_may_be_written_as_objects() {
    let rule: Rule = serde_json::from_value(json!({"Name": "r", "EventPattern": {"source": ["a"]}})).unwrap();
    assert_eq!(rule.event_pattern, r#"{"source":["a"]}"#);
    assert!(rule.validate().unwrap().matches(&json!({"source": "a"})));
}

#[test]
fn what_cannot_be_is_refused() {
    let cases = [
        (json!({"Arn": "https://example.org/"}), "Id has 1 to 64"),
        (json!({"Id": "t", "Arn": "arn:aws:lambda:us-east-1:1:function:f"}), "Arn is https://host/path"),
        (json!({"Id": "t", "Arn": "https://"}), "Arn is https://host/path"),
        (json!({"Id": "t", "Arn": "kafka:host:9092"}), "Arn is https://host/path"),
        (json!({"Id": "t", "Arn": "https://e.org/", "SigningSecret": "in clear"}), "${env:NAME}"),
        (json!({"Id": "t", "Arn": "mailto:a@b", "Arguments": ["x"]}), "Arguments has no meaning"),
        (json!({"Id": "t", "Arn": "mailto:a@b", "TimeoutSeconds": 0}), "TimeoutSeconds is 1 to 900"),
        (json!({"Id": "t", "Arn": "mailto:a@b", "Input": "x", "InputPath": "$.y"}), "found several"),
        (json!({"Id": "t", "Arn": "mailto:a@b", "InputPath": "detail"}), "a path such as"),
        (json!({"Id": "t", "Arn": "mailto:a@b", "RetryPolicy": {"MaximumRetryAttempts": 186}}), "0 to 185"),
    ];
    for (json, expected) in cases {
        let target: Target = serde_json::from_value(json.as_object().unwrap().clone().into()).unwrap();
        let message = target.validate().unwrap_err().message;
        assert!(message.contains(expected) && !message.contains("in clear"), "{message}");
    }
    assert!(serde_json::from_value::<Target>(json!({"Id": "t", "Arn": "mailto:a@b", "Unknown": 1})).is_err());
}

#[tokio::test]
async fn events_that_are_not_the_callers_are_refused_one_by_one() {
    let house = House::new().await;
    let event = |source: &str, detail: &str| CustomEvent {
        source: source.into(),
        detail_type: "T".into(),
        detail: detail.into(),
        ..CustomEvent::default()
    };
    let events = vec![
        event("aws.glue", "{}"),
        event("shop", "[]"),
        event("shop", "{"),
        event("shop", "{}"),
        event("", "{}"),
        event("penchant", "{}"),
    ];
    let put = house.notify.put_events(events).await.unwrap();
    assert_eq!(put.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, false, false, true, false, false]);
    assert_eq!(house.installation.store.notifications(0, 10).await.unwrap().len(), 1);
}
