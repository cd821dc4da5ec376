#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Value, json};

use super::{Found, PiiDetection, column_scan_select, columns_found, select, select_columns};
use crate::quality::{Column, Kind};

fn columns() -> Vec<Column> {
    vec![Column::new("id", Kind::Number), Column::new("it\"s", Kind::Text), Column::new("seen", Kind::Timestamp)]
}

fn detection(more: Value) -> PiiDetection {
    let mut spec = json!({"PiiType": "RowHashing", "EntityTypesToDetect": [], "MatchPattern": "o'c"});
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    serde_json::from_value(spec).unwrap()
}

#[test]
fn hashes_take_the_place_of_matching_cells_of_text() {
    let sql = select("in \"put", &columns(), &detection(json!({}))).unwrap();
    let cell = "CASE WHEN regexp_like(\"it\"\"s\", 'o''c') THEN sha256_hex(\"it\"\"s\") ELSE \"it\"\"s\" END AS \"it\"\"s\"";
    assert_eq!(sql, format!("SELECT\n  id,\n  {cell},\n  seen\nFROM \"in \"\"put\""));
}

#[test]
fn columns_are_hashed_whole() {
    let spec = detection(json!({"PiiType": "ColumnHashing"}));
    let sql = select_columns("input", &columns(), &spec, &["it\"s".to_owned()]).unwrap();
    let cell = "CASE WHEN \"it\"\"s\" IS NOT NULL THEN sha256_hex(\"it\"\"s\") END AS \"it\"\"s\"";
    assert_eq!(sql, format!("SELECT\n  id,\n  {cell},\n  seen\nFROM input"));
    assert_eq!(select_columns("input", &columns(), &spec, &[]).unwrap(), "SELECT\n  id,\n  \"it\"\"s\",\n  seen\nFROM input");
    let audit = detection(json!({"PiiType": "ColumnAudit", "OutputColumnName": "\"who\""}));
    let sql = select_columns("input", &columns(), &audit, &["it\"s".to_owned()]).unwrap();
    assert_eq!(sql, "SELECT\n  id,\n  \"it\"\"s\",\n  seen,\n  'it\"s' AS who\nFROM input");
}

#[test]
fn partly_masked_text_keeps_its_ends_or_nothing() {
    let spec =
        detection(json!({"PiiType": "RowPartialMasking", "NumLeftCharsToExclude": 2, "NumRightCharsToExclude": 1, "RedactChar": "#"}));
    let sql = select("input", &[Column::new("t", Kind::Text)], &spec).unwrap();
    let part = "CASE WHEN character_length(t) > 3 THEN substr(t, 1, 2) || repeat('#', character_length(t) - 3) || \
        substr(t, character_length(t) - 1 + 1) ELSE repeat('#', character_length(t)) END";
    assert_eq!(sql, format!("SELECT\n  CASE WHEN regexp_like(t, 'o''c') THEN {part} ELSE t END AS t\nFROM input"));
}

#[test]
fn the_scan_asks_for_every_column_of_text_and_every_entity() {
    let spec = detection(json!({"PiiType": "ColumnMasking", "SampleFraction": 0.5}));
    let expected = r#"WITH pii_counts AS (
  SELECT
  COUNT(NULLIF("it""s", '')) AS values0,
  COUNT(CASE WHEN regexp_like("it""s", 'o''c') THEN 1 END) AS found1
  FROM input
  WHERE substr(md5(COALESCE("it""s", '')), 1, 4) < '8000'
), pii_asked AS (
  SELECT 1 AS pii_number, 'it"s' AS "Column", 'MATCH_PATTERN' AS "Entity"
)
SELECT "Column", "Entity", CASE pii_number WHEN 1 THEN values0 END AS "Values",
  CASE WHEN CASE pii_number WHEN 1 THEN values0 END > 0 THEN CAST(CASE pii_number WHEN 1 THEN found1 END AS DOUBLE) / CASE pii_number WHEN 1 THEN values0 END END AS "Fraction"
