//! JSON lines: one object a line.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema};
use serde_json::Value;

use super::bytes::{Sample, Window};
use super::{Encoding, Format, TextFinding};

/// Lines that are no objects, named one by one up to here.
const NAMED_LINES: usize = 3;

/// What was met at one place of the objects.
#[derive(Debug, Clone, PartialEq)]
enum Met {
    Nothing,
    Boolean,
    Integer,
    Real,
    Text,
    List(Box<Met>),
    Object(Vec<(String, Met)>),
    /// Objects or lists beside something else: no type holds both.
    Clash,
}

pub(super) fn inspect(sample: &Sample) -> Result<TextFinding, String> {
    if sample.encoding == Encoding::Latin1 {
        return Err("Expected JSON in UTF-8; found bytes that are none.".into());
    }
    if sample.head.trim_start().starts_with('[') {
        return Err("Expected one JSON object a line; found one list around everything.".into());
    }
    let mut top = Met::Object(Vec::new());
    let (mut rows, mut bad) = (0_u64, Vec::new());
    let mut lines: Vec<&str> = sample.head.lines().collect();
    if !sample.complete && lines.len() > 1 {
        lines.pop();
    }
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match object(line) {
            Ok(value) => {
                top = top.widen(of(&value));
                rows += 1;
            }
            Err(why) if rows == 0 => return Err(first_line(&why)),
            Err(why) => bad.push(format!("Line {} is no JSON object: {why}.", index + 1)),
        }
    }
    for line in sample.windows.iter().flat_map(inner_lines) {
        if let Ok(value) = object(line) {
            top = top.widen(of(&value));
        }
    }
    let Met::Object(fields) = top else { return Err("Expected one JSON object a line; found other values.".into()) };
    let mut notes = Vec::new();
    if bad.len() > NAMED_LINES {
        let rest = bad.len() - NAMED_LINES;
        bad.truncate(NAMED_LINES);
        bad.push(format!("{rest} more lines are no JSON objects."));
    }
    notes.extend(bad);
    note_clashes("", &fields, &mut notes);
    let fields: Vec<Field> = fields.iter().map(|(name, met)| Field::new(name, met.data_type(), true)).collect();
    Ok(TextFinding { format: Format::Json, schema: Arc::new(Schema::new(fields)), head_rows: rows, notes })
}

fn object(line: &str) -> Result<Value, String> {
    match serde_json::from_str::<Value>(line) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("it is another value".into()),
        Err(e) => Err(e.to_string()),
    }
}

fn first_line(why: &str) -> String {
    if why.starts_with("EOF") {
        return "Expected one JSON object a line; found an object that goes on over several lines.".into();
    }
    format!("Expected one JSON object a line; the first line is none: {why}.")
}

/// The lines of a window without the first, and without the last where it is cut.
fn inner_lines(window: &Window) -> Vec<&str> {
    let mut lines: Vec<&str> = window.text.lines().skip(1).collect();
    if !window.to_end {
        lines.pop();
    }
    lines
}

fn of(value: &Value) -> Met {
    match value {
        Value::Null => Met::Nothing,
        Value::Bool(_) => Met::Boolean,
        Value::Number(number) if number.is_i64() => Met::Integer,
        Value::Number(_) => Met::Real,
        Value::String(_) => Met::Text,
        Value::Array(items) => Met::List(Box::new(items.iter().map(of).fold(Met::Nothing, Met::widen))),
        Value::Object(members) => Met::Object(members.iter().map(|(name, value)| (name.clone(), of(value))).collect()),
    }
}

impl Met {
    fn widen(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, met) | (met, Self::Nothing) => met,
            (Self::Integer, Self::Real) | (Self::Real, Self::Integer) => Self::Real,
            (Self::List(a), Self::List(b)) => Self::List(Box::new(a.widen(*b))),
            (Self::Object(a), Self::Object(b)) => Self::Object(widen_members(a, b)),
            (a, b) if a == b => a,
            (Self::List(_) | Self::Object(_) | Self::Clash, _) | (_, Self::List(_) | Self::Object(_) | Self::Clash) => Self::Clash,
            _ => Self::Text,
        }
    }

    fn data_type(&self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Real => DataType::Float64,
            Self::Nothing => DataType::Null,
            Self::Text | Self::Clash => DataType::Utf8,
            Self::List(item) => DataType::List(Arc::new(Field::new("item", item.data_type(), true))),
            Self::Object(members) => {
                let fields: Fields = members.iter().map(|(name, met)| Field::new(name, met.data_type(), true)).collect();
                DataType::Struct(fields)
            }
        }
    }
}

/// Members in the order in which they were first met.
fn widen_members(mut a: Vec<(String, Met)>, b: Vec<(String, Met)>) -> Vec<(String, Met)> {
    for (name, met) in b {
        // Objects of one file mostly have their members in one order, so the search is short where it matters.
        match a.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = std::mem::replace(known, Met::Nothing).widen(met),
            None => a.push((name, met)),
        }
    }
    a
}

fn note_clashes(prefix: &str, members: &[(String, Met)], notes: &mut Vec<String>) {
    for (name, met) in members {
        let path = format!("{prefix}{name}");
        match met {
            Met::Clash => {
                notes.push(format!("{path:?} holds lists or objects in some rows and other values in others; no type holds both."))
            }
            Met::Object(members) => note_clashes(&format!("{path}."), members, notes),
            _ => {}
        }
    }
}
