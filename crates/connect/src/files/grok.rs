//! Lines that follow a Grok pattern: its named parts are the columns.
//!
//! The built-in patterns are those of logstash, which are Glue's. A part may say its type, `%{NUMBER:bytes:int}`; what says none is
//! what its values look like.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use domain::{Error, Result};
use grok::parser::{GrokComponent, grok_split};

use super::bytes::{EXPECTED, Sample};
use super::value::Kind;
use super::{Format, GrokForm, TextFinding};

/// Share of the lines that must match.
const USUAL: f64 = 0.8;
/// Patterns inside patterns.
const MAX_DEPTH: usize = 64;

/// A pattern ready to be matched.
pub struct GrokLines {
    pattern: grok::Pattern,
    columns: Vec<String>,
}

impl GrokLines {
    /// Fails, saying why, on a pattern that is none, uses unknown patterns or names nothing.
    pub fn new(pattern: &str, custom_patterns: &str) -> Result<Self> {
        let wrong = |why: String| Error::invalid_input(format!("The Grok pattern {pattern:?} cannot be used: {why}."));
        let mut known: HashMap<&str, &str> = grok::patterns().iter().copied().collect();
        let mut grok = grok::Grok::with_default_patterns();
        for line in custom_patterns.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, definition) = line
                .split_once(char::is_whitespace)
                .ok_or_else(|| wrong(format!("a custom pattern is a name, a space and a regular expression; found {line:?}")))?;
            known.insert(name, definition.trim());
            grok.add_pattern(name, definition.trim());
        }
        let compiled = grok.compile(pattern, true).map_err(|e| wrong(e.to_string().replace('\n', " ")))?;
        let mut columns = Vec::new();
        named_parts(pattern, &known, 0, &mut columns);
        let found: Vec<&str> = compiled.capture_names().collect();
        columns.retain(|name| found.contains(&name.as_str()));
        // Groups that the regular expression itself names.
        columns.extend(
            found.iter().filter(|name| !columns.iter().any(|known| known == *name)).map(|name| (*name).to_owned()).collect::<Vec<_>>(),
        );
        if columns.is_empty() {
            return Err(wrong("it names no part, as %{IP:client} does".into()));
        }
        Ok(Self { pattern: compiled, columns })
    }

    /// In the order of the pattern.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The value of each column, or nothing when the line does not match. A part that the line lacks is nothing.
    pub fn cells<'l>(&'l self, line: &'l str, cells: &mut Vec<Option<String>>) -> bool {
        cells.clear();
        let Some(matches) = self.pattern.match_against(line) else { return false };
        cells.extend(self.columns.iter().map(|name| matches.get(name).map(str::to_owned)));
        true
    }

    /// The type that the pattern gives to the column.
    fn said(&self, column: &str) -> Option<DataType> {
        Some(match self.pattern.get_extract(column)? {
            "int" | "integer" => DataType::Int32,
            "long" | "bigint" => DataType::Int64,
            "short" | "smallint" => DataType::Int16,
            "byte" | "tinyint" => DataType::Int8,
            "float" => DataType::Float32,
            "double" => DataType::Float64,
            "boolean" => DataType::Boolean,
            "string" => DataType::Utf8,
            "date" => DataType::Date32,
            "timestamp" | "datetime" => Kind::Timestamp.data_type(),
            _ => return None,
        })
    }
}

/// The names in the pattern and in the patterns it is made of, as they come; the second of a name is `name[1]`, as the matcher has it.
fn named_parts(pattern: &str, known: &HashMap<&str, &str>, depth: usize, names: &mut Vec<String>) {
    if depth > MAX_DEPTH {
        return;
    }
    for part in grok_split(pattern) {
        let GrokComponent::GrokPattern { name, alias, definition, .. } = part else { continue };
        if !alias.is_empty() {
            let before = names.iter().filter(|known| *known == alias || known.starts_with(&format!("{alias}["))).count();
            names.push(if before == 0 { alias.to_owned() } else { format!("{alias}[{before}]") });
        }
        let inner = if definition.is_empty() { known.get(name).copied() } else { Some(definition) };
        if let Some(inner) = inner {
            named_parts(inner, known, depth + 1, names);
        }
    }
}

pub(super) fn inspect_as(sample: &Sample, form: &GrokForm) -> std::result::Result<TextFinding, String> {
    let lines = GrokLines::new(&form.pattern, &form.custom_patterns).map_err(|e| e.to_string())?;
    let mut texts: Vec<&str> = sample.head.lines().collect();
    if !sample.complete && texts.len() > 1 {
        texts.pop();
    }
    for window in &sample.windows {
        let inner: Vec<&str> = window.text.lines().skip(1).collect();
        let cut = usize::from(!window.to_end).min(inner.len());
        texts.extend(&inner[..inner.len() - cut]);
    }
    let in_head = sample.head.lines().filter(|line| !line.trim().is_empty()).count() as u64;
    let mut kinds = vec![Kind::Empty; lines.columns.len()];
    let (mut all, mut matched, mut first_bad, mut cells) = (0_usize, 0_usize, None, Vec::new());
    for (index, line) in texts.iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        all += 1;
        if !lines.cells(line, &mut cells) {
            first_bad = first_bad.or(Some(index + 1));
            continue;
        }
        matched += 1;
        for (kind, cell) in kinds.iter_mut().zip(&cells) {
            *kind = kind.widen(cell.as_deref().map_or(Kind::Empty, Kind::of));
        }
    }
    if (matched as f64) < USUAL * all as f64 || matched == 0 {
        return Err(format!("{EXPECTED}; of {all} lines {matched} match the pattern."));
    }
    let mut notes = Vec::new();
    if let Some(line) = first_bad {
        notes.push(format!("{} of the first {all} lines do not match the pattern; the first of them is line {line}.", all - matched));
    }
    let field = |(name, kind): (&String, Kind)| Field::new(name, lines.said(name).unwrap_or_else(|| kind.data_type()), true);
    let fields: Vec<Field> = lines.columns.iter().zip(kinds).map(field).collect();
    let format = Format::Grok(GrokForm { encoding: sample.encoding, ..form.clone() });
    Ok(TextFinding { format, schema: Arc::new(Schema::new(fields)), head_rows: in_head, notes })
}
