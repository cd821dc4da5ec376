use domain::ErrorKind;

use super::super::parse;
use super::check;

fn says(expression: &str) -> String {
    let error = check(expression).unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::InvalidInput, Some("FILTER_INVALID")));
    error.message.strip_prefix("The filter expression, column ").unwrap().to_owned()
}

#[test]
fn everything_that_personalize_documents_is_understood() {
    for expression in [
        r#"EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("purchase")"#,
        r#"EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN (*)"#,
        r#"EXCLUDE ItemID WHERE Interactions.event_type IN ("*")"#,
        r#"EXCLUDE ItemID WHERE Interactions.EVENT_TYPE NOT IN ("view","click")"#,
        r#"INCLUDE ItemID WHERE Items.GENRE IN ($g) AND Items.YEAR >= $y"#,
        r#"include itemid where items.genre in ("a", "b") or items.Year < -20.5"#,
        r#"EXCLUDE ItemID WHERE Items.GENRE IN ("18") IF CurrentUser.AGE < 18 AND CurrentUser.COUNTRY NOT IN ("PT")"#,
        r#"INCLUDE ItemID WHERE Items.GENRE IN CurrentItem.GENRE | EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")"#,
        r#"INCLUDE ItemID WHERE Items.YEAR <= CurrentItem.YEAR"#,
        r#"INCLUDE UserID WHERE Users.COUNTRY IN ("PT","ES") AND Users.AGE > 20"#,
        r#"INCLUDE ItemID WHERE Items.GENRE = "drama" AND Items.YEAR != 1999"#,
    ] {
        check(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    }
}

#[test]
fn ours_is_understood_too() {
    for expression in [
        r#"INCLUDE ItemID WHERE NOT (Items.GENRE IN ("a") OR Items.ADULT = true) AND Items.GENRE NOT IN ($g)"#,
        r#"EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("view") AND Interactions.TIMESTAMP > now() - 7 days"#,
        r#"EXCLUDE ItemID WHERE Interactions.TIMESTAMP <= now() | LIMIT 2 PER Items.GENRE"#,
        r#"LIMIT $n PER Items.GENRE IF CurrentUser.COUNTRY = "PT" OR NOT CurrentUser.AGE < 3"#,
        r#"INCLUDE ItemID WHERE Items.GENRE IN CurrentUser.COUNTRY AND Items.YEAR IN (1999, $y)"#,
        r#"INCLUDE ItemID WHERE Items.GENRE IN ("say \"no\"", "a\\b")"#,
    ] {
        check(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    }
    assert_eq!(parse("INCLUDE ItemID WHERE Items.A IN ($b, $a) AND Items.C > $b").unwrap().parameters(), ["b", "a"]);
}

#[test]
fn faults_point_at_the_column_and_say_what_was_expected() {
    for (expression, message) in [
        ("", "1: expected 1 to 2500 characters, found 0."),
        ("SHOW ItemID", "1: expected INCLUDE, EXCLUDE or LIMIT, found SHOW."),
        ("INCLUDE Items", "9: expected ItemID, UserID or ActionID, found Items."),
        ("INCLUDE ItemID IF", "16: expected WHERE, found IF."),
        ("INCLUDE ItemID WHERE", "21: expected a field, as in Items.GENRE or Interactions.EVENT_TYPE, found the end."),
        ("INCLUDE ItemID WHERE Item.GENRE", "22: expected a dataset, found Item; did you mean Items?"),
        ("INCLUDE ItemID WHERE Items GENRE", "28: expected . and a field after Items, found GENRE."),
        ("INCLUDE ItemID WHERE Items.(", "28: expected the name of a field after Items., found (."),
        ("INCLUDE ItemID WHERE Items.GENRE LIKE", "34: expected IN, NOT IN, =, !=, <, <=, > or >=, found LIKE."),
        ("INCLUDE ItemID WHERE Items.GENRE NOT 3", "38: expected IN after NOT, found 3."),
        ("INCLUDE ItemID WHERE Items.GENRE IN \"a\"", "37: expected ( or a field of CurrentItem or CurrentUser after IN, found \"a\"."),
        ("INCLUDE ItemID WHERE Items.GENRE IN ()", "38: expected a value, a $parameter or *, found )."),
        ("INCLUDE ItemID WHERE Items.GENRE IN (\"a\" \"b\")", "42: expected , or ), found \"b\"."),
        (
            "INCLUDE ItemID WHERE Items.GENRE IN (drama)",
            "38: expected a value, a $parameter or * (text stands in double quotes: \"drama\"), found drama.",
        ),
        ("INCLUDE ItemID WHERE Items.GENRE IN ('a')", "38: expected text in straight double quotes (\"), found another kind of quote."),
        ("INCLUDE ItemID WHERE Items.GENRE IN (\"a)", "38: expected a text that ends with a double quote, found no end of it."),
        ("INCLUDE ItemID WHERE Items.GENRE IN ($)", "38: expected the name of a parameter after $, as in $genre, found none."),
        ("INCLUDE ItemID WHERE (Items.YEAR > 1", "37: expected ), found the end."),
        ("INCLUDE ItemID WHERE Items.YEAR > 1 Items", "37: expected AND, OR, IF, | or the end, found Items."),
        ("INCLUDE ItemID WHERE Items.YEAR > 1 IF CurrentUser.AGE > 1 IF", "60: expected AND, OR, | or the end, found IF."),
        ("INCLUDE ItemID WHERE Items.YEAR > 1 |", "38: expected INCLUDE, EXCLUDE or LIMIT, found the end."),
        ("INCLUDE ItemID WHERE Items.YEAR > 1 | EXCLUDE UserID", "47: expected ItemID as in the part before, found UserID."),
        ("INCLUDE ItemID WHERE Items.YEAR > now() - 7 moons", "45: expected seconds, minutes, hours, days or weeks, found moons."),
        ("INCLUDE ItemID WHERE Items.YEAR ; 1", "33: expected a word, a value or a sign, found the character ';'."),
        ("LIMIT 0 PER Items.GENRE", "7: expected a whole number from 1 or a $parameter after LIMIT, found something else."),
        ("LIMIT 2 PER Users.AGE", "13: expected a field of Items after PER, found Users.AGE."),
    ] {
        assert_eq!(says(expression), message, "{expression}");
    }
    let deep = format!("INCLUDE ItemID WHERE {}Items.YEAR > 1", "NOT ".repeat(500));
    assert!(says(&deep).starts_with("278: expected at most 64 parentheses and NOTs"), "{}", says(&deep));
}

#[test]
fn what_the_dataset_group_does_not_have_is_refused_with_what_it_has() {
    for (expression, message) in [
        ("INCLUDE ItemID WHERE Items.GENER IN (\"a\")", "22: expected a field of Items, found GENER; did you mean GENRE?"),
        (
            "INCLUDE ItemID WHERE Items.PRICE > 1",
            "22: expected a field of Items, found PRICE; there are ITEM_ID, GENRE, YEAR, ADULT, STORY.",
        ),
        (
            "EXCLUDE ItemID WHERE Interactions.DEVICE IN (\"a\")",
            "22: expected a field of Interactions, found DEVICE; there are TIMESTAMP, EVENT_TYPE.",
        ),
        ("INCLUDE ItemID WHERE Items.STORY IN (\"a\")", "22: expected a field that is not free text, found Items.STORY, which is textual."),
        ("INCLUDE ItemID WHERE Items.GENRE > 3", "36: expected IN, NOT IN, = or != for Items.GENRE, which holds text, found >."),
        ("INCLUDE ItemID WHERE Items.GENRE IN (3)", "38: expected text for Items.GENRE, found the number 3."),
        ("INCLUDE ItemID WHERE Items.YEAR IN (1, \"a\")", "40: expected numbers for Items.YEAR, found the text \"a\"."),
        ("INCLUDE ItemID WHERE Items.ADULT = 1", "36: expected true or false for Items.ADULT, found the number 1."),
        ("INCLUDE ItemID WHERE CurrentUser.AGE > 1", "22: expected a field of Items or Interactions here, found CurrentUser.AGE."),
        ("INCLUDE ItemID WHERE Items.YEAR > 1 IF Items.YEAR > 1", "40: expected a field of CurrentUser after IF, found Items.YEAR."),
        (
            "INCLUDE ItemID WHERE Items.GENRE IN CurrentItem.YEAR",
            "37: expected a field that holds text as Items.GENRE does, found CurrentItem.YEAR, which holds numbers.",
        ),
        (
            "EXCLUDE ActionID WHERE Actions.TYPE IN (\"a\")",
            "24: expected a field of items, users or interactions, found Actions.TYPE: actions are not offered.",
        ),
    ] {
        assert_eq!(says(expression), message, "{expression}");
    }
}
