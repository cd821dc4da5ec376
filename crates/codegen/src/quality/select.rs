//! The SELECT that judges a whole ruleset.

use std::collections::BTreeMap;

use domain::Result;

use super::checks::{Checked, VALUE, translate};
use super::columns::Column;
use super::combined::{Numbered, number};
use super::measures::Measures;
use super::rule::{Check, Ruleset};
use super::sql::{lines, quoted, text};

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
/// (a sentence, NULL when passed) and `EvaluatedMetrics` (`Column.x.Completeness=0.93`, several joined by `, `).
///
/// # Errors
/// `RULESET_INVALID` where a rule names what the input does not have, or asks of a column what it cannot give.
pub fn results_select(ruleset: &Ruleset, input: &Input<'_>) -> Result<String> {
    let mut checks = Vec::new();
    let rules: Vec<(&str, Numbered)> =
        ruleset.rules.iter().map(|rule| (rule.text.as_str(), number(&rule.expression, &mut checks))).collect();
    let frame = Frame::new(input, &checks)?;
    let outcome = |rule: &Numbered| format!("CASE WHEN {} THEN 'Passed' ELSE 'Failed' END", rule.passed());
    let reason = |rule: &Numbered| rule.reason(&frame.checked);
    let metrics = |rule: &Numbered| rule.metrics(&frame.checked);
    Ok(frame.select("Rule", &rules, &[("Outcome", &outcome), ("FailureReason", &reason), ("EvaluatedMetrics", &metrics)]))
}

/// One SELECT that gives a row per analyzer: `Analyzer` (as written) and `EvaluatedMetrics`.
///
/// # Errors
/// As [`results_select`].
pub fn analyzers_select(ruleset: &Ruleset, input: &Input<'_>) -> Result<String> {
    let checks: Vec<&Check> = ruleset.analyzers.iter().map(|analyzer| &analyzer.check).collect();
    let analyzers: Vec<(&str, Numbered)> =
        ruleset.analyzers.iter().enumerate().map(|(at, analyzer)| (analyzer.text.as_str(), Numbered::Check(at))).collect();
    let frame = Frame::new(input, &checks)?;
    let metrics = |analyzer: &Numbered| analyzer.metrics(&frame.checked);
    Ok(frame.select("Analyzer", &analyzers, &[("EvaluatedMetrics", &metrics)]))
}

/// A column's name, and its SQL for each rule.
type OutputColumn<'a> = (&'a str, &'a dyn Fn(&Numbered) -> String);

/// The checks of one SELECT, and what they measure.
struct Frame<'a> {
    input: &'a Input<'a>,
    measures: Measures,
    checked: Vec<Checked>,
}

impl<'a> Frame<'a> {
    fn new(input: &'a Input<'a>, checks: &[&Check]) -> Result<Self> {
        let taken: Vec<&str> = [input.cte].into_iter().chain(input.references.iter().flat_map(|(a, c)| [a.as_str(), c.as_str()])).collect();
        let mut measures = Measures::new(input.cte, &taken);
        let checked = checks.iter().map(|check| translate(check, input, &mut measures)).collect::<Result<_>>()?;
        Ok(Self { input, measures, checked })
    }

    /// The measures are one row; the rules are rows of constants beside it, so that the input is read once and not once per rule.
    fn select(&self, first: &str, rules: &[(&str, Numbered)], columns: &[OutputColumn<'_>]) -> String {
        if rules.is_empty() {
            let nothing: Vec<String> = [first]
                .into_iter()
                .chain(columns.iter().map(|(name, _)| *name))
                .map(|name| format!("CAST(NULL AS VARCHAR) AS {}", quoted(name)))
                .collect();
            return format!("SELECT {} FROM {} WHERE FALSE", nothing.join(", "), quoted(self.input.cte));
        }
        let references: Vec<(String, String)> = self.input.references.iter().map(|(a, c)| (a.clone(), c.clone())).collect();
        let (mut ctes, from) = self.measures.measured(&references);
        let (measured, judged, listed) = (self.measures.cte("measured"), self.measures.cte("judged"), self.measures.cte("rules"));
        let number = self.measures.cte("number");
        let star = if from.is_empty() { "" } else { "*,\n  " };
        ctes.push((measured.clone(), format!("SELECT {star}{}{from}", lines(&self.each(value)))));
        ctes.push((judged.clone(), format!("SELECT *,\n  {}\n  FROM {measured}", lines(&self.each(judgement)))));
        let rows: Vec<String> = rules.iter().zip(1..).map(|((rule, _), at)| row_of(at, rule, &number, first)).collect();
        ctes.push((listed.clone(), rows.join("\n  UNION ALL ")));
        let item = |(name, sql): &OutputColumn<'_>| {
            let cases: Vec<String> = rules.iter().zip(1..).map(|((_, rule), at)| format!("\n    WHEN {at} THEN {}", sql(rule))).collect();
            format!("CASE {number}{} END AS {}", cases.concat(), quoted(name))
        };
        let items: Vec<String> = [quoted(first)].into_iter().chain(columns.iter().map(item)).collect();
        let ctes: Vec<String> = ctes.into_iter().map(|(name, select)| format!("{name} AS (\n  {select}\n)")).collect();
        format!("WITH {}\nSELECT {}\nFROM {listed} CROSS JOIN {judged}\nORDER BY {number}", ctes.join(", "), lines(&items))
    }

    fn each(&self, item: fn(&Checked, usize) -> String) -> Vec<String> {
        self.checked.iter().zip(1..).map(|(checked, at)| item(checked, at)).collect()
    }
}

/// `"value1"`: the number that a check measured.
fn value(checked: &Checked, at: usize) -> String {
    format!("{} AS \"value{at}\"", checked.value)
}

/// `"passed1"`, and `"text1"`: the number as people write it, with six digits after the point at most, in every engine alike.
fn judgement(checked: &Checked, at: usize) -> String {
    let value = format!("\"value{at}\"");
    let passed = format!("COALESCE({}, FALSE) AS \"passed{at}\"", checked.passed.replace(VALUE, &value));
    let number = format!("regexp_replace(CAST(TRY_CAST({value} AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', '')");
    format!("{passed}, COALESCE({number}, CAST({value} AS VARCHAR)) AS \"text{at}\"")
}

fn row_of(at: usize, rule: &str, number: &str, first: &str) -> String {
    match at {
        1 => format!("SELECT 1 AS {number}, {} AS {}", text(rule), quoted(first)),
        _ => format!("SELECT {at}, {}", text(rule)),
    }
}
