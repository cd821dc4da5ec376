//! Parquet files.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use domain::Result;
use etl::Compression;
use futures::{Stream, StreamExt};
use object_store::buffered::BufWriter;
use parquet::arrow::AsyncArrowWriter;
use parquet::basic::{Compression as PageCompression, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::pieces::Piece;
use super::{Output, Written};

struct Open {
    file: AsyncArrowWriter<BufWriter>,
    folder: Arc<str>,
}

pub(super) async fn write(
    pieces: impl Stream<Item = Result<Piece>> + Send,
    schema: SchemaRef,
    output: &Output,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Written> {
    let mut pieces = std::pin::pin!(pieces);
    let mut written = Written::default();
    let mut open = None;
    if output.spec.partition_keys.is_empty() {
        open = Some(Open::new("".into(), &schema, output, &mut written)?);
    }
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        let mut current = match open.take() {
            Some(current) if current.folder == piece.folder => current,
            full => {
                Open::close(full, output, &mut written).await?;
                Open::new(piece.folder.clone(), &schema, output, &mut written)?
            }
        };
        current.file.write(&piece.rows).await.map_err(|e| output.unwritable(e))?;
        written.rows += piece.rows.num_rows() as u64;
        written.held = written.held.max(current.file.memory_size());
        progress(written.rows);
        // What is not packed yet counts with what it will be about.
        let bytes = (current.file.bytes_written() + current.file.in_progress_size()) as u64;
        let is_full = piece.is_last || output.spec.max_file_bytes.is_some_and(|most| bytes >= most);
        if is_full { Open::close(Some(current), output, &mut written).await? } else { open = Some(current) }
    }
    Open::close(open, output, &mut written).await?;
    Ok(written)
}

impl Open {
    fn new(folder: Arc<str>, schema: &SchemaRef, output: &Output, written: &mut Written) -> Result<Self> {
        let target = output.open(&folder, written)?;
        let file = AsyncArrowWriter::try_new(target, schema.clone(), Some(properties(output))).map_err(|e| output.unwritable(e))?;
        Ok(Self { file, folder })
    }

    async fn close(open: Option<Self>, output: &Output, written: &mut Written) -> Result<()> {
        if let Some(mut open) = open {
            open.file.finish().await.map_err(|e| output.unwritable(e))?;
            written.bytes += open.file.bytes_written() as u64;
        }
        Ok(())
    }
}

fn properties(output: &Output) -> WriterProperties {
    let compression = match output.spec.compression {
        Some(Compression::None) => PageCompression::UNCOMPRESSED,
        None | Some(Compression::Snappy) => PageCompression::SNAPPY,
        Some(Compression::Zstd) => PageCompression::ZSTD(ZstdLevel::default()),
        Some(Compression::Gzip) => PageCompression::GZIP(GzipLevel::default()),
    };
    // A row group is in memory until it is complete.
    let mut properties = WriterProperties::builder().set_compression(compression).set_max_row_group_bytes(Some(output.kept_bytes.max(1)));
    if let Some(rows) = output.spec.row_group_rows.and_then(|rows| usize::try_from(rows).ok()) {
        properties = properties.set_max_row_group_row_count(Some(rows));
    }
    properties.build()
}
