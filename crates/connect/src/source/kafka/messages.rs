//! What a topic's messages are: JSON objects, rows of CSV, Avro, or nothing that has columns.
//!
//! Found out from a sample, unless the connection says it. Its settings of our own, each for one topic
//! (`penchant.format.<topic>`) or for all (`penchant.format`); as connection properties they begin with `KAFKA_CLIENT_`:
//!
//! | setting | value |
//! |---|---|
//! | `penchant.format` | `json`, `csv`, `avro`, `text` or `binary` |
//! | `penchant.csv.delimiter` | one character |
//! | `penchant.csv.header` | `true`: the first message names the columns; `false`; or the names, parted by the delimiter |
//! | `penchant.avro.schema` | the writer's schema in JSON: for bare Avro, single-object encoding and a registry's wire format |
//!
//! Avro comes as a container file in each message, which brings its schema; as single-object encoding; in the wire format of
//! Confluent's schema registry; or bare. For the last three the schema must be given: **no schema registry is asked here**.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields};
use domain::{Error, Result};
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use serde_json::Value;

use super::avro::{AvroForm, Framing};
use crate::files::{Classifier, CsvClassifier, Finding, Format as FileFormat, HeaderRule, Inspection, SampleLimits, inspect_as};

/// Settings that begin so are ours, all others librdkafka's.
pub(super) const OWN_SETTINGS: &str = "penchant.";

/// How a topic's messages are read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Format {
    /// No message with a payload was met: rows have no columns but our own.
    Unknown,
    Json,
    Csv(CsvForm),
    Avro(AvroForm),
    /// One column `_value` of text.
    Text,
    /// One column `_value` of bytes.
    Binary,
}

impl Format {
    /// As a field's native type.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unknown | Self::Binary => "bytes",
            Self::Json => "json",
            Self::Csv(_) => "csv",
            Self::Avro(_) => "avro",
            Self::Text => "text",
        }
    }

    /// Every message is one row, so that offsets count rows.
    pub fn is_a_row_each(&self) -> bool {
        !matches!(self, Self::Csv(_) | Self::Avro(AvroForm::Container { .. }))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CsvForm {
    pub delimiter: u8,
    pub quote: u8,
    /// A record like this names columns and is no row, wherever it comes.
    pub header: Option<Vec<String>>,
}

/// What was found out.
pub(super) struct Found {
    pub format: Format,
    pub columns: Vec<Field>,
}

/// The settings of ours that the connection has for one topic.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wishes<'a> {
    pub settings: &'a [(String, String)],
    pub topic: &'a str,
}

impl<'a> Wishes<'a> {
    fn get(&self, key: &str) -> Option<&'a str> {
        let find = |name: &str| self.settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        find(&format!("{OWN_SETTINGS}{key}.{}", self.topic)).or_else(|| find(&format!("{OWN_SETTINGS}{key}")))
    }

    fn wrong(&self, key: &str, expected: &str, found: &str) -> Error {
        Error::invalid_input(format!("Topic {:?}: the setting {OWN_SETTINGS}{key} is {expected}; found {found:?}.", self.topic))
    }
}

/// One payload of the sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sampled {
    /// The first that its partition keeps.
    pub is_first: bool,
    pub payload: Vec<u8>,
}

/// Finds out how the payloads are to be read. They stand in the order of partitions and offsets.
pub(super) async fn find(sample: &[Sampled], wishes: Wishes<'_>) -> Result<Found> {
    let given = wishes.get("avro.schema");
    match wishes.get("format") {
        Some("json") => return json(sample, wishes).await?.ok_or_else(|| unlike("JSON objects", wishes.topic)),
        Some("csv") => return csv(sample, wishes, true).await?.ok_or_else(|| unlike("rows of CSV", wishes.topic)),
        Some("avro") => return avro(sample, wishes, given),
        Some("text") => return Ok(plain(Format::Text, DataType::Utf8)),
        Some("binary") => return Ok(plain(Format::Binary, DataType::Binary)),
        Some(other) => return Err(wishes.wrong("format", "json, csv, avro, text or binary", other)),
        None => {}
    }
    let Some(first) = sample.first() else {
        return match given {
            Some(_) => avro(sample, wishes, given),
            None => Ok(Found { format: Format::Unknown, columns: Vec::new() }),
        };
    };
    if given.is_some() || Framing::shows(&first.payload) {
        return avro(sample, wishes, given);
    }
    if !sample.iter().all(|one| std::str::from_utf8(&one.payload).is_ok()) {
        return Ok(plain(Format::Binary, DataType::Binary));
    }
    if let Some(found) = json(sample, wishes).await? {
        return Ok(found);
    }
    Ok(csv(sample, wishes, false).await?.unwrap_or_else(|| plain(Format::Text, DataType::Utf8)))
}

fn unlike(expected: &str, topic: &str) -> Error {
    Error::invalid_data(format!("Topic {topic:?}: expected messages that are {expected}, as the connection says; the sample holds others."))
}

fn plain(format: Format, data_type: DataType) -> Found {
    Found { columns: vec![Field::new("_value", data_type, true)], format }
}

