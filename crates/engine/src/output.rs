//! The rows of a query as one file.
//!
//! CSV is what Personalize imports: UTF-8, one header line, commas, lines ended by `\n`; a field stands in `"` when it needs
//! to, with `"` doubled inside. One record is one line: line breaks inside a text become a space each. Null is an empty field.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use datafusion::execution::SendableRecordBatchStream;
use domain::{Error, Result};
use etl::{Compression, Format, SqlRequest};
use futures::StreamExt;
use object_store::ObjectStore;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use parquet::arrow::AsyncArrowWriter;
use parquet::basic::{Compression as PageCompression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use tokio::io::AsyncWriteExt;

use crate::failure::ours;

const NULL_IS_EMPTY: FormatOptions<'static> = FormatOptions::new().with_null("");

/// Where to, and how.
pub(crate) struct Output {
    pub store: Arc<dyn ObjectStore>,
    pub path: Path,
    pub format: Format,
    pub compression: Option<Compression>,
}

/// Before anything is computed: whether the columns can be written.
pub(crate) fn check(schema: &Schema, request: &SqlRequest) -> Result<()> {
    let mut names = std::collections::HashSet::new();
    for field in schema.fields() {
        if !names.insert(field.name()) {
            return Err(Error::invalid_input(format!("The result has two columns {:?}; name one of them with AS.", field.name())));
        }
        if request.format == Format::Csv && !fits_csv(field.data_type()) {
            return Err(Error::invalid_input(format!(
                "Column {:?} of the result is a {}, which CSV cannot hold; pick a member (x['name']) or join a list (array_to_string).",
                field.name(),
                kind(field.data_type())
            )));
        }
    }
    Ok(())
}

fn fits_csv(data_type: &DataType) -> bool {
    let binary = matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_));
    !data_type.is_nested() && !binary
}

fn kind(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Struct(_) => "structure",
        DataType::Map(..) => "map",
        data_type if data_type.is_nested() => "list",
        _ => "binary value",
    }
}

/// Writes everything; gives rows and bytes. `progress` hears the rows so far.
pub(crate) async fn write(rows: SendableRecordBatchStream, output: &Output, progress: &(dyn Fn(u64) + Sync)) -> Result<(u64, u64)> {
    match output.format {
        Format::Csv => write_csv(rows, output, progress).await,
        Format::Parquet => write_parquet(rows, output, progress).await,
    }
}

async fn write_csv(mut rows: SendableRecordBatchStream, output: &Output, progress: &(dyn Fn(u64) + Sync)) -> Result<(u64, u64)> {
    let mut file = BufWriter::new(output.store.clone(), output.path.clone());
    let failed = |e: std::io::Error| unwritable(output, e);
    let header = csv_header(&rows.schema())?;
    let (mut count, mut size) = (0, header.len() as u64);
    file.put(header).await.map_err(|e| unwritable(output, e))?;
    while let Some(batch) = rows.next().await {
        let batch = batch.map_err(|e| ours(&e))?;
        let bytes = csv_rows(&batch)?;
        size += bytes.len() as u64;
        count += batch.num_rows() as u64;
        file.put(bytes).await.map_err(|e| unwritable(output, e))?;
        progress(count);
    }
    file.shutdown().await.map_err(failed)?;
    Ok((count, size))
}

fn csv_writer() -> csv::Writer<Vec<u8>> {
    csv::WriterBuilder::new().has_headers(false).terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new())
}

fn csv_header(schema: &SchemaRef) -> Result<Bytes> {
    let mut writer = csv_writer();
    writer.write_record(schema.fields().iter().map(|field| field.name())).map_err(unformatted)?;
    Ok(writer.into_inner().map_err(|e| unformatted(e.into_error()))?.into())
}

fn csv_rows(batch: &RecordBatch) -> Result<Bytes> {
    let columns: Vec<Cells<'_>> = batch.columns().iter().map(Cells::new).collect::<Result<_>>()?;
    let mut writer = csv_writer();
    let mut cell = String::new();
    for row in 0..batch.num_rows() {
        for column in &columns {
            cell.clear();
            column.write(row, &mut cell)?;
            writer.write_field(&cell).map_err(unformatted)?;
        }
        writer.write_record(None::<&[u8]>).map_err(unformatted)?;
    }
    Ok(writer.into_inner().map_err(|e| unformatted(e.into_error()))?.into())
}

/// The cells of one column as CSV has them; texts go the short way, as they are most of what is written.
enum Cells<'a> {
    Text(&'a StringArray),
    Other(ArrayFormatter<'a>),
}

impl<'a> Cells<'a> {
    fn new(column: &'a ArrayRef) -> Result<Self> {
        match column.as_string_opt::<i32>() {
            Some(texts) => Ok(Self::Text(texts)),
            None => ArrayFormatter::try_new(column.as_ref(), &NULL_IS_EMPTY).map(Self::Other).map_err(unformatted),
        }
    }

    fn write(&self, row: usize, cell: &mut String) -> Result<()> {
        match self {
            Self::Text(texts) if texts.is_null(row) => {}
            Self::Text(texts) => cell.push_str(texts.value(row)),
            Self::Other(formatter) => formatter.value(row).write(cell).map_err(unformatted)?,
        }
        // One look at the bytes is enough for nearly all cells.
        if cell.bytes().any(|byte| byte == b'\n' || byte == b'\r') {
            *cell = cell.replace("\r\n", " ").replace(['\n', '\r'], " ");
        }
        Ok(())
    }
}

async fn write_parquet(mut rows: SendableRecordBatchStream, output: &Output, progress: &(dyn Fn(u64) + Sync)) -> Result<(u64, u64)> {
    let compression = match output.compression {
        Some(Compression::None) => PageCompression::UNCOMPRESSED,
        None | Some(Compression::Snappy) => PageCompression::SNAPPY,
        Some(Compression::Zstd) => PageCompression::ZSTD(ZstdLevel::default()),
    };
    let properties = WriterProperties::builder().set_compression(compression).build();
    let target = BufWriter::new(output.store.clone(), output.path.clone());
    let failed = |e| unwritable(output, e);
    let mut file = AsyncArrowWriter::try_new(target, rows.schema(), Some(properties)).map_err(failed)?;
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        let batch = batch.map_err(|e| ours(&e))?;
        file.write(&batch).await.map_err(failed)?;
        count += batch.num_rows() as u64;
        progress(count);
    }
    file.finish().await.map_err(failed)?;
    Ok((count, file.bytes_written() as u64))
}

fn unwritable(output: &Output, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::unavailable(format!("The result cannot be written to {}.", output.path)).source(error)
}

fn unformatted(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::internal("Rows of the result cannot be written as CSV.").source(error)
}
