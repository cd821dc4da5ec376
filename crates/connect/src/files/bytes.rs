//! From a file in a store to a sample of its text.

use std::io::Read;

use domain::{Error, ErrorKind, Result};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::text::{compression, unpacked, utf16};
use super::{Compression, Encoding, SampleLimits};

/// Packed files up to this size are unpacked to their end, so that one that was cut off is found.
const UNPACKED_WHOLE: u64 = 16 << 20;

/// Text from a file.
pub(super) struct Sample {
    pub compression: Compression,
    pub encoding: Encoding,
    /// From the first character on; ends within a record unless `complete`.
    pub head: String,
    /// From further down; each begins within a record.
    pub windows: Vec<Window>,
    /// The head is the whole file.
    pub complete: bool,
    /// Bytes of the file, as it is stored, that the head stands for.
    pub head_stored: u64,
}

pub(super) struct Window {
    pub text: String,
    /// It goes on to the end of the file; else it ends within a record.
    pub to_end: bool,
}

pub(super) enum Sampled {
    Text(Sample),
    Parquet,
    /// The first bytes of the file.
    Avro(Vec<u8>),
    Orc,
    Empty,
    Unusable(String),
}

/// First bytes of files that are known but not read here.
const FOREIGN: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "a ZIP archive (unpack it)"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x04\x22\x4d\x18", "LZ4"),
    (b"SQLite format 3\0", "a SQLite database (make a connection of type SQLITE for it)"),
    (b"%PDF", "PDF"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
];

pub(super) const EXPECTED: &str =
    "Expected CSV, TSV, JSON or XML, plain or packed with gzip, zstd, bzip2 or snappy, or Parquet, Avro or ORC";

pub(super) async fn sample(store: &dyn ObjectStore, file: &ObjectMeta, limits: SampleLimits) -> Result<Sampled> {
    let head_bytes = (limits.head_bytes as u64).min(file.size);
    let mut raw = range(store, file, 0, head_bytes).await?;
    let compression = compression(&raw);
    match raw.as_slice() {
        [b'P', b'A', b'R', b'1', ..] => return Ok(Sampled::Parquet),
        [b'O', b'b', b'j', 1, ..] => return Ok(Sampled::Avro(raw)),
        [b'O', b'R', b'C', ..] => return Ok(Sampled::Orc),
        _ => {}
    }
    if compression != Compression::None && file.size > head_bytes && file.size <= UNPACKED_WHOLE {
        raw = range(store, file, 0, file.size).await?;
    }
    let cut = file.size > raw.len() as u64;
    let Unpacked { bytes: head, complete, stored } = match unpack(raw, compression, limits.head_bytes, cut) {
        Ok(unpacked) => unpacked,
        Err(reason) => return Ok(Sampled::Unusable(reason)),
    };
    if head.is_empty() {
        return Ok(Sampled::Empty);
    }
    if let Some((_, name)) = FOREIGN.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Ok(Sampled::Unusable(format!("{EXPECTED}; found {name}.")));
    }
    if !head.starts_with(b"\xff\xfe") && !head.starts_with(b"\xfe\xff") && head.contains(&0) {
        return Ok(Sampled::Unusable(format!("{EXPECTED}; found binary data.")));
    }
    let starts = if complete || compression != Compression::None { Vec::new() } else { window_starts(file.size, limits) };
    let mut parts = vec![head];
    for start in &starts {
        parts.push(range(store, file, *start, *start + limits.window_bytes as u64).await?);
    }
    let (encoding, mut texts) = decode(parts);
    let head = if texts.is_empty() { String::new() } else { texts.remove(0) };
    if head.trim().is_empty() {
        return Ok(Sampled::Empty);
    }
    let to_end = |start: &u64| start + limits.window_bytes as u64 >= file.size;
    let windows = texts.into_iter().zip(&starts).map(|(text, start)| Window { text, to_end: to_end(start) }).collect();
    Ok(Sampled::Text(Sample { compression, encoding, head, windows, complete, head_stored: stored }))
}

pub(super) async fn range(store: &dyn ObjectStore, file: &ObjectMeta, from: u64, to: u64) -> Result<Vec<u8>> {
    let bytes = store.get_range(&file.location, from..to.min(file.size)).await.map_err(|e| match e {
        object_store::Error::NotFound { .. } => Error::not_found(format!("The file {}", file.location)),
        other => Error::new(ErrorKind::Unavailable, format!("The file {} cannot be read.", file.location)).source(other),
    })?;
    // Without a copy where nobody else holds them.
    Ok(bytes.into())
}

