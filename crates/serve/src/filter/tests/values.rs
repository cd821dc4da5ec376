use domain::Result;

use super::super::check::Kind;
use super::super::parse;
use super::super::syntax::Expression;
use super::super::values::{Scalar, Values};
use super::given;

fn expression() -> Expression {
    parse("INCLUDE ItemID WHERE Items.GENRE IN ($g) | EXCLUDE ItemID WHERE Items.YEAR > $y").unwrap()
}

fn list(kind: Kind, text: &str) -> Result<Vec<Scalar>> {
    let (expression, given) = (expression(), given(&[("g", text)]));
    let field = expression.fields().next().unwrap();
    Values::of(&given, &expression)?.list("g", field, kind)
}

#[test]
fn values_come_as_aws_writes_them() {
    let texts = |all: &[&str]| all.iter().map(|text| Scalar::Text((*text).to_owned())).collect::<Vec<_>>();
    assert_eq!(list(Kind::Text, r#""drama""#).unwrap(), texts(&["drama"]));
    assert_eq!(list(Kind::Text, r#" "a, b","say \"no\"" , """#).unwrap(), texts(&["a, b", "say \"no\"", ""]));
    assert_eq!(list(Kind::Number, "10").unwrap(), [Scalar::Number(10.0)]);
    assert_eq!(list(Kind::Number, r#""10", -2.5"#).unwrap(), [Scalar::Number(10.0), Scalar::Number(-2.5)]);
    assert_eq!(list(Kind::Truth, "TRUE").unwrap(), [Scalar::Number(1.0)]);
}

#[test]
fn wrong_values_are_refused_by_name() {
    let says = |kind, text: &str| list(kind, text).unwrap_err().message;
    let expected = "filterValues, $g: Items.GENRE holds text, so \"a\" or \"a\",\"b\" (with the double quotes) is expected; found ";
    for text in ["drama", "", "\"a\" \"b\"", "\"a", "\"a\",", "5"] {
        assert_eq!(says(Kind::Text, text), format!("{expected}{text}."));
    }
    assert_eq!(says(Kind::Number, "ten"), "filterValues, $g: Items.GENRE holds numbers, so 10 or 10,20 is expected; found ten.");
    assert!(says(Kind::Number, "NaN").contains("expected"));
    let expression = expression();
    let refused = |values: &[(&str, &str)]| Values::of(&given(values), &expression).unwrap_err().message;
    assert_eq!(refused(&[("genre", "\"a\"")]), "The filter has no parameter $genre; there are g, y.");
    assert_eq!(refused(&[("g", &"x".repeat(1001))]), "A value in filterValues has at most 1000 characters; found 1001 for $g.");
    let many: Vec<String> = (0..26).map(|n| format!("p{n}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "1")).collect();
    assert_eq!(refused(&many), "filterValues has at most 25 entries; found 26.");
}

#[test]
fn an_exclude_without_its_values_is_left_out_and_an_include_needs_them() {
    let expression = expression();
    let none = given(&[]);
    let values = Values::of(&none, &expression).unwrap();
    let [include, exclude] = expression.parts.as_slice() else { panic!("two parts") };
    assert!(!values.suffice(exclude).unwrap());
    assert_eq!(values.suffice(include).unwrap_err().message, "The filter needs a value for $g in filterValues; found none.");
    let field = expression.fields().next().unwrap();
    let two = given(&[("y", "1,2")]);
    let error = Values::of(&two, &expression).unwrap().one("y", field, Kind::Number).unwrap_err();
    assert_eq!(error.message, "filterValues, $y: Items.GENRE is compared with one value; found 2.");
}
