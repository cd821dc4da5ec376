//! What codegen writes for data quality and personal data, carried out.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use codegen::pii::{self, Found, PiiDetection};
use codegen::quality::{Column, Input, Kind, Ruleset, results_select};
use datafusion::physical_plan::displayable;
use datafusion::prelude::SessionContext;

use crate::session::{Means, open};

/// 2025-03-10 18:00:00 UTC.
const NOW: i64 = 1_741_629_600;

/// Five orders; the quotes in a name and in a value are meant.
const ORDERS: &str = r#"SELECT * FROM (VALUES
    (1, 'paid', 10.0, CAST('2025-03-10' AS DATE), CAST('2025-03-10 06:00:00' AS TIMESTAMP), 'DE', '12', TRUE),
    (2, 'paid', 20.0, CAST('2025-03-09' AS DATE), CAST('2025-03-09 19:00:00' AS TIMESTAMP), 'O''Brien', '7', TRUE),
    (3, 'open', 30.0, CAST('9999-12-31' AS DATE), CAST('2025-03-01 00:00:00' AS TIMESTAMP), '', 'seven', FALSE),
    (4, 'lost', 40.0, CAST('2025-03-07' AS DATE), NULL, ' 	', '8.5', NULL),
    (4, NULL, NULL, NULL, CAST('2025-03-10 17:59:59' AS TIMESTAMP), 'Zürich', NULL, TRUE)
    ) AS t("id", "status", "price", "day", "at", "the ""town""", "code", "member")"#;

fn order_columns() -> Vec<Column> {
    let kinds = [Kind::Number, Kind::Text, Kind::Number, Kind::Date, Kind::Timestamp, Kind::Text, Kind::Text, Kind::Boolean];
    let names = ["id", "status", "price", "day", "at", "the \"town\"", "code", "member"];
    names.into_iter().zip(kinds).map(|(name, kind)| Column::new(name, kind)).collect()
}

const USERS: &str = r#"SELECT * FROM (VALUES (1, 'paid'), (2, 'open'), (2, 'open'), (4, 'lost'), (NULL, 'paid')) AS t("user", "state")"#;

struct Bench {
    session: SessionContext,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let means = Means { memory_bytes: 64 << 20, spill_folder: folder.path().to_owned(), threads: 2, pace: crate::session::Pace::Quick };
        Self { session: open(&means).unwrap().0, folder }
    }

    async fn batches(&self, sql: &str) -> Vec<RecordBatch> {
        assert!(self.folder.path().exists());
        let frame = self.session.sql(sql).await.unwrap_or_else(|error| panic!("{error}\n{sql}"));
        frame.collect().await.unwrap_or_else(|error| panic!("{error}\n{sql}"))
    }

    /// All cells as text, `-` for nothing.
    async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        for batch in self.batches(sql).await {
            for row in 0..batch.num_rows() {
                let cells = batch.columns().iter().map(|column| {
                    let shown = ArrayFormatter::try_new(column, &FormatOptions::default()).unwrap();
                    if column.is_null(row) { "-".to_owned() } else { shown.value(row).to_string() }
                });
                rows.push(cells.collect());
            }
        }
        rows
    }

    /// The rows of a SELECT over the CTE `input`, within a CTE as a job's script has it.
    async fn over(&self, table: &str, select: &str) -> Vec<Vec<String>> {
        self.rows(&format!("WITH \"input\" AS ({table}), \"node\" AS ({select}) SELECT * FROM \"node\"")).await
    }

    /// The rows that judge `table`, as a job's script uses the SELECT: within a CTE, after the one it reads.
    async fn judge(&self, table: &str, rules: &str) -> Vec<Vec<String>> {
        let ruleset = Ruleset::parse(&format!("Rules = [ {rules} ]")).unwrap();
        let (columns, references) = (order_columns(), BTreeMap::from([("users".to_owned(), "the users".to_owned())]));
        let input = Input { cte: "orders", columns: &columns, references: &references, now: NOW };
        let select = results_select(&ruleset, &input).unwrap();
        let sql = format!("WITH \"orders\" AS ({table}), \"the users\" AS ({USERS}), \"judged\" AS ({select}) SELECT * FROM \"judged\"");
        self.rows(&sql).await
    }

    /// Each rule alone and all together have to give the same outcome, reason and metrics.
    async fn expect(&self, table: &str, cases: &[(&str, &str, &str, &str)]) {
        let all: Vec<&str> = cases.iter().map(|case| case.0).collect();
        let rows = self.judge(table, &all.join(",\n")).await;
        assert_eq!(rows.len(), cases.len());
        for (rule, outcome, reason, metrics) in cases {
            let row = rows.iter().find(|row| row[0] == *rule).unwrap();
            assert_eq!(row[1..], [outcome.to_string(), reason.to_string(), metrics.to_string()], "{rule}");
        }
    }
}

