//! Payloads to columns.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryBuilder, StringArray, StringBuilder, new_empty_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Fields, Schema};
use domain::{Error, Result};
use serde_json::Value;

use super::avro::AvroDecoder;
use super::messages::{CsvForm, Format};

/// Longest piece of a value in a message.
const SHOWN_CHARS: usize = 80;

/// A row that does not fit, among those gathered, and why.
#[derive(Debug)]
pub(super) struct Unfit {
    pub row: usize,
    pub why: String,
}

/// Gathers payloads of one topic. What it says of a payload it cannot read ends the scan.
pub(super) enum Decoder {
    Nothing,
    Json { columns: Fields, rows: Vec<Value> },
    Csv { columns: Fields, form: CsvForm, cells: Vec<StringBuilder> },
    Avro(Box<AvroDecoder>),
    Text(StringBuilder),
    Binary(BinaryBuilder),
}

impl Decoder {
    /// `rows` is how many rows are gathered at most before [`Decoder::flush`].
    pub fn new(format: &Format, columns: &Fields, rows: usize) -> Result<Self> {
        let columns = columns.clone();
        Ok(match format {
            Format::Unknown => Self::Nothing,
            Format::Json => Self::Json { columns, rows: Vec::new() },
            Format::Csv(form) => Self::Csv { cells: columns.iter().map(|_| StringBuilder::new()).collect(), form: form.clone(), columns },
            Format::Avro(form) => Self::Avro(Box::new(AvroDecoder::new(form, columns, rows)?)),
            Format::Text => Self::Text(StringBuilder::new()),
            Format::Binary => Self::Binary(BinaryBuilder::new()),
        })
    }

    /// How many rows the payload holds; why it cannot be read.
    pub fn push(&mut self, payload: &[u8]) -> std::result::Result<usize, String> {
        match self {
            Self::Nothing => {}
            Self::Json { columns, rows } => rows.push(object(payload, columns)?),
            Self::Csv { columns, form, cells } => return records(payload, columns, form, cells),
            Self::Avro(decoder) => return decoder.push(payload),
            Self::Text(values) => {
                let text = std::str::from_utf8(payload).map_err(|_| "expected text in UTF-8; the message is none".to_owned())?;
                values.append_value(text);
            }
            Self::Binary(values) => values.append_value(payload),
        }
        Ok(1)
    }

    /// The columns of what was pushed since the last time.
    pub fn flush(&mut self) -> std::result::Result<Vec<ArrayRef>, Unfit> {
        let whole = |why: String| Unfit { row: 0, why };
        match self {
            Self::Nothing => Ok(Vec::new()),
            Self::Json { columns, rows } => objects(columns, &std::mem::take(rows)).map_err(whole),
            Self::Csv { columns, cells, .. } => {
                columns.iter().zip(cells).map(|(field, cells)| typed(&cells.finish(), field.name(), field.data_type())).collect()
            }
            Self::Avro(decoder) => decoder.flush().map_err(whole),
            Self::Text(values) => Ok(vec![Arc::new(values.finish())]),
            Self::Binary(values) => Ok(vec![Arc::new(values.finish())]),
        }
    }
}

/// The object, each value in its column's type. Members that are no column are left out.
fn object(payload: &[u8], columns: &Fields) -> std::result::Result<Value, String> {
    let mut value: Value = serde_json::from_slice(payload).map_err(|e| format!("expected a JSON object: {e}"))?;
    let Value::Object(members) = &mut value else { return Err(format!("expected a JSON object; found {}", shown(&value.to_string()))) };
    for field in columns {
        if let Some(member) = members.get_mut(field.name()) {
            fit(member, field.data_type()).map_err(|why| format!("column {:?}: {why}", field.name()))?;
        }
    }
    Ok(value)
}

