//! From a file in a store to a sample of its text.

use std::io::Read;

use domain::{Error, ErrorKind, Result};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::{Compression, Encoding, SampleLimits};

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
    Empty,
    Unusable(String),
}

/// First bytes of files that are known but not read here.
const FOREIGN: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "a ZIP archive"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x04\x22\x4d\x18", "LZ4"),
    (b"Obj\x01", "Avro"),
    (b"ORC", "ORC"),
    (b"SQLite format 3\0", "a SQLite database (make a connection of type SQLITE for it)"),
    (b"%PDF", "PDF"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"\xff\xfe", "UTF-16 text (save it as UTF-8)"),
    (b"\xfe\xff", "UTF-16 text (save it as UTF-8)"),
];

const EXPECTED: &str = "Expected CSV, TSV, JSON lines or Parquet, plain or packed with gzip or zstd";

pub(super) async fn sample(store: &dyn ObjectStore, file: &ObjectMeta, limits: SampleLimits) -> Result<Sampled> {
    let head_bytes = (limits.head_bytes as u64).min(file.size);
    let raw = range(store, file, 0, head_bytes).await?;
    if raw.starts_with(b"PAR1") {
        return Ok(Sampled::Parquet);
    }
    let compression = compression(&raw);
    let Unpacked { bytes: head, complete, stored } = match unpack(&raw, compression, limits.head_bytes, file.size > head_bytes) {
        Ok(unpacked) => unpacked,
        Err(reason) => return Ok(Sampled::Unusable(reason)),
    };
    if head.is_empty() {
        return Ok(Sampled::Empty);
    }
    if let Some((_, name)) = FOREIGN.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Ok(Sampled::Unusable(format!("{EXPECTED}; found {name}.")));
    }
    if head.contains(&0) {
        return Ok(Sampled::Unusable(format!("{EXPECTED}; found binary data.")));
    }
    let starts = if complete || compression != Compression::None { Vec::new() } else { window_starts(file.size, limits) };
    let mut parts = vec![head];
    for start in &starts {
        parts.push(range(store, file, *start, *start + limits.window_bytes as u64).await?);
    }
    let encoding = if parts.iter().enumerate().all(|(index, part)| is_utf8(part, index > 0)) { Encoding::Utf8 } else { Encoding::Latin1 };
    let mut texts = parts.iter().map(|part| decode(part, encoding));
    let head = texts.next().unwrap_or_default();
    let head = head.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(head);
    if head.trim().is_empty() {
        return Ok(Sampled::Empty);
    }
    let to_end = |start: &u64| start + limits.window_bytes as u64 >= file.size;
    let windows = texts.zip(&starts).map(|(text, start)| Window { text, to_end: to_end(start) }).collect();
    Ok(Sampled::Text(Sample { compression, encoding, head, windows, complete, head_stored: stored }))
}

pub(super) async fn range(store: &dyn ObjectStore, file: &ObjectMeta, from: u64, to: u64) -> Result<Vec<u8>> {
    let bytes = store.get_range(&file.location, from..to.min(file.size)).await.map_err(|e| match e {
        object_store::Error::NotFound { .. } => Error::not_found(format!("The file {}", file.location)),
        other => Error::new(ErrorKind::Unavailable, format!("The file {} cannot be read.", file.location)).source(other),
    })?;
    Ok(bytes.to_vec())
}

/// By content: names lie more often than first bytes.
fn compression(raw: &[u8]) -> Compression {
    match raw {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        _ => Compression::None,
    }
}

struct Unpacked {
    bytes: Vec<u8>,
    /// There is no more in the file.
    complete: bool,
    /// Packed bytes that were used.
    stored: u64,
}

/// Unpacks until a little over `limit` bytes. `cut` says that `raw` is not the whole file.
fn unpack(raw: &[u8], compression: Compression, limit: usize, cut: bool) -> std::result::Result<Unpacked, String> {
    let mut rest = raw;
    let (bytes, ended) = match compression {
        Compression::None => return Ok(Unpacked { bytes: raw.to_vec(), complete: !cut, stored: raw.len() as u64 }),
        Compression::Gzip => fill("gzip", flate2::bufread::MultiGzDecoder::new(&mut rest), limit, cut)?,
        Compression::Zstd => {
            let decoder =
                zstd::stream::read::Decoder::with_buffer(&mut rest).map_err(|e| format!("The zstd data cannot be unpacked: {e}."))?;
            fill("zstd", decoder, limit, cut)?
        }
    };
    Ok(Unpacked { bytes, complete: ended && !cut, stored: (raw.len() - rest.len()) as u64 })
}

/// What the reader gives, and whether it came to its end.
fn fill(name: &str, mut reader: impl Read, limit: usize, cut: bool) -> std::result::Result<(Vec<u8>, bool), String> {
    let mut out = Vec::new();
    let mut chunk = vec![0_u8; 64 << 10];
    while out.len() < limit {
        match reader.read(&mut chunk) {
            Ok(0) => return Ok((out, true)),
            Ok(read) => out.extend_from_slice(&chunk[..read]),
            // The end of the sample, not of the file.
            Err(e) if cut && e.kind() == std::io::ErrorKind::UnexpectedEof => return Ok((out, false)),
            Err(e) => return Err(format!("The {name} data is damaged after {} unpacked bytes: {e}.", out.len())),
        }
    }
    let ended = matches!(reader.read(&mut chunk[..1]), Ok(0));
    Ok((out, ended))
}

/// The middle and the end, where they do not meet what was read before.
fn window_starts(size: u64, limits: SampleLimits) -> Vec<u64> {
    let (head, window) = (limits.head_bytes as u64, limits.window_bytes as u64);
    if window == 0 || size <= head {
        return Vec::new();
    }
    let last = size.saturating_sub(window).max(head);
    let middle = (size / 2).max(head);
    if middle + window <= last { vec![middle, last] } else { vec![last] }
}

/// Whether the bytes are UTF-8, but for characters cut in two at the ends.
fn is_utf8(bytes: &[u8], cut_before: bool) -> bool {
    let start = if cut_before { bytes.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count() } else { 0 };
    match std::str::from_utf8(&bytes[start..]) {
        Ok(_) => true,
        Err(e) => e.error_len().is_none(),
    }
}

fn decode(bytes: &[u8], encoding: Encoding) -> String {
    match encoding {
        // Only what was cut at the ends is lost.
        Encoding::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
        Encoding::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}
