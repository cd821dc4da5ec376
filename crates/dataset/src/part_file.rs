//! Parts as files: Parquet, compressed, written once and made durable before anything points at them.

use std::fs::File;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use domain::{Error, Result};
use parquet::arrow::ArrowWriter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

/// Rows read at once.
const BATCH_ROWS: usize = 65_536;

pub(crate) fn unwritable(error: ParquetError) -> Error {
    Error::unavailable("A part of a dataset cannot be written.").source(error)
}

fn unreadable(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::unavailable(format!("The dataset part {} cannot be read.", path.display())).source(error)
}

/// Starts a part; its folder is created where missing.
pub(crate) fn create(path: &Path, schema: SchemaRef) -> Result<ArrowWriter<File>> {
    let failed = |e| Error::unavailable(format!("The dataset part {} cannot be created.", path.display())).source(e);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let file = File::create(path).map_err(failed)?;
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).map_err(unwritable)?))
        // Parts are always read whole.
        .set_statistics_enabled(EnabledStatistics::None);
    for field in schema.fields().iter().filter(|field| field.data_type().is_primitive()) {
        // Numbers compress well as they are; looking each of them up would cost more than the rest of the import.
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(field.name().as_str()), false);
    }
    ArrowWriter::try_new(file, schema, Some(properties.build())).map_err(unwritable)
}

/// Ends the part and waits until it and its name are on disk; gives its size in bytes.
pub(crate) fn finish(writer: ArrowWriter<File>) -> Result<u64> {
    let failed = |e| Error::unavailable("A part of a dataset cannot be made durable.").source(e);
    let file = writer.into_inner().map_err(unwritable)?;
    file.sync_all().map_err(failed)?;
    file.metadata().map(|meta| meta.len()).map_err(failed)
}

/// Makes the names of files in `folder`, and of the folder itself, durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    for folder in [Some(folder), folder.parent()].into_iter().flatten() {
        File::open(folder)
            .and_then(|opened| opened.sync_all())
            .map_err(|e| Error::unavailable(format!("The folder {} cannot be made durable.", folder.display())).source(e))?;
    }
    Ok(())
}

/// Hands the part's batches, with only the columns for which `wanted` is true, to `take`.
pub(crate) fn read(path: &Path, wanted: impl Fn(&str) -> bool, mut take: impl FnMut(RecordBatch) -> Result<()>) -> Result<()> {
    let file = File::open(path).map_err(|e| unreadable(path, e))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| unreadable(path, e))?;
    let columns: Vec<usize> =
        builder.schema().fields().iter().enumerate().filter(|(_, field)| wanted(field.name())).map(|(at, _)| at).collect();
    let mask = ProjectionMask::roots(builder.parquet_schema(), columns);
    let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(|e| unreadable(path, e))?;
    for batch in reader {
        take(batch.map_err(|e| unreadable(path, e))?)?;
    }
    Ok(())
}