const PASSED: &str = "Passed";
const FAILED: &str = "Failed";

#[tokio::test]
async fn metrics_of_one_pass() {
    let cases = [
        ("RowCount between 4 and 6", PASSED, "-", "Dataset.*.RowCount=5"),
        ("RowCount between 5 and 9", FAILED, "The number of rows is 5, expected between 5 and 9.", "Dataset.*.RowCount=5"),
        ("RowCount = 3 where \"status <> 'lost'\"", PASSED, "-", "Dataset.*.RowCount=3"),
        ("ColumnCount = 8", PASSED, "-", "Dataset.*.ColumnCount=8"),
        ("ColumnExists \"price\"", PASSED, "-", "-"),
        ("ColumnExists \"prise\"", FAILED, "Column \"prise\" does not exist; did you mean price?", "-"),
        (
            "ColumnNamesMatchPattern \"[a-z]+\"",
            FAILED,
            "The share of columns whose name matches \"[a-z]+\" is 0.875, expected 1.",
            "Dataset.*.ColumnNamesPatternMatchRatio=0.875",
        ),
        ("IsComplete \"id\"", PASSED, "-", "Column.id.Completeness=1"),
        (
            "IsComplete \"status\"",
            FAILED,
            "The completeness of column \"status\" is 0.8, expected 1 (4 of 5 rows).",
            "Column.status.Completeness=0.8",
        ),
        ("Completeness \"status\" > 0.75", PASSED, "-", "Column.status.Completeness=0.8"),
        ("Completeness \"status\" >= 0.8", PASSED, "-", "Column.status.Completeness=0.8"),
        ("Completeness \"status\" = 1 where \"id < 4\"", PASSED, "-", "Column.status.Completeness=1"),
        (
            "Completeness \"status\" > 0 where \"id > 100\"",
            FAILED,
            "The completeness of column \"status\" has no value: there is nothing to measure it on.",
            "-",
        ),
        ("Mean \"price\" = 25", PASSED, "-", "Column.price.Mean=25"),
        ("Sum \"price\" not between 0 and 100", PASSED, "-", "Column.price.Sum=100"),
        ("Sum \"price\" in [1, 30] where \"status = 'paid'\"", PASSED, "-", "Column.price.Sum=30"),
        ("StandardDeviation \"price\" between 11.18 and 11.19", PASSED, "-", "Column.price.StandardDeviation=11.18034"),
        ("ColumnCorrelation \"id\" \"price\" > 0.99", PASSED, "-", "Multicolumn.[id,price].ColumnCorrelation=1"),
        (
            "ColumnCorrelation \"id\" \"price\" < 2 where \"id = 1\"",
            FAILED,
            "The correlation of columns \"id\", \"price\" has no value: there is nothing to measure it on.",
            "-",
        ),
    ];
    Bench::new().expect(ORDERS, &cases).await;
}

