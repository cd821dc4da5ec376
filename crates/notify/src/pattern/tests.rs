#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::Pattern;

fn event() -> Value {
    json!({
        "version": "0", "id": "3e3c153a", "detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2",
        "account": "123456789012", "time": "2017-10-02T16:24:49Z", "region": "us-east-1",
        "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-000000aaaaaa00000"],
        "detail": {
            "c-count": 5, "d-count": 3, "x-limit": 301.8, "source-ip": "10.0.0.33", "source-ip6": "2001:db8::33",
            "instance-id": "i-000000aaaaaa00000", "state": "running", "eventVersion": "", "responseElements": null,
            "FilePath": "/app/lib/x.png", "flag": true, "tags": ["red", "green"],
            "items": [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}], "nested": {"c1": 100}, "none": []
        }
    })
}

/// Every operator of the documentation, once where it matches and once where it does not.
#[test]
fn matches_as_documented() {
    let detail = |inner: Value| json!({"detail": inner});
    let matching = [
        json!({"source": ["aws.ec2"], "detail-type": ["EC2 Instance State-change Notification"], "detail": {"state": ["initializing", "running"]}}),
        json!({"resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-000000aaaaaa00000", "other"]}),
        json!({"time": [{"prefix": "2017-10-02"}]}),
        json!({"region": [{"prefix": {"equals-ignore-case": "US-"}}]}),
        detail(json!({"FilePath": [{"suffix": ".png"}]})),
        detail(json!({"FilePath": [{"suffix": {"equals-ignore-case": ".PNG"}}]})),
        detail(json!({"state": [{"equals-ignore-case": "RUNNING"}]})),
        detail(json!({"state": [{"anything-but": "initializing"}]})),
        detail(json!({"state": [{"anything-but": ["stopped", "overloaded"]}]})),
        detail(json!({"x-limit": [{"anything-but": [100, 200, 300]}]})),
        detail(json!({"state": [{"anything-but": {"prefix": "init"}}]})),
        detail(json!({"state": [{"anything-but": {"prefix": ["init", "stop"]}}]})),
        detail(json!({"FilePath": [{"anything-but": {"suffix": ".jpg"}}]})),
        detail(json!({"state": [{"anything-but": {"equals-ignore-case": ["INITIALIZING", "Stopped"]}}]})),
        detail(json!({"FilePath": [{"anything-but": {"wildcard": "*/bin/*"}}]})),
        detail(
            json!({"c-count": [{"numeric": [">", 0, "<=", 5]}], "d-count": [{"numeric": ["<", 10]}], "x-limit": [{"numeric": ["=", 3.018e2]}]}),
        ),
        detail(json!({"source-ip": [{"cidr": "10.0.0.0/24"}], "source-ip6": [{"cidr": "2001:db8::/32"}]})),
        detail(json!({"source-ip": [{"cidr": "0.0.0.0/0"}]})),
        detail(json!({"c-count": [{"exists": true}], "gone": [{"exists": false}]})),
        detail(json!({"responseElements": [{"exists": true}]})),
        detail(json!({"missing": {"deep": [{"exists": false}]}})),
        detail(json!({"nested": [{"exists": false}]})),
        detail(json!({"none": [{"exists": false}]})),
        detail(json!({"eventVersion": [""], "responseElements": [null], "flag": [true]})),
        detail(json!({"FilePath": [{"wildcard": "/app/*.png"}]})),
        detail(json!({"FilePath": [{"wildcard": "*lib*"}]})),
        detail(json!({"FilePath": [{"wildcard": "*"}]})),
        detail(json!({"tags": ["green"]})),
        detail(json!({"tags": [{"anything-but": "red"}]})),
        detail(json!({"items": {"sku": ["b"], "n": [2]}})),
        detail(json!({"c-count": [5.0]})),
        json!({"source": ["aws.ec2"], "$or": [{"detail": {"c-count": [99]}}, {"detail": {"d-count": [{"numeric": ["<", 4]}]}}]}),
        json!({"$or": [{"source": ["x"]}, {"account": ["123456789012"], "$or": [{"region": ["nope"]}, {"region": ["us-east-1"]}]}]}),
    ];
    let other = [
        json!({"source": ["aws.glue"]}),
        json!({"detail": {"state": ["run"]}}),
        detail(json!({"state": [{"anything-but": ["running"]}]})),
        detail(json!({"state": [{"anything-but": {"prefix": "run"}}]})),
        detail(json!({"FilePath": [{"anything-but": {"wildcard": "*/lib/*"}}]})),
        detail(json!({"gone": [{"anything-but": "x"}]})),
        detail(json!({"c-count": [{"numeric": [">", 5]}]})),
        detail(json!({"c-count": ["5"]})),
        detail(json!({"source-ip": [{"cidr": "10.0.1.0/24"}]})),
        detail(json!({"source-ip": [{"cidr": "2001:db8::/32"}]})),
        detail(json!({"nested": [{"exists": true}]})),
        detail(json!({"c-count": [{"exists": false}]})),
        detail(json!({"eventVersion": [null]})),
        detail(json!({"responseElements": [""]})),
        detail(json!({"FilePath": [{"wildcard": "lib*"}]})),
        detail(json!({"FilePath": [{"wildcard": "/app/lib/x.png*x.png"}]})),
        // Both values are there, but not in one element.
        detail(json!({"items": {"sku": ["a"], "n": [2]}})),
        json!({"$or": [{"source": ["x"]}, {"region": ["y"]}]}),
    ];
    for (patterns, expected) in [(&matching[..], true), (&other[..], false)] {
        for pattern in patterns {
            assert_eq!(Pattern::from_value(pattern).unwrap().matches(&event()), expected, "{pattern}");
        }
    }
}

