//! `json_get(text, path)`: what stands at a path of a JSON text.
//!
//! A path is `$`, then any of `.name`, `['name']`, `["name"]` and `[0]` (from 0, as JSON paths count). Texts come without quotes,
//! objects and lists as JSON, numbers and booleans as written in JSON; JSON's null, what is missing and what cannot be read are null.

use std::sync::Arc;

use arrow::array::StringArray;
use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use serde_json::Value;

use super::rows::function;

pub(super) fn json_get() -> ScalarUDF {
    function("json_get", 2, DataType::Utf8, |texts, rows| {
        // Nearly always one path for all rows.
        let mut known: (String, Option<Vec<Step>>) = (String::new(), None);
        let mut get = |row: usize| {
            let (text, path) = (texts.first()?.get(row)?, texts.get(1)?.get(row)?);
            if known.0 != path {
                known = (path.to_owned(), steps(path));
            }
            at(text, known.1.as_deref()?)
        };
        Arc::new((0..rows).map(&mut get).collect::<StringArray>())
    })
}

/// One step down from a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Member(String),
    Index(usize),
}

fn at(text: &str, steps: &[Step]) -> Option<String> {
    let mut value = &serde_json::from_str::<Value>(text).ok()?;
    for step in steps {
        value = match step {
            Step::Member(name) => value.as_object()?.get(name)?,
            Step::Index(index) => value.as_array()?.get(*index)?,
        };
    }
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// The steps of a path; nothing for what is no path.
pub(super) fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.trim().strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, after) = if let Some(name) = rest.strip_prefix('.') { member(name)? } else { bracket(rest.strip_prefix('[')?)? };
        steps.push(step);
        rest = after;
    }
    Some(steps)
}

/// `name` up to the next step.
fn member(text: &str) -> Option<(Step, &str)> {
    let (name, rest) = text.split_at(text.find(['.', '[']).unwrap_or(text.len()));
    (!name.is_empty()).then(|| (Step::Member(name.to_owned()), rest))
}

/// `'name']`, `"name"]` or `0]`.
fn bracket(text: &str) -> Option<(Step, &str)> {
    for quote in ['\'', '"'] {
        if let Some(quoted) = text.strip_prefix(quote) {
            let (name, rest) = quoted.split_once(quote)?;
            return Some((Step::Member(name.to_owned()), rest.strip_prefix(']')?));
        }
    }
    let (digits, rest) = text.split_once(']')?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    Some((Step::Index(plain.then(|| digits.parse().ok())??), rest))
}
