//! Arguments of jobs: `--KEY` and value, merged from the job and the start, filled into the query.

use std::collections::BTreeMap;

use domain::{Error, Result};

/// `--KEY` to value.
pub type Arguments = BTreeMap<String, String>;

/// AWS's bound on all keys and values of one run together.
const MAX_BYTES: usize = 260 * 1024;

/// The job's defaults, then the run's, then those that a run may not change.
pub(crate) fn merge(defaults: &Arguments, run: &Arguments, fixed: &Arguments) -> Arguments {
    let mut merged = defaults.clone();
    merged.extend(run.clone());
    merged.extend(fixed.clone());
    merged
}

pub(crate) fn check(arguments: &Arguments) -> Result<()> {
    if let Some(key) = arguments.keys().find(|key| key.strip_prefix("--").is_none_or(str::is_empty)) {
        return Err(Error::invalid_input(format!("A job's argument is written --KEY; found {key:?}.")));
    }
    let bytes: usize = arguments.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > MAX_BYTES {
        return Err(Error::invalid_input(format!("A job's arguments have at most {MAX_BYTES} bytes together; found {bytes}.")));
    }
    Ok(())
}

/// Where in a SQL text we are.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Code,
    /// Between single (text) or double (name) quotes.
    Quoted(char),
    /// From `--` to the end of the line.
    Line,
    /// So many `/*` that are not closed.
    Block(u32),
}

/// Replaces `${KEY}` by the argument `--KEY`, so that no value can become code: in code it is a text literal (`'2025-01-01'`),
/// within quotes it is text whose quotes are doubled, in a comment it stays as it is.
///
/// # Errors
/// A key without argument, a `${` without `}`.
pub fn substitute(sql: &str, arguments: &Arguments) -> Result<String> {
    let mut out = String::with_capacity(sql.len());
    let mut place = Place::Code;
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        if !matches!(place, Place::Line | Place::Block(_)) && rest.starts_with("${") {
            let (key, after) = rest[2..].split_once('}').ok_or_else(|| unclosed(sql, rest))?;
            let value = arguments.get(&format!("--{key}")).ok_or_else(|| unknown(key, arguments))?;
            match place {
                Place::Quoted(quote) => out.push_str(&doubled(value, quote)),
                _ => out.push_str(&format!("'{}'", doubled(value, '\''))),
            }
            rest = after;
            continue;
        }
        let turn = match (place, rest.get(..2)) {
            (Place::Code, Some("/*")) => Some(Place::Block(1)),
            (Place::Block(open), Some("/*")) => Some(Place::Block(open + 1)),
            (Place::Block(open), Some("*/")) => Some(if open > 1 { Place::Block(open - 1) } else { Place::Code }),
            _ => None,
        };
        if let Some(next) = turn {
            let (mark, after) = rest.split_at(2);
            out.push_str(mark);
            (place, rest) = (next, after);
            continue;
        }
        place = match (place, c) {
            (Place::Code, '\'' | '"') => Place::Quoted(c),
            (Place::Code, '-') if rest.starts_with("--") => Place::Line,
            // A doubled quote closes and opens again, which comes to the same.
            (Place::Quoted(quote), c) if c == quote => Place::Code,
            (Place::Line, '\n') => Place::Code,
            (place, _) => place,
        };
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    Ok(out)
}

fn doubled(value: &str, quote: char) -> String {
    value.replace(quote, &format!("{quote}{quote}"))
}

fn unclosed(sql: &str, rest: &str) -> Error {
    let line = sql[..sql.len() - rest.len()].matches('\n').count() + 1;
    Error::invalid_input(format!("An argument in a query is written ${{KEY}}; in line {line} the closing brace is missing."))
}

fn unknown(key: &str, arguments: &Arguments) -> Error {
    let known: Vec<&str> = arguments.keys().map(|key| key.trim_start_matches('-')).collect();
    let known = if known.is_empty() { "none are given".to_owned() } else { format!("given are {}", known.join(", ")) };
    Error::invalid_input(format!("The query uses ${{{key}}}, but the run has no argument --{key}; {known}."))
}
