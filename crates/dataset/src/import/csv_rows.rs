//! Rows of a CSV file.
//!
//! The dialect is Personalize's, read generously: a header whose names are compared without case and underscore, commas,
//! `"` around values, and inside them both `""` and `\"` for a quote. A backslash is an escape only inside quotes, where
//! `\\` is one backslash; elsewhere it is a letter like any other.

use std::io::{BufRead, BufReader, Read};

use csv::{ByteRecord, Reader, ReaderBuilder};
use domain::{Error, Result};

use super::cells::Raw;
use super::files::unreadable;
use super::header;
use super::rows::{Place, Rows};

/// Bytes parsed at once.
const BUFFER_BYTES: usize = 256 << 10;

pub(crate) fn read(name: &str, from: Box<dyn Read>, rows: &mut Rows<'_>) -> Result<()> {
    let (mut reader, ends_in_cr) = reader_of(name, from)?;
    let found = header_of(name, &mut reader)?;
    let fields: Vec<String> = rows.columns().map(|column| column.field.name.clone()).collect();
    let places = header::places(name, &fields, &found)?;
    let mut record = ByteRecord::new();
    loop {
        let more = reader.read_byte_record(&mut record).map_err(|e| broken(name, &e))?;
        if !more {
            break;
        }
        let place = Place { file: name, line: line_of(&reader, &record, ends_in_cr) };
        if record.len() == found.len() {
            rows.row(place, |at| record.get(places[at]).map_or(Raw::Null, Raw::Text))?;
        } else {
            rows.misshapen_row(place, found.len(), record.len())?;
        }
    }
    rows.end_file();
    Ok(())
}

/// Hands every row's line and its value of the one column to `take`; no value where the row is not shaped as the header.
pub(crate) fn column(name: &str, from: Box<dyn Read>, field: &str, mut take: impl FnMut(u64, Option<&[u8]>) -> Result<()>) -> Result<()> {
    let (mut reader, ends_in_cr) = reader_of(name, from)?;
    let found = header_of(name, &mut reader)?;
    let places = header::places(name, &[field.to_owned()], &found)?;
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(|e| broken(name, &e))? {
        let shaped = record.len() == found.len();
        let value = places.first().filter(|_| shaped).and_then(|at| record.get(*at));
        take(line_of(&reader, &record, ends_in_cr), value)?;
    }
    Ok(())
}

fn reader_of(name: &str, from: Box<dyn Read>) -> Result<(Reader<Lines>, bool)> {
    let lines = Lines::of(name, from)?;
    let ends_in_cr = lines.ends_in_cr;
    let builder = &mut ReaderBuilder::new();
    let reader = builder.double_quote(true).escape(Some(b'\\')).flexible(true).buffer_capacity(BUFFER_BYTES).from_reader(lines);
    Ok((reader, ends_in_cr))
}

/// Remembers what the parser does not tell: how lines end, and whether the last one ends at all.
struct Lines {
    from: BufReader<Box<dyn Read>>,
    ends_in_cr: bool,
    last: u8,
    at_end: bool,
}

impl Lines {
    fn of(name: &str, from: Box<dyn Read>) -> Result<Self> {
        let mut from = BufReader::with_capacity(BUFFER_BYTES, from);
        let start = from.fill_buf().map_err(|e| unreadable(name, e))?;
        let first_end = start.iter().position(|byte| *byte == b'\n');
        let ends_in_cr = first_end.is_some_and(|end| end > 0 && start[end - 1] == b'\r');
        Ok(Self { from, ends_in_cr, last: b'\n', at_end: false })
    }
}

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.at_end = count == 0;
        self.last = if self.at_end { self.last } else { buffer[count - 1] };
        Ok(count)
    }
}

/// The line on which the record that was just read begins. The parser's own record position lies before the empty lines
/// and the rest of a `\r\n` that it skips first, so it is counted back from the end of the record.
fn line_of(reader: &Reader<Lines>, record: &ByteRecord, ends_in_cr: bool) -> u64 {
    let inside = record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
    let unended = reader.get_ref().at_end && reader.get_ref().last != b'\n';
    reader.position().line() - inside - u64::from(!ends_in_cr && !unended)
}

fn header_of(name: &str, reader: &mut Reader<Lines>) -> Result<Vec<String>> {
    let header = reader.byte_headers().map_err(|e| broken(name, &e))?;
    if header.is_empty() {
        return Err(
            Error::invalid_data(format!("{name} is empty: expected a header line with the names of the columns.")).code("IMPORT_EMPTY")
        );
    }
    Ok(header.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect())
}

fn broken(name: &str, error: &csv::Error) -> Error {
    let line = error.position().map_or_else(String::new, |at| format!(" (line {})", at.line()));
    unreadable(name, format!("{error}{line}"))
}
