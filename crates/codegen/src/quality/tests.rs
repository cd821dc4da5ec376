#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use domain::ErrorKind;

use super::rule::{Comparison, Expression, Operand, Test};
use super::{Column, Input, Kind, RuleType, Ruleset, results_select, score, time};

/// 2025-03-10 18:00:00 UTC.
const NOW: i64 = 1_741_629_600;

fn parse(rules: &str) -> Ruleset {
    Ruleset::parse(&format!("Rules = [{rules}]")).unwrap()
}

fn refusal(text: &str) -> String {
    let error = Ruleset::parse(text).unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::InvalidInput, Some("RULESET_INVALID")));
    error.to_string()
}

#[test]
fn rules_are_read_with_their_text_as_written() {
    let text = "# what orders have to be\nRules = [\n  IsComplete \"order_id\", # the key\n  Completeness  \"x\" > 0.95,\n  \
        ColumnValues \"c\" not in [\"a\", NULL, -3] with threshold > 0.9 where \"d = 'e'\",\n  (RowCount > 1) AND ((IsUnique \"x\") or (Sum \"y\" between -1 and 2.5)),\n]\n\
        Analyzers = [ RowCount, Completeness \"x\" where \"y > 1\" ]";
    let ruleset = Ruleset::parse(text).unwrap();
    let texts: Vec<&str> = ruleset.rules.iter().map(|rule| rule.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "IsComplete \"order_id\"",
            "Completeness  \"x\" > 0.95",
            "ColumnValues \"c\" not in [\"a\", NULL, -3] with threshold > 0.9 where \"d = 'e'\"",
            "(RowCount > 1) AND ((IsUnique \"x\") or (Sum \"y\" between -1 and 2.5))",
        ]
    );
    let Expression::Check(values) = &ruleset.rules[2].expression else { panic!("{ruleset:?}") };
    let expected = vec![Operand::Text("a".into()), Operand::Null, Operand::Number("-3".into())];
    assert_eq!(values.condition.as_ref().unwrap().test, Test::In { values: expected, negated: true });
    assert_eq!(values.threshold.as_ref().unwrap().test, Test::Compare(Comparison::Greater, Operand::Number("0.9".into())));
    assert_eq!(values.filter.as_deref(), Some("(d = 'e')"));
    let Expression::All(parts) = &ruleset.rules[3].expression else { panic!("{ruleset:?}") };
    assert!(matches!(&parts[1], Expression::Any(inner) if inner.len() == 2));
    assert_eq!(ruleset.analyzers.iter().map(|a| a.text.as_str()).collect::<Vec<_>>(), ["RowCount", "Completeness \"x\" where \"y > 1\""]);
}

