//! What a file holds, found out by looking into it: format, compression, delimiter, header, encoding, schema.
//!
//! | format | packed as a whole | encodings | rows |
//! |---|---|---|---|
//! | CSV, TSV: `,` `;` tab `\|` Ctrl-A, or what a classifier says | gzip, zstd, bzip2, snappy (framed) | UTF-8, UTF-16 with a mark, Latin-1 | records, quoted ones over several lines |
//! | JSON: lines, a list, objects over several lines, or a [`JsonPath`] | same | UTF-8, UTF-16 with a mark | objects |
//! | XML, by row tag | same | same as CSV | elements of one name |
//! | lines by a Grok pattern, with a classifier only | same | same as CSV | lines |
//! | Parquet | packs its own pages | | |
//! | Avro (feature `avro`) | packs its own blocks: deflate, snappy, zstd, bzip2 | | |
//! | ORC (feature `orc`) | packs its own streams | | |
//!
//! Format and packing are told by content, never by a file's name; only a text of one column needs the ending `.csv`.
//!
//! **What is looked at.** The first 2 MiB (unpacked), and half a MiB from the middle and the end where rows can be found there: in
//! delimited text, JSON lines and Grok lines that are not packed. A value of another kind anywhere else is met first by a job: in
//! delimited text it becomes null and is told in the run's log, in JSON and XML it is the error SOURCE_VALUE_UNFIT. Packed files of
//! up to 16 MiB are unpacked to their end, so that one that was cut off is a problem of the crawl; in a larger one it is found by
//! the job, which fails.

#[cfg(feature = "avro")]
mod avro;
mod bytes;
mod classifier;
mod csv;
mod form;
mod grok;
mod header;
mod json;
mod json_path;
mod json_rows;
mod met;
#[cfg(feature = "orc")]
mod orc;
mod parquet;
mod schema;
mod text;
mod value;
mod xml;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use domain::{Error, Result};
use object_store::{ObjectMeta, ObjectStore};

#[cfg(feature = "avro")]
pub use avro::AvroBlocks;
pub use classifier::{Classifier, CsvClassifier, HeaderRule};
pub use form::{Compression, CsvDialect, Encoding, Format, GrokForm, XmlForm};
pub use grok::GrokLines;
pub use json_path::JsonPath;
pub use json_rows::{MAX_ROW_BYTES, json_rows};
#[cfg(feature = "orc")]
pub use orc::OrcFile;
pub use schema::{SIMILAR, Similarity, merge, similarity};
pub use text::{Input, is_plain, text};
pub use xml::xml_rows;

/// Samples up to this size are looked at where they were read; longer ones on a thread that may be busy for a while.
const SMALL_BYTES: usize = 64 << 10;

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
    inspect_as(store, file, limits, &[]).await
}

/// Looks into a file with what a user says about files: the first classifier that fits decides, then the kinds that are found by
/// looking. When nothing fits, the reason tells of each classifier too. Fails only when the store does.
pub async fn inspect_as(
    store: Arc<dyn ObjectStore>,
    file: &ObjectMeta,
    limits: SampleLimits,
    classifiers: &[Classifier],
) -> Result<Finding> {
    if file.size == 0 {
        return Ok(Finding::Empty);
    }
    let sample = match bytes::sample(store.as_ref(), file, limits).await? {
        bytes::Sampled::Text(sample) => sample,
        bytes::Sampled::Parquet => return parquet_file(store, file).await,
        bytes::Sampled::Avro(head) => return avro_file(file, head).await,
        bytes::Sampled::Orc => return orc_file(store, file).await,
        bytes::Sampled::Empty => return Ok(Finding::Empty),
        bytes::Sampled::Unusable(reason) => return Ok(Finding::Unusable(reason)),
    };
    let name = file.location.to_string();
    let file_bytes = file.size;
    if sample.head.len() <= SMALL_BYTES && sample.windows.is_empty() {
        return Ok(text_file(&name, file_bytes, &sample, classifiers));
    }
    let classifiers = classifiers.to_vec();
    tokio::task::spawn_blocking(move || text_file(&name, file_bytes, &sample, &classifiers))
        .await
        .map_err(|e| Error::internal(format!("Looking into {} ended before its time.", file.location)).source(e))
}

async fn parquet_file(store: Arc<dyn ObjectStore>, file: &ObjectMeta) -> Result<Finding> {
    let meta = file.clone();
    damaged_if_panicked("Parquet", tokio::spawn(async move { parquet::inspect(store, &meta).await }).await)
}

