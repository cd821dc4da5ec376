//! XML by row tag: every element of one name is a row.
//!
//! | in the row's element | column |
//! |---|---|
//! | an attribute `id` | `_id` |
//! | an element with text alone | its text, of the type it looks like |
//! | an element with attributes or elements | a struct of them; its own text, if any, is `_VALUE` |
//! | an element that is there several times | a list |
//! | an empty element | null |
//!
//! Names lose their namespace's prefix, declarations of namespaces are no attributes, spaces around texts are dropped.

use std::collections::HashMap;
use std::io::{BufRead, Read};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use domain::{Error, Result};
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde_json::{Map, Value};

use super::bytes::Sample;
use super::json_rows::{MAX_ROW_BYTES, Sight};
use super::met::{Met, TEXT_MEMBER};
use super::{Format, TextFinding, XmlForm};

/// Elements inside each other; deeper ones are refused rather than to run out of stack.
const MAX_DEPTH: usize = 256;

/// Hands each row to `give` as an object of texts, with the number of the line on which it begins, until `give` answers false.
/// Fails, naming file and line, on text that is no XML or ends too early.
pub fn xml_rows(file: &str, text: &mut dyn BufRead, row_tag: &str, give: &mut dyn FnMut(u64, Value) -> Result<bool>) -> Result<()> {
    rows_in(file, text, row_tag, Sight::Whole, give)
}

fn rows_in(
    file: &str,
    text: &mut dyn BufRead,
    row_tag: &str,
    sight: Sight,
    give: &mut dyn FnMut(u64, Value) -> Result<bool>,
) -> Result<()> {
    let mut xml = Xml { file, reader: Reader::from_reader(Counted { inner: text, line: 1, of_event: 0 }), buffer: Vec::new() };
    let mut open = 0_usize;
    loop {
        let (row, is_empty) = match xml.next()? {
            Event::Start(element) if is_named(&element, row_tag) => (attributes(&element), false),
            Event::Empty(element) if is_named(&element, row_tag) => (attributes(&element), true),
            event => {
                match event {
                    Event::Start(_) => open += 1,
                    Event::End(_) => open = open.saturating_sub(1),
                    Event::Eof if open == 0 || sight == Sight::Cut => return Ok(()),
                    Event::Eof => return Err(xml.wrong("the text ends within an element")),
                    _ => {}
                }
                continue;
            }
        };
        let line = xml.reader.get_ref().line;
        let row = if is_empty { Some(Value::Object(row)) } else { xml.element(row, 0)? };
        // A row that the end of the sample cuts in two is no row; in a whole file it is an error.
        let Some(row) = row else {
            return if sight == Sight::Cut { Ok(()) } else { Err(xml.wrong("the text ends within a row")) };
        };
        let row = match row {
            Value::Object(_) => row,
            Value::Null => Value::Object(Map::new()),
            text => Value::Object(Map::from_iter([(TEXT_MEMBER.to_owned(), text)])),
        };
        if !give(line, row)? {
            return Ok(());
        }
    }
}

struct Xml<'a> {
    file: &'a str,
    reader: Reader<Counted<'a>>,
    buffer: Vec<u8>,
}

impl Xml<'_> {
    fn wrong(&self, found: &str) -> Error {
        Error::invalid_data(format!("The file {} should be XML; at line {} {found}.", self.file, self.reader.get_ref().line))
    }

    fn next(&mut self) -> Result<Event<'static>> {
        self.buffer.clear();
        self.reader.get_mut().of_event = 0;
        match self.reader.read_event_into(&mut self.buffer) {
            Ok(event) => Ok(event.into_owned()),
            Err(e) => {
                let why = e.to_string();
                Err(self.wrong(&format!("it is not: {}", why.trim_end_matches('.'))))
            }
        }
    }

    /// The content of the element whose start was read; nothing when the text ends before it.
    fn element(&mut self, mut members: Map<String, Value>, depth: usize) -> Result<Option<Value>> {
        let start = self.reader.buffer_position();
        let mut text = String::new();
        loop {
            if depth > MAX_DEPTH {
                return Err(self.wrong("elements are nested too deeply"));
            }
            if self.reader.buffer_position() - start > MAX_ROW_BYTES as u64 {
                return Err(self.wrong(&format!("an element has more than {} MiB", MAX_ROW_BYTES >> 20)));
            }
            match self.next()? {
                Event::Start(child) => {
                    let Some(value) = self.element(attributes(&child), depth + 1)? else { return Ok(None) };
                    insert(&mut members, name(&child), value);
                }
                Event::Empty(child) => insert(&mut members, name(&child), content(attributes(&child), "")),
                Event::Text(found) => text.push_str(&found),
                Event::CData(found) => text.push_str(&found),
                Event::GeneralRef(found) => match found.resolve_char_ref() {
                    Ok(Some(c)) => text.push(c),
                    _ => match resolve_predefined_entity(&found) {
                        Some(known) => text.push_str(known),
                        None => text.push_str(&format!("&{};", &*found)),
                    },
                },
                Event::End(_) => return Ok(Some(content(members, text.trim()))),
                Event::Eof => return Ok(None),
                _ => {}
            }
        }
    }
}

