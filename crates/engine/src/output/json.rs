//! JSON lines: an object for each row. Nested values are objects and arrays, times ISO 8601, bytes hex; a null is left out.

use arrow::array::RecordBatch;
use arrow::json::WriterBuilder;
use arrow::json::writer::LineDelimited;
use domain::{Error, Result};

pub(super) fn rows(batch: &RecordBatch) -> Result<Vec<u8>> {
    let unwritable = |e| Error::invalid_data("Rows of the result cannot be written as JSON.").source(e);
    let mut writer = WriterBuilder::new().with_explicit_nulls(false).build::<_, LineDelimited>(Vec::new());
    writer.write(batch).map_err(unwritable)?;
    writer.finish().map_err(unwritable)?;
    Ok(writer.into_inner())
}