/// Turns what is not text into text where the column is text; says what does not fit.
fn fit(value: &mut Value, data_type: &DataType) -> std::result::Result<(), String> {
    match (data_type, &mut *value) {
        (_, Value::Null)
        | (DataType::Utf8, Value::String(_))
        | (DataType::Boolean, Value::Bool(_))
        | (DataType::Float64, Value::Number(_)) => {
            return Ok(());
        }
        (DataType::Int64, Value::Number(number)) if number.is_i64() => return Ok(()),
        (DataType::List(item), Value::Array(items)) => return items.iter_mut().try_for_each(|one| fit(one, item.data_type())),
        (DataType::Struct(fields), Value::Object(members)) => {
            for field in fields {
                if let Some(member) = members.get_mut(field.name()) {
                    fit(member, field.data_type()).map_err(|why| format!("{:?}: {why}", field.name()))?;
                }
            }
            return Ok(());
        }
        (DataType::Utf8, other) => {
            let text = other.to_string();
            *value = Value::String(text);
            return Ok(());
        }
        // Types that a declared schema may have and JSON has not: Arrow reads them from text.
        (DataType::Date32 | DataType::Timestamp(..) | DataType::Decimal128(..), Value::String(_) | Value::Number(_)) => return Ok(()),
        _ => {}
    }
    Err(format!("expected {data_type}; found {}", shown(&value.to_string())))
}

fn objects(columns: &Fields, rows: &[Value]) -> std::result::Result<Vec<ArrayRef>, String> {
    if columns.is_empty() || rows.is_empty() {
        return Ok(columns.iter().map(|field| new_empty_array(field.data_type())).collect());
    }
    let schema = Arc::new(Schema::new(columns.clone()));
    let decoder = arrow::json::ReaderBuilder::new(schema).with_batch_size(rows.len()).build_decoder();
    let batch = decoder.and_then(|mut decoder| {
        decoder.serialize(rows)?;
        decoder.flush()
    });
    match batch {
        Ok(Some(batch)) => Ok(batch.columns().to_vec()),
        Ok(None) => Err("no row came of the messages".into()),
        Err(e) => Err(e.to_string()),
    }
}

/// The records of a message, mostly one; a header is none. Empty cells are null.
fn records(payload: &[u8], columns: &Fields, form: &CsvForm, cells: &mut [StringBuilder]) -> std::result::Result<usize, String> {
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false).flexible(true).delimiter(form.delimiter).quote(form.quote);
    let mut count = 0;
    for record in reader.from_reader(payload).records() {
        let record = record.map_err(|e| format!("expected a row of CSV: {e}"))?;
        if form.header.as_ref().is_some_and(|names| record.iter().eq(names.iter().map(String::as_str))) {
            continue;
        }
        if record.len() != columns.len() {
            return Err(format!("expected a row of {} fields; found {}", columns.len(), record.len()));
        }
        for (cell, builder) in record.iter().zip(cells.iter_mut()) {
            builder.append_option((!cell.is_empty()).then_some(cell));
        }
        count += 1;
    }
    Ok(count)
}

fn typed(cells: &StringArray, name: &str, data_type: &DataType) -> std::result::Result<ArrayRef, Unfit> {
    let options = CastOptions { safe: true, ..CastOptions::default() };
    let array = cast_with_options(cells, data_type, &options).map_err(|e| Unfit { row: 0, why: e.to_string() })?;
    match (0..cells.len()).find(|&row| cells.is_valid(row) && array.is_null(row)) {
        None => Ok(array),
        Some(row) => Err(Unfit { row, why: format!("column {name:?}: expected {data_type}; found {}", shown(cells.value(row))) }),
    }
}

fn shown(text: &str) -> String {
    let short: String = text.chars().take(SHOWN_CHARS).collect();
    if short.len() < text.len() { format!("{short:?}…") } else { format!("{short:?}") }
}

/// Arrow could not put a batch together that its own parts fit.
pub(super) fn unmade(topic: &str, e: arrow::error::ArrowError) -> Error {
    Error::internal(format!("A batch of topic {topic:?} could not be made.")).source(e)
}
