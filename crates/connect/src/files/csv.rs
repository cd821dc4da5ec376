//! Delimited text.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use csv::{ByteRecord, ReaderBuilder};

use super::bytes::Sample;
use super::header;
use super::value::Kind;
use super::{CsvDialect, Format, TextFinding};

/// In the order in which they win when several part the lines equally well.
const DELIMITERS: &[u8] = b",;\t|\x01";
/// Records tried for each delimiter.
const PROBE_RECORDS: usize = 200;
/// Share of the records that must have the same number of fields.
const REGULAR: f64 = 0.8;

type Rows = Vec<Vec<String>>;

pub(super) fn inspect(name: &str, sample: &Sample) -> Result<TextFinding, String> {
    let delimiter = delimiter(name, sample)?;
    let rows = records(&sample.head, delimiter, sample.complete, usize::MAX);
    let width = usual_width(&rows).0;
    let views: Vec<Vec<&str>> = rows.iter().filter(|row| row.len() == width).map(|row| row.iter().map(String::as_str).collect()).collect();
    let has_header = rows.first().is_some_and(|row| row.len() == width) && header::is_header(&views);
    let multi_line = rows.iter().flatten().any(|cell| cell.contains('\n'));
    let mut more = Vec::new();
    // A window may begin inside a quoted text: with lines in quotes it could be misread.
    for window in sample.windows.iter().filter(|_| !multi_line) {
        let start = window.text.find('\n').map_or(window.text.len(), |at| at + 1);
        more.extend(records(&window.text[start..], delimiter, window.to_end, usize::MAX));
    }
    let skipped = usize::from(has_header);
    let mut kinds = vec![Kind::Empty; width];
    let irregular = rows.iter().skip(skipped).filter(|row| row.len() != width).count();
    for row in rows.iter().skip(skipped).chain(&more).filter(|row| row.len() == width) {
        for (kind, cell) in kinds.iter_mut().zip(row).filter(|(kind, _)| **kind != Kind::Text) {
            *kind = kind.widen(Kind::of(cell));
        }
    }
    let mut notes = Vec::new();
    if irregular > 0 {
        notes.push(format!("{irregular} of the first {} rows do not have {width} fields.", rows.len() - skipped));
    }
    let names = if has_header { names(&rows[0], &mut notes) } else { (0..width).map(|index| format!("col{index}")).collect() };
    let fields: Vec<Field> = names.iter().zip(kinds).map(|(name, kind)| Field::new(name, kind.data_type(), true)).collect();
    let quoted = sample.head.contains('"');
    Ok(TextFinding {
        format: Format::Csv(CsvDialect { delimiter, has_header, quoted, encoding: sample.encoding }),
        schema: Arc::new(Schema::new(fields)),
        head_rows: (rows.len() - skipped) as u64,
        notes,
    })
}

/// The delimiter that parts most records into the same number of fields; a file that ends in `.csv` may have one column.
fn delimiter(name: &str, sample: &Sample) -> Result<u8, String> {
    let stem = name.to_ascii_lowercase();
    let stem = stem.trim_end_matches(".gz").trim_end_matches(".zst").trim_end_matches(".zstd").to_owned();
    let mut best: Option<(u8, f64, usize)> = None;
    for &delimiter in DELIMITERS {
        let rows = records(&sample.head, delimiter, sample.complete, PROBE_RECORDS);
        let (width, share) = usual_width(&rows);
        if width < 2 || share < REGULAR {
            continue;
        }
        // Wider wins between equally regular ones: a semicolon file may hold a comma in every row's text.
        if best.is_none_or(|(_, best_share, best_width)| (share, width) > (best_share, best_width)) {
            best = Some((delimiter, share, width));
        }
    }
    match best {
        Some((delimiter, ..)) => Ok(delimiter),
        None if stem.ends_with(".tsv") => Ok(b'\t'),
        None if stem.ends_with(".csv") => single_column(sample),
        None => Err("Expected CSV, TSV, JSON lines or Parquet; found text that no delimiter parts into regular columns.".into()),
    }
}

fn single_column(sample: &Sample) -> Result<u8, String> {
    let (width, share) = usual_width(&records(&sample.head, b',', sample.complete, PROBE_RECORDS));
    if width == 1 && share >= REGULAR {
        return Ok(b',');
    }
    Err("Expected rows with the same number of fields; found rows of many widths.".into())
}

/// The records of the text; the last one is left out when the text is cut.
fn records(text: &str, delimiter: u8, complete: bool, limit: usize) -> Rows {
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    let mut record = ByteRecord::new();
    let mut rows = Rows::new();
    let mut ended = false;
    while rows.len() < limit {
        // Reading from memory with flexible rows cannot fail; were it to, what was read until then stands.
        if !matches!(reader.read_byte_record(&mut record), Ok(true)) {
            ended = true;
            break;
        }
        rows.push(record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect());
    }
    if ended && !complete && rows.len() > 1 {
        rows.pop();
    }
    rows
}

/// The most frequent number of fields and its share of the records.
fn usual_width(rows: &[Vec<String>]) -> (usize, f64) {
    let mut counts: HashMap<usize, usize> = HashMap::new();
    for row in rows {
        *counts.entry(row.len()).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(width, count)| (*count, *width));
    most.map_or((0, 0.0), |(width, count)| (width, count as f64 / rows.len() as f64))
}

/// Names without spaces around them, each once.
fn names(cells: &[String], notes: &mut Vec<String>) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut names = Vec::new();
    for (index, cell) in cells.iter().enumerate() {
        let name = if cell.trim().is_empty() { format!("col{index}") } else { cell.trim().to_owned() };
        let count = seen.entry(name.to_lowercase()).or_default();
        *count += 1;
        if *count == 1 {
            names.push(name);
        } else {
            let unique = format!("{name}_{count}");
            notes.push(format!("The header names two columns {name:?}; the second is called {unique:?}."));
            names.push(unique);
        }
    }
    names
}
