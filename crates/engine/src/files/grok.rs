//! Lines that follow a Grok pattern. One that does not is left out and told in the run's log.

use std::io::BufRead;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use connect::files::{GrokForm, GrokLines, Input, MAX_ROW_BYTES};
use domain::{Error, Result};

use super::texts::TextBatch;
use crate::problems::Problems;

/// Stops when `give` says that nobody wants more.
pub(super) fn read(
    location: &str,
    wanted: &SchemaRef,
    form: &GrokForm,
    problems: &Problems,
    mut text: Input<'_>,
    give: &mut dyn FnMut(RecordBatch) -> bool,
) -> Result<()> {
    let pattern = GrokLines::new(&form.pattern, &form.custom_patterns)?;
    let place = |name: &String| pattern.columns().iter().position(|column| column.eq_ignore_ascii_case(name));
    let places: Vec<Option<usize>> = wanted.fields().iter().map(|field| place(field.name())).collect();
    let mut batch = TextBatch::new(location, wanted, problems);
    let (mut line, mut number, mut cells) = (Vec::new(), 0_u64, Vec::new());
    loop {
        number += 1;
        line.clear();
        let unreadable =
            |e: std::io::Error| Error::invalid_data(format!("The file {location} cannot be read from line {number} on: {e}.")).source(e);
        if read_line(&mut text, &mut line).map_err(unreadable)? == 0 {
            break;
        }
        let bytes = line.trim_ascii_end();
        if bytes.is_empty() {
            continue;
        }
        // What is not UTF-8 fails as it does in delimited text, where the cell is taken.
        let found = std::str::from_utf8(bytes).map_err(|e| {
            Error::invalid_data(format!(
                "The file {location} should be UTF-8, but line {number} is not; if it is Latin-1, set the table's parameter encoding to latin-1."
            ))
            .source(e)
        })?;
        if !pattern.cells(found, &mut cells) {
            problems.add("lines do not match the table's Grok pattern and were left out", 1, || format!("{location} line {number}"));
            continue;
        }
        for (column, place) in places.iter().enumerate() {
            let cell = place.and_then(|place| cells[place].as_deref()).unwrap_or_default();
            batch.push(column, cell.as_bytes());
        }
        batch.end_row(number);
        if batch.is_full() && !give(batch.finish()?) {
            return Ok(());
        }
    }
    if !batch.is_empty() {
        give(batch.finish()?);
    }
    Ok(())
}

fn read_line(text: &mut Input<'_>, line: &mut Vec<u8>) -> std::io::Result<usize> {
    let mut limited = std::io::Read::take(text, MAX_ROW_BYTES as u64 + 1);
    let read = limited.read_until(b'\n', line)?;
    if read > MAX_ROW_BYTES {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, format!("it has more than {} MiB", MAX_ROW_BYTES >> 20)));
    }
    Ok(read)
}
