//! Delimited text. Columns are found by the file's own header where it has one, so their order may differ from file to file.
//!
//! What does not fit is counted, not fatal: a cell that its column's type cannot hold is null, a row that is too short ends in
//! nulls, a row that is too long is left out. Every kind of problem is told in the run's log.

use std::collections::HashMap;
use std::io::Read;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use connect::files::CsvDialect;
use domain::{Error, Result};

use super::records::Records;
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

/// A piece of a file that does not begin where the file does.
pub(super) struct Later<R> {
    pub bytes: R,
    /// The number of its first line.
    pub line: u64,
}

/// The rows of the text; of the later piece, where there is one: then the text is read for its header alone.
/// Stops when `give` says that nobody wants more.
pub(super) fn read<R: Read, L: Read>(
    reading: &Reading<'_>,
    text: R,
    later: Option<Later<L>>,
    give: &mut dyn FnMut(RecordBatch) -> bool,
) -> Result<()> {
    let CsvDialect { delimiter, quote, has_header, by_position, .. } = reading.dialect;
    let mut records = Records::new(text, delimiter, quote, 1);
    if has_header && !records.advance().map_err(|e| reading.unreadable(records.record_line(), e))? {
        return Ok(());
    }
    let (places, width) = if has_header && !by_position {
        (reading.places(&records, later.is_none())?, records.len())
    } else {
        let place = |name: &str| reading.all.index_of(name).ok();
        (reading.wanted.fields().iter().map(|field| place(field.name())).collect(), reading.all.fields().len())
    };
    match later {
        Some(later) => rows(reading, Records::new(later.bytes, delimiter, quote, later.line), &places, width, give),
        None => rows(reading, records, &places, width, give),
    }
}

fn rows<R: Read>(
    reading: &Reading<'_>,
    mut records: Records<R>,
    places: &[Option<usize>],
    width: usize,
    give: &mut dyn FnMut(RecordBatch) -> bool,
) -> Result<()> {
    let mut batch = TextBatch::new(reading.location, reading.wanted, reading.problems);
    while records.advance().map_err(|e| reading.unreadable(records.record_line(), e))? {
        if records.len() != width && !reading.is_usable(&records, width) {
            continue;
        }
        for (column, place) in places.iter().enumerate() {
            batch.push(column, place.and_then(|place| records.get(place)).unwrap_or_default());
        }
        batch.end_row(records.record_line());
        if batch.is_full() && !give(batch.finish()?) {
            return Ok(());
        }
    }
    if !batch.is_empty() {
        give(batch.finish()?);
    }
    Ok(())
}

impl Reading<'_> {
    /// Where the wanted columns stand in this file. What it lacks is told once, however many pieces it is read in.
    fn places<R: Read>(&self, header: &Records<R>, is_first: bool) -> Result<Vec<Option<usize>>> {
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
            if place.is_none() && is_first {
                self.problems.add(&format!("files lack the column {name:?}, which is null for their rows"), 1, || self.location.to_owned());
            }
            place
        };
        Ok(self.wanted.fields().iter().map(|field| place(field.name())).collect())
    }

    /// Whether a record of another width than the header's is used all the same.
    fn is_usable<R: Read>(&self, record: &Records<R>, width: usize) -> bool {
        let place = || format!("{} line {} has {} fields, {width} were expected", self.location, record.record_line(), record.len());
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

    fn unreadable(&self, line: u64, error: std::io::Error) -> Error {
        Error::invalid_data(format!("The file {} cannot be read as delimited text from line {line} on: {error}.", self.location))
            .source(error)
    }
}

/// As the crawler names columns: without spaces around, `col3` where there is no name, `name_2` for the second of a kind.
fn header_names<R: Read>(header: &Records<R>) -> Vec<String> {
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
