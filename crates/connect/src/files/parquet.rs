//! Parquet: the footer says everything.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use bytes::Bytes;
use domain::Result;
use object_store::{ObjectMeta, ObjectStore};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use super::bytes::range;
use super::{Compression, Finding, Format, Inspection};

/// Read from the end of the file at first; most footers are smaller.
const TAIL_BYTES: u64 = 64 << 10;

pub(super) async fn inspect(store: Arc<dyn ObjectStore>, file: &ObjectMeta) -> Result<Finding> {
    let unusable = |e: ParquetError| Finding::Unusable(format!("Expected a whole Parquet file; its footer cannot be read: {e}."));
    let metadata = match footer(store.as_ref(), file).await? {
        Ok(metadata) => metadata,
        Err(e) => return Ok(unusable(e)),
    };
    let about = metadata.file_metadata();
    let schema = match parquet_to_arrow_schema(about.schema_descr(), about.key_value_metadata()) {
        Ok(schema) => schema,
        Err(e) => return Ok(unusable(e)),
    };
    // Metadata of the writer (pandas notes and the like) is no part of what the columns are.
    let fields: Vec<Field> =
        schema.fields().iter().map(|field| Field::new(field.name(), super::schema::plain(field.data_type()), true)).collect();
    Ok(Finding::Usable(Inspection {
        format: Format::Parquet,
        compression: Compression::None,
        schema: Arc::new(Schema::new(fields)),
        is_ascii: true,
        file_bytes: file.size,
        rows: u64::try_from(about.num_rows()).ok(),
        notes: Vec::new(),
    }))
}

/// Reads the end of the file, and more of it when the footer says that it is longer.
async fn footer(store: &dyn ObjectStore, file: &ObjectMeta) -> Result<std::result::Result<ParquetMetaData, ParquetError>> {
    let mut wanted = TAIL_BYTES.min(file.size);
    loop {
        let tail = Bytes::from(range(store, file, file.size - wanted, file.size).await?);
        let mut reader = ParquetMetaDataReader::new();
        match reader.try_parse_sized(&tail, file.size) {
            Err(ParquetError::NeedMoreData(needed)) if (needed as u64) > wanted && (needed as u64) <= file.size => wanted = needed as u64,
            Err(e) => return Ok(Err(e)),
            Ok(()) => return Ok(reader.finish()),
        }
    }
}
