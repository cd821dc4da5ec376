//! Cells that are texts, until a batch of them becomes what the catalogue says.
//!
//! Most of the time that reading text takes goes here, so cells are gathered as bytes, a column in one piece, and looked at column by
//! column: numbers and times in their usual form are read as they stand. A column with any other cell is left to Arrow as a whole,
//! which knows all forms; the two agree on the usual ones.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, PrimitiveArray, RecordBatch, RecordBatchOptions, StringArray};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::{can_cast_types, cast};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Field, Float64Type, Int32Type, Int64Type, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use domain::{Error, Result};

use super::read::{BATCH_BYTES, BATCH_ROWS};
use super::usual;
use crate::problems::Problems;

/// The cells of the wanted columns of one file.
pub(super) struct TextBatch<'a> {
    location: &'a str,
    wanted: &'a SchemaRef,
    problems: &'a Problems,
    columns: Vec<Cells>,
    /// Of each row.
    lines: Vec<u64>,
    bytes: usize,
}

/// One column. An empty cell is null.
struct Cells {
    is_text: bool,
    bytes: Vec<u8>,
    /// Where cells end, after a 0.
    ends: Vec<i32>,
}

impl<'a> TextBatch<'a> {
    pub fn new(location: &'a str, wanted: &'a SchemaRef, problems: &'a Problems) -> Self {
        let columns = wanted.fields().iter().map(|field| Cells::new(field.data_type() == &DataType::Utf8)).collect();
        Self { location, wanted, problems, columns, lines: Vec::with_capacity(BATCH_ROWS), bytes: 0 }
    }

    /// The next cell of a column in the row under way. Spaces around it count in texts only.
    pub fn push(&mut self, column: usize, cell: &[u8]) {
        self.bytes += self.columns[column].push(cell);
    }

    /// Every column has its cell of this row, which began on this line.
    pub fn end_row(&mut self, line: u64) {
        self.lines.push(line);
    }

    pub fn is_full(&self) -> bool {
        self.lines.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub fn finish(&mut self) -> Result<RecordBatch> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for (index, field) in self.wanted.fields().iter().enumerate() {
            let cells = self.columns[index].take();
            columns.push(self.typed(cells, field)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.lines.len()));
        self.bytes = 0;
        self.lines.clear();
        RecordBatch::try_new_with_options(self.wanted.clone(), columns, &options)
            .map_err(|e| Error::internal(format!("Rows of {} do not have the shape asked for.", self.location)).source(e))
    }

    fn typed(&self, cells: Cells, field: &Field) -> Result<ArrayRef> {
        match field.data_type() {
            DataType::Utf8 => Ok(Arc::new(self.texts(cells)?)),
            data_type => match cells.usual(data_type) {
                Some(values) => Ok(values),
                None => self.converted(&self.texts(cells)?, field.name(), data_type),
            },
        }
    }

    fn texts(&self, cells: Cells) -> Result<StringArray> {
        let nulls = cells.nulls();
        let offsets = OffsetBuffer::new(ScalarBuffer::from(cells.ends));
        let bytes = Buffer::from_vec(cells.bytes);
        StringArray::try_new(offsets.clone(), bytes.clone(), nulls).map_err(|e| {
            let cell = |row: &usize| bytes.get(offsets[*row] as usize..offsets[*row + 1] as usize).unwrap_or_default();
            let row = (0..self.lines.len()).find(|row| std::str::from_utf8(cell(row)).is_err());
            let line = row.and_then(|row| self.lines.get(row)).copied().unwrap_or_default();
            Error::invalid_data(format!(
                "The file {} should be UTF-8, but line {line} is not; if it is Latin-1, set the table's parameter encoding to latin-1.",
                self.location
            ))
            .source(e)
        })
    }

