#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use arrow::array::RecordBatch;
use domain::{Error, ErrorKind};
use serde_json::{Value, json};

use super::case::{Case, Expected, parse};
use super::{Suite, compare, fixture};

fn case(text: &str) -> Case {
    parse("group", text).unwrap().remove(0)
}

fn columns(text: &[(&str, &str)]) -> Vec<catalog::Column> {
    text.iter().map(|(name, data_type)| catalog::Column::new(*name, *data_type)).collect()
}

fn answer(types: &[(&str, &str)], rows: Value) -> domain::Result<(arrow::datatypes::SchemaRef, Vec<RecordBatch>)> {
    let rows: Vec<Vec<Value>> = serde_json::from_value(rows).unwrap();
    let batch = fixture::batch(&columns(types), &rows).unwrap();
    Ok((batch.schema(), vec![batch]))
}

const SIMPLE: &str = "cases: [{name: one, query: SELECT 1, columns: [n int, d double], rows: [[1, 0.1], [2, null], [2, null]]}]";

#[test]
fn rows_are_compared_without_order_and_with_their_number() {
    let case = case(SIMPLE);
    let types = [("n", "int"), ("d", "double")];
    let same = json!([[2, null], [1, 0.100_000_000_000_01], [2, null]]);
    assert_eq!(compare::check(&case, answer(&types, same)), Ok(()));
    for other in [
        json!([[2, null], [1, 0.1]]),
        json!([[1, 0.1], [1, 0.1], [2, null]]),
        json!([[1, 0.1001], [2, null], [2, null]]),
        json!([[1, 0.1], [2, 0.0], [2, null]]),
        json!([[1, 0.1], [2, null], [2, null], [2, null]]),
    ] {
        let problem = compare::check(&case, answer(&types, other)).unwrap_err();
        assert!(problem.starts_with("expected rows\n     \"1\" | 0.1\n"), "{problem}");
    }
}

#[test]
fn an_order_that_was_asked_for_matters() {
    let text = "cases: [{name: o, query: SELECT n FROM t ORDER BY abs(n), columns: [n int], rows: [[1], [2]]}]";
    assert!(compare::check(&case(text), answer(&[("n", "int")], json!([[1], [2]]))).is_ok());
    assert!(compare::check(&case(text), answer(&[("n", "int")], json!([[2], [1]]))).is_err());
    let inside = text.replace("SELECT n FROM t ORDER BY abs(n)", "\"SELECT rank() OVER (ORDER BY n) AS n FROM t\"");
    assert!(compare::check(&case(&inside), answer(&[("n", "int")], json!([[2], [1]]))).is_ok());
}

#[test]
fn names_and_types_of_columns_matter() {
    let case = case("cases: [{name: c, query: q, columns: [n integer, s string], rows: [[1, a]]}]");
    for data_type in ["tinyint", "int", "bigint", "decimal(20,0)"] {
        assert_eq!(compare::check(&case, answer(&[("n", data_type), ("s", "string")], json!([[1, "a"]]))), Ok(()), "{data_type}");
    }
    for types in [[("n", "double"), ("s", "string")], [("N", "int"), ("s", "string")], [("n", "int"), ("s", "binary")]] {
        let problem = compare::check(&case, answer(&types, json!([]))).unwrap_err();
        assert!(problem.starts_with("expected columns n integer, s string\n"), "{problem}");
    }
}

#[test]
fn nested_values_are_compared_whole() {
    let types = [("l", "array<struct<a:double,b:string>>"), ("m", "map<string,int>")];
    let text = r#"cases: [{name: n, query: q, columns: ["l array<struct<a:double,b:string>>", "m map<string,int>"],
        rows: [[[{"a": 0.1, "b": null}, null], {"x": 1}]]}]"#;
    let same = json!([[[{"a": 0.100_000_000_000_01, "b": null}, null], {"x": 1}]]);
    assert_eq!(compare::check(&case(text), answer(&types, same)), Ok(()));
    for other in [
        json!([[[{"a": 0.1, "b": ""}, null], {"x": 1}]]),
        json!([[[{"a": 0.1, "b": null}], {"x": 1}]]),
        json!([[[{"a": 0.1, "b": null}, null], {"y": 1}]]),
        json!([[null, {"x": 1}]]),
    ] {
        assert!(compare::check(&case(text), answer(&types, other)).is_err());
    }
}

#[test]
fn an_error_has_one_of_the_kinds() {
    let case = case("cases: [{name: e, query: q, error: [invalid_data, invalid_input]}]");
    assert_eq!(case.expected, Expected::Error(vec![ErrorKind::InvalidData, ErrorKind::InvalidInput]));
    assert!(compare::check(&case, Err(Error::invalid_data("x"))).is_ok());
    assert!(compare::check(&case, Err(Error::internal("x"))).is_err());
    assert!(compare::check(&case, answer(&[("n", "int")], json!([[1]]))).is_err());
}

#[test]
fn files_that_cannot_be_meant_are_refused() {
    let one = "{name: a, query: q, columns: [n int]}";
    for (text, why) in [
        ("cases: [{name: a, query: q}]".to_owned(), "expected columns or an error"),
        (format!("cases: [{one}, {one}]"), "found two cases"),
        ("cases: [{name: a, query: q, columns: [n]}]".to_owned(), "`name type`"),
        ("cases: [{name: a, query: q, columns: [n int], result: []}]".to_owned(), "unknown field"),
    ] {
        let error = parse("group", &text).unwrap_err();
        assert!(error.kind == ErrorKind::InvalidInput && error.to_string().contains(why), "{error}");
    }
    assert!(fixture::batch(&columns(&[("n", "int")]), &[vec![json!("x")]]).is_err());
    assert!(fixture::batch(&columns(&[("n", "int")]), &[vec![json!(1), json!(2)]]).is_err());
}

#[test]
fn the_suite_covers_what_it_should() {
    let suite = Suite::load().unwrap();
    let groups: std::collections::BTreeSet<&str> = suite.cases().iter().map(|case| case.group.as_str()).collect();
    assert!(suite.cases().len() >= 250 && groups.len() >= 17, "{} cases in {groups:?}", suite.cases().len());
    for case in suite.cases() {
        let query = case.query_in("suite");
        assert!(!query.contains("FROM {") && !query.contains("JOIN {"), "{case} reads a table that it does not have: {query}");
        let Expected::Rows { columns, rows } = &case.expected else { continue };
        assert!(rows.iter().all(|row| row.len() == columns.len()), "{case}: rows and columns differ in number");
    }
}
