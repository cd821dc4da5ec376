//! JSON lines, nested as the catalogue says.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::json::ReaderBuilder;
use domain::{Error, Result};

use super::bytes::Input;
use super::text::BATCH_ROWS;

/// Members without column are passed over, columns without member are null; numbers and truth values are text where the
/// column is. Stops when `give` says that nobody wants more.
pub(super) fn read(location: &str, schema: &SchemaRef, text: Input, give: &mut dyn FnMut(RecordBatch) -> bool) -> Result<()> {
    let unreadable = |rows: usize| {
        move |e| {
            Error::invalid_data(format!(
                "The file {location} should hold one JSON object a line with the columns of the catalogue; in the {BATCH_ROWS} rows after row {rows} it does not."
            ))
            .source(e)
        }
    };
    let reader = ReaderBuilder::new(schema.clone()).with_batch_size(BATCH_ROWS).with_coerce_primitive(true).build(text);
    let mut rows = 0;
    for batch in reader.map_err(unreadable(0))? {
        let batch = batch.map_err(unreadable(rows))?;
        rows += batch.num_rows();
        if !give(batch) {
            break;
        }
    }
    Ok(())
}
