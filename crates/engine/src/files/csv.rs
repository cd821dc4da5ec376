//! Delimited text. Columns are found by the file's own header where it has one, so their order may differ from file to file.
//!
//! What does not fit is counted, not fatal: a cell that its column's type cannot hold is null, a row that is too short ends in
//! nulls, a row that is too long is left out. Every kind of problem is told in the run's log.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::compute::{can_cast_types, cast};
use arrow::datatypes::{DataType, SchemaRef};
use connect::files::CsvDialect;
use csv::{ByteRecord, ReaderBuilder};
use domain::{Error, Result};
use std::sync::Arc;

use super::bytes::Input;
use super::text::BATCH_ROWS;
use crate::problems::Problems;

/// What to read of one file.
pub(super) struct Reading<'a> {
    pub location: &'a str,
    pub dialect: CsvDialect,
    /// All columns of the table, in the order of files without header.
    pub all: &'a SchemaRef,
    /// Those asked for.
    pub wanted: &'a SchemaRef,
    pub problems: &'a Problems,
}

/// Stops when `give` says that nobody wants more.
pub(super) fn read(reading: &Reading<'_>, text: Input, give: &mut dyn FnMut(RecordBatch) -> bool) -> Result<()> {
    let mut reader = ReaderBuilder::new().delimiter(reading.dialect.delimiter).flexible(true).has_headers(false).from_reader(text);
    let mut record = ByteRecord::new();
    let (places, width) = if reading.dialect.has_header {
        if !reader.read_byte_record(&mut record).map_err(|e| reading.unreadable(e))? {
            return Ok(());
        }
        (reading.places(&record)?, record.len())
    } else {
        let place = |name: &str| reading.all.index_of(name).ok();
        (reading.wanted.fields().iter().map(|field| place(field.name())).collect(), reading.all.fields().len())
    };
    let mut batch = Batch::new(reading);
    while reader.read_byte_record(&mut record).map_err(|e| reading.unreadable(e))? {
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != width && !reading.is_usable(&record, width, line) {
            continue;
        }
        for (column, place) in places.iter().enumerate() {
            let cell = place.and_then(|place| record.get(place)).unwrap_or_default();
            batch.push(column, cell, line)?;
        }
        batch.rows += 1;
        if batch.rows == BATCH_ROWS && !give(batch.finish()?) {
            return Ok(());
        }
    }
    if batch.rows > 0 {
        give(batch.finish()?);
    }
    Ok(())
}

impl Reading<'_> {
    /// Where the wanted columns stand in this file.
    fn places(&self, header: &ByteRecord) -> Result<Vec<Option<usize>>> {
        let names = header_names(header);
        let find = |wanted: &str| {
            let exact = names.iter().position(|name| name == wanted);
            exact.or_else(|| names.iter().position(|name| name.eq_ignore_ascii_case(wanted)))
        };
        if !self.all.fields().iter().any(|field| find(field.name()).is_some()) {
            let expected: Vec<&str> = self.all.fields().iter().map(|field| field.name().as_str()).collect();
            return Err(Error::invalid_data(format!(
                "The file {} should begin with a header that names columns of its table ({}); its first line is {}.",
                self.location,
                expected.join(", "),
                names.join(", ")
            )));
        }
        let place = |name: &str| {
            let place = find(name);
            if place.is_none() {
                self.problems.add(&format!("files lack the column {name:?}, which is null for their rows"), 1, || self.location.to_owned());
            }
            place
        };
        Ok(self.wanted.fields().iter().map(|field| place(field.name())).collect())
    }

    /// Whether a record of another width than the header's is used all the same.
    fn is_usable(&self, record: &ByteRecord, width: usize, line: u64) -> bool {
        let place = || format!("{} line {line} has {} fields, {width} were expected", self.location, record.len());
        if record.len() < width {
            self.problems.add("rows are too short; what they lack is null", 1, place);
            return true;
        }
        // A delimiter at the end of every line makes an empty field more.
        if record.iter().skip(width).all(<[u8]>::is_empty) {
            return true;
        }
        self.problems.add("rows are too long and were left out", 1, place);
        false
    }

    fn unreadable(&self, error: csv::Error) -> Error {
        Error::invalid_data(format!("The file {} cannot be read as delimited text.", self.location)).source(error)
    }
}

