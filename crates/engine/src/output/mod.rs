//! The rows of a query as files: one, or several by partition keys and limits.
//!
//! Rows come in one stream and keep its order. `pieces.rs` cuts them where a file ends; `text.rs` writes CSV (`csv.rs`) and JSON
//! (`json.rs`), `parquet.rs` Parquet. One file is open at a time: with partition keys the rows are sorted by them first, within the
//! memory that the query may use, so that the number of partitions costs no memory.

mod csv;
mod json;
mod parquet;
mod pieces;
mod text;

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::execution::SendableRecordBatchStream;
use domain::{Error, Result, near};
use etl::{FileOutput, Format, unwritable};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::failure::ours;
use pieces::{Cutter, Piece};

pub(crate) use pieces::sorted;

/// What is handed to the store at once, and how many such are under way.
const CHUNK_BYTES: usize = 8 << 20;
const CHUNKS: usize = 2;

/// Of a query's memory, what the open row group of a Parquet file may take: an eighth.
const ROW_GROUP_SHARE: usize = 8;

/// Where to, and how.
pub(crate) struct Output {
    pub store: Arc<dyn ObjectStore>,
    pub folder: Path,
    pub spec: FileOutput,
    /// Batches that may be turned into text at once.
    pub threads: usize,
    /// See [`kept_back`].
    pub kept_bytes: usize,
}

/// What came out.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub rows: u64,
    pub bytes: u64,
    /// Relative to the folder.
    pub files: Vec<String>,
    /// Memory that was held at most for what is not in a file yet.
    pub held: usize,
}

/// The part of the memory that is not the query's but the writer's.
pub(crate) fn kept_back(spec: &FileOutput, memory_bytes: usize) -> usize {
    if spec.format == Format::Parquet { memory_bytes / ROW_GROUP_SHARE } else { 0 }
}

impl Output {
    /// Takes away what an attempt has left.
    pub async fn clear(&self) -> Result<()> {
        let unremoved = |e| self.unwritable(e);
        let left: Vec<_> = self.store.list(Some(&self.folder)).try_collect().await.map_err(unremoved)?;
        for file in left {
            self.store.delete(&file.location).await.map_err(unremoved)?;
        }
        Ok(())
    }

    /// Opens the next file, in a folder of partition values or, with an empty name, in the folder itself.
    fn open(&self, folder: &str, written: &mut Written) -> Result<BufWriter> {
        let name = self.spec.file_name(u32::try_from(written.files.len()).unwrap_or(u32::MAX));
        let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        let path = format!("{}/{name}", self.folder);
        // Not joined part by part, which would escape the escapes of partition values.
        let path = Path::parse(path.trim_start_matches('/'))
            .map_err(|e| Error::invalid_data(format!("The folder {folder:?} cannot be made for its partition values.")).source(e))?;
        written.files.push(name);
        Ok(BufWriter::with_capacity(self.store.clone(), path, CHUNK_BYTES).with_max_concurrency(CHUNKS))
    }

    fn unwritable(&self, error: impl std::error::Error + Send + Sync + 'static) -> Error {
        unwritable(&self.spec.folder, error)
    }
}

/// Before anything is computed: whether the columns can be written.
pub(crate) fn check(schema: &Schema, spec: &FileOutput) -> Result<()> {
    let mut names = HashSet::new();
    for field in schema.fields() {
        if !names.insert(field.name()) {
            return Err(Error::invalid_input(format!("The result has two columns {:?}; name one of them with AS.", field.name())));
        }
        let is_key = spec.partition_keys.contains(field.name());
        if is_key && !is_plain(field.data_type()) {
            return Err(Error::invalid_input(format!(
                "Column {:?} of the result is a {}, which cannot be a partition key: a key's value is a folder's name.",
                field.name(),
                kind(field.data_type())
            )));
        }
        if spec.format == Format::Csv && !is_plain(field.data_type()) {
            return Err(Error::invalid_input(format!(
                "Column {:?} of the result is a {}, which CSV cannot hold; pick a member (x['name']) or join a list (array_to_string).",
                field.name(),
                kind(field.data_type())
            )));
        }
    }
    check_keys(schema, &spec.partition_keys)
}

fn check_keys(schema: &Schema, keys: &[String]) -> Result<()> {
    let names: Vec<&str> = schema.fields().iter().map(|field: &Arc<Field>| field.name().as_str()).collect();
    if let Some(key) = keys.iter().find(|key| !names.contains(&key.as_str())) {
        let hint = near::hint(key, &names);
        return Err(Error::invalid_input(format!("The target's partition key {key:?} is not a column of the result; {hint}")));
    }
    if !keys.is_empty() && keys.len() == names.len() {
        return Err(Error::invalid_input("Every column of the result is a partition key; files need at least one other column."));
    }
    Ok(())
}

fn is_plain(data_type: &DataType) -> bool {
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

/// Writes everything. With partition keys the rows come sorted by them ([`sorted`]). `progress` hears the rows so far.
pub(crate) async fn write(rows: SendableRecordBatchStream, output: &Output, progress: &(dyn Fn(u64) + Sync)) -> Result<Written> {
    let mut cutter = Cutter::new(&rows.schema(), &output.spec)?;
    let schema = cutter.schema();
    let pieces = rows
        .map(move |batch| -> Result<_> { Ok(stream::iter(cutter.cut(&batch.map_err(|e| ours(&e))?)?).map(Ok::<Piece, Error>)) })
        .try_flatten();
    match output.spec.format {
        Format::Csv => text::write(pieces, text::Form::Csv(csv::header(&schema)?), output, progress).await,
        Format::Json => text::write(pieces, text::Form::Json, output, progress).await,
        Format::Parquet => parquet::write(pieces, schema, output, progress).await,
    }
}
