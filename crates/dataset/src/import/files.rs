//! Which files an import reads, and how they are opened.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::sync::Arc;

use bytes::Bytes;
use domain::{Error, ErrorKind, Result};
use flate2::read::MultiGzDecoder;
use object_store::{GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt};
use store::{Buckets, Location};

/// What an import takes from a prefix. A file that is named itself is taken whatever its name is.
const SUFFIXES: [&str; 5] = [".csv", ".csv.gz", ".csv.zst", ".parquet", ".parq"];

/// Bytes read from disk at once.
const BUFFER_BYTES: usize = 256 << 10;

/// One file to import.
#[derive(Debug, Clone)]
pub(crate) struct DataFile {
    /// As it is shown to the user.
    pub name: String,
    pub bytes: u64,
    meta: ObjectMeta,
    store: Arc<dyn ObjectStore>,
}

/// A file's bytes, by kind of content.
pub(crate) enum Opened {
    Csv(Box<dyn Read>),
    ParquetFile(File),
    ParquetBytes(Bytes),
}

/// The files at or under the location, by name. Fails with `IMPORT_NO_FILES` and what was found instead.
pub(crate) async fn find(buckets: &Buckets, location: &Location) -> Result<Vec<DataFile>> {
    let none = |e: Error| if e.kind == ErrorKind::NotFound { e.code("IMPORT_NO_FILES") } else { e };
    let found = buckets.list(location).await.map_err(none)?;
    let (store, _) = buckets.resolve(location).map_err(none)?;
    let named_itself = buckets.path(location).is_file();
    let fits = |meta: &ObjectMeta| {
        let name = meta.location.as_ref().to_ascii_lowercase();
        named_itself || SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
    };
    let files: Vec<DataFile> = found
        .iter()
        .filter(|meta| fits(meta))
        .map(|meta| DataFile { name: shown(location, meta), bytes: meta.size, meta: meta.clone(), store: store.clone() })
        .collect();
    if !files.is_empty() {
        return Ok(files);
    }
    let instead = match found.first() {
        None => "nothing".to_owned(),
        Some(first) => format!("{}, the first is {}", count(found.len() as u64, "other file"), shown(location, first)),
    };
    Err(Error::invalid_data(format!(
        "Expected files ending in .csv, .csv.gz, .csv.zst or .parquet at or under {location}; found {instead}."
    ))
    .code("IMPORT_NO_FILES"))
}

/// `1 file`, `2 files`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn shown(location: &Location, meta: &ObjectMeta) -> String {
    match location {
        Location::S3 { bucket, .. } => format!("s3://{bucket}/{}", meta.location),
        Location::File(_) => format!("/{}", meta.location),
    }
}

pub(crate) fn unreadable(name: &str, why: impl std::fmt::Display) -> Error {
    Error::invalid_data(format!("{name} cannot be read: {why}.")).code("IMPORT_FILE_UNREADABLE")
}

impl DataFile {
    /// Opens the file and tells its kind by its first bytes. Blocking: call it off the async threads of a runtime.
    pub(crate) fn open(&self) -> Result<Opened> {
        let get = async { self.store.get(&self.meta.location).await };
        let found = tokio::runtime::Handle::current().block_on(get).map_err(|e| unreadable(&self.name, e))?;
        match found.payload {
            GetResultPayload::File(mut file, _) => {
                let start = first_bytes(&mut file).map_err(|e| unreadable(&self.name, e))?;
                if start.starts_with(b"PAR1") {
                    return Ok(Opened::ParquetFile(file));
                }
                self.open_text(&start, file)
            }
            GetResultPayload::Stream(_) => {
                let bytes = tokio::runtime::Handle::current().block_on(found.bytes()).map_err(|e| unreadable(&self.name, e))?;
                let start = bytes.slice(..bytes.len().min(4)).to_vec();
                if start.starts_with(b"PAR1") {
                    return Ok(Opened::ParquetBytes(bytes));
                }
                self.open_text(&start, Cursor::new(bytes))
            }
        }
    }

    fn open_text(&self, start: &[u8], from: impl Read + 'static) -> Result<Opened> {
        let from = BufReader::with_capacity(BUFFER_BYTES, from);
        if start.starts_with(&[0xFF, 0xFE]) || start.starts_with(&[0xFE, 0xFF]) {
            return Err(unreadable(&self.name, "expected UTF-8 text, found UTF-16"));
        }
        if start.starts_with(&[0x1F, 0x8B]) {
            return Ok(Opened::Csv(Box::new(MultiGzDecoder::new(from))));
        }
        if start.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) {
            let decoder = zstd::stream::read::Decoder::with_buffer(from).map_err(|e| unreadable(&self.name, e))?;
            return Ok(Opened::Csv(Box::new(decoder)));
        }
        Ok(Opened::Csv(Box::new(from)))
    }
}

fn first_bytes(file: &mut File) -> std::io::Result<Vec<u8>> {
    use std::io::{Seek, SeekFrom};
    let mut start = Vec::with_capacity(4);
    file.by_ref().take(4).read_to_end(&mut start)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(start)
}