#[cfg(feature = "avro")]
async fn avro_file(file: &ObjectMeta, head: Vec<u8>) -> Result<Finding> {
    let meta = file.clone();
    damaged_if_panicked("Avro", tokio::task::spawn_blocking(move || Ok(avro::inspect(&meta, &head))).await)
}

#[cfg(feature = "orc")]
async fn orc_file(store: Arc<dyn ObjectStore>, file: &ObjectMeta) -> Result<Finding> {
    let (meta, orc) = (file.clone(), OrcFile::new(store, file));
    damaged_if_panicked("ORC", tokio::task::spawn_blocking(move || Ok(orc::inspect(&meta, orc))).await)
}

/// The libraries for these formats may panic on damaged files.
fn damaged_if_panicked(format: &str, outcome: std::result::Result<Result<Finding>, tokio::task::JoinError>) -> Result<Finding> {
    outcome.unwrap_or_else(|_| Ok(Finding::Unusable(format!("Expected a whole {format} file; it is damaged."))))
}

#[cfg(not(feature = "avro"))]
async fn avro_file(_: &ObjectMeta, _: Vec<u8>) -> Result<Finding> {
    Ok(Finding::Unusable(left_out("Avro", "avro")))
}

#[cfg(not(feature = "orc"))]
async fn orc_file(_: Arc<dyn ObjectStore>, _: &ObjectMeta) -> Result<Finding> {
    Ok(Finding::Unusable(left_out("ORC", "orc")))
}

/// What is said of a format that this binary was built without.
#[cfg_attr(all(feature = "avro", feature = "orc"), allow(dead_code, reason = "everything is built in"))]
fn left_out(format: &str, feature: &str) -> String {
    format!(
        "Expected a format that this binary reads; found {format}, which it was built without: build it with `make release`, or cargo build -p penchant --features {feature}."
    )
}

fn text_file(name: &str, file_bytes: u64, sample: &bytes::Sample, classifiers: &[Classifier]) -> Finding {
    let mut reasons = Vec::new();
    let mut found = None;
    for classifier in classifiers {
        match by_classifier(name, sample, classifier) {
            Ok(fits) => {
                found = Some(fits);
                break;
            }
            Err(why) => reasons.push(format!("The classifier {:?} does not fit: {}.", classifier.name(), why.trim_end_matches('.'))),
        }
    }
    match found.map_or_else(|| by_looking(name, sample), Ok) {
        Err(reason) => {
            reasons.insert(0, reason);
            Finding::Unusable(reasons.join(" "))
        }
        Ok(found) => Finding::Usable(inspection(found, file_bytes, sample)),
    }
}

fn by_classifier(name: &str, sample: &bytes::Sample, classifier: &Classifier) -> std::result::Result<TextFinding, String> {
    match classifier {
        Classifier::Csv(asked) => csv::inspect_as(name, sample, asked),
        Classifier::Json { json_path, .. } => json::inspect_as(name, sample, json_path),
        Classifier::Xml { row_tag, .. } => xml::inspect_as(name, sample, row_tag),
        Classifier::Grok { classification, pattern, custom_patterns, .. } => {
            let form = GrokForm {
                classification: classification.clone(),
                pattern: pattern.clone(),
                custom_patterns: custom_patterns.clone(),
                encoding: sample.encoding,
            };
            grok::inspect_as(sample, &form)
        }
    }
}

fn by_looking(name: &str, sample: &bytes::Sample) -> std::result::Result<TextFinding, String> {
    let looks_like = match sample.head.trim_start().bytes().next() {
        Some(b'{' | b'[') => json::inspect(name, sample),
        Some(b'<') => xml::inspect(name, sample),
        _ => return csv::inspect(name, sample),
    };
    // A delimited file may begin with a bracket; only then is the delimited reader's answer of interest.
    let is_json = || sample.complete && serde_json::from_str::<serde::de::IgnoredAny>(&sample.head).is_ok();
    looks_like.or_else(|reason| if is_json() { Err(reason) } else { csv::inspect(name, sample).map_err(|_| reason) })
}

fn inspection(found: TextFinding, file_bytes: u64, sample: &bytes::Sample) -> Inspection {
    let share = file_bytes as f64 / sample.head_stored.max(1) as f64;
    let rows = if sample.complete { found.head_rows } else { (found.head_rows as f64 * share).round() as u64 };
    Inspection {
        format: found.format,
        compression: sample.compression,
        schema: found.schema,
        is_ascii: sample.head.is_ascii() && sample.windows.iter().all(|window| window.text.is_ascii()),
        file_bytes,
        rows: Some(rows),
        notes: found.notes,
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
