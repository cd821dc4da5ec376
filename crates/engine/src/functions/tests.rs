#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, LargeStringArray, StringArray, StringViewArray};
use arrow::datatypes::{DataType, Date32Type, Field, Int32Type, TimestampMicrosecondType};
use datafusion::common::ScalarValue;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};

use super::json::{Step, steps};
use super::moments::epoch_seconds;
use super::texts::{jaro_winkler, normalize};

fn call(name: &str, args: Vec<ColumnarValue>, number_rows: usize) -> ColumnarValue {
    let function: ScalarUDF = super::all().into_iter().find(|function| function.name() == name).unwrap();
    let types: Vec<DataType> = args.iter().map(ColumnarValue::data_type).collect();
    let arg_fields = types.iter().map(|data_type| Arc::new(Field::new("a", data_type.clone(), true))).collect();
    let return_field = Arc::new(Field::new("r", function.inner().return_type(&types).unwrap(), true));
    let config_options = Arc::new(ConfigOptions::default());
    function.invoke_with_args(ScalarFunctionArgs { args, arg_fields, number_rows, return_field, config_options }).unwrap()
}

fn array(value: ColumnarValue) -> ArrayRef {
    match value {
        ColumnarValue::Array(array) => array,
        ColumnarValue::Scalar(value) => panic!("expected an array, found {value}"),
    }
}

#[test]
fn every_way_to_store_texts_is_read() {
    let texts = vec![Some("Ä"), None, Some("")];
    let stored: [ArrayRef; 3] = [
        Arc::new(StringArray::from(texts.clone())),
        Arc::new(LargeStringArray::from(texts.clone())),
        Arc::new(StringViewArray::from(texts)),
    ];
    for column in stored {
        // A slice has an offset, which a careless reader forgets.
        let column = column.slice(0, 3);
        let found = array(call("normalize_text", vec![ColumnarValue::Array(column)], 3));
        assert_eq!(found.as_string::<i32>(), &StringArray::from(vec![Some("a"), None, Some("")]));
    }
}

#[test]
fn a_constant_stands_for_all_rows_on_either_side() {
    let column = || ColumnarValue::Array(Arc::new(StringArray::from(vec![Some("ab"), None, Some("abcd")])));
    let constant = || ColumnarValue::Scalar(ScalarValue::Utf8View(Some("abc".into())));
    for args in [vec![column(), constant()], vec![constant(), column()]] {
        let found = array(call("levenshtein", args, 3));
        assert_eq!(found.as_primitive::<Int32Type>().iter().collect::<Vec<_>>(), [Some(1), None, Some(1)]);
    }
    let null = ColumnarValue::Scalar(ScalarValue::Utf8(None));
    let found = array(call("levenshtein", vec![column(), null], 3));
    assert_eq!((found.len(), found.null_count()), (3, 3));
}

#[test]
fn constants_alone_give_a_constant() {
    let text = |text: &str| ColumnarValue::Scalar(ScalarValue::Utf8(Some(text.into())));
    let ColumnarValue::Scalar(found) = call("levenshtein", vec![text("kitten"), text("sitting")], 5) else { panic!("an array") };
    assert_eq!(found, ScalarValue::Int32(Some(3)));
}

#[test]
fn no_rows_give_no_rows() {
    let none = ColumnarValue::Array(Arc::new(StringArray::from(Vec::<&str>::new())));
    assert_eq!(array(call("parse_date", vec![none], 0)).len(), 0);
}

#[test]
fn plain_text_is_plain_in_every_script() {
    let cases = [
        ("", ""),
        ("  --  ", ""),
        ("ABC", "abc"),
        ("a\tb\u{a0}c", "a b c"),
        ("Crème-Brûlée №5", "creme brulee no5"),
        ("℡ 12", "tel 12"),
        ("İI", "ii"),
        ("STRASSE straße", "strasse straße"),
        ("ﬁ² Ⅷ", "fi2 viii"),
        ("ΟΔΟΣ", "οδος"),
        // Syllables become their letters, which are no marks.
        ("한국", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}"),
        ("٣ apples", "٣ apples"),
        ("\u{1F150}x", "x"),
        ("a\u{301}\u{327}b", "ab"),
    ];
    for (text, expected) in cases {
        assert_eq!(normalize(text), expected, "{text}");
        assert_eq!(normalize(&normalize(text)), expected, "{text} twice");
    }
}

