//! Batches of files that know their own types, brought into the shape that the catalogue gives their table.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray, new_null_array};
use arrow::compute::CastOptions;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::nested_struct::cast_column;
use domain::{Error, Result};

use crate::problems::Problems;

/// Columns by name, in either case; one that the file lacks is null. Fails, naming file and column, on a value that the column's
/// type cannot hold.
pub(super) fn shaped(location: &str, batch: &RecordBatch, wanted: &SchemaRef, problems: &Problems) -> Result<RecordBatch> {
    let schema = batch.schema();
    let mut columns = Vec::with_capacity(wanted.fields().len());
    for field in wanted.fields() {
        let exact = schema.index_of(field.name()).ok();
        let place = exact.or_else(|| schema.fields().iter().position(|other| other.name().eq_ignore_ascii_case(field.name())));
        columns.push(match place {
            Some(place) => cast(batch.column(place), field.data_type()).map_err(|why| {
                Error::invalid_data(format!(
                    "The file {location} should hold values of the type {} in column {:?}: {why}.",
                    field.data_type(),
                    field.name()
                ))
                .code("SOURCE_VALUE_UNFIT")
            })?,
            None => {
                let kind = format!("rows are of files that lack the column {:?}, which is null for them", field.name());
                problems.add(&kind, batch.num_rows() as u64, || location.to_owned());
                new_null_array(field.data_type(), batch.num_rows())
            }
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(wanted.clone(), columns, &options)
        .map_err(|e| Error::internal(format!("Rows of {location} do not have the shape asked for.")).source(e))
}

fn cast(column: &ArrayRef, data_type: &DataType) -> std::result::Result<ArrayRef, String> {
    // What has no other text (unions, structs and lists in a column of texts) is shown as Arrow shows it.
    let shown = matches!(column.data_type(), DataType::Union(..)) || column.data_type().is_nested();
    if data_type == &DataType::Utf8 && shown {
        let options = FormatOptions::default();
        let texts = ArrayFormatter::try_new(column, &options).map_err(|e| e.to_string())?;
        let text = |row: usize| column.is_valid(row).then(|| texts.value(row).to_string());
        return Ok(Arc::new((0..column.len()).map(text).collect::<StringArray>()));
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_column(column, data_type, &options).map_err(|e| e.strip_backtrace())
}
