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
    /// Between single (text) or double (name) quotes, or backticks.
    Quoted(char),
    /// Between the single quotes of a text in which `\` takes the next character as it is.
    Escaped,
    /// From `--` to the end of the line.
    Line,
    /// So many `/*` that are not closed.
    Block(u32),
}

/// Replaces `${KEY}` by the argument `--KEY`, so that no value can become code: in code it is a text literal (`'2025-01-01'`),
/// within quotes it is text whose quotes are doubled (in `E'...'` backslashes too), in a comment it stays as it is.
///
/// # Errors
/// A key without argument, a `${` without `}`; beside arguments, texts in quotes of which engines have each their own rules.
pub fn substitute(sql: &str, arguments: &Arguments) -> Result<String> {
    if !sql.contains("${") {
        return Ok(sql.to_owned());
    }
    let mut out = String::with_capacity(sql.len());
    let mut place = Place::Code;
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        if !matches!(place, Place::Line | Place::Block(_)) && rest.starts_with("${") {
            let (key, after) = rest[2..].split_once('}').ok_or_else(|| unclosed(sql, rest))?;
            let value = arguments.get(&format!("--{key}")).ok_or_else(|| unknown(key, arguments))?;
            match place {
                Place::Quoted(quote) => out.push_str(&doubled(value, quote)),
                Place::Escaped => out.push_str(&doubled(&doubled(value, '\\'), '\'')),
                _ => {
                    // A space keeps what is before from becoming the literal's prefix.
                    if !word_before(sql, rest).is_empty() || out.ends_with('&') {
                        out.push(' ');
                    }
                    out.push_str(&format!("'{}'", doubled(value, '\'')));
                }
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
        // What is taken as it is, or stands for a quote.
        let length = match (place, c) {
            (Place::Escaped, '\\') => rest.chars().take(2).map(char::len_utf8).sum(),
            (Place::Escaped, _) if rest.starts_with("''") => 2,
            _ => c.len_utf8(),
        };
        place = match (place, c) {
            (Place::Code, '\'' | '"' | '`') => opened(sql, rest, c)?,
            (Place::Code, '$') if is_dollar_quote(sql, rest) => return Err(unalike(sql, rest, "$")),
            (Place::Code, '-') if rest.starts_with("--") => Place::Line,
            // A doubled quote closes and opens again, which comes to the same.
            (Place::Quoted(quote), c) if c == quote => Place::Code,
            (Place::Escaped, '\'') if length == 1 => Place::Code,
            (Place::Line, '\n') => Place::Code,
            (place, _) => place,
        };
        let (taken, after) = rest.split_at(length);
        out.push_str(taken);
        rest = after;
    }
    Ok(out)
}

/// What a quote opens, by the word right before it.
fn opened(sql: &str, rest: &str, quote: char) -> Result<Place> {
    let word = word_before(sql, rest).to_ascii_lowercase();
    let before = &sql[..sql.len() - rest.len()];
    match word.as_str() {
        "e" | "x" if quote == '\'' => Ok(Place::Escaped),
        "r" | "q" | "nq" if quote != '`' => Err(unalike(sql, rest, &word)),
        // A number may end before its last letter, which is then the prefix.
        number if quote != '`' && number.starts_with(|c: char| c.is_ascii_digit()) => Err(unalike(sql, rest, number)),
        "" if quote == '\'' && (before.ends_with("u&") || before.ends_with("U&")) => Err(unalike(sql, rest, "U&")),
        _ => Ok(Place::Quoted(quote)),
    }
}

/// The characters of a word that end where `rest` begins.
fn word_before<'a>(sql: &'a str, rest: &str) -> &'a str {
    let before = &sql[..sql.len() - rest.len()];
    let kept = before.trim_end_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '#' | '@'));
    &before[kept.len()..]
}

/// `$$` or `$tag$`, but not within a word.
fn is_dollar_quote(sql: &str, rest: &str) -> bool {
    let tag = rest[1..].trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
    tag.starts_with('$') && word_before(sql, rest).chars().next().is_none_or(|c| c.is_ascii_digit())
}

fn doubled(value: &str, quote: char) -> String {
    value.replace(quote, &format!("{quote}{quote}"))
}

fn line(sql: &str, rest: &str) -> usize {
    sql[..sql.len() - rest.len()].matches('\n').count() + 1
}

fn unclosed(sql: &str, rest: &str) -> Error {
    let line = line(sql, rest);
    Error::invalid_input(format!("An argument in a query is written ${{KEY}}; in line {line} the closing brace is missing."))
}

fn unalike(sql: &str, rest: &str, prefix: &str) -> Error {
    let line = line(sql, rest);
    Error::invalid_input(format!("A query with arguments has texts as '...' or E'...'; in line {line} one has the prefix {prefix:?}."))
}

fn unknown(key: &str, arguments: &Arguments) -> Error {
    let known: Vec<&str> = arguments.keys().map(|key| key.trim_start_matches('-')).collect();
    let known = if known.is_empty() { "none are given".to_owned() } else { format!("given are {}", known.join(", ")) };
    Error::invalid_input(format!("The query uses ${{{key}}}, but the run has no argument --{key}; {known}."))
}
