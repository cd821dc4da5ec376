//! CSV as Personalize imports it: UTF-8, one header line, commas, lines ended by `\n`; a field stands in `"` when it needs to, with
//! `"` doubled inside. One record is one line: line breaks inside a text become a space each. Null is an empty field.
//!
//! Written by hand, as most of an export's time would go here: numbers and texts are put into the bytes as they are.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, LargeStringArray, PrimitiveArray, RecordBatch, StringArray, StringViewArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Schema, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use domain::{Error, Result};
use lexical_core::{BUFFER_SIZE, ToLexical};
use memchr::{memchr, memchr3};

const NULL_IS_EMPTY: FormatOptions<'static> = FormatOptions::new().with_null("");
/// A guess, so that the bytes of a batch are seldom moved.
const BYTES_PER_CELL: usize = 12;

pub(super) fn header(schema: &Schema) -> Result<Vec<u8>> {
    let mut line = Vec::new();
    for (place, field) in schema.fields().iter().enumerate() {
        separate(place, &mut line);
        push(field.name().as_bytes(), &mut line);
    }
    end_line(0, &mut line);
    Ok(line)
}

pub(super) fn rows(batch: &RecordBatch) -> Result<Vec<u8>> {
    let columns: Vec<Cells<'_>> = batch.columns().iter().map(Cells::new).collect::<Result<_>>()?;
    let mut out = Vec::with_capacity(batch.num_rows() * columns.len() * BYTES_PER_CELL);
    let mut scratch = Scratch { number: [0; BUFFER_SIZE], text: String::new() };
    for row in 0..batch.num_rows() {
        let start = out.len();
        for (place, column) in columns.iter().enumerate() {
            separate(place, &mut out);
            column.write(row, &mut scratch, &mut out)?;
        }
        end_line(start, &mut out);
    }
    Ok(out)
}

fn separate(place: usize, out: &mut Vec<u8>) {
    if place > 0 {
        out.push(b',');
    }
}

/// A record of one empty field is `""`, as an empty line would be none.
fn end_line(start: usize, out: &mut Vec<u8>) {
    if out.len() == start {
        out.extend_from_slice(b"\"\"");
    }
    out.push(b'\n');
}

