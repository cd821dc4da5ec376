//! Delimited text. Columns are found by the file's own header where it has one, so their order may differ from file to file.
//!
//! What does not fit is counted, not fatal: a cell that its column's type cannot hold is null, a row that is too short ends in
//! nulls, a row that is too long is left out. Every kind of problem is told in the run's log.

use std::collections::HashMap;
use std::io::{BufRead, Error as IoError, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use connect::files::{CsvDialect, Input, MAX_ROW_BYTES};
use csv::{ByteRecord, ReaderBuilder};
use domain::{Error, Result};

use super::texts::TextBatch;
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
pub(super) fn read(reading: &Reading<'_>, text: Input<'_>, give: &mut dyn FnMut(RecordBatch) -> bool) -> Result<()> {
    let begun = Arc::new(AtomicU64::new(0));
    let limited = Limited { inner: text, read: 0, begun: begun.clone() };
    let mut reader = ReaderBuilder::new()
        .delimiter(reading.dialect.delimiter)
        .quote(reading.dialect.quote)
        .flexible(true)
        .has_headers(false)
        .from_reader(limited);
    let mut record = ByteRecord::new();
    let header = reading.dialect.has_header;
    if header && !reader.read_byte_record(&mut record).map_err(|e| reading.unreadable(&record, e))? {
        return Ok(());
    }
    let (places, width) = if header && !reading.dialect.by_position {
        (reading.places(&record)?, record.len())
    } else {
        let place = |name: &str| reading.all.index_of(name).ok();
        (reading.wanted.fields().iter().map(|field| place(field.name())).collect(), reading.all.fields().len())
    };
    let mut batch = TextBatch::new(reading.location, reading.wanted, reading.problems);
    while reader.read_byte_record(&mut record).map_err(|e| reading.unreadable(&record, e))? {
        begun.store(reader.position().byte(), Ordering::Relaxed);
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != width && !reading.is_usable(&record, width, line) {
            continue;
        }
        for (column, place) in places.iter().enumerate() {
            let cell = place.and_then(|place| record.get(place)).unwrap_or_default();
            batch.push(column, cell, line)?;
        }
        batch.end_row();
        if batch.is_full() && !give(batch.finish()?) {
            return Ok(());
        }
    }
    if !batch.is_empty() {
        give(batch.finish()?);
    }
    Ok(())
}

/// Ends a record that goes on and on: a quote that is never closed must not fill the memory.
struct Limited<'a> {
    inner: Input<'a>,
    read: u64,
    /// Where the record under way began.
    begun: Arc<AtomicU64>,
}

impl Read for Limited<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.read.saturating_sub(self.begun.load(Ordering::Relaxed)) > MAX_ROW_BYTES as u64 {
            let why = format!("a record has more than {} MiB; perhaps a quote is never closed", MAX_ROW_BYTES >> 20);
            return Err(IoError::new(ErrorKind::InvalidData, why));
        }
        let buffer = self.inner.fill_buf()?;
        let count = buffer.len().min(out.len());
        out[..count].copy_from_slice(&buffer[..count]);
        self.inner.consume(count);
        self.read += count as u64;
        Ok(count)
    }
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

    fn unreadable(&self, last: &ByteRecord, error: csv::Error) -> Error {
        let line = last.position().map_or(1, csv::Position::line);
        Error::invalid_data(format!("The file {} cannot be read as delimited text from line {line} on: {error}.", self.location))
            .source(error)
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
