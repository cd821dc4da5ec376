//! JSON: objects one after another or in one list, or where a path leads.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use serde_json::Value;

use super::bytes::{Sample, Window};
use super::json_rows::{Sight, rows_in};
use super::met::{Met, note_clashes};
use super::{Encoding, Format, JsonPath, TextFinding};

/// Lines that are no objects, named one by one up to here.
const NAMED_LINES: usize = 3;

/// Line by line where every line is an object, since then windows from further down can be looked at too; else by structure.
pub(super) fn inspect(name: &str, sample: &Sample) -> Result<TextFinding, String> {
    if sample.encoding == Encoding::Latin1 {
        return Err("Expected JSON in UTF-8; found bytes that are none.".into());
    }
    let lines = Lines::of(sample);
    if lines.rows > 0 && lines.bad.is_empty() {
        return lines.finding(sample);
    }
    match (by_structure(name, sample, &JsonPath::default()), lines.rows) {
        (Ok((top, rows)), _) => finding(Format::Json, top, rows, Vec::new()),
        (Err(_), 1..) => lines.finding(sample),
        (Err(reason), 0) => Err(reason),
    }
}

/// The objects that the path leads to.
pub(super) fn inspect_as(name: &str, sample: &Sample, path: &str) -> Result<TextFinding, String> {
    let parsed = JsonPath::parse(path)?;
    if sample.encoding == Encoding::Latin1 {
        return Err("it is not UTF-8".into());
    }
    let (top, rows) = by_structure(name, sample, &parsed)?;
    finding(Format::JsonPath(path.to_owned()), top, rows, Vec::new())
}

fn by_structure(name: &str, sample: &Sample, path: &JsonPath) -> Result<(Met, u64), String> {
    let (mut top, mut rows) = (Met::Object(Vec::new()), 0_u64);
    let sight = if sample.complete { Sight::Whole } else { Sight::Cut };
    rows_in(name, &mut sample.head.as_bytes(), path, sight, &mut |line, row| {
        let value: Value = serde_json::from_slice(row)
            .map_err(|e| domain::Error::invalid_data(format!("The value that begins on line {line} is no JSON: {e}.")))?;
        top = std::mem::replace(&mut top, Met::NOTHING).widen(Met::json(&value));
        rows += 1;
        Ok(true)
    })
    .map_err(|e| e.to_string())?;
    if rows == 0 { Err("Expected JSON objects; found none.".into()) } else { Ok((top, rows)) }
}

fn finding(format: Format, top: Met, rows: u64, mut notes: Vec<String>) -> Result<TextFinding, String> {
    let Met::Object(members) = top else { return Err("Expected JSON objects; found other values.".into()) };
    note_clashes("", &members, &mut notes);
    let fields: Vec<Field> = members.iter().map(|(name, met)| Field::new(name, met.data_type(), true)).collect();
    Ok(TextFinding { format, schema: Arc::new(Schema::new(fields)), head_rows: rows, notes })
}

/// What the lines of the head are, each by itself.
struct Lines {
    top: Met,
    rows: u64,
    /// A sentence for each line that is no object.
    bad: Vec<String>,
}

impl Lines {
    /// Stops at the first line when that is no object.
    fn of(sample: &Sample) -> Self {
        let mut found = Self { top: Met::Object(Vec::new()), rows: 0, bad: Vec::new() };
        let mut lines: Vec<&str> = sample.head.lines().collect();
        if !sample.complete && lines.len() > 1 {
            lines.pop();
        }
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            match object(line) {
                Ok(value) => found.add(&value),
                Err(_) if found.rows == 0 => return found,
                Err(why) => found.bad.push(format!("Line {} is no JSON object: {why}.", index + 1)),
            }
        }
        found
    }

    fn add(&mut self, value: &Value) {
        self.top = std::mem::replace(&mut self.top, Met::NOTHING).widen(Met::json(value));
        self.rows += 1;
    }

    fn finding(mut self, sample: &Sample) -> Result<TextFinding, String> {
        let rows = self.rows;
        for line in sample.windows.iter().flat_map(inner_lines) {
            if let Ok(value) = object(line) {
                self.add(&value);
            }
        }
        if self.bad.len() > NAMED_LINES {
            let rest = self.bad.len() - NAMED_LINES;
            self.bad.truncate(NAMED_LINES);
            self.bad.push(format!("{rest} more lines are no JSON objects."));
        }
        finding(Format::Json, self.top, rows, self.bad)
    }
}

fn object(line: &str) -> Result<Value, String> {
    match serde_json::from_str::<Value>(line) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("it is another value".into()),
        Err(e) => Err(e.to_string()),
    }
}

/// The lines of a window without the first, and without the last where it is cut.
fn inner_lines(window: &Window) -> Vec<&str> {
    let mut lines: Vec<&str> = window.text.lines().skip(1).collect();
    if !window.to_end {
        lines.pop();
    }
    lines
}