FROM pii_asked CROSS JOIN pii_counts
ORDER BY pii_number"#;
    assert_eq!(column_scan_select("input", &columns(), &spec).unwrap(), expected);
    let nothing = column_scan_select("input", &columns()[..1], &spec).unwrap();
    assert!(nothing.ends_with("FROM input WHERE FALSE"), "{nothing}");
}

#[test]
fn a_column_is_found_from_the_threshold_on() {
    let found = |fraction| Found { column: format!("{fraction:?}"), entity: "EMAIL".into(), fraction };
    let scan = [found(None), found(Some(0.0)), found(Some(0.05)), found(Some(0.1)), found(Some(0.1))];
    assert_eq!(columns_found(&scan, &detection(json!({}))), ["Some(0.1)"]);
    assert_eq!(columns_found(&scan, &detection(json!({"ThresholdFraction": 0.0}))), ["Some(0.05)", "Some(0.1)"]);
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let entities = |name: &str| json!({"EntityTypesToDetect": [name]});
    let cases = [
        (
            entities("PERSON_NAME"),
            "PIIDetection, EntityTypesToDetect: PERSON_NAME cannot be detected: a name has no shape; that needs a model of language, which there is none of here.",
        ),
        (
            entities("BANK_ACCOUNT"),
            "PIIDetection, EntityTypesToDetect: BANK_ACCOUNT cannot be detected: an account number of digits looks like any number; IBAN is known.",
        ),
        (entities("EMAILS"), "PIIDetection, EntityTypesToDetect: expected an entity that is known, found \"EMAILS\"; did you mean EMAIL?"),
        (json!({"MatchPattern": ""}), "PIIDetection, EntityTypesToDetect: expected at least one entity, found none."),
        (
            json!({"MatchPattern": "(?<!a)b"}),
            "PIIDetection, MatchPattern: expected a regular expression that every engine reads alike (no looking around, no back references), found (?<! in \"(?<!a)b\".",
        ),
        (json!({"MaskValue": "a b"}), "PIIDetection, MaskValue: expected at most 256 of the characters A-Z a-z 0-9 * _ -, found \"a b\"."),
        (json!({"RedactChar": "xy"}), "PIIDetection, RedactChar: expected one character, found \"xy\"."),
        (json!({"RedactText": "yes"}), "PIIDetection, RedactText: expected true or false, found \"yes\"."),
        (json!({"DetectionSensitivity": "MEDIUM"}), "PIIDetection, DetectionSensitivity: expected LOW or HIGH, found \"MEDIUM\"."),
        (
            json!({"DetectionParameters": "{\"a\": 1}"}),
            "PIIDetection, DetectionParameters: expected none, which are not known here, found \"{\"a\": 1}\".",
        ),
        (json!({"SampleFraction": 1.5}), "PIIDetection, SampleFraction: expected a number from 0 to 1, found \"1.5\"."),
        (
            json!({"OutputColumnName": "seen"}),
            "PIIDetection, OutputColumnName: expected a name that no column of the input has, found \"seen\".",
        ),
        (json!({"PiiType": "ColumnAudit"}), "ColumnAudit is decided by column, found a request to decide it by row."),
    ];
    for (more, expected) in cases {
        assert_eq!(select("input", &columns(), &detection(more)).unwrap_err().to_string(), expected);
    }
    let by_row = select_columns("input", &columns(), &detection(json!({})), &[]).unwrap_err();
    assert_eq!(by_row.to_string(), "RowHashing is decided by row, found a request to decide it by column.");
    let number = select_columns("input", &columns(), &detection(json!({"PiiType": "ColumnAudit"})), &["id".to_owned()]).unwrap_err();
    assert_eq!(number.to_string(), "Expected found columns to be columns of text of the input, found \"id\".");
    assert!(serde_json::from_value::<PiiDetection>(json!({"PiiType": "RowAudit", "EntityTypesToDetect": [], "Mask": "x"})).is_err());
}
