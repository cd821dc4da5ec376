#![allow(clippy::unwrap_used)]
use serde_json::json;

use super::*;

#[test]
fn expressions_find_names() {
    let matches = |expression: &str, name: &str| {
        let input = Input::parse("GetTables", json!({"Expression": expression}).to_string().as_bytes()).unwrap();
        Pattern::read(&input, "Expression").map(|pattern| pattern.unwrap().matches(name))
    };
    for (expression, name, expected) in [
        ("orders", "orders", true),
        ("orders", "orders2", false),
        ("^ORD.*$", "orders", true),
        ("*", "orders", true),
        (".*er.*", "orders", true),
        ("o.*d.*s", "orders", true),
        ("o.*x.*s", "orders", false),
        ("ord.*ders", "orders", false),
        ("items|ord.*", "orders", true),
        ("items|user*", "orders", false),
    ] {
        assert_eq!(matches(expression, name).unwrap(), expected, "{expression} {name}");
    }
    assert!(matches("o(r|s)", "or").unwrap_err().message.contains("Expression"));
}
