#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;

fn items(keys: &[&str]) -> Vec<(String, Value)> {
    keys.iter().map(|key| ((*key).to_owned(), Value::from(*key))).collect()
}

fn ask(operation: &'static str, members: Value) -> Input {
    Input::parse(operation, members.to_string().as_bytes()).unwrap()
}

fn json(answer: Result<Answer>) -> Value {
    match answer.unwrap() {
        Answer::Json(value) => value,
        other => panic!("{other:?}"),
    }
}

#[test]
fn pages_lead_to_each_other_and_survive_deletions() {
    let first = json(personalize(&ask("ListX", serde_json::json!({"maxResults": 2})), "xs", items(&["a", "b", "c", "d"])));
    assert_eq!(first["xs"], serde_json::json!(["a", "b"]));
    let follow = serde_json::json!({"maxResults": 2, "nextToken": first["nextToken"]});
    let second = json(personalize(&ask("ListX", follow.clone()), "xs", items(&["a", "b", "c", "d"])));
    assert_eq!(second, serde_json::json!({"xs": ["c", "d"]}));
    let without_b = json(personalize(&ask("ListX", follow.clone()), "xs", items(&["a", "c", "d"])));
    assert_eq!(without_b["xs"], serde_json::json!(["c", "d"]));
    for token in ["", "x", first["nextToken"].as_str().unwrap()] {
        let error = personalize(&ask("ListY", serde_json::json!({"nextToken": token})), "xs", items(&[])).unwrap_err();
        assert_eq!(error.code, Some("INVALID_NEXT_TOKEN"), "{token}");
    }
}

#[test]
fn sizes_are_checked() {
    for size in [serde_json::json!(0), serde_json::json!(101), serde_json::json!("2"), serde_json::json!(1.5)] {
        let error = personalize(&ask("ListX", serde_json::json!({"maxResults": size})), "xs", items(&[])).unwrap_err();
        assert!(error.message.contains("from 1 to 100"), "{}", error.message);
    }
}