#[test]
fn a_common_beginning_always_counts() {
    let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
    // Winkler's published pairs.
    assert!(near(jaro_winkler("MARTHA", "MARHTA"), 0.961_111_111_111_111_1));
    assert!(near(jaro_winkler("DWAYNE", "DUANE"), 0.84));
    assert!(near(jaro_winkler("DIXON", "DICKSONX"), 0.813_333_333_333_333_3));
    // Jaro 0.5, where the usual crate adds nothing.
    assert!(near(jaro_winkler("abcdefgh", "abzzzzzz"), 0.6));
    // Five letters are common, four count.
    assert!(near(jaro_winkler("abcdexyz", "abcdeijk"), 0.75 + 0.4 * 0.25));
    assert!(near(jaro_winkler("äöü", "äöü"), 1.0));
}

#[test]
fn paths_of_json() {
    let member = |name: &str| Step::Member(name.into());
    assert_eq!(steps("$"), Some(vec![]));
    assert_eq!(
        steps("$.a.b[0]['c d'][\"it's\"].ä"),
        Some(vec![member("a"), member("b"), Step::Index(0), member("c d"), member("it's"), member("ä")])
    );
    assert_eq!(steps(" $['a.b[0]'] "), Some(vec![member("a.b[0]")]));
    assert_eq!(steps("$['']"), Some(vec![member("")]));
    for wrong in ["", "a", ".a", "$a", "$.", "$..a", "$[", "$[]", "$[a]", "$[-1]", "$['a]", "$['a'", "$[0", "$[99999999999999999999999]"] {
        assert_eq!(steps(wrong), None, "{wrong}");
    }
}

#[test]
fn a_path_may_differ_by_row() {
    let json = ColumnarValue::Scalar(ScalarValue::Utf8(Some(r#"{"a":[1,{"b":"x"}],"":"empty"}"#.into())));
    let paths = vec![Some("$.a[1].b"), Some("$.a[0]"), Some("nonsense"), None, Some("$['']"), Some("$.a[1]")];
    let paths = ColumnarValue::Array(Arc::new(StringArray::from(paths)));
    let found = array(call("json_get", vec![json, paths], 6));
    let expected = vec![Some("x"), Some("1"), None, None, Some("empty"), Some(r#"{"b":"x"}"#)];
    assert_eq!(found.as_string::<i32>(), &StringArray::from(expected));
}

/// The table is also asked of the PySpark rendering of graphs: each text with its microseconds since 1970, or nothing.
#[test]
fn moments_in_every_usual_writing_are_read_and_nothing_else() {
    let table: Vec<(String, Option<i64>)> = serde_json::from_str(include_str!("../../../codegen/tests/moments.json")).unwrap();
    assert!(table.len() > 40);
    for (text, micros) in table {
        assert_eq!(epoch_seconds(&text), micros.map(|micros| micros.div_euclid(1_000_000)), "{text}");
    }
}

#[test]
fn moments_keep_their_fraction_and_days_are_those_of_utc() {
    let texts = vec![
        Some("2025-03-09T18:30:00.123456789Z"),
        Some("1969-12-31T23:59:59.5Z"),
        Some("-1"),
        Some("-1741545000123"),
        Some("0001-01-01"),
        Some("0000-12-31"),
        Some("99999999999999"),
        Some("2025-01-01T00:30+01:00"),
        None,
    ];
    let rows = texts.len();
    let column = || vec![ColumnarValue::Array(Arc::new(StringArray::from(texts.clone())) as ArrayRef)];
    let moments = array(call("parse_timestamp", column(), rows));
    let expected = [
        Some(1_741_545_000_123_456),
        Some(-500_000),
        Some(-1_000_000),
        Some(-1_741_545_000_123_000),
        Some(-62_135_596_800_000_000),
        None,
        Some(99_999_999_999_999_000),
        Some(1_735_687_800_000_000),
        None,
    ];
    assert_eq!(moments.as_primitive::<TimestampMicrosecondType>().iter().collect::<Vec<_>>(), expected);
    let days = array(call("parse_date", column(), rows));
    let expected = [Some(20_156), Some(-1), Some(-1), Some(-20_157), Some(-719_162), None, Some(1_157_407), Some(20_088), None];
    assert_eq!(days.as_primitive::<Date32Type>().iter().collect::<Vec<_>>(), expected);
}