/// As the crawler names columns: without spaces around, `col3` where there is no name, `name_2` for the second of a kind.
fn header_names(header: &ByteRecord) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let name = |(index, cell): (usize, &[u8])| {
        let text = String::from_utf8_lossy(cell);
        let name = if text.trim().is_empty() { format!("col{index}") } else { text.trim().to_owned() };
        let count = seen.entry(name.to_lowercase()).or_default();
        *count += 1;
        if *count == 1 { name } else { format!("{name}_{count}") }
    };
    header.iter().enumerate().map(name).collect()
}

/// The cells of the wanted columns as texts, until they become what the catalogue says.
struct Batch<'a> {
    reading: &'a Reading<'a>,
    cells: Vec<StringBuilder>,
    rows: usize,
    first_line: u64,
}

impl<'a> Batch<'a> {
    fn new(reading: &'a Reading<'a>) -> Self {
        let cells = reading.wanted.fields().iter().map(|_| StringBuilder::new()).collect();
        Self { reading, cells, rows: 0, first_line: 0 }
    }

    /// An empty cell is null.
    fn push(&mut self, column: usize, cell: &[u8], line: u64) -> Result<()> {
        if self.rows == 0 {
            self.first_line = line;
        }
        let text = std::str::from_utf8(cell).map_err(|e| {
            Error::invalid_data(format!(
                "The file {} should be UTF-8, but line {line} is not; if it is Latin-1, set the table's parameter encoding to latin-1.",
                self.reading.location
            ))
            .source(e)
        })?;
        let is_text = self.reading.wanted.field(column).data_type() == &DataType::Utf8;
        let text = if is_text { text } else { text.trim() };
        if text.is_empty() {
            self.cells[column].append_null();
        } else {
            self.cells[column].append_value(text);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<RecordBatch> {
        let fields = self.reading.wanted.fields();
        let mut columns = Vec::with_capacity(fields.len());
        for (builder, field) in self.cells.iter_mut().zip(fields) {
            let texts: ArrayRef = Arc::new(builder.finish());
            columns.push(typed(self.reading, &texts, field.name(), field.data_type(), self.first_line)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        self.rows = 0;
        RecordBatch::try_new_with_options(self.reading.wanted.clone(), columns, &options)
            .map_err(|e| Error::internal(format!("Rows of {} do not have the shape asked for.", self.reading.location)).source(e))
    }
}

fn typed(reading: &Reading<'_>, texts: &ArrayRef, name: &str, data_type: &DataType, line: u64) -> Result<ArrayRef> {
    if data_type == &DataType::Utf8 {
        return Ok(texts.clone());
    }
    if data_type.is_nested() || !can_cast_types(&DataType::Utf8, data_type) {
        return Err(Error::invalid_input(format!(
            "Column {name:?} has the type {data_type} in the catalogue, which delimited text such as {} cannot hold.",
            reading.location
        )));
    }
    let values = cast(texts, data_type).map_err(|e| Error::internal("A column of text cannot be converted.").source(e))?;
    let lost = values.null_count() - texts.null_count();
    if lost > 0 {
        let example = || {
            let row = (0..texts.len()).find(|row| values.is_null(*row) && texts.is_valid(*row)).unwrap_or_default();
            let text = arrow::util::display::array_value_to_string(texts, row).unwrap_or_default();
            format!("{text:?} in {}, from line {line} on", reading.location)
        };
        reading.problems.add(&format!("values of column {name:?} are no {data_type} and became null"), lost as u64, example);
    }
    Ok(values)
}
