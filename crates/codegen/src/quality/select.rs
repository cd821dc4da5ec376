//! The SELECT that judges a whole ruleset.

use std::collections::BTreeMap;

use domain::Result;

use super::checks::{Checked, VALUE, translate};
use super::columns::Column;
use super::combined::{Numbered, number};
use super::measures::Measures;
use super::rule::{Check, RuleType, Ruleset};
use crate::names;
use crate::sql::{identifier, lines, text};

/// What is judged.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// A CTE of the script around.
    pub cte: &'a str,
    pub columns: &'a [Column],
    /// The alias of another input and its CTE.
    pub references: &'a BTreeMap<String, String>,
    /// Seconds since 1970: `now()` in rules, and what ages are counted from.
    pub now: i64,
}

/// One SELECT that gives a row per rule, in the ruleset's order: `Rule` (as written), `Outcome` (`Passed` or `Failed`), `FailureReason`
/// (a sentence, NULL when passed) and `EvaluatedMetrics` (`Column.x.Completeness=0.93`, several joined by `, `). Then one per analyzer,
/// which has neither outcome nor reason.
///
/// # Errors
/// `RULESET_INVALID` where a rule names what the input does not have, or asks of a column what it cannot give.
pub fn results_select(ruleset: &Ruleset, input: &Input<'_>) -> Result<String> {
    let (lines, checks) = numbered(ruleset);
    Ok(Frame::new(ruleset, input, &checks)?.select(&lines))
}

/// What one row of the result is about.
struct Line<'a> {
    /// As written.
    text: &'a str,
    numbered: Numbered,
    /// A rule, which passes or fails, and not an analyzer.
    judged: bool,
}

fn numbered(ruleset: &Ruleset) -> (Vec<Line<'_>>, Vec<&Check>) {
    let (mut lines, mut checks) = (Vec::new(), Vec::new());
    for rule in &ruleset.rules {
        lines.push(Line { text: &rule.text, numbered: number(&rule.expression, &mut checks), judged: true });
    }
    for analyzer in &ruleset.analyzers {
        lines.push(Line { text: &analyzer.text, numbered: Numbered::Check(checks.len()), judged: false });
        checks.push(&analyzer.check);
    }
    (lines, checks)
}

impl Ruleset {
    /// The SQL that its author wrote into it.
    pub(crate) fn own_sql(&self) -> Vec<&str> {
        let (_, checks) = numbered(self);
        let custom = checks.iter().filter(|check| check.rule_type == RuleType::CustomSql).flat_map(|check| &check.parameters);
        custom.chain(checks.iter().filter_map(|check| check.filter.as_ref())).map(String::as_str).collect()
    }
}

/// The checks of one SELECT, and what they measure.
struct Frame<'a> {
    input: &'a Input<'a>,
    measures: Measures,
    checked: Vec<Checked>,
}

impl<'a> Frame<'a> {
    fn new(ruleset: &Ruleset, input: &'a Input<'a>, checks: &[&Check]) -> Result<Self> {
        let own: Vec<String> = ruleset.own_sql().into_iter().flat_map(names::ctes).collect();
        let around = [input.cte].into_iter().chain(input.references.iter().flat_map(|(a, c)| [a.as_str(), c.as_str()]));
        let taken: Vec<&str> = around.chain(own.iter().map(String::as_str)).collect();
        let mut measures = Measures::new(input.cte, &taken);
        let checked = checks.iter().map(|check| translate(check, input, &mut measures)).collect::<Result<_>>()?;
        Ok(Self { input, measures, checked })
    }

    /// The measures are one row; the rules are rows of constants beside it, so that the input is read once and not once per rule.
    fn select(&self, rules: &[Line<'_>]) -> String {
        let references: Vec<(String, String)> = self.input.references.iter().map(|(a, c)| (a.clone(), c.clone())).collect();
        let (mut ctes, from) = self.measures.measured(&references);
        let (measured, judged, listed) = (self.measures.cte("measured"), self.measures.cte("judged"), self.measures.cte("rules"));
        let number = self.measures.cte("number");
        let star = if from.is_empty() { "" } else { "*,\n  " };
        ctes.push((measured.clone(), format!("SELECT {star}{}{from}", lines(&self.each(value)))));
        ctes.push((judged.clone(), format!("SELECT *,\n  {}\n  FROM {measured}", lines(&self.each(judgement)))));
        let rows: Vec<String> = rules.iter().zip(1..).map(|(rule, at)| row_of(at, rule.text, &number)).collect();
        ctes.push((listed.clone(), rows.join("\n  UNION ALL ")));
        let outcome = |rule: &Numbered| format!("CASE WHEN {} THEN 'Passed' ELSE 'Failed' END", rule.passed());
        let items = [
            "\"Rule\"".to_owned(),
            by_number(&number, "Outcome", rules, true, outcome),
            by_number(&number, "FailureReason", rules, true, |rule| rule.reason(&self.checked)),
            by_number(&number, "EvaluatedMetrics", rules, false, |rule| rule.metrics(&self.checked)),
        ];
        let ctes: Vec<String> = ctes.into_iter().map(|(name, select)| format!("{name} AS (\n  {select}\n)")).collect();
        format!("WITH {}\nSELECT {}\nFROM {listed} CROSS JOIN {judged}\nORDER BY {number}", ctes.join(", "), lines(&items))
    }

    fn each(&self, item: fn(&Checked, usize) -> String) -> Vec<String> {
        self.checked.iter().zip(1..).map(|(checked, at)| item(checked, at)).collect()
    }
}

/// A column of the result, its SQL for each rule; with `judged` only for what is judged.
fn by_number(number: &str, name: &str, rules: &[Line<'_>], judged: bool, sql: impl Fn(&Numbered) -> String) -> String {
    let cases = rules.iter().zip(1..).filter(|(rule, _)| rule.judged || !judged);
    let cases: String = cases.map(|(rule, at)| format!("\n    WHEN {at} THEN {}", sql(&rule.numbered))).collect();
    let value = if cases.is_empty() { "CAST(NULL AS VARCHAR)".to_owned() } else { format!("CASE {number}{cases} END") };
    format!("{value} AS {}", identifier(name))
}

/// `value1`: the number that a check measured.
fn value(checked: &Checked, at: usize) -> String {
    format!("{} AS value{at}", checked.value)
}

/// `passed1`, and `text1`: the number as people write it, with six digits after the point at most, in every engine alike.
fn judgement(checked: &Checked, at: usize) -> String {
    let value = format!("value{at}");
    let passed = format!("COALESCE({}, FALSE) AS passed{at}", checked.passed.replace(VALUE, &value));
    let number = format!("regexp_replace(CAST(TRY_CAST({value} AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', '')");
    format!("{passed}, COALESCE({number}, CAST({value} AS VARCHAR)) AS text{at}")
}

fn row_of(at: usize, rule: &str, number: &str) -> String {
    match at {
        1 => format!("SELECT 1 AS {number}, {} AS \"Rule\"", text(rule)),
        _ => format!("SELECT {at}, {}", text(rule)),
    }
}
