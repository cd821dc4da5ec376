use domain::Timestamp;
use domain::arn::Partition;
use serde_json::{Value, json};

use crate::CustomEvent;
use crate::input::transformed;
use crate::rule::Target;

fn seen(target: Value) -> Value {
    let detail = json!({"state": "run\"ning\n", "n": 3, "list": [{"a": "x"}, {"a": "y"}], "gone": null}).to_string();
    let event = CustomEvent { source: "shop".into(), detail_type: "Order".into(), detail, time: Some(0.0), ..CustomEvent::default() };
    let event = event.into_event("id-1".into(), Timestamp(0), &Partition::default()).unwrap();
    let mut target: Target = serde_json::from_value(target).unwrap();
    (target.id, target.arn) = ("t".into(), "https://example.org/".into());
    target.validate().unwrap();
    transformed(&target, "rule", &event).unwrap().unwrap_or_else(|| "as it is".into())
}

fn template(template: &str) -> Value {
    let paths =
        json!({"state": "$.detail.state", "n": "$.detail.n", "a": "$.detail.list[1].a", "list": "$.detail.list", "none": "$.nowhere"});
    seen(json!({"InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}}))
}

#[test]
fn parts_of_events_go_where_the_template_says() {
    assert_eq!(seen(json!({})), "as it is");
    assert_eq!(seen(json!({"Input": "{\"fixed\": true}"})), json!({"fixed": true}));
    assert_eq!(seen(json!({"InputPath": "$.detail.list[0]"})), json!({"a": "x"}));
    assert_eq!(seen(json!({"InputPath": "$.nowhere"})), Value::Null);
    assert_eq!(seen(json!({"InputPath": "$"}))["id"], "id-1");
    assert_eq!(
        template(r#"{"state": <state>, "text": "is <state> <n> <none>!", "n": <n>, "list": <list>, "a": <a>, "none": <none>}"#),
        json!({"state": "run\"ning\n", "text": "is run\"ning\n 3 !", "n": 3, "list": [{"a": "x"}, {"a": "y"}], "a": "y", "none": null})
    );
    assert_eq!(template(r#""<a> of <list> by <aws.events.rule-name>""#), json!(r#"y of [{"a":"x"},{"a":"y"}] by rule"#));
    assert_eq!(template("<aws.events.event.json>")["source"], "shop");
    assert_eq!(template("a < b, <unknown> > c"), "a < b, <unknown> > c");
    assert_eq!(template(r#"{"quote": "\"<a>\""}"#), json!({"quote": "\"y\""}));
}