/// The cells of one column.
enum Cells<'a> {
    /// With whether no text of the batch needs quotes or has line breaks: one look for all of them.
    Text(&'a StringArray, bool),
    LargeText(&'a LargeStringArray),
    TextView(&'a StringViewArray),
    Boolean(&'a BooleanArray),
    Int8(&'a PrimitiveArray<Int8Type>),
    Int16(&'a PrimitiveArray<Int16Type>),
    Int32(&'a PrimitiveArray<Int32Type>),
    Int64(&'a PrimitiveArray<Int64Type>),
    UInt8(&'a PrimitiveArray<UInt8Type>),
    UInt16(&'a PrimitiveArray<UInt16Type>),
    UInt32(&'a PrimitiveArray<UInt32Type>),
    UInt64(&'a PrimitiveArray<UInt64Type>),
    Float32(&'a PrimitiveArray<Float32Type>),
    Float64(&'a PrimitiveArray<Float64Type>),
    Other(ArrayFormatter<'a>),
}

/// Room that cells share.
struct Scratch {
    number: [u8; BUFFER_SIZE],
    text: String,
}

impl<'a> Cells<'a> {
    fn new(column: &'a ArrayRef) -> Result<Self> {
        Ok(match column.data_type() {
            DataType::Utf8 => {
                let texts = column.as_string::<i32>();
                Self::Text(texts, is_plain(bytes_of(texts)))
            }
            DataType::LargeUtf8 => Self::LargeText(column.as_string()),
            DataType::Utf8View => Self::TextView(column.as_string_view()),
            DataType::Boolean => Self::Boolean(column.as_boolean()),
            DataType::Int8 => Self::Int8(column.as_primitive()),
            DataType::Int16 => Self::Int16(column.as_primitive()),
            DataType::Int32 => Self::Int32(column.as_primitive()),
            DataType::Int64 => Self::Int64(column.as_primitive()),
            DataType::UInt8 => Self::UInt8(column.as_primitive()),
            DataType::UInt16 => Self::UInt16(column.as_primitive()),
            DataType::UInt32 => Self::UInt32(column.as_primitive()),
            DataType::UInt64 => Self::UInt64(column.as_primitive()),
            DataType::Float32 => Self::Float32(column.as_primitive()),
            DataType::Float64 => Self::Float64(column.as_primitive()),
            _ => Self::Other(ArrayFormatter::try_new(column.as_ref(), &NULL_IS_EMPTY).map_err(unformatted)?),
        })
    }

    fn write(&self, row: usize, scratch: &mut Scratch, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Text(texts, _) if texts.is_null(row) => {}
            Self::Text(texts, true) => out.extend_from_slice(texts.value(row).as_bytes()),
            Self::Text(texts, false) => push(texts.value(row).as_bytes(), out),
            Self::LargeText(texts) if texts.is_null(row) => {}
            Self::LargeText(texts) => push(texts.value(row).as_bytes(), out),
            Self::TextView(texts) if texts.is_null(row) => {}
            Self::TextView(texts) => push(texts.value(row).as_bytes(), out),
            Self::Boolean(values) if values.is_null(row) => {}
            Self::Boolean(values) => out.extend_from_slice(if values.value(row) { b"true" } else { b"false" }),
            Self::Int8(values) => number(values, row, scratch, out),
            Self::Int16(values) => number(values, row, scratch, out),
            Self::Int32(values) => number(values, row, scratch, out),
            Self::Int64(values) => number(values, row, scratch, out),
            Self::UInt8(values) => number(values, row, scratch, out),
            Self::UInt16(values) => number(values, row, scratch, out),
            Self::UInt32(values) => number(values, row, scratch, out),
            Self::UInt64(values) => number(values, row, scratch, out),
            Self::Float32(values) => fraction(values, row, out),
            Self::Float64(values) => fraction(values, row, out),
            Self::Other(formatter) => {
                scratch.text.clear();
                formatter.value(row).write(&mut scratch.text).map_err(unformatted)?;
                push(scratch.text.as_bytes(), out);
            }
        }
        Ok(())
    }
}

fn number<T>(values: &PrimitiveArray<T>, row: usize, scratch: &mut Scratch, out: &mut Vec<u8>)
where
    T: ArrowPrimitiveType<Native: ToLexical>,
{
    if !values.is_null(row) {
        out.extend_from_slice(lexical_core::write(values.value(row), &mut scratch.number));
    }
}

/// As Arrow, and so a cast to text, shows it.
fn fraction<T>(values: &PrimitiveArray<T>, row: usize, out: &mut Vec<u8>)
where
    T: ArrowPrimitiveType<Native: ryu::Float>,
{
    if !values.is_null(row) {
        out.extend_from_slice(ryu::Buffer::new().format(values.value(row)).as_bytes());
    }
}

fn bytes_of(texts: &StringArray) -> &[u8] {
    let offsets = texts.value_offsets();
    let bound = |offset: Option<&i32>| offset.and_then(|offset| usize::try_from(*offset).ok()).unwrap_or_default();
    texts.value_data().get(bound(offsets.first())..bound(offsets.last())).unwrap_or_default()
}

/// Whether the bytes can stand in a field as they are.
fn is_plain(bytes: &[u8]) -> bool {
    memchr3(b'"', b',', b'\n', bytes).is_none() && memchr(b'\r', bytes).is_none()
}

fn push(cell: &[u8], out: &mut Vec<u8>) {
    // For short cells a look at each byte is quicker than starting a search.
    if !cell.iter().any(|byte| matches!(byte, b'"' | b',' | b'\n' | b'\r')) {
        return out.extend_from_slice(cell);
    }
    let quoted = memchr::memchr2(b'"', b',', cell).is_some();
    if quoted {
        out.push(b'"');
    }
    let mut after_return = false;
    for byte in cell {
        match byte {
            // One break, whose space stands there already.
            b'\n' if after_return => {}
            b'\n' | b'\r' => out.push(b' '),
            b'"' => out.extend_from_slice(b"\"\""),
            byte => out.push(*byte),
        }
        after_return = *byte == b'\r';
    }
    if quoted {
        out.push(b'"');
    }
}

fn unformatted(error: arrow::error::ArrowError) -> Error {
    Error::internal("Rows of the result cannot be written as CSV.").source(error)
}
