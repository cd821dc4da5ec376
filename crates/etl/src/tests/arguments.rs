use domain::ErrorKind;

use super::refused;
use crate::{Arguments, substitute};

fn given(pairs: &[(&str, &str)]) -> Arguments {
    pairs.iter().map(|(key, value)| (format!("--{key}"), (*value).to_owned())).collect()
}

#[test]
fn an_argument_is_a_text_literal_in_code_and_text_within_quotes() {
    let arguments = given(&[("since", "2025-01-01"), ("who", "O'Neill"), ("table", "or\"ders")]);
    let sql = "SELECT ${since} AS day FROM \"${table}\" WHERE name = '${who} ${since}' AND x = ${who} -- ${nobody}'s\nAND y = ''";
    assert_eq!(
        substitute(sql, &arguments).unwrap(),
        "SELECT '2025-01-01' AS day FROM \"or\"\"ders\" WHERE name = 'O''Neill 2025-01-01' AND x = 'O''Neill' -- ${nobody}'s\nAND y = ''"
    );
}

#[test]
fn a_value_cannot_become_code() {
    let evil = given(&[("x", "'; DELETE FROM orders; --")]);
    assert_eq!(substitute("SELECT ${x}", &evil).unwrap(), "SELECT '''; DELETE FROM orders; --'");
    // A quote in a comment opens nothing.
    let commented = "SELECT /* it's ${y} */ ${x} /*/ ' /* ${y} */ ' */* 2";
    assert_eq!(substitute(commented, &evil).unwrap(), "SELECT /* it's ${y} */ '''; DELETE FROM orders; --' /*/ ' /* ${y} */ ' */* 2");
    assert_eq!(substitute("SELECT 'a${x}'", &evil).unwrap(), "SELECT 'a''; DELETE FROM orders; --'");
}

#[test]
fn what_cannot_be_filled_in_is_named() {
    let arguments = given(&[("since", "2025-01-01")]);
    let unknown = refused(substitute("SELECT ${untill}", &arguments), ErrorKind::InvalidInput);
    assert_eq!(unknown, "The query uses ${untill}, but the run has no argument --untill; given are since.");
    let unclosed = refused(substitute("SELECT 1,\n ${since", &arguments), ErrorKind::InvalidInput);
    assert!(unclosed.contains("line 2"), "{unclosed}");
}