    fn converted(&self, texts: &StringArray, name: &str, data_type: &DataType) -> Result<ArrayRef> {
        if data_type.is_nested() || !can_cast_types(&DataType::Utf8, data_type) {
            return Err(Error::invalid_input(format!(
                "Column {name:?} has the type {data_type} in the catalogue, which a text such as {} cannot hold.",
                self.location
            )));
        }
        let values = cast(texts, data_type).map_err(|e| Error::internal("A column of text cannot be converted.").source(e))?;
        let lost = values.null_count() - texts.null_count();
        if lost > 0 {
            let example = || {
                let row = (0..texts.len()).find(|row| values.is_null(*row) && texts.is_valid(*row)).unwrap_or_default();
                let line = self.lines.get(row).copied().unwrap_or_default();
                format!("{:?} in {} line {line}", texts.value(row), self.location)
            };
            self.problems.add(&format!("values of column {name:?} are no {data_type} and became null"), lost as u64, example);
        }
        Ok(values)
    }
}

impl Cells {
    fn new(is_text: bool) -> Self {
        Self { is_text, bytes: Vec::new(), ends: first_end(BATCH_ROWS) }
    }

    /// Gives the bytes that were added.
    fn push(&mut self, cell: &[u8]) -> usize {
        let cell = if self.is_text { cell } else { trimmed(cell) };
        self.bytes.extend_from_slice(cell);
        // A batch is ended long before this could be too much.
        self.ends.push(i32::try_from(self.bytes.len()).unwrap_or(i32::MAX));
        cell.len()
    }

    /// The cells; new ones need as much room.
    fn take(&mut self) -> Self {
        let next = Self { is_text: self.is_text, bytes: Vec::with_capacity(self.bytes.len()), ends: first_end(self.ends.len()) };
        std::mem::replace(self, next)
    }

    fn each(&self) -> impl Iterator<Item = &[u8]> {
        self.ends.windows(2).map(|ends| self.bytes.get(ends[0] as usize..ends[1] as usize).unwrap_or_default())
    }

    fn nulls(&self) -> Option<NullBuffer> {
        let valid = BooleanBuffer::collect_bool(self.ends.len() - 1, |row| self.ends[row] != self.ends[row + 1]);
        Some(NullBuffer::new(valid)).filter(|nulls| nulls.null_count() > 0)
    }

    /// The values, if all cells have a form that is known here.
    fn usual(&self, data_type: &DataType) -> Option<ArrayRef> {
        match data_type {
            DataType::Int64 => self.values::<Int64Type>(usual::integer),
            DataType::Int32 => self.values::<Int32Type>(|cell| i32::try_from(usual::integer(cell)?).ok()),
            DataType::Float64 => self.values::<Float64Type>(usual::decimal),
            DataType::Date32 => self.values::<Date32Type>(usual::day),
            DataType::Timestamp(TimeUnit::Microsecond, None) => self.values::<TimestampMicrosecondType>(usual::microseconds),
            _ => None,
        }
    }

    fn values<T: ArrowPrimitiveType>(&self, read: impl Fn(&[u8]) -> Option<T::Native>) -> Option<ArrayRef> {
        let mut values = Vec::with_capacity(self.ends.len());
        for cell in self.each() {
            values.push(if cell.is_empty() { T::Native::default() } else { read(cell)? });
        }
        Some(Arc::new(PrimitiveArray::<T>::try_new(ScalarBuffer::from(values), self.nulls()).ok()?))
    }
}

fn first_end(capacity: usize) -> Vec<i32> {
    let mut ends = Vec::with_capacity(capacity);
    ends.push(0);
    ends
}

/// Without the spaces that `str::trim` knows.
fn trimmed(cell: &[u8]) -> &[u8] {
    let cell = cell.trim_ascii();
    let is_odd = |byte: Option<&u8>| byte.is_some_and(|byte| *byte >= 0x80 || *byte == 0x0b);
    if is_odd(cell.first()) || is_odd(cell.last()) { std::str::from_utf8(cell).map_or(cell, |text| text.trim().as_bytes()) } else { cell }
}
