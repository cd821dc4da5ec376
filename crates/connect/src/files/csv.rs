//! Delimited text.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use csv::{Reader, ReaderBuilder, StringRecord};

use super::bytes::{EXPECTED, Sample};
use super::classifier::{CsvClassifier, HeaderRule};
use super::value::Kind;
use super::{CsvDialect, Format, TextFinding, header};

/// In the order in which they win when several part the lines equally well.
const DELIMITERS: &[u8] = b",;\t|\x01";
/// Records tried for each delimiter.
const PROBE_RECORDS: usize = 200;
/// Share of the records that must have the same number of fields.
const REGULAR: f64 = 0.8;

/// By looking alone.
pub(super) fn inspect(name: &str, sample: &Sample) -> Result<TextFinding, String> {
    let single = packed_stem(name).ends_with(".csv");
    let looked = CsvClassifier { keep_spaces: true, allow_single_column: single, ..CsvClassifier::default() };
    inspect_as(name, sample, &looked)
}

/// As the classifier says; what it leaves open is found by looking.
pub(super) fn inspect_as(name: &str, sample: &Sample, asked: &CsvClassifier) -> Result<TextFinding, String> {
    let quote = byte("quote", asked.quote)?.unwrap_or(b'"');
    let delimiter = match byte("delimiter", asked.delimiter)? {
        Some(delimiter) => said(sample, delimiter, quote, asked.allow_single_column)?,
        None => looked_for(name, sample, quote, asked.allow_single_column)?,
    };
    let rows = records(&sample.head, delimiter, quote, sample.complete);
    let width = usual_width(rows.iter().map(StringRecord::len)).0;
    let has_header = match asked.header {
        HeaderRule::Present => true,
        HeaderRule::Absent => false,
        HeaderRule::Unknown => {
            let views: Vec<Vec<&str>> = rows.iter().filter(|row| row.len() == width).map(|row| row.iter().collect()).collect();
            rows.first().is_some_and(|row| row.len() == width) && header::is_header(&views)
        }
    };
    let skipped = usize::from(has_header);
    let more = in_windows(sample, &rows, delimiter, quote);
    let mut kinds = vec![Kind::Empty; width];
    for row in rows.iter().skip(skipped).chain(&more).filter(|row| row.len() == width) {
        for (kind, cell) in kinds.iter_mut().zip(row).filter(|(kind, _)| **kind != Kind::Text) {
            *kind = kind.widen(Kind::of(if asked.keep_spaces { cell } else { cell.trim() }));
        }
    }
    let mut notes = ragged(&rows[skipped.min(rows.len())..], width);
    let names = match (asked.columns.as_slice(), has_header) {
        ([], true) => names(&rows[0], &mut notes),
        ([], false) => (0..width).map(|index| format!("col{index}")).collect(),
        (names, _) if names.len() == width => names.to_vec(),
        (names, _) => return Err(format!("it names {} columns, but the rows have {width} fields", names.len())),
    };
    let types = types(&asked.data_types, &kinds)?;
    let fields: Vec<Field> = names.iter().zip(types).map(|(name, data_type)| Field::new(name, data_type, true)).collect();
    let dialect = CsvDialect {
        delimiter,
        quote,
        has_header,
        by_position: has_header && !asked.columns.is_empty(),
        quoted: sample.head.as_bytes().contains(&quote),
        encoding: sample.encoding,
    };
    let head_rows = rows.len().saturating_sub(skipped) as u64;
    Ok(TextFinding { format: Format::Csv(dialect), schema: Arc::new(Schema::new(fields)), head_rows, notes })
}

fn byte(what: &str, said: Option<char>) -> Result<Option<u8>, String> {
    let byte = |c: char| u8::try_from(c).ok().filter(u8::is_ascii).ok_or_else(|| format!("its {what} {c:?} is no ASCII character"));
    said.map(byte).transpose()
}

/// The name without the ending of its packing, in lower case.
fn packed_stem(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let endings = [".gz", ".zst", ".zstd", ".bz2", ".sz", ".snappy"];
    endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name).to_owned()
}

fn said(sample: &Sample, delimiter: u8, quote: u8, single: bool) -> Result<u8, String> {
    let (width, share) = probe(sample, delimiter, quote);
    match width {
        0 | 1 if !single => Err(format!("the delimiter {:?} parts nothing", char::from(delimiter))),
        _ if share < REGULAR => Err(format!("the delimiter {:?} parts the rows into different numbers of fields", char::from(delimiter))),
        _ => Ok(delimiter),
    }
}

