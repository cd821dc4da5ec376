//! Cells that are texts, until a batch of them becomes what the catalogue says.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::compute::{can_cast_types, cast};
use arrow::datatypes::{DataType, SchemaRef};
use domain::{Error, Result};

use super::read::{BATCH_BYTES, BATCH_ROWS};
use crate::problems::Problems;

/// The cells of the wanted columns of one file.
pub(super) struct TextBatch<'a> {
    location: &'a str,
    wanted: &'a SchemaRef,
    problems: &'a Problems,
    cells: Vec<StringBuilder>,
    rows: usize,
    bytes: usize,
    first_line: u64,
}

impl<'a> TextBatch<'a> {
    pub fn new(location: &'a str, wanted: &'a SchemaRef, problems: &'a Problems) -> Self {
        let cells = wanted.fields().iter().map(|_| StringBuilder::new()).collect();
        Self { location, wanted, problems, cells, rows: 0, bytes: 0, first_line: 0 }
    }

    /// The next cell of a column in the row under way. An empty cell is null; spaces count in texts only.
    pub fn push(&mut self, column: usize, cell: &[u8], line: u64) -> Result<()> {
        if self.rows == 0 {
            self.first_line = line;
        }
        let text = std::str::from_utf8(cell).map_err(|e| {
            Error::invalid_data(format!(
                "The file {} should be UTF-8, but line {line} is not; if it is Latin-1, set the table's parameter encoding to latin-1.",
                self.location
            ))
            .source(e)
        })?;
        let is_text = self.wanted.field(column).data_type() == &DataType::Utf8;
        let text = if is_text { text } else { text.trim() };
        self.bytes += text.len();
        if text.is_empty() {
            self.cells[column].append_null();
        } else {
            self.cells[column].append_value(text);
        }
        Ok(())
    }

    /// Every column has its cell of this row.
    pub fn end_row(&mut self) {
        self.rows += 1;
    }

    pub fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub fn finish(&mut self) -> Result<RecordBatch> {
        let fields = self.wanted.fields();
        let mut columns = Vec::with_capacity(fields.len());
        let texts: Vec<ArrayRef> = self.cells.iter_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef).collect();
        for (texts, field) in texts.iter().zip(fields) {
            columns.push(self.typed(texts, field.name(), field.data_type())?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        (self.rows, self.bytes) = (0, 0);
        RecordBatch::try_new_with_options(self.wanted.clone(), columns, &options)
            .map_err(|e| Error::internal(format!("Rows of {} do not have the shape asked for.", self.location)).source(e))
    }

    fn typed(&self, texts: &ArrayRef, name: &str, data_type: &DataType) -> Result<ArrayRef> {
        if data_type == &DataType::Utf8 {
            return Ok(texts.clone());
        }
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
                let text = arrow::util::display::array_value_to_string(texts, row).unwrap_or_default();
                format!("{text:?} in {}, from line {} on", self.location, self.first_line)
            };
            self.problems.add(&format!("values of column {name:?} are no {data_type} and became null"), lost as u64, example);
        }
        Ok(values)
    }
}
