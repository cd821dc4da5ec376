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

#[test]
fn a_value_cannot_leave_a_text_with_escapes() {
    let evil = given(&[("x", "\\' OR TRUE --"), ("y", "it's")]);
    assert_eq!(substitute("n = E'${x}' AND ${y}", &evil).unwrap(), "n = E'\\\\'' OR TRUE --' AND 'it''s'");
    // A backslash takes the quote with it, a doubled quote stands for one: the text goes on.
    assert_eq!(substitute("e'\\'${y}\\\\' || ${y}", &evil).unwrap(), "e'\\'it''s\\\\' || 'it''s'");
    assert_eq!(substitute("E'a''${x}' || ${y}", &evil).unwrap(), "E'a''\\\\'' OR TRUE --' || 'it''s'");
    assert_eq!(substitute("X'\\'${y}' || ${y}", &evil).unwrap(), "X'\\'it''s' || 'it''s'");
    // The end of a word is no prefix.
    assert_eq!(substitute("table'\\' || ${y}", &evil).unwrap(), "table'\\' || 'it''s'");
    assert_eq!(substitute("E${x} LIKE${y}", &evil).unwrap(), "E '\\'' OR TRUE --' LIKE 'it''s'");
    assert_eq!(substitute("`it's ${y} `` ` = ${y}", &evil).unwrap(), "`it's it's `` ` = 'it''s'");
    let backtick = given(&[("x", "` --")]);
    assert_eq!(substitute("`${x}`", &backtick).unwrap(), "``` --`");
}

#[test]
fn beside_arguments_there_are_no_texts_with_rules_of_their_own() {
    let arguments = given(&[("x", "$$ OR TRUE --")]);
    for (sql, prefix) in [
        ("SELECT 1,\n $$${x}$$", "$"),
        ("SELECT 1,\n $a$ ' $a$, ${x}", "$"),
        ("SELECT 1,\n 1$$ ' $$, ${x}", "$"),
        ("SELECT 1,\n R'''${x}'''", "r"),
        ("SELECT 1,\n Q'[${x}]'", "q"),
        ("SELECT 1,\n nq'[it's]', ${x}", "nq"),
        ("SELECT 1,\n U&'${x}'", "U&"),
        ("SELECT 1,\n 1E'${x}'", "1e"),
    ] {
        let message = refused(substitute(sql, &arguments), ErrorKind::InvalidInput);
        assert!(message.ends_with(&format!("in line 2 one has the prefix {prefix:?}.")), "{sql}: {message}");
    }
    for sql in ["SELECT $$ it's $$, R'''a'''", "SELECT U&'a'", "SELECT q'[it's]'"] {
        assert_eq!(substitute(sql, &arguments).unwrap(), sql, "there is nothing to fill in");
    }
    assert_eq!(substitute("SELECT a$b$ AND ${x}", &arguments).unwrap(), "SELECT a$b$ AND '$$ OR TRUE --'");
}