#[test]
fn escapes_of_wildcards_stand_for_themselves() {
    let fits =
        |wildcard: &str, text: &str| Pattern::from_value(&json!({"a": [{"wildcard": wildcard}]})).unwrap().matches(&json!({"a": text}));
    assert!(fits(r"a\*b", "a*b") && !fits(r"a\*b", "axb"));
    assert!(fits(r"\\*", r"\temp") && !fits(r"\\*", "temp"));
    assert!(fits("a*b*c", "abc") && fits("a*b*c", "a-b-b-c") && !fits("a*b*c", "acb"));
    assert!(fits("ab*ba", "abba") && !fits("ab*ba", "aba"));
    assert!(fits("größe*", "größer"));
}

#[test]
fn errors_say_where() {
    let cases = [
        (r#"{"detail": {"state": "running"}}"#, "at detail.state: a list of values or an object is expected; found \"running\""),
        (r#"{"detail": {"state": []}}"#, "at detail.state: at least one value"),
        (r#"{"detail": {}}"#, "at detail: at least one member"),
        (r#"{"detail": {"n": ["x", {"numeric": [">", "a"]}]}}"#, "at detail.n[1].numeric: [operator, number]"),
        (r#"{"n": [{"numeric": ["<", 5, ">", 0]}]}"#, "at n[0].numeric: a lower bound"),
        (r#"{"n": [{"numeric": [">", 5, "<", 5]}]}"#, "at n[0].numeric: a lower bound"),
        (r#"{"n": [{"begins": "x"}]}"#, "at n[0]: one of prefix, suffix"),
        (r#"{"n": [{"prefix": "x", "suffix": "y"}]}"#, "at n[0]: an object with one operator"),
        (r#"{"n": [{"anything-but": ["x", 1]}]}"#, "at n[0].anything-but: texts or numbers"),
        (r#"{"n": [{"anything-but": {"numeric": ["<", 1]}}]}"#, "at n[0].anything-but: one of prefix"),
        (r#"{"n": [{"cidr": "10.0.0.0/33"}]}"#, "at n[0].cidr: a network"),
        (r#"{"n": [{"exists": "yes"}]}"#, "at n[0].exists: true or false"),
        (r#"{"n": [{"wildcard": "a**b"}]}"#, "at n[0].wildcard: single stars"),
        (r#"{"n": [{"wildcard": "a\\b"}]}"#, "at n[0].wildcard: a backslash before"),
        (r#"{"n": [["x"]]}"#, "at n[0]: a value or an operator"),
        (r#"{"$or": [{"a": [1]}]}"#, "at $or: at least two alternatives"),
        (r#"{"$or": [{"a": [1]}, {"b": 2}]}"#, "at $or[1].b: a list of values"),
        ("[]", "an object is expected; found []"),
        ("{", "JSON is expected"),
    ];
    for (pattern, expected) in cases {
        let error = Pattern::parse(pattern).unwrap_err();
        assert!(error.message.contains(expected), "{pattern}: {}", error.message);
        assert_eq!(error.code, Some("EVENT_PATTERN_INVALID"));
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("finite", |x| x.is_finite().then(|| Value::from(x))),
        "[a-c*\\\\]{0,4}|\\PC{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-d]{1,2}|\\$or", inner, 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The pattern that asks for the values the event has; none where there are no values to ask for.
fn pattern_of(value: &Value) -> Option<Value> {
    match value {
        Value::Object(members) => {
            let own: Map<String, Value> = members
                .iter()
                .filter(|(name, _)| *name != "$or")
                .filter_map(|(name, value)| Some((name.clone(), pattern_of(value)?)))
                .collect();
            (!own.is_empty()).then_some(Value::Object(own))
        }
        Value::Array(items) => {
            let leaves: Vec<Value> = items.iter().filter(|item| !item.is_object() && !item.is_array()).cloned().collect();
            if leaves.is_empty() { items.iter().find(|item| item.is_object()).and_then(pattern_of) } else { Some(leaves.into()) }
        }
        leaf => Some(json!([leaf])),
    }
}

proptest! {
    /// An event matches the pattern made of its own values.
    #[test]
    fn matches_itself(members in prop::collection::btree_map("[a-d]{1,2}", value(), 1..5)) {
        let event = Value::Object(members.into_iter().collect());
        if let Some(pattern) = pattern_of(&event) {
            prop_assert!(Pattern::from_value(&pattern).unwrap().matches(&event), "{pattern}");
        }
    }

    /// `anything-but` is the opposite of its list for one value that is there, `exists: false` for one that is not.
    #[test]
    fn anything_but_is_the_opposite(text in "[ab]{0,2}", unwanted in prop::collection::vec("[ab]{0,2}", 1..3)) {
        let event = json!({"a": text});
        let list = Pattern::from_value(&json!({"a": unwanted})).unwrap().matches(&event);
        prop_assert_eq!(list, !Pattern::from_value(&json!({"a": [{"anything-but": unwanted}]})).unwrap().matches(&event));
        let absent = Pattern::from_value(&json!({"b": [{"exists": false}]})).unwrap();
        prop_assert!(absent.matches(&event));
    }

    /// No text makes the reader or the matcher fall over, and a wildcard with everything escaped is the text itself.
    #[test]
    fn wildcards_escape_everything(text in "[a*\\\\é]{0,8}", other in "[a*\\\\é]{0,8}") {
        let escaped = text.replace('\\', r"\\").replace('*', r"\*");
        let pattern = Pattern::from_value(&json!({"a": [{"wildcard": escaped}]})).unwrap();
        prop_assert_eq!(pattern.matches(&json!({"a": other})), text == other);
        let itself = json!({"a": text});
        prop_assert!(pattern.matches(&itself));
    }

    /// Any JSON is read or refused with a sentence.
    #[test]
    fn never_panics(pattern in value(), event in value()) {
        if let Ok(pattern) = Pattern::from_value(&pattern) {
            let _matched_or_not = pattern.matches(&event);
        }
    }
}