#[test]
fn operands_are_read() {
    let operand = |text: &str| {
        let ruleset = parse(&format!("ColumnValues \"x\" > {text}"));
        let Expression::Check(check) = &ruleset.rules[0].expression else { panic!("{ruleset:?}") };
        let Some(Test::Compare(_, operand)) = check.condition.as_ref().map(|condition| condition.test.clone()) else { panic!("{check:?}") };
        operand
    };
    let cases = [
        ("1.50", Operand::Number("1.50".into())),
        ("-7", Operand::Number("-7".into())),
        (r#""a \"b\" \\ \d""#, Operand::Text(r#"a "b" \ \d"#.into())),
        ("null", Operand::Null),
        ("EMPTY", Operand::Empty),
        ("WHITESPACES_ONLY", Operand::Whitespace),
        ("now()", Operand::Now(0)),
        ("(now() - 3 days)", Operand::Now(-259_200)),
        ("now() + 2 hours", Operand::Now(7200)),
    ];
    for (text, expected) in cases {
        assert_eq!(operand(text), expected, "{text}");
    }
}

#[test]
fn mistakes_are_told_with_their_place() {
    let cases = [
        ("", "The ruleset, line 1, column 1: expected at least one rule in `Rules = [ … ]`, found the end of the ruleset."),
        ("Rules = []", "The ruleset, line 1, column 11: expected at least one rule in `Rules = [ … ]`, found the end of the ruleset."),
        (
            "Rule = [ RowCount > 1 ]",
            "The ruleset, line 1, column 1: expected `Rules` or `Analyzers`, found `Rule`: constants are not known, write the value where it is used.",
        ),
        (
            "Rules = [\n  IsCompleted \"x\" ]",
            "The ruleset, line 2, column 3: expected the type of a rule, found `IsCompleted`; did you mean IsComplete?",
        ),
        (
            "Rules = [ rowcount > 1 ]",
            "The ruleset, line 1, column 11: expected the type of a rule, found `rowcount`; did you mean RowCount?",
        ),
        (
            "Rules = [ DatasetMatch \"a\" \"b\" > 1 ]",
            "The ruleset, line 1, column 11: expected a rule that can be carried out, found `DatasetMatch`: compare by ReferentialIntegrity in both directions, or by CustomSql.",
        ),
        ("Rules = [ RowCount ]", "The ruleset, line 1, column 20: expected a condition after `RowCount`, such as `> 0.9`, found `]`."),
        (
            "Rules = [ RowCount > ]",
            "The ruleset, line 1, column 22: expected a value: a number, a text in quotes, NULL, EMPTY, WHITESPACES_ONLY or now(), found `]`.",
        ),
        ("Rules = [ RowCount > \"5\" ]", "The ruleset, line 1, column 20: expected a comparison with numbers, found `> \"5\"`."),
        ("Rules = [ RowCount > 1 RowCount > 2 ]", "The ruleset, line 1, column 24: expected `,` or `]` after a rule, found `RowCount`."),
        ("Rules = [ IsComplete ]", "The ruleset, line 1, column 11: expected one parameter in quotes after `IsComplete`, found 0."),
        ("Rules = [ Mean \"a\" \"b\" > 1 ]", "The ruleset, line 1, column 11: expected one parameter in quotes after `Mean`, found 2."),
        ("Rules = [ IsComplete \"x\" > 1 ]", "The ruleset, line 1, column 26: expected no condition after `IsComplete`, found `> 1`."),
        ("Rules = [ IsComplete \"ü\" ; ]", "The ruleset, line 1, column 26: expected a rule, found `;`."),
        ("Rules = [ IsComplete \"x ]", "The ruleset, line 1, column 22: expected a text that ends with \", found none that does."),
        ("Rules = [ (RowCount > 1 ]", "The ruleset, line 1, column 25: expected `)` after a rule in parentheses, found `]`."),
        (
            "Rules = [ RowCount between 1 or 3 ]",
            "The ruleset, line 1, column 30: expected `and` between the ends of `between`, found `or`.",
        ),
        ("Rules = [ RowCount > 1.2.3 ]", "The ruleset, line 1, column 22: expected a number, found `1.2.3`."),
        (
            "Rules = [ RowCount > avg(last(5)) ]",
            "The ruleset, line 1, column 22: expected a value, found `avg(…)`: rules over earlier evaluations are not carried out.",
        ),
        (
            "Rules = [ RowCount > $least ]",
            "The ruleset, line 1, column 22: expected a value, found `$least`: constants are not known, write the value.",
        ),
        (
            "Rules = [ Mean \"x\" > 1 with threshold > 0.5 ]",
            "The ruleset, line 1, column 24: expected a rule that judges single rows before `with threshold`, found `Mean`.",
        ),
        (
            "Rules = [ ColumnCount > 1 where \"x\" ]",
            "The ruleset, line 1, column 27: expected a rule that looks at rows before `where`, found `ColumnCount`.",
        ),
        (
            "Rules = [ RowCount > 1 where \"x = ')\" ]",
            "The ruleset, line 1, column 30: the where-clause: SQL opens ' and does not close it.",
        ),
        (
            "Rules = [ RowCount > 1 where \"1) or (1\" ]",
            "The ruleset, line 1, column 30: the where-clause is to be one query or expression, found ')' where none may end.",
        ),
        ("Rules = [ DataFreshness \"x\" < 5 ]", "The ruleset, line 1, column 29: expected a duration such as `24 hours`, found `< 5`."),
        (
            "Rules = [ ColumnValues \"x\" matches \"a(?=b)\" ]",
            "The ruleset, line 1, column 36: expected a regular expression that every engine reads alike (no looking around, no back references), found (?= in \"a(?=b)\".",
        ),
        (
            "Rules = [ IsComplete \"x\" labels = [\"a\"] ]",
            "The ruleset, line 1, column 26: expected the end of the rule, found `labels`, which are not kept.",
        ),
        (
            "Rules = [ RowCount > 1 ] Rules = [ RowCount > 2 ]",
            "The ruleset, line 1, column 26: expected one list of each kind, found a second `Rules`.",
        ),
        (
            "Analyzers = [ RowCount > 1 ]",
            "The ruleset, line 1, column 15: expected an analyzer, which has no condition, found `RowCount > 1`.",
        ),
        (
            "Analyzers = [ IsUnique \"x\" ]",
            "The ruleset, line 1, column 15: expected a rule that gives a number as an analyzer, found `IsUnique`.",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(text), expected);
    }
    let deep = format!("Rules = [{}RowCount > 1{}]", "(".repeat(40), ")".repeat(40));
    assert_eq!(refusal(&deep), "The ruleset, line 1, column 42: expected at most 32 rules within each other, found more.");
    let deep = format!("Rules = [RowCount > {}1{}]", "(".repeat(60_000), ")".repeat(5_000));
    assert_eq!(refusal(&deep), "The ruleset, line 1, column 53: expected at most 32 parentheses around a value, found more.");
    assert_eq!(refusal(&" ".repeat(65_537)), "A ruleset has at most 65536 characters, found 65537.");
}

#[test]
fn no_prefix_of_a_ruleset_makes_the_parser_panic() {
    let text = "Rules = [ (ColumnValues \"ä\\\"\" not in [\"x\", -1, NULL] with threshold > 0.5 where \"y = 'z'\") or (DataFreshness \"t\" <= 24 hours), # c\n Sum \"é\" between -1.5 and now() ]";
    for (at, _) in text.char_indices() {
        assert!(Ruleset::parse(&text[..at]).is_err(), "{}", &text[..at]);
    }
}

fn columns() -> Vec<Column> {
    vec![
        Column::new("id", Kind::Number),
        Column::new("it's", Kind::Text),
        Column::new("day", Kind::Date),
        Column::new("at", Kind::Timestamp),
        Column::new("tags", Kind::Other),
    ]
}

fn select(rules: &str) -> domain::Result<String> {
    let (columns, references) = (columns(), BTreeMap::from([("users".to_owned(), "clean users".to_owned())]));
    results_select(&parse(rules), &Input { cte: "orders", columns: &columns, references: &references, now: NOW })
}

#[test]
fn what_the_input_cannot_give_is_refused() {
    let cases = [
        ("IsComplete \"ids\"", "The ruleset, line 1, column 10: expected a column of the input, found \"ids\"; did you mean id?"),
        (
            "Mean \"it's\" > 1",
            "The ruleset, line 1, column 10: expected a column of numbers after `Mean`, found \"it's\", which holds text.",
        ),
        (
            "ColumnLength \"id\" > 1",
            "The ruleset, line 1, column 28: expected a column of text, found `> 1` for column \"id\", which holds numbers.",
        ),
        (
            "ColumnValues \"id\" = \"a\"",
            "The ruleset, line 1, column 28: expected what numbers can be compared with, found `= \"a\"` for column \"id\", which holds numbers.",
        ),
        (
            "ColumnValues \"day\" > \"2025-02-30\"",
            "The ruleset, line 1, column 29: expected a day such as \"2025-03-09\" or now(), found `> \"2025-02-30\"` for column \"day\", which holds dates.",
        ),
        (
            "ColumnValues \"id\" in [EMPTY]",
            "The ruleset, line 1, column 28: expected a column of text for EMPTY and WHITESPACES_ONLY, found `in [EMPTY]` for column \"id\", which holds numbers.",
        ),
        (
            "ColumnValues \"id\" > NULL",
            "The ruleset, line 1, column 28: expected `=`, `!=`, `in` or `not in` before NULL, EMPTY and WHITESPACES_ONLY, found `> NULL` for column \"id\", which holds numbers.",
        ),
        (
            "IsUnique \"tags\"",
            "The ruleset, line 1, column 10: expected a column of single values, found column \"tags\", which holds nested or binary values.",
        ),
        (
            "ColumnDataType \"it's\" = \"Intiger\"",
            "The ruleset, line 1, column 32: expected the name of a type, found \"Intiger\"; did you mean Integer.",
        ),
        (
            "ReferentialIntegrity \"id\" \"user.id\" > 0",
            "The ruleset, line 1, column 10: expected the alias of another input, found \"user\"; did you mean users?",
        ),
        ("ReferentialIntegrity \"id\" \"users.{a,b}\" > 0", "The ruleset, line 1, column 10: expected 1 columns of \"users\", found 2."),
        ("CustomSql \"drop table x\" = 0", "The ruleset, line 1, column 10: expected SQL that begins with SELECT or WITH, found `drop`."),
        (
            "CustomSql \"select 1; select 2\" = 0",
            "The ruleset, line 1, column 10: CustomSql is to be one query or expression, found ';' where none may end.",
        ),
        (
            "ColumnNamesMatchPattern \"(a)\\\\1\"",
            "The ruleset, line 1, column 10: expected a regular expression that every engine reads alike (no looking around, no back references), found \\1 in \"(a)\\1\".",
        ),
    ];
    for (rules, expected) in cases {
        let error = select(rules).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.code), (expected, Some("RULESET_INVALID")));
    }
}

