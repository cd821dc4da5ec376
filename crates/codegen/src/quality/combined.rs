//! Checks put together: outcome, reason and metrics of a rule, as SQL over the judged checks.

use super::checks::Checked;
use super::rule::{Check, Expression};
use crate::sql::text;

/// A rule, its checks numbered in the order of the ruleset.
pub(crate) enum Numbered {
    /// The first check is 0.
    Check(usize),
    All(Vec<Numbered>),
    Any(Vec<Numbered>),
}

/// Numbers the checks, appending them to `checks`.
pub(crate) fn number<'a>(expression: &'a Expression, checks: &mut Vec<&'a Check>) -> Numbered {
    match expression {
        Expression::Check(check) => {
            checks.push(check);
            Numbered::Check(checks.len() - 1)
        }
        Expression::All(parts) => Numbered::All(parts.iter().map(|part| number(part, checks)).collect()),
        Expression::Any(parts) => Numbered::Any(parts.iter().map(|part| number(part, checks)).collect()),
    }
}

impl Numbered {
    /// BOOLEAN.
    pub fn passed(&self) -> String {
        let joined = |parts: &[Self], word: &str| format!("({})", parts.iter().map(Self::passed).collect::<Vec<_>>().join(word));
        match self {
            Self::Check(at) => format!("passed{}", at + 1),
            Self::All(parts) => joined(parts, " AND "),
            Self::Any(parts) => joined(parts, " OR "),
        }
    }

    /// The sentences of all checks that did not pass, or nothing when the rule did.
    pub fn reason(&self, checked: &[Checked]) -> String {
        let members = self.members();
        let said = match members.as_slice() {
            [only] => checked.get(*only).map_or_else(|| "NULL".into(), |checked| sentence(checked, *only)),
            many => {
                let part = |at: &usize| {
                    let said = checked.get(*at).map_or_else(|| "''".into(), |checked| sentence(checked, *at));
                    format!("CASE WHEN passed{} THEN '' ELSE ' ' || {said} END", at + 1)
                };
                format!("substr({}, 2)", many.iter().map(part).collect::<Vec<_>>().join(" || "))
            }
        };
        format!("CASE WHEN NOT {} THEN {said} END", self.passed())
    }

    /// `Column.x.Completeness=0.93`, one for each metric that has a value, in the order of the checks.
    pub fn metrics(&self, checked: &[Checked]) -> String {
        let mut seen: Vec<&String> = Vec::new();
        let mut parts = Vec::new();
        for at in self.members() {
            let Some(metric) = checked.get(at).and_then(|checked| checked.metric.as_ref()) else { continue };
            if !seen.contains(&metric) {
                seen.push(metric);
                parts.push(format!("COALESCE({} || text{}, '')", text(&format!(", {metric}=")), at + 1));
            }
        }
        if parts.is_empty() { "CAST(NULL AS VARCHAR)".into() } else { format!("NULLIF(substr({}, 3), '')", parts.join(" || ")) }
    }

    fn members(&self) -> Vec<usize> {
        match self {
            Self::Check(at) => vec![*at],
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::members).collect(),
        }
    }
}

/// What is said when the check did not pass.
fn sentence(checked: &Checked, at: usize) -> String {
    let (value, subject) = (format!("text{}", at + 1), &checked.subject);
    let end = match &checked.counts {
        Some((good, all)) => format!(
            "{} || CAST({good} AS VARCHAR) || ' of ' || CAST({all} AS VARCHAR) || ' rows).'",
            text(&format!(", expected {} (", checked.expected))
        ),
        None => text(&format!(", expected {}.", checked.expected)),
    };
    let nothing = text(&format!("{subject} has no value: there is nothing to measure it on."));
    let instead = checked.instead.as_ref().map_or(String::new(), |(when, said)| format!("WHEN {when} THEN {said} "));
    if checked.metric.is_none() {
        return checked.instead.as_ref().map_or_else(|| "NULL".into(), |(_, said)| said.clone());
    }
    format!("CASE {instead}WHEN {value} IS NULL THEN {nothing} ELSE {} || {value} || {end} END", text(&format!("{subject} is ")))
}