/// Nothing unless most of the messages are objects.
async fn json(sample: &[Sampled], wishes: Wishes<'_>) -> Result<Option<Found>> {
    let objects = sample.iter().filter_map(|one| serde_json::from_slice::<Value>(&one.payload).ok()).filter(Value::is_object);
    let lines: Vec<String> = objects.map(|value| value.to_string()).collect();
    if lines.is_empty() || lines.len() * 2 < sample.len() {
        return Ok(None);
    }
    let found = look("messages.json", lines.join("\n") + "\n", &[]).await?;
    let found = found.ok_or_else(|| unlike("JSON objects", wishes.topic))?;
    let columns = found.schema.fields().iter().map(|field| readable(field)).collect();
    Ok(Some(Found { format: Format::Json, columns }))
}

/// Nothing unless a delimiter parts most of the messages into as many fields. Where a header came as a message, it is the first of one
/// of the partitions.
async fn csv(sample: &[Sampled], wishes: Wishes<'_>, wished: bool) -> Result<Option<Found>> {
    let lines: Vec<&str> =
        sample.iter().filter_map(|one| std::str::from_utf8(&one.payload).ok()).map(|text| text.trim_end_matches(['\r', '\n'])).collect();
    if lines.len() < sample.len() || lines.is_empty() {
        return Ok(None);
    }
    let (classifiers, names) = classifier(wishes)?;
    let name = if wished { "messages.csv" } else { "messages.txt" };
    let mut best = None;
    for (at, _) in sample.iter().enumerate().filter(|(at, one)| one.is_first || *at == 0) {
        let first = lines[at].lines().next().unwrap_or_default();
        // A header that comes with every message, or a first row that comes again, says nothing about the values.
        let rest = lines
            .iter()
            .enumerate()
            .flat_map(|(index, text)| text.split('\n').skip(usize::from(index == at)))
            .filter(|line| *line != first);
        let text = std::iter::once(first).chain(rest).flat_map(|line| [line, "\n"]).collect::<String>();
        let Some(found) = look(name, text, &classifiers).await? else { continue };
        let FileFormat::Csv(dialect) = found.format else { continue };
        let header = if dialect.has_header { record(first, dialect.delimiter, dialect.quote) } else { names.clone() };
        let form = CsvForm { delimiter: dialect.delimiter, quote: dialect.quote, header };
        let columns = found.schema.fields().iter().map(|field| readable(field)).collect();
        let found = Found { format: Format::Csv(form), columns };
        if dialect.has_header {
            return Ok(Some(found));
        }
        best.get_or_insert(found);
    }
    Ok(best)
}

fn record(line: &str, delimiter: u8, quote: u8) -> Option<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).quote(quote).from_reader(line.as_bytes());
    let record = reader.records().next()?.ok()?;
    Some(record.iter().map(str::to_owned).collect())
}

/// What the settings say of CSV, as a classifier of files; and the names that they give.
fn classifier(wishes: Wishes<'_>) -> Result<(Vec<Classifier>, Option<Vec<String>>)> {
    let (delimiter, header) = (wishes.get("csv.delimiter"), wishes.get("csv.header"));
    if delimiter.is_none() && header.is_none() {
        return Ok((Vec::new(), None));
    }
    let delimiter = match delimiter {
        None => None,
        Some(text) if text.chars().count() == 1 && text.is_ascii() => text.chars().next(),
        Some(other) => return Err(wishes.wrong("csv.delimiter", "one character", other)),
    };
    let rule = match header {
        None => HeaderRule::Unknown,
        Some("true") => HeaderRule::Present,
        Some(_) => HeaderRule::Absent,
    };
    let names = header.filter(|text| !matches!(*text, "true" | "false"));
    let names: Option<Vec<String>> = names.map(|text| text.split(delimiter.unwrap_or(',')).map(|name| name.trim().to_owned()).collect());
    let csv = CsvClassifier {
        name: "settings".into(),
        delimiter,
        header: rule,
        columns: names.clone().unwrap_or_default(),
        allow_single_column: true,
        ..CsvClassifier::default()
    };
    Ok((vec![Classifier::Csv(csv)], names))
}

/// The text as the file that it would be. Nothing when it is none.
async fn look(name: &str, text: String, classifiers: &[Classifier]) -> Result<Option<Inspection>> {
    let store = Arc::new(InMemory::new());
    let path = Path::from(name);
    let limits = SampleLimits { head_bytes: text.len().max(1), ..SampleLimits::default() };
    let failed = |e| Error::internal("A sample of messages could not be looked into.").source(e);
    store.put(&path, text.into()).await.map_err(failed)?;
    let file = store.head(&path).await.map_err(failed)?;
    match inspect_as(store, &file, limits, classifiers).await? {
        Finding::Usable(found) => Ok(Some(found)),
        Finding::Empty | Finding::Unusable(_) => Ok(None),
    }
}

/// A column in which nothing was met is text: that holds whatever comes.
fn readable(field: &Field) -> Field {
    Field::new(field.name(), readable_type(field.data_type()), true)
}

fn readable_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Null => DataType::Utf8,
        DataType::Struct(fields) if fields.is_empty() => DataType::Utf8,
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|field| readable(field)).collect::<Fields>()),
        DataType::List(item) => DataType::List(Arc::new(Field::new("item", readable_type(item.data_type()), true))),
        other => other.clone(),
    }
}

fn avro(sample: &[Sampled], wishes: Wishes<'_>, given: Option<&str>) -> Result<Found> {
    let last = sample.last().map(|one| one.payload.as_slice());
    let form = AvroForm::of(last, given, wishes.topic)?;
    let columns = form.columns().map_err(|e| e.with("topic", wishes.topic))?;
    Ok(Found { format: Format::Avro(form), columns })
}
