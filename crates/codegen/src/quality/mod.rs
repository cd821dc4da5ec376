//! Data quality: rulesets in Glue's DQDL become one SELECT that judges a table.
//!
//! Takes the text of a ruleset ([`Ruleset::parse`]), the name of the CTE to judge with its columns, and the moment that is now. Gives
//! SQL with one row per rule and per analyzer ([`results_select`]). What is simple is measured in one pass over
//! the input; values that occur once, references and SQL of the user take a pass each.
//!
//! Must not know: an engine, how its rows are stored, the clock. The exact meaning of every rule stands in docs/quality.md.
//!
//! Start reading at `rule.rs`, then `parser.rs`, then `checks.rs`.

mod checks;
mod columns;
mod combined;
mod lexer;
mod measures;
mod parser;
mod predicate;
mod rule;
mod select;
#[cfg(test)]
mod tests;
mod time;

pub use columns::{Column, Kind};
pub use rule::{Analyzer, Rule, RuleType, Ruleset};
pub use select::{Input, results_select};

/// The share of rules that passed; nothing when there are none.
pub fn score(passed: u64, rules: u64) -> Option<f64> {
    (rules > 0).then(|| passed as f64 / rules as f64)
}
