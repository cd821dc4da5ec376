//! ORC: the tail says everything.

use std::io::{Error, ErrorKind, Result};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use bytes::{Buf, Bytes};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use orc_rust::arrow_reader::ArrowReaderBuilder;
use orc_rust::reader::ChunkReader;
use tokio::runtime::Handle;

use super::{Compression, Finding, Format, Inspection, schema::plain};

/// A file in a store as the reader of ORC wants it: parts of it, by blocking calls. Not for threads that must not block.
pub struct OrcFile {
    store: Arc<dyn ObjectStore>,
    path: Path,
    size: u64,
    runtime: Handle,
}

impl OrcFile {
    /// Call it within a Tokio runtime.
    pub fn new(store: Arc<dyn ObjectStore>, file: &ObjectMeta) -> Self {
        Self { store, path: file.location.clone(), size: file.size, runtime: Handle::current() }
    }

    fn fetch(&self, from: u64, to: u64) -> Result<Bytes> {
        self.runtime.block_on(self.store.get_range(&self.path, from..to)).map_err(Error::other)
    }
}

impl ChunkReader for OrcFile {
    type T = bytes::buf::Reader<Bytes>;

    fn len(&self) -> u64 {
        self.size
    }

    fn get_read(&self, from: u64) -> Result<Self::T> {
        // The reader asks for parts by their length; this is what the trait asks for beside it.
        self.get_bytes(from, self.size.saturating_sub(from)).map(Buf::reader)
    }

    fn get_bytes(&self, from: u64, length: u64) -> Result<Bytes> {
        match from.checked_add(length).filter(|to| *to <= self.size) {
            Some(to) if length > 0 => self.fetch(from, to),
            Some(_) => Ok(Bytes::new()),
            None => Err(Error::new(ErrorKind::UnexpectedEof, "a part of the file lies beyond its end")),
        }
    }
}

/// On a thread that may block. The reader is made for whole files: on damaged ones it may panic, which the caller catches.
pub(super) fn inspect(file: &ObjectMeta, orc: OrcFile) -> Finding {
    let reader = match ArrowReaderBuilder::try_new(orc) {
        Ok(reader) => reader,
        Err(e) => return Finding::Unusable(format!("Expected a whole ORC file; its tail cannot be read: {e}.")),
    };
    let schema = reader.schema();
    let fields: Vec<Field> = schema.fields().iter().map(|field| Field::new(field.name(), plain(field.data_type()), true)).collect();
    Finding::Usable(Inspection {
        format: Format::Orc,
        compression: Compression::None,
        schema: Arc::new(Schema::new(fields)),
        is_ascii: true,
        file_bytes: file.size,
        rows: Some(reader.file_metadata().number_of_rows()),
        notes: Vec::new(),
    })
}