fn content(mut members: Map<String, Value>, text: &str) -> Value {
    match (members.is_empty(), text) {
        (true, "") => Value::Null,
        (true, text) => Value::from(text),
        (false, "") => Value::Object(members),
        (false, text) => {
            members.insert(TEXT_MEMBER.to_owned(), Value::from(text));
            Value::Object(members)
        }
    }
}

/// The second of a name makes a list.
fn insert(members: &mut Map<String, Value>, name: String, value: Value) {
    match members.get_mut(&name) {
        None => drop(members.insert(name, value)),
        Some(Value::Array(items)) => items.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

fn attributes(element: &BytesStart<'_>) -> Map<String, Value> {
    let mut members = Map::new();
    for attribute in element.attributes().with_checks(false).flatten() {
        let key: &str = attribute.key.as_ref();
        if key == "xmlns" || key.starts_with("xmlns:") {
            continue;
        }
        let local = key.rsplit(':').next().unwrap_or(key);
        let value =
            attribute.normalized_value(XmlVersion::Implicit1_0).map_or_else(|_| attribute.value.to_string(), |value| value.into_owned());
        members.insert(format!("_{local}"), Value::from(value));
    }
    members
}

fn name(element: &BytesStart<'_>) -> String {
    let full = element.name();
    let full: &str = full.as_ref();
    full.rsplit(':').next().unwrap_or(full).to_owned()
}

fn is_named(element: &BytesStart<'_>, tag: &str) -> bool {
    let full = element.name();
    let full: &str = full.as_ref();
    full == tag || name(element) == tag
}

/// Text that knows on which line it is.
struct Counted<'a> {
    inner: &'a mut dyn BufRead,
    line: u64,
    /// Bytes of the event that is being read: a comment that is never closed must not fill the memory.
    of_event: usize,
}

impl Read for Counted<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(out)?;
        self.line += out[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(read)
    }
}

impl BufRead for Counted<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.of_event > MAX_ROW_BYTES {
            return Err(std::io::Error::other(format!("a text or comment has more than {} MiB", MAX_ROW_BYTES >> 20)));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        // What is consumed is still buffered.
        if let Ok(buffer) = self.inner.fill_buf() {
            self.line += buffer[..count.min(buffer.len())].iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        self.of_event += count;
        self.inner.consume(count);
    }
}

/// By looking alone: the rows are the elements of the name that most children of the outermost element have.
pub(super) fn inspect(name: &str, sample: &Sample) -> std::result::Result<TextFinding, String> {
    let tag = usual_child(name, sample).ok_or("Expected XML with rows inside one outermost element; found no element inside it.")?;
    inspect_as(name, sample, &tag)
}

pub(super) fn inspect_as(name: &str, sample: &Sample, row_tag: &str) -> std::result::Result<TextFinding, String> {
    let (mut top, mut rows) = (Met::Object(Vec::new()), 0_u64);
    let sight = if sample.complete { Sight::Whole } else { Sight::Cut };
    let outcome = rows_in(name, &mut sample.head.as_bytes(), row_tag, sight, &mut |_, row| {
        top = std::mem::replace(&mut top, Met::NOTHING).widen_xml(Met::xml(&row));
        rows += 1;
        Ok(true)
    });
    match outcome {
        // What was cut off within a tag.
        Err(_) if rows > 0 && sight == Sight::Cut => {}
        Err(e) => return Err(e.to_string()),
        Ok(()) => {}
    }
    let Met::Object(members) = top else { return Err("Expected rows with members.".into()) };
    if rows == 0 {
        return Err(format!("Expected elements of the name {row_tag:?}; found none."));
    }
    let fields: Vec<Field> = members.iter().map(|(name, met)| Field::new(name, met.data_type(), true)).collect();
    let format = Format::Xml(XmlForm { row_tag: row_tag.to_owned(), encoding: sample.encoding });
    Ok(TextFinding { format, schema: Arc::new(Schema::new(fields)), head_rows: rows, notes: Vec::new() })
}

fn usual_child(file: &str, sample: &Sample) -> Option<String> {
    let mut text = sample.head.as_bytes();
    let mut xml = Xml { file, reader: Reader::from_reader(Counted { inner: &mut text, line: 1, of_event: 0 }), buffer: Vec::new() };
    let (mut depth, mut order) = (0_usize, Vec::new());
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut child = |element: &BytesStart<'_>, depth: usize| {
        if depth == 1 {
            let count = counts.entry(name(element)).or_default();
            *count += 1;
            if *count == 1 {
                order.push(name(element));
            }
        }
    };
    while let Ok(event) = xml.next() {
        match event {
            Event::Start(element) => {
                child(&element, depth);
                depth += 1;
            }
            Event::Empty(element) => child(&element, depth),
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Eof => break,
            _ => {}
        }
    }
    order.into_iter().rev().max_by_key(|name| counts.get(name).copied().unwrap_or_default())
}