#[test]
fn the_script_of_two_rules_can_be_read() {
    let expected = r#"WITH dq_measures AS (
  SELECT
  COUNT(*) AS m1,
  COUNT(CASE WHEN "it's" IS NOT NULL THEN 1 END) AS m2
  FROM orders
), dq_measured AS (
  SELECT *,
  CASE WHEN m1 > 0 THEN CAST(m2 AS DOUBLE) / m1 END AS value1,
  CAST(m1 AS DOUBLE) AS value2
  FROM dq_measures
), dq_judged AS (
  SELECT *,
  COALESCE(value1 > 0.9, FALSE) AS passed1, COALESCE(regexp_replace(CAST(TRY_CAST(value1 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value1 AS VARCHAR)) AS text1,
  COALESCE(value2 > 1, FALSE) AS passed2, COALESCE(regexp_replace(CAST(TRY_CAST(value2 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value2 AS VARCHAR)) AS text2
  FROM dq_measured
), dq_rules AS (
  SELECT 1 AS dq_number, 'Completeness "it''s" > 0.9' AS "Rule"
  UNION ALL SELECT 2, 'RowCount > 1'
)
SELECT "Rule",
  CASE dq_number
    WHEN 1 THEN CASE WHEN passed1 THEN 'Passed' ELSE 'Failed' END
    WHEN 2 THEN CASE WHEN passed2 THEN 'Passed' ELSE 'Failed' END END AS "Outcome",
  CASE dq_number
    WHEN 1 THEN CASE WHEN NOT passed1 THEN CASE WHEN text1 IS NULL THEN 'The completeness of column "it''s" has no value: there is nothing to measure it on.' ELSE 'The completeness of column "it''s" is ' || text1 || ', expected > 0.9 (' || CAST(m2 AS VARCHAR) || ' of ' || CAST(m1 AS VARCHAR) || ' rows).' END END
    WHEN 2 THEN CASE WHEN NOT passed2 THEN CASE WHEN text2 IS NULL THEN 'The number of rows has no value: there is nothing to measure it on.' ELSE 'The number of rows is ' || text2 || ', expected > 1.' END END END AS "FailureReason",
  CASE dq_number
    WHEN 1 THEN NULLIF(substr(COALESCE(', Column.it''s.Completeness=' || text1, ''), 3), '')
    WHEN 2 THEN NULLIF(substr(COALESCE(', Dataset.*.RowCount=' || text2, ''), 3), '') END AS "EvaluatedMetrics"
FROM dq_rules CROSS JOIN dq_judged
ORDER BY dq_number"#;
    assert_eq!(select("Completeness \"it's\" > 0.9, RowCount > 1").unwrap(), expected);
}

#[test]
fn text_is_read_as_a_moment_by_the_function_of_the_house() {
    let sql = select("DataFreshness \"it's\" <= 24 hours, ColumnValues \"it's\" > (now() - 3 days)").unwrap();
    assert!(sql.contains("parse_timestamp(\"it's\") >= CAST('2025-03-09 18:00:00' AS TIMESTAMP)"), "{sql}");
    assert!(sql.contains("parse_timestamp(\"it's\") > CAST('2025-03-07 18:00:00' AS TIMESTAMP)"), "{sql}");
}

#[test]
fn names_here_hide_none_of_the_script_around() {
    let (columns, references) = (columns(), BTreeMap::from([("orders".to_owned(), "dq_measures".to_owned())]));
    let input = Input { cte: "users", columns: &columns, references: &references, now: NOW };
    let ruleset = parse("CustomSql \"select count(*) from orders\" = 1, RowCount > 1");
    let sql = results_select(&ruleset, &input).unwrap();
    assert!(sql.starts_with("WITH dq__measures AS ("), "{sql}");
    assert!(sql.contains("\"primary\" AS (\n  SELECT * FROM users\n), orders AS (\n  SELECT * FROM dq_measures\n)"), "{sql}");
    let same = BTreeMap::from([("clean users".to_owned(), "clean users".to_owned())]);
    let ruleset = parse("CustomSql \"with dq_ as (select 1) select count(*) from dq_\" = 1");
    let sql = results_select(&ruleset, &Input { references: &same, ..input }).unwrap();
    assert!(sql.starts_with("WITH \"primary\" AS (\n  SELECT * FROM users\n), dq__c1 AS ("), "{sql}");
}

#[test]
fn analyzers_are_measured_and_not_judged() {
    let (columns, references) = (columns(), BTreeMap::new());
    let input = Input { cte: "orders", columns: &columns, references: &references, now: NOW };
    let ruleset = Ruleset::parse("Rules = [RowCount > 1] Analyzers = [Mean \"id\"]").unwrap();
    let sql = results_select(&ruleset, &input).unwrap();
    assert!(sql.contains("SELECT 1 AS dq_number, 'RowCount > 1' AS \"Rule\"\n  UNION ALL SELECT 2, 'Mean \"id\"'"), "{sql}");
    assert!(!sql.contains("WHEN 2 THEN CASE") && sql.contains("WHEN 2 THEN NULLIF(substr("), "{sql}");
    let sql = results_select(&Ruleset::parse("Analyzers = [RowCount]").unwrap(), &input).unwrap();
    assert!(sql.contains("  CAST(NULL AS VARCHAR) AS \"Outcome\",\n  CAST(NULL AS VARCHAR) AS \"FailureReason\",\n"), "{sql}");
}

#[test]
fn days_are_counted_as_calendars_do() {
    let cases = [
        (0, "1970-01-01 00:00:00"),
        (-1, "1969-12-31 23:59:59"),
        (951_782_400, "2000-02-29 00:00:00"),
        (4_107_542_399, "2100-02-28 23:59:59"),
        (4_107_542_400, "2100-03-01 00:00:00"),
        (NOW, "2025-03-10 18:00:00"),
    ];
    for (seconds, expected) in cases {
        assert_eq!(time::timestamp(seconds), format!("CAST('{expected}' AS TIMESTAMP)"));
    }
    let moments = [
        ("2024-02-29", true),
        ("2025-02-29", false),
        ("2025-13-01", false),
        ("2025-01-01 24:00:00", false),
        ("2025-1-1", false),
        ("2025-01-01T23:59:59", true),
    ];
    for (text, expected) in moments {
        assert_eq!(time::is_moment(text), expected, "{text}");
    }
}

#[test]
fn a_score_is_a_share() {
    assert_eq!((score(3, 4), score(0, 2), score(0, 0)), (Some(0.75), Some(0.0), None));
}

#[test]
fn the_documentation_names_every_rule() {
    let page = include_str!("../../../../docs/quality.md");
    for rule in RuleType::ALL {
        assert!(page.contains(&format!("| `{}`", rule.name())), "docs/quality.md has no row for {}", rule.name());
    }
    for entity in crate::pii::ENTITIES {
        assert!(page.contains(&format!("| `{entity}`")), "docs/quality.md has no row for {entity}");
    }
}
