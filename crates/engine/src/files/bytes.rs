//! From an object in a store to bytes, on a thread that may block.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use domain::{Error, ErrorKind, Result};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt};
use tokio::runtime::Handle;

/// Opens the object; what it gives is read by blocking calls.
pub(super) async fn open(store: Arc<dyn ObjectStore>, path: &Path) -> Result<Box<dyn Read + Send>> {
    let found = store.get(path).await.map_err(|e| match e {
        object_store::Error::NotFound { .. } => Error::not_found(format!("The file {path}")),
        other => Error::new(ErrorKind::Unavailable, format!("The file {path} cannot be read.")).source(other),
    })?;
    Ok(match found.payload {
        GetResultPayload::File(file, _) => Box::new(file),
        GetResultPayload::Stream(chunks) => Box::new(Remote { chunks, current: Bytes::new(), runtime: Handle::current() }),
    })
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
