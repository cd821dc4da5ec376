//! Files of lines. Batches become bytes on several threads at once; they are written in their order.
//!
//! A packed file is made of packed pieces, one after the other, as gzip and zstd allow: so packing is shared among the threads too.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use domain::{Error, Result};
use etl::{Compression, Format};
use flate2::write::GzEncoder;
use futures::{Stream, StreamExt};
use object_store::buffered::BufWriter;
use tokio::io::AsyncWriteExt;

use super::pieces::Piece;
use super::{Output, Written, csv, json};

/// How rows become lines.
pub(super) enum Form {
    /// With the header of every file.
    Csv(Vec<u8>),
    Json,
}

/// A piece as bytes.
struct Lines {
    folder: Arc<str>,
    bytes: Bytes,
    rows: u64,
    is_last: bool,
}

/// The file that is written.
struct Open {
    file: BufWriter,
    folder: Arc<str>,
    rows: u64,
    bytes: u64,
}

pub(super) async fn write(
    pieces: impl Stream<Item = Result<Piece>> + Send,
    form: Form,
    output: &Output,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Written> {
    let compression = output.spec.compression;
    let (header, format) = match form {
        Form::Csv(line) => (packed(line, compression)?, Format::Csv),
        Form::Json => (Bytes::new(), Format::Json),
    };
    let encoded = pieces
        .map(|piece| async move {
            let piece = piece?;
            let task = tokio::spawn(async move { lines(piece, format, compression) });
            task.await.map_err(|e| Error::internal("The writing of rows ended before its time.").source(e))?
        })
        .buffered(output.threads + 1);
    let mut encoded = std::pin::pin!(encoded);
    let mut written = Written::default();
    let mut open = None;
    if output.spec.partition_keys.is_empty() {
        open = Some(Open::new("".into(), &header, output, &mut written).await?);
    }
    while let Some(lines) = encoded.next().await {
        let lines = lines?;
        let mut file = match open.take() {
            Some(file) if file.takes(&lines, output.spec.max_file_bytes) => file,
            full => {
                Open::close(full, output, &mut written).await?;
                Open::new(lines.folder.clone(), &header, output, &mut written).await?
            }
        };
        file.rows += lines.rows;
        written.rows += lines.rows;
        file.put(lines.bytes, output).await?;
        progress(written.rows);
        if lines.is_last { Open::close(Some(file), output, &mut written).await? } else { open = Some(file) }
    }
    Open::close(open, output, &mut written).await?;
    Ok(written)
}

fn lines(piece: Piece, format: Format, compression: Option<Compression>) -> Result<Lines> {
    let text = if format == Format::Json { json::rows(&piece.rows)? } else { csv::rows(&piece.rows)? };
    let rows = piece.rows.num_rows() as u64;
    Ok(Lines { folder: piece.folder, bytes: packed(text, compression)?, rows, is_last: piece.is_last })
}

fn packed(text: Vec<u8>, compression: Option<Compression>) -> Result<Bytes> {
    let failed = |e| Error::internal("Rows of the result cannot be packed.").source(e);
    Ok(match compression {
        Some(Compression::Gzip) => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(&text).map_err(failed)?;
            encoder.finish().map_err(failed)?.into()
        }
        Some(Compression::Zstd) => zstd::encode_all(text.as_slice(), zstd::DEFAULT_COMPRESSION_LEVEL).map_err(failed)?.into(),
        _ => text.into(),
    })
}

impl Open {
    async fn new(folder: Arc<str>, header: &Bytes, output: &Output, written: &mut Written) -> Result<Self> {
        let file = output.open(&folder, written)?;
        let mut open = Self { file, folder, rows: 0, bytes: 0 };
        open.put(header.clone(), output).await?;
        Ok(open)
    }

    /// Whether the lines belong into this file. One that has no rows takes whatever comes.
    fn takes(&self, lines: &Lines, max_bytes: Option<u64>) -> bool {
        let fits = max_bytes.is_none_or(|most| self.rows == 0 || self.bytes + lines.bytes.len() as u64 <= most);
        self.folder == lines.folder && fits
    }

    async fn put(&mut self, bytes: Bytes, output: &Output) -> Result<()> {
        self.bytes += bytes.len() as u64;
        self.file.put(bytes).await.map_err(|e| output.unwritable(e))
    }

    async fn close(open: Option<Self>, output: &Output, written: &mut Written) -> Result<()> {
        if let Some(mut open) = open {
            open.file.shutdown().await.map_err(|e| output.unwritable(e))?;
            written.bytes += open.bytes;
        }
        Ok(())
    }
}
