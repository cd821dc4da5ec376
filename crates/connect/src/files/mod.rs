//! What a file holds, found out by looking into it: format, compression, delimiter, header, encoding, schema.

mod bytes;
mod csv;
mod header;
mod json;
mod parquet;
mod schema;
mod value;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use domain::{Error, Result};
use object_store::{ObjectMeta, ObjectStore};

pub use schema::{SIMILAR, Similarity, merge, similarity};

/// How a file's bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

/// How a text file's bytes stand for characters. A byte order mark before UTF-8 is not counted as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    Utf8,
    Latin1,
}

/// What a reader of a delimited file must know. The quote is `"`, doubled inside quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CsvDialect {
    pub delimiter: u8,
    pub has_header: bool,
    /// Quotes were met in the sample.
    pub quoted: bool,
    pub encoding: Encoding,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Csv(CsvDialect),
    /// One object a line.
    Json,
    Parquet,
}

impl Format {
    /// The name Glue's built-in classifiers give it.
    pub fn classification(self) -> &'static str {
        match self {
            Self::Csv(_) => "csv",
            Self::Json => "json",
            Self::Parquet => "parquet",
        }
    }
}

/// How much of a file is looked at.
#[derive(Debug, Clone, Copy)]
pub struct SampleLimits {
    /// From the start of the file, after unpacking.
    pub head_bytes: usize,
    /// Once more from the middle and from the end of a longer file that is not packed, since the first rows are rarely
    /// the worst.
    pub window_bytes: usize,
}

impl Default for SampleLimits {
    fn default() -> Self {
        Self { head_bytes: 2 << 20, window_bytes: 512 << 10 }
    }
}

/// What one file turned out to be.
#[derive(Debug, Clone)]
pub struct Inspection {
    pub format: Format,
    pub compression: Compression,
    /// A column in which nothing was met has Arrow's type Null: any other type holds it.
    pub schema: SchemaRef,
    /// Nothing but ASCII was met, so the encoding of a text is a guess.
    pub is_ascii: bool,
    /// Size on disk.
    pub file_bytes: u64,
    /// Rows: counted where the whole file was seen or says it itself, else estimated from the sample.
    pub rows: Option<u64>,
    /// What a reader may stumble over, a sentence each; the file is usable all the same.
    pub notes: Vec<String>,
}

/// The outcome for one file. What cannot be used is a value, not an error: one bad file is no reason to stop.
#[derive(Debug, Clone)]
pub enum Finding {
    Usable(Inspection),
    Empty,
    /// A sentence that says what was expected and what was found.
    Unusable(String),
}

/// Looks into a file. Fails only when the store does.
pub async fn inspect(store: Arc<dyn ObjectStore>, file: &ObjectMeta, limits: SampleLimits) -> Result<Finding> {
    if file.size == 0 {
        return Ok(Finding::Empty);
    }
    let sample = match bytes::sample(store.as_ref(), file, limits).await? {
        bytes::Sampled::Text(sample) => sample,
        bytes::Sampled::Parquet => return parquet::inspect(store, file).await,
        bytes::Sampled::Empty => return Ok(Finding::Empty),
        bytes::Sampled::Unusable(reason) => return Ok(Finding::Unusable(reason)),
    };
    let name = file.location.to_string();
    let file_bytes = file.size;
    tokio::task::spawn_blocking(move || text(&name, file_bytes, &sample))
        .await
        .map_err(|e| Error::internal(format!("Looking into {} ended before its time.", file.location)).source(e))
}

fn text(name: &str, file_bytes: u64, sample: &bytes::Sample) -> Finding {
    let like_json = sample.head.trim_start().starts_with(['{', '[']);
    let found = match like_json.then(|| json::inspect(sample)) {
        Some(Ok(found)) => Ok(found),
        // A delimited file may begin with a bracket; only then is the delimited reader's answer of interest.
        Some(Err(reason)) => csv::inspect(name, sample).map_err(|_| reason),
        None => csv::inspect(name, sample),
    };
    match found {
        Err(reason) => Finding::Unusable(reason),
        Ok(found) => {
            let share = file_bytes as f64 / sample.head_stored.max(1) as f64;
            let rows = if sample.complete { found.head_rows } else { (found.head_rows as f64 * share).round() as u64 };
            Finding::Usable(Inspection {
                format: found.format,
                compression: sample.compression,
                schema: found.schema,
                is_ascii: sample.head.is_ascii() && sample.windows.iter().all(|window| window.text.is_ascii()),
                file_bytes,
                rows: Some(rows),
                notes: found.notes,
            })
        }
    }
}

/// What the reader of one text format found.
struct TextFinding {
    format: Format,
    schema: SchemaRef,
    /// Rows in the head of the sample.
    head_rows: u64,
    notes: Vec<String>,
}

#[cfg(test)]
mod tests;
