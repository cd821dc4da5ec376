#![allow(clippy::unwrap_used)]
use serde_json::json;

use super::*;

fn matches(expression: &str, name: &str) -> Result<bool> {
    let input = Input::parse("GetTables", json!({"Expression": expression}).to_string().as_bytes()).unwrap();
    Pattern::read(&input, "Expression").map(|pattern| pattern.unwrap().matches(name))
}

#[test]
fn expressions_find_whole_names() {
    for (expression, name, expected) in [
        ("orders", "orders", true),
        ("orders", "orders2", false),
        ("^ORD.*$", "orders", true),
        ("*", "orders", true),
        ("*|x", "orders", true),
        (".*er.*", "orders", true),
        ("o.*d.*s", "orders", true),
        ("o.*x.*s", "orders", false),
        ("ord.*ders", "orders", false),
        ("items|ord.*", "orders", true),
        ("items|user*", "orders", false),
        ("items|user*", "users", true),
        ("(items|user*)", "userr", true),
        ("(items|user*)", "users", false),
        ("orders_20[12]\\d(_\\w+)?", "orders_2024_old", true),
        ("orders_20[12]\\d(_\\w+)?", "orders_2034", false),
        ("o(r|s)ders", "orders", true),
        ("orders|a", "xa", false),
        ("[^_]+_[a-z]{2,3}", "orders_de", true),
        ("[^_]+_[a-z]{2,3}", "orders_d", false),
        ("(?i)ORDERS", "orders", true),
        ("a\\|*", "a||", true),
        ("größe.?", "größen", true),
    ] {
        assert_eq!(matches(expression, name).unwrap(), expected, "{expression} {name}");
    }
}

#[test]
fn what_is_no_expression_is_refused_with_the_reason() {
    for (expression, reason) in [
        ("o(r|s", "unclosed group"),
        ("o)(r", "unopened group"),
        ("[a", "unclosed character class"),
        ("(*)", "repetition operator missing expression"),
        ("a{3,1}", "invalid repetition count range"),
        ("(?!x)y", "look-around"),
        ("(a)\\1", "backreferences"),
        ("\\w{1000}{1000}", "exceeds size limit"),
    ] {
        let refused = matches(expression, "a").unwrap_err();
        assert_eq!(refused.kind, domain::ErrorKind::InvalidInput);
        assert!(refused.message.contains("Expression") && refused.message.contains(reason), "{expression}: {}", refused.message);
    }
}