/// The delimiter that parts most records into the same number of fields.
fn looked_for(name: &str, sample: &Sample, quote: u8, single: bool) -> Result<u8, String> {
    let mut best: Option<(u8, f64, usize)> = None;
    for &delimiter in DELIMITERS.iter().filter(|delimiter| **delimiter != quote && sample.head.as_bytes().contains(delimiter)) {
        let (width, share) = probe(sample, delimiter, quote);
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
        None if packed_stem(name).ends_with(".tsv") => Ok(b'\t'),
        None if single => match probe(sample, b',', quote) {
            (1, share) if share >= REGULAR => Ok(b','),
            _ => Err("Expected rows with the same number of fields; found rows of many widths.".into()),
        },
        None => Err(format!("{EXPECTED}; found text that no delimiter parts into regular columns.")),
    }
}

/// The usual width of the first records and the share that has it.
fn probe(sample: &Sample, delimiter: u8, quote: u8) -> (usize, f64) {
    let mut reader = reader(&sample.head, delimiter, quote);
    let mut record = csv::ByteRecord::new();
    let mut widths = Vec::with_capacity(PROBE_RECORDS);
    // Reading from memory with flexible rows cannot fail; were it to, what was read until then stands.
    while widths.len() < PROBE_RECORDS && matches!(reader.read_byte_record(&mut record), Ok(true)) {
        widths.push(record.len());
    }
    if widths.len() < PROBE_RECORDS && !sample.complete && widths.len() > 1 {
        widths.pop();
    }
    usual_width(widths.into_iter())
}

fn reader(text: &str, delimiter: u8, quote: u8) -> Reader<&[u8]> {
    ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).quote(quote).from_reader(text.as_bytes())
}

/// The records of the text; the last one is left out when the text is cut.
fn records(text: &str, delimiter: u8, quote: u8, complete: bool) -> Vec<StringRecord> {
    let mut rows: Vec<StringRecord> = reader(text, delimiter, quote).into_records().map_while(Result::ok).collect();
    if !complete && rows.len() > 1 {
        rows.pop();
    }
    rows
}

/// The records of the windows. One may begin inside a quoted text: where texts have lines, it could be misread and is left out.
fn in_windows(sample: &Sample, head: &[StringRecord], delimiter: u8, quote: u8) -> Vec<StringRecord> {
    if sample.windows.is_empty() || head.iter().flatten().any(|cell| cell.contains('\n')) {
        return Vec::new();
    }
    let rows = sample.windows.iter().flat_map(|window| {
        let start = window.text.find('\n').map_or(window.text.len(), |at| at + 1);
        records(&window.text[start..], delimiter, quote, window.to_end)
    });
    rows.collect()
}

/// The most frequent number of fields and its share of the records.
fn usual_width(widths: impl Iterator<Item = usize>) -> (usize, f64) {
    let mut counts: HashMap<usize, usize> = HashMap::new();
    let mut all = 0_usize;
    for width in widths {
        *counts.entry(width).or_default() += 1;
        all += 1;
    }
    let most = counts.into_iter().max_by_key(|(width, count)| (*count, *width));
    most.map_or((0, 0.0), |(width, count)| (width, count as f64 / all as f64))
}

/// What is said of rows of another width: how many there are, and where the first of them stands.
fn ragged(rows: &[StringRecord], width: usize) -> Vec<String> {
    let odd: Vec<&StringRecord> = rows.iter().filter(|row| row.len() != width).collect();
    let Some(first) = odd.first() else { return Vec::new() };
    let line = first.position().map_or(0, csv::Position::line);
    vec![format!(
        "{} of the first {} rows do not have {width} fields; the first of them is on line {line} and has {}.",
        odd.len(),
        rows.len(),
        first.len()
    )]
}

/// Names without spaces around them, each once.
fn names(cells: &StringRecord, notes: &mut Vec<String>) -> Vec<String> {
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

/// What the classifier says, else what was found.
fn types(said: &[String], kinds: &[Kind]) -> Result<Vec<DataType>, String> {
    if said.is_empty() {
        return Ok(kinds.iter().map(|kind| kind.data_type()).collect());
    }
    if said.len() != kinds.len() {
        return Err(format!("it gives {} types, but the rows have {} fields", said.len(), kinds.len()));
    }
    said.iter().map(|name| data_type(name).ok_or_else(|| format!("{name:?} is no type of a column"))).collect()
}

/// The names that Glue allows in a classifier, and Hive's for the same.
fn data_type(name: &str) -> Option<DataType> {
    let name = name.trim().to_lowercase();
    Some(match name.as_str() {
        "string" => DataType::Utf8,
        "boolean" => DataType::Boolean,
        "tinyint" | "byte" => DataType::Int8,
        "short" | "smallint" => DataType::Int16,
        "int" | "integer" => DataType::Int32,
        "long" | "bigint" => DataType::Int64,
        "float" => DataType::Float32,
        "double" => DataType::Float64,
        "decimal" => DataType::Decimal128(10, 0),
        "date" => DataType::Date32,
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "binary" => DataType::Binary,
        other => {
            let (precision, scale) = other.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
            let (precision, scale) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
            (1..=38).contains(&precision).then_some(DataType::Decimal128(precision, scale))?
        }
    })
}
