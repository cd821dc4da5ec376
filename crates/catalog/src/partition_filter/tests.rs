#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

fn keys() -> Vec<Column> {
    [("region", "string"), ("year", "int"), ("day", "date"), ("at", "timestamp"), ("price", "decimal(10,2)"), ("order", "varchar(5)")]
        .map(|(name, data_type)| Column::new(name, data_type))
        .into()
}

fn matches(expression: &str, values: &[&str]) -> bool {
    let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
    PartitionFilter::parse(expression, &keys()).unwrap_or_else(|e| panic!("{expression}: {e}")).matches(&values)
}

#[test]
fn comparisons_go_by_the_declared_type() {
    let here = ["eu-west", "9", "2024-02-29", "2024-02-29 08:30:00.500", "9.50", "a1"];
    for (expression, expected) in [
        ("region = 'eu-west'", true),
        ("REGION='eu-WEST'", false),
        ("year < 10", true),
        ("year > '-10'", true),
        ("year = 009", true),
        ("region > 'a' and year != 8", true),
        ("day >= '2024-02-29' AND day <= '2024-03-01'", true),
        ("at > '2024-02-29 08:30:00'", true),
        ("at < '2024-02-29T08:30:00.51'", true),
        ("at > '2024-02-29'", true),
        ("price = 9.5", true),
        ("price > 10", false),
        ("price <> 9.500", false),
        ("year IN (1, 2, 9)", true),
        ("year not in (1, 2)", true),
        ("year BETWEEN 1 AND 9 AND region = 'x'", false),
        ("year NOT BETWEEN 1 AND 8", true),
        ("region LIKE 'eu-%'", true),
        ("region LIKE '%w_st'", true),
        ("region LIKE 'eu'", false),
        ("region LIKE '%e%u%-%t%'", true),
        ("region NOT LIKE 'us%'", true),
        ("year IS NOT NULL", true),
        ("year IS NULL", false),
        ("NOT (year = 9 OR region = 'x')", false),
        ("year = 1 OR year = 9 AND region = 'eu-west'", true),
        ("(year = 1 OR year = 9) AND region = 'x'", false),
        ("\"order\" = 'a1'", true),
        ("`order` = 'a1' and order = 'a1'", true),
    ] {
        assert_eq!(matches(expression, &here), expected, "{expression}");
    }
}

#[test]
fn null_is_neither_equal_nor_different() {
    let nulls = ["__HIVE_DEFAULT_PARTITION__", "unknown", "2024-02-30", "", "", "x"];
    for (expression, expected) in [
        ("region IS NULL", true),
        ("year IS NULL AND day IS NULL", true),
        ("region = 'a' OR region <> 'a'", false),
        ("NOT (year = 1)", false),
        ("NOT (year = 1 AND order = 'y')", true),
        ("year = 1 OR order = 'x'", true),
        ("region LIKE '%'", false),
    ] {
        assert_eq!(matches(expression, &nulls), expected, "{expression}");
    }
}

#[test]
fn escapes_stand_for_themselves() {
    assert!(matches("region = 'it''s'", &["it's", "1", "", "", "", ""]));
    assert!(matches(r"region LIKE '100\%'", &["100%", "1", "", "", "", ""]));
    assert!(!matches(r"region LIKE '100\%'", &["1000", "1", "", "", "", ""]));
    assert!(matches("region = 'büro'", &["büro", "1", "", "", "", ""]));
}

#[test]
fn errors_point_at_the_place() {
    for (expression, place, word) in [
        ("", 1, "partition key"),
        ("month = 1", 1, "region, year"),
        ("year = 'x'", 8, "whole number"),
        ("year = 1.5", 8, "whole number"),
        ("day = '2023-02-29'", 7, "date"),
        ("at = '2023-02-28 25:00:00'", 6, "time"),
        ("price = '1,5'", 9, "decimal"),
        ("year = ", 8, "the end"),
        ("year 5", 6, "comparison"),
        ("(year = 5", 10, "\")\""),
        ("year = 5)", 9, "AND, OR"),
        ("region = 'x", 12, "close that of character 10"),
        ("year IN 5", 9, "list of values"),
        ("year BETWEEN 1 OR 2", 16, "upper bound"),
        ("year IS 5", 9, "NULL"),
        ("year = 5 ; drop", 10, "';'"),
        ("büro = 1", 1, "one of"),
    ] {
        let error = PartitionFilter::parse(expression, &keys()).unwrap_err();
        assert_eq!(error.kind, domain::ErrorKind::InvalidInput);
        let text = error.message;
        assert!(text.contains(&format!("at character {place};")) && text.contains(word), "{expression}: {text}");
    }
    let deep = format!("{}year = 1{}", "(".repeat(900), ")".repeat(900));
    assert!(PartitionFilter::parse(&deep, &keys()).unwrap_err().message.contains("within each other"));
    let long = "year = 1 AND ".repeat(500);
    assert!(PartitionFilter::parse(&long, &keys()).unwrap_err().message.contains("2048"));
    let binary = [Column::new("raw", "binary")];
    assert!(PartitionFilter::parse("raw = 'x'", &binary).unwrap_err().message.contains("raw is binary"));
}

#[test]
fn numbers_of_any_length_keep_their_order() {
    let filter = |text: &str| PartitionFilter::parse(text, &[Column::new("n", "decimal(38,10)")]).unwrap();
    let holds = |text: &str, value: &str| filter(text).matches(&[value.to_owned()]);
    assert!(holds("n > 99999999999999999999999999999999999999.9", "100000000000000000000000000000000000000"));
    assert!(holds("n < -2", "-10") && holds("n < 0.1", "0.09") && holds("n = 0", "-0.0") && holds("n > -0.2", "-.15"));
}
