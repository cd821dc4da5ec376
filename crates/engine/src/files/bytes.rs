//! From an object in a store to bytes, on a thread that may block.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use domain::{Error, ErrorKind, Result};
use etl::Meter;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResultPayload, ObjectStore, ObjectStoreExt};
use tokio::runtime::Handle;

/// Enough to tell how a file is packed.
const FIRST_BYTES: u64 = 16;

/// Opens the object; what it gives is read by blocking calls.
pub(super) async fn open(store: Arc<dyn ObjectStore>, path: &Path) -> Result<Box<dyn Read + Send>> {
    Ok(match get(store.as_ref(), path).await? {
        GetResultPayload::File(file, _) => Box::new(file),
        GetResultPayload::Stream(chunks) => Box::new(Remote { chunks, current: Bytes::new(), runtime: Handle::current() }),
    })
}

/// Opens an object that is a file on a disk here.
pub(super) async fn open_here(store: &dyn ObjectStore, path: &Path) -> Result<Arc<File>> {
    match get(store, path).await? {
        GetResultPayload::File(file, _) => Ok(Arc::new(file)),
        GetResultPayload::Stream(_) => Err(Error::internal(format!("{path} should be a file on a disk here."))),
    }
}

/// Whether the object is a file on a disk here that can be read as text from anywhere in it.
pub(super) async fn is_plain_text_here(store: &dyn ObjectStore, path: &Path) -> Result<bool> {
    // A store that is far away is not asked for more than this.
    let few = GetOptions { range: Some(GetRange::Bounded(0..FIRST_BYTES)), ..GetOptions::default() };
    let found = store.get_opts(path, few).await.map_err(|e| unreadable(path, e))?;
    if !matches!(found.payload, GetResultPayload::File(..)) {
        return Ok(false);
    }
    Ok(connect::files::is_plain(&found.bytes().await.map_err(|e| unreadable(path, e))?))
}

async fn get(store: &dyn ObjectStore, path: &Path) -> Result<GetResultPayload> {
    store.get(path).await.map(|found| found.payload).map_err(|e| unreadable(path, e))
}

fn unreadable(path: &Path, error: object_store::Error) -> Error {
    match error {
        object_store::Error::NotFound { .. } => Error::not_found(format!("The file {path}")),
        other => Error::new(ErrorKind::Unavailable, format!("The file {path} cannot be read.")).source(other),
    }
}

/// A part of a file; others read the same file elsewhere.
pub(super) struct Range {
    pub file: Arc<File>,
    pub next: u64,
    pub end: u64,
}

impl Read for Range {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.next)).unwrap_or(usize::MAX);
        let room = left.min(out.len());
        let count = self.file.read_at(out.get_mut(..room).unwrap_or_default(), self.next)?;
        self.next += count as u64;
        Ok(count)
    }
}

/// Counts what is read.
pub(super) struct Counted<R> {
    pub inner: R,
    pub meter: Meter,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(out)?;
        self.meter.add_bytes(count as u64);
        Ok(count)
    }
}

/// A download as something to read from.
struct Remote {
    chunks: BoxStream<'static, object_store::Result<Bytes>>,
    current: Bytes,
    runtime: Handle,
}

impl Read for Remote {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        while self.current.is_empty() {
            match self.runtime.block_on(self.chunks.next()) {
                Some(chunk) => self.current = chunk.map_err(std::io::Error::other)?,
                None => return Ok(0),
            }
        }
        let count = out.len().min(self.current.len());
        out[..count].copy_from_slice(&self.current.split_to(count));
        Ok(count)
    }
}