#[tokio::test]
async fn rows_are_judged_one_by_one() {
    let share =
        |rule: &str, share: &str, rows: &str| format!("The share of rows that pass {rule} is {share}, expected 1 ({rows} of 5 rows).");
    // Rule, and how many of the five rows pass.
    let cases = [
        (r#"ColumnValues "status" in ["paid", "open"]"#, 3),
        (r#"ColumnValues "status" in ["paid", NULL]"#, 3),
        (r#"ColumnValues "status" not in ["paid"]"#, 3),
        (r#"ColumnValues "status" not in ["paid", NULL]"#, 2),
        (r#"ColumnValues "status" = "paid""#, 2),
        (r#"ColumnValues "status" != "paid""#, 3),
        (r#"ColumnValues "status" = NULL"#, 1),
        (r#"ColumnValues "status" != NULL"#, 4),
        (r#"ColumnValues "status" matches "p.*""#, 2),
        (r#"ColumnValues "status" matches "p|l""#, 0),
        (r#"ColumnValues "status" not matches "p.*""#, 2),
        (r#"ColumnValues "the \"town\"" = "O'Brien""#, 1),
        (r#"ColumnValues "the \"town\"" in [EMPTY, WHITESPACES_ONLY]"#, 2),
        (r#"ColumnValues "the \"town\"" not in [EMPTY, WHITESPACES_ONLY]"#, 3),
        (r#"ColumnValues "the \"town\"" matches "[^']*""#, 4),
        (r#"ColumnLength "the \"town\"" = 6"#, 1),
        (r#"ColumnLength "status" < 1"#, 1),
        (r#"ColumnLength "status" between 3 and 5"#, 4),
        (r#"ColumnValues "price" > 10"#, 3),
        (r#"ColumnValues "price" between 10 and 40"#, 2),
        (r#"ColumnValues "price" not between 10 and 40"#, 2),
        (r#"ColumnValues "price" != 10"#, 4),
        (r#"ColumnValues "id" in ["1", "4"]"#, 3),
        (r#"ColumnValues "id" matches "[1-3]""#, 3),
        (r#"ColumnValues "code" > 7"#, 2),
        (r#"ColumnValues "code" != 7"#, 4),
        (r#"ColumnValues "member" = "true""#, 3),
        (r#"ColumnValues "day" > "2025-03-08""#, 3),
        (r#"ColumnValues "day" > (now() - 3 days)"#, 3),
        (r#"ColumnValues "day" <= now()"#, 3),
        (r#"ColumnValues "at" > (now() - 24 hours)"#, 3),
        (r#"ColumnValues "at" >= "2025-03-09 19:00:00""#, 3),
        (r#"DataFreshness "at" <= 24 hours"#, 3),
        (r#"DataFreshness "at" between 1 hours and 23 hours"#, 1),
        (r#"DataFreshness "at" > 2 days"#, 1),
        (r#"DataFreshness "day" <= 24 hours"#, 2),
        (r#"DataFreshness "day" <= 42 hours"#, 3),
        (r#"DataFreshness "day" < 42 hours"#, 2),
        (r#"ColumnDataType "code" = "Integer""#, 2),
        (r#"ColumnDataType "code" = "Double""#, 3),
        (r#"ColumnDataType "day" = "Date""#, 4),
        (r#"ColumnDataType "at" = "Timestamp""#, 4),
        (r#"ColumnDataType "member" = "Boolean""#, 4),
    ];
    let bench = Bench::new();
    let rules: Vec<&str> = cases.iter().map(|case| case.0).collect();
    let rows = bench.judge(ORDERS, &rules.join(", ")).await;
    for (rule, passing) in cases {
        let row = rows.iter().find(|row| row[0] == rule).unwrap();
        let reason = row[2].replace("\\", "");
        let words = rule.replace("\\", "");
        let number = ["0", "0.2", "0.4", "0.6", "0.8", "1"][passing];
        assert_eq!(reason, share(&words, number, &passing.to_string()), "{rule}");
        assert!(row[3].ends_with(&format!(".Compliance={number}")), "{row:?}");
    }
    let thresholds = [
        ("ColumnValues \"status\" = \"paid\" with threshold > 0.3", PASSED, "-", "Column.status.ColumnValues.Compliance=0.4"),
        (
            "ColumnValues \"status\" = \"paid\" with threshold between 0.4 and 0.5",
            FAILED,
            "The share of rows that pass ColumnValues \"status\" = \"paid\" is 0.4, expected between 0.4 and 0.5 (2 of 5 rows).",
            "Column.status.ColumnValues.Compliance=0.4",
        ),
        ("ColumnValues \"status\" = \"paid\" where \"id <= 2\"", PASSED, "-", "Column.status.ColumnValues.Compliance=1"),
    ];
    bench.expect(ORDERS, &thresholds).await;
}

#[tokio::test]
async fn values_that_occur_once_and_what_is_put_together() {
    let cases = [
        ("IsUnique \"price\"", PASSED, "-", "Column.price.Uniqueness=1"),
        ("IsUnique \"id\"", FAILED, "The uniqueness of column \"id\" is 0.6, expected 1 (3 of 5 rows).", "Column.id.Uniqueness=0.6"),
        ("Uniqueness \"status\" = 0.5", PASSED, "-", "Column.status.Uniqueness=0.5"),
        ("Uniqueness \"id\" \"status\" = 1", PASSED, "-", "Multicolumn.[id,status].Uniqueness=1"),
        ("UniqueValueRatio \"id\" = 0.75", PASSED, "-", "Column.id.UniqueValueRatio=0.75"),
        ("DistinctValuesCount \"status\" = 3", PASSED, "-", "Column.status.DistinctValuesCount=3"),
        ("DistinctValuesCount \"status\" = 1 where \"status = 'paid'\"", PASSED, "-", "Column.status.DistinctValuesCount=1"),
        ("Entropy \"status\" between 1.0397 and 1.0398", PASSED, "-", "Column.status.Entropy=1.039721"),
        ("Entropy \"status\" = 0 where \"status = 'paid'\"", PASSED, "-", "Column.status.Entropy=0"),
        (
            "IsPrimaryKey \"id\" \"price\"",
            FAILED,
            "1 of 5 rows have no value in columns \"id\", \"price\", which a primary key needs.",
            "Multicolumn.[id,price].Uniqueness=1",
        ),
        ("IsPrimaryKey \"id\"", FAILED, "The uniqueness of column \"id\" is 0.6, expected 1 (3 of 5 rows).", "Column.id.Uniqueness=0.6"),
        ("IsPrimaryKey \"id\" where \"price > 0\"", PASSED, "-", "Column.id.Uniqueness=1"),
        ("(RowCount > 4) and (IsComplete \"id\")", PASSED, "-", "Dataset.*.RowCount=5, Column.id.Completeness=1"),
        (
            "(RowCount > 5) and ((IsUnique \"id\") or (IsComplete \"status\"))",
            FAILED,
            "The number of rows is 5, expected > 5. The uniqueness of column \"id\" is 0.6, expected 1 (3 of 5 rows). The completeness of column \"status\" is 0.8, expected 1 (4 of 5 rows).",
            "Dataset.*.RowCount=5, Column.id.Uniqueness=0.6, Column.status.Completeness=0.8",
        ),
        ("(RowCount > 5) or (IsUnique \"price\")", PASSED, "-", "Dataset.*.RowCount=5, Column.price.Uniqueness=1"),
    ];
    Bench::new().expect(ORDERS, &cases).await;
}

#[tokio::test]
async fn other_inputs_and_sql_of_the_user() {
    let cases = [
        ("ReferentialIntegrity \"id\" \"users.user\" = 0.8", PASSED, "-", "Column.users.ReferentialIntegrity=0.8"),
        (
            "ReferentialIntegrity \"id,status\" \"users.{user,state}\" = 1.0",
            FAILED,
            "The share of rows whose id, status occurs in \"users\" is 0.4, expected = 1.0 (2 of 5 rows).",
            "Column.users.ReferentialIntegrity=0.4",
        ),
        (
            "ReferentialIntegrity \"status\" \"users.state\" = 1 where \"status IS NOT NULL\"",
            PASSED,
            "-",
            "Column.users.ReferentialIntegrity=1",
        ),
        ("RowCountMatch \"users\" = 1", PASSED, "-", "Dataset.users.RowCountMatch=1"),
        ("CustomSql \"select count(*) from primary where price < 0\" = 0", PASSED, "-", "Dataset.*.CustomSQL=0"),
        ("CustomSql \"select id from primary\" = 0", FAILED, "The SQL gave 5 rows, expected one number.", "-"),
        (
            "CustomSql \"select max(price) from primary where id > 9\" = 0",
            FAILED,
            "The result of the SQL \"select max(price) from primary where id > 9\" has no value: there is nothing to measure it on.",
            "-",
        ),
        (
            "CustomSql \"with u as (select * from users) select count(*) from primary p join u on u.user = p.id\" between 4 and 7",
            PASSED,
            "-",
            "Dataset.*.CustomSQL=5",
        ),
        (
            "CustomSql \"select id, price from primary where price > 10\" with threshold > 0.5",
            PASSED,
            "-",
            "Dataset.*.CustomSQL.Compliance=0.6",
        ),
        (
            "CustomSql \"select id from primary where price > 10\"",
            FAILED,
            "The share of rows that the SQL \"select id from primary where price > 10\" gives is 0.6, expected 1 (3 of 5 rows).",
            "Dataset.*.CustomSQL.Compliance=0.6",
        ),
    ];
    Bench::new().expect(ORDERS, &cases).await;
}

#[tokio::test]
async fn an_empty_input_has_no_shares_and_no_statistics() {
    let rules = [
        ("RowCount = 0", PASSED),
        ("DistinctValuesCount \"id\" = 0", PASSED),
        ("ColumnExists \"id\"", PASSED),
        ("CustomSql \"select count(*) from primary\" = 0", PASSED),
        ("IsComplete \"id\"", FAILED),
        ("IsUnique \"id\"", FAILED),
        ("IsPrimaryKey \"id\"", FAILED),
        ("ColumnValues \"id\" > 0", FAILED),
        ("ColumnLength \"status\" < 9", FAILED),
        ("Uniqueness \"id\" != 0.5", FAILED),
        ("UniqueValueRatio \"id\" < 2", FAILED),
        ("Entropy \"id\" = 0", FAILED),
        ("Sum \"price\" = 0", FAILED),
        ("Mean \"price\" != 1", FAILED),
        ("StandardDeviation \"price\" not in [7]", FAILED),
        ("ColumnCorrelation \"id\" \"price\" < 2", FAILED),
        ("DataFreshness \"at\" < 1 days", FAILED),
        ("ReferentialIntegrity \"id\" \"users.user\" >= 0", FAILED),
        ("RowCountMatch \"users\" = 0", PASSED),
        ("CustomSql \"select id from primary\"", FAILED),
    ];
    let all: Vec<&str> = rules.iter().map(|rule| rule.0).collect();
    let rows = Bench::new().judge(&format!("SELECT * FROM ({ORDERS}) WHERE FALSE"), &all.join(", ")).await;
    for (rule, outcome) in rules {
        let row = rows.iter().find(|row| row[0] == rule).unwrap();
        assert_eq!(row[1], outcome, "{row:?}");
        assert_eq!(row[2].ends_with("has no value: there is nothing to measure it on."), outcome == FAILED, "{row:?}");
        assert_eq!(row[3] == "-", outcome == FAILED || rule.starts_with("ColumnExists"), "{row:?}");
    }
}

#[tokio::test]
async fn the_input_is_read_once_however_many_rules_there_are() {
    let bench = Bench::new();
    let batch = bench.batches(ORDERS).await.remove(0);
    bench.session.register_batch("orders", batch).unwrap();
    let mut rules: Vec<String> = (0..40).map(|at| format!("ColumnValues \"id\" < {at} with threshold >= 0")).collect();
    rules.extend(["IsComplete \"id\"".to_owned(), "(Mean \"price\" > 0) or (Sum \"price\" > 0)".to_owned()]);
    let (columns, references) = (order_columns(), BTreeMap::new());
    let input = Input { cte: "orders", columns: &columns, references: &references, now: NOW };
    let scans = async |rules: &[String]| {
        let ruleset = Ruleset::parse(&format!("Rules = [{}] Analyzers = [RowCount, Mean \"price\"]", rules.join(","))).unwrap();
        let sql = results_select(&ruleset, &input).unwrap();
        let plan = bench.session.sql(&sql).await.unwrap().create_physical_plan().await.unwrap();
        assert_eq!(bench.rows(&sql).await.iter().filter(|row| row[1] == PASSED).count(), rules.len());
        displayable(plan.as_ref()).indent(false).to_string().matches("DataSourceExec").count()
    };
    assert_eq!(scans(&rules).await, 1);
    rules.push("Uniqueness \"id\" > 0".into());
    rules.push("UniqueValueRatio \"id\" > 0".into());
    assert_eq!(scans(&rules).await, 2, "equal values are counted in one more pass, once");
    let ruleset = Ruleset::parse("Analyzers = [RowCount, Mean \"price\"]").unwrap();
    let rows = bench.rows(&results_select(&ruleset, &input).unwrap()).await;
    assert_eq!(rows, [["RowCount", "-", "-", "Dataset.*.RowCount=5"], ["Mean \"price\"", "-", "-", "Column.price.Mean=25"]]);
}

fn detection(json: serde_json::Value) -> PiiDetection {
    serde_json::from_value(json).unwrap()
}

fn texts(values: &[&str]) -> String {
    let rows: Vec<String> = values.iter().map(|value| format!("('{}')", value.replace('\'', "''"))).collect();
    format!("SELECT * FROM (VALUES {}) AS t(\"text\")", rows.join(", "))
}

#[tokio::test]
async fn entities_are_told_from_what_looks_nearly_like_them() {
    let cases = [
        (
            "EMAIL",
            vec!["a.b+c@example.co.uk", "write to zoë <zoe@exämple.de, zoe@example.de>"],
            vec!["a@b", "@example.com", "a@example.c", "a b"],
        ),
        (
            "PHONE_NUMBER",
            vec!["+49 30 901820", "+1 (415) 555-2671", "(415) 555-2671", "call 415-555-2671!", "+14155552671"],
            vec!["415 555", "2025-03-10", "12345678901234", "4155552671"],
        ),
        (
            "CREDIT_CARD",
            vec!["4111 1111 1111 1111", "4111111111111111", "378282246310005", "5555-5555-5555-4444", "card: 4111111111111112"],
            vec!["4111111111111112", "4111 1111 1111 1112", "1234567890123456", "411111111111111123"],
        ),
        (
            "IP_ADDRESS",
            vec!["192.168.0.1", "from 8.8.8.8, twice", "2001:0db8:0000:0000:0000:ff00:0042:8329", "fe80::1:2"],
            vec!["256.1.1.1", "1.2.3", "12:30:15"],
        ),
        ("MAC_ADDRESS", vec!["00:1B:44:11:3A:B7", "00-1b-44-11-3a-b7"], vec!["00:1B:44:11:3A", "00:1B-44:11-3A:B7", "0000:1B:44:11:3A:B7"]),
        (
            "USA_SSN",
            vec!["123-45-6789", "ssn 665 12 3456."],
            vec!["000-12-3456", "666-12-3456", "900-12-3456", "123-00-6789", "123-45-0000", "123456789", "1123-45-6789"],
        ),
        ("USA_ITIN", vec!["912-70-1234"], vec!["912-93-1234", "812-70-1234"]),
        (
            "IBAN",
            vec!["DE89 3704 0044 0532 0130 00", "NO9386011117947", "GB29NWBK60161331926819"],
            vec!["DE89", "AB12CDEF3456", "de89370400440532013000"],
        ),
        ("URL", vec!["https://example.com/x?y=1", "see HTTP://a.b.museum"], vec!["example.com", "http://localhost", "ftp://example.com"]),
        ("DATE", vec!["1980-02-29", "born 9.3.1980", "03/09/1980"], vec!["1880-01-01", "1980-13-01", "13/13/1980", "80-01-01"]),
        ("USA_NATIONAL_DRUG_CODE", vec!["1234-5678-90", "12345-678-90", "12345-6789-0"], vec!["123-4567-89"]),
        ("USA_MEDICARE_BENEFICIARY_IDENTIFIER", vec!["1EG4-TE5-MK73", "1EG4TE5MK73"], vec!["1SG4-TE5-MK73", "0EG4TE5MK73"]),
        ("USA_HEALTH_INSURANCE_CLAIM_NUMBER", vec!["123-45-6789A", "123456789B1"], vec!["123-45-6789"]),
        ("USA_DEA_NUMBER", vec!["AB1234563", "F91234563"], vec!["ZB1234563", "AB123456"]),
    ];
    assert_eq!(cases.each_ref().map(|case| case.0).to_vec().len(), pii::ENTITIES.len());
    let bench = Bench::new();
    for (entity, good, bad) in cases {
        let spec = detection(serde_json::json!({"PiiType": "RowAudit", "EntityTypesToDetect": [entity]}));
        let select = pii::select("input", &[Column::new("text", Kind::Text)], &spec).unwrap();
        for (values, expected) in [(good, entity), (bad, "-")] {
            for row in bench.over(&texts(&values), &select).await {
                assert_eq!(row[1], expected, "{row:?}");
            }
        }
    }
    let high =
        serde_json::json!({"PiiType": "RowAudit", "EntityTypesToDetect": ["PHONE_NUMBER", "\"USA_SNN\""], "DetectionSensitivity": "HIGH"});
    let select = pii::select("input", &[Column::new("text", Kind::Text)], &detection(high)).unwrap();
    let rows = bench.over(&texts(&["4155552671", "123456789", "1"]), &select).await;
    assert_eq!(rows.iter().map(|row| row[1].as_str()).collect::<Vec<_>>(), ["PHONE_NUMBER", "USA_SSN", "-"]);
}

const PEOPLE: &str = r#"SELECT * FROM (VALUES
    (1, 'ünal@example.com', 'it''s me@example.com'), (2, 'none', 'x'), (3, NULL, ''), (4, 'a@b.de', '+49 30 901820, c@d.de')
    ) AS t("id", "the ""mail""", "note")"#;

fn people() -> Vec<Column> {
    vec![Column::new("id", Kind::Number), Column::new("the \"mail\"", Kind::Text), Column::new("note", Kind::Text)]
}

#[tokio::test]
async fn cells_are_masked_in_part_or_whole() {
    let bench = Bench::new();
    let run = async |spec: serde_json::Value| {
        let select = pii::select("input", &people(), &detection(spec)).unwrap();
        bench.over(PEOPLE, &select).await
    };
    let masked = run(serde_json::json!({"PiiType": "RowMasking", "EntityTypesToDetect": ["EMAIL"], "MaskValue": "XX"})).await;
    assert_eq!(masked, [["1", "XX", "XX"], ["2", "none", "x"], ["3", "-", ""], ["4", "XX", "XX"]]);
    let partly = serde_json::json!({"PiiType": "RowPartialMasking", "EntityTypesToDetect": ["EMAIL"], "RedactChar": "'",
        "NumLeftCharsToExclude": 3, "NumRightCharsToExclude": 4, "OutputColumnName": "found"});
    let partly = run(partly).await;
    assert_eq!(partly[0], ["1", "üna'''''''''.com", "it'''''''''''''.com", "EMAIL"]);
    assert_eq!(partly[3], ["4", "''''''", "+49''''''''''''''d.de", "EMAIL"]);
    let redacted = serde_json::json!({"PiiType": "RowMasking", "EntityTypesToDetect": ["EMAIL"], "RedactText": "true"});
    assert_eq!(run(redacted).await[0], ["1", "****************", "*******************"]);
    let audit = serde_json::json!({"PiiType": "RowAudit", "EntityTypesToDetect": ["EMAIL", "PHONE_NUMBER"], "MatchPattern": "^no"});
    let audit: Vec<String> = run(audit).await.into_iter().map(|mut row| row.remove(3)).collect();
    assert_eq!(audit, ["EMAIL", "MATCH_PATTERN", "-", "EMAIL,PHONE_NUMBER"]);
}

#[tokio::test]
async fn columns_are_found_by_a_scan_and_hidden_whole() {
    let bench = Bench::new();
    let spec = detection(
        serde_json::json!({"PiiType": "ColumnMasking", "EntityTypesToDetect": ["EMAIL", "PHONE_NUMBER"], "ThresholdFraction": 0.66}),
    );
    let scan = pii::column_scan_select("input", &people(), &spec).unwrap();
    let rows = bench.over(PEOPLE, &scan).await;
    let expected = [
        ["the \"mail\"", "EMAIL", "3", "0.6666666666666666"],
        ["the \"mail\"", "PHONE_NUMBER", "3", "0.0"],
        ["note", "EMAIL", "3", "0.6666666666666666"],
        ["note", "PHONE_NUMBER", "3", "0.3333333333333333"],
    ];
    assert_eq!(rows, expected);
    let found: Vec<Found> =
        rows.iter().map(|row| Found { column: row[0].clone(), entity: row[1].clone(), fraction: row[3].parse().ok() }).collect();
    assert_eq!(pii::columns_found(&found, &spec), ["the \"mail\"", "note"]);
    let hide = pii::select_columns("input", &people(), &spec, &["note".to_owned()]).unwrap();
    let rows = bench.over(PEOPLE, &hide).await;
    assert_eq!(rows[1], ["2", "none", "*******"]);
    let nobody = bench.over(&format!("SELECT * FROM ({PEOPLE}) WHERE FALSE"), &scan).await;
    assert!(nobody.iter().all(|row| row[2] == "0" && row[3] == "-"));
}

#[tokio::test]
async fn a_sample_is_the_share_asked_for_and_always_the_same() {
    let bench = Bench::new();
    let table = "SELECT 'user' || CAST(value AS VARCHAR) || '@example.com' AS \"text\" FROM generate_series(1, 10000)";
    let scan = |fraction: f64| {
        let spec = serde_json::json!({"PiiType": "ColumnAudit", "EntityTypesToDetect": ["EMAIL"], "SampleFraction": fraction});
        pii::column_scan_select("input", &[Column::new("text", Kind::Text)], &detection(spec)).unwrap()
    };
    let values = async |fraction: f64| {
        let rows = bench.over(table, &scan(fraction)).await;
        rows[0][2].parse::<u32>().unwrap()
    };
    let tenth = values(0.1).await;
    assert!((900..1100).contains(&tenth), "{tenth}");
    assert_eq!(values(0.1).await, tenth);
    assert_eq!((values(1.0).await, values(0.0).await), (10_000, 0));
}