struct Unpacked {
    bytes: Vec<u8>,
    /// There is no more in the file.
    complete: bool,
    /// Packed bytes that were used.
    stored: u64,
}

/// Unpacks until a little over `limit` bytes, and from there on, where the file is whole (`cut` is false), looks whether the rest
/// can be unpacked too.
fn unpack(raw: Vec<u8>, compression: Compression, limit: usize, cut: bool) -> std::result::Result<Unpacked, String> {
    if compression == Compression::None {
        let stored = raw.len() as u64;
        return Ok(Unpacked { bytes: raw, complete: !cut, stored });
    }
    let name = compression.name();
    let damaged = |at: usize, e: std::io::Error| format!("The {name} data is damaged or cut off after {at} unpacked bytes: {e}.");
    let mut rest = raw.as_slice();
    let mut reader = unpacked(Box::new(&mut rest), compression).map_err(|e| damaged(0, e))?;
    let (mut bytes, mut chunk) = (Vec::new(), vec![0_u8; 64 << 10]);
    let mut ended = false;
    while bytes.len() < limit && !ended {
        match reader.read(&mut chunk) {
            Ok(0) => ended = true,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
            // The end of the sample, not of the file.
            Err(e) if cut && e.kind() == std::io::ErrorKind::UnexpectedEof => break,
            Err(e) => return Err(damaged(bytes.len(), e)),
        }
    }
    let mut more = 0;
    let mut to_the_end = ended || cut;
    while !to_the_end {
        match reader.read(&mut chunk) {
            Ok(0) => to_the_end = true,
            Ok(read) => more += read,
            Err(e) => return Err(damaged(bytes.len() + more, e)),
        }
    }
    drop(reader);
    // Where the rest was looked at too, the head's share of the packed bytes is that of the unpacked ones.
    let used = (raw.len() - rest.len()) as f64;
    let stored = (used * bytes.len() as f64 / (bytes.len() + more).max(1) as f64).round() as u64;
    Ok(Unpacked { bytes, complete: !cut && more == 0, stored })
}

/// The middle and the end, where they do not meet what was read before; even, for UTF-16.
fn window_starts(size: u64, limits: SampleLimits) -> Vec<u64> {
    let (head, window) = (limits.head_bytes as u64, limits.window_bytes as u64);
    if window == 0 || size <= head {
        return Vec::new();
    }
    let even = |start: u64| start + start % 2;
    let last = even(size.saturating_sub(window).max(head));
    let middle = even((size / 2).max(head));
    if middle + window <= last { vec![middle, last] } else { vec![last] }
}

/// The texts of the head and the windows, without a byte order mark, and the encoding that all of them have.
fn decode(parts: Vec<Vec<u8>>) -> (Encoding, Vec<String>) {
    if let Some(decoder) = parts.first().and_then(|head| utf16(head)) {
        let skip = |index: usize| if index == 0 { 2 } else { 0 };
        let decode = |(index, part): (usize, &Vec<u8>)| decoder.encoding().decode_without_bom_handling(&part[skip(index)..]).0.into_owned();
        return (Encoding::Utf16, parts.iter().enumerate().map(decode).collect());
    }
    if !parts.iter().enumerate().all(|(index, part)| is_utf8(part, index > 0)) {
        return (Encoding::Latin1, parts.iter().map(|part| part.iter().map(|byte| char::from(*byte)).collect()).collect());
    }
    // Only what was cut at the ends is lost.
    let lossy = |e: std::string::FromUtf8Error| String::from_utf8_lossy(e.as_bytes()).into_owned();
    let mut texts: Vec<String> = parts.into_iter().map(|part| String::from_utf8(part).unwrap_or_else(lossy)).collect();
    if let Some(head) = texts.first_mut().filter(|head| head.starts_with('\u{feff}')) {
        head.remove(0);
    }
    (Encoding::Utf8, texts)
}

/// Whether the bytes are UTF-8, but for characters cut in two at the ends.
fn is_utf8(bytes: &[u8], cut_before: bool) -> bool {
    let start = if cut_before { bytes.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count() } else { 0 };
    match std::str::from_utf8(&bytes[start..]) {
        Ok(_) => true,
        Err(e) => e.error_len().is_none(),
    }
}
