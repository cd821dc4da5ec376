//! From an object in a store to UTF-8 text, on a thread that may block.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use bytes::Bytes;
use connect::files::Encoding;
use domain::{Error, ErrorKind, Result};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt};
use tokio::runtime::Handle;

const BUFFER_BYTES: usize = 256 << 10;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(super) type Input = Box<dyn BufRead + Send>;

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

/// Unpacks by content, takes a byte order mark away, and turns Latin-1 into UTF-8.
pub(super) fn text(raw: Box<dyn Read + Send>, encoding: Encoding) -> std::io::Result<Input> {
    let mut packed = BufReader::with_capacity(BUFFER_BYTES, raw);
    let unpacked: Box<dyn Read + Send> = match packed.fill_buf()? {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(zstd::stream::read::Decoder::with_buffer(packed)?),
        _ => Box::new(packed),
    };
    let decoded: Box<dyn Read + Send> = match encoding {
        Encoding::Utf8 => unpacked,
        Encoding::Latin1 => Box::new(Latin1 { inner: BufReader::with_capacity(BUFFER_BYTES, unpacked), pending: None }),
    };
    let mut text = BufReader::with_capacity(BUFFER_BYTES, decoded);
    if text.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
        text.consume(BYTE_ORDER_MARK.len());
    }
    Ok(Box::new(text))
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

/// Every byte above 127 becomes two; the second may have to wait for room.
struct Latin1<R> {
    inner: R,
    pending: Option<u8>,
}

impl<R: BufRead> Read for Latin1<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let mut written = 0;
        if let (Some(byte), false) = (self.pending, out.is_empty()) {
            out[0] = byte;
            self.pending = None;
            written = 1;
        }
        let input = self.inner.fill_buf()?;
        let mut used = 0;
        while used < input.len() && written < out.len() {
            let byte = input[used];
            used += 1;
            if byte < 0x80 {
                out[written] = byte;
            } else {
                out[written] = 0xc0 | (byte >> 6);
                let second = 0x80 | (byte & 0x3f);
                if written + 1 == out.len() {
                    self.pending = Some(second);
                } else {
                    written += 1;
                    out[written] = second;
                }
            }
            written += 1;
        }
        self.inner.consume(used);
        Ok(written)
    }
}
