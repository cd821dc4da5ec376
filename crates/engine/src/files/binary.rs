//! Avro and ORC: files that know their own types, read block by block and stripe by stripe.

#[cfg(any(feature = "avro", feature = "orc"))]
use super::shape::shaped;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
#[cfg(any(feature = "avro", feature = "orc"))]
use arrow::error::ArrowError;
use domain::{Error, Result};
use std::io::Read;

use crate::problems::Problems;

/// What to read of one file.
#[cfg_attr(not(any(feature = "avro", feature = "orc")), allow(dead_code, reason = "only its location is told"))]
pub(super) struct Reading<'a> {
    pub location: &'a str,
    pub wanted: &'a SchemaRef,
    pub problems: &'a Problems,
}

#[cfg(any(feature = "avro", feature = "orc"))]
impl Reading<'_> {
    fn unreadable(&self, format: &str, rows: usize, error: &ArrowError) -> Error {
        Error::invalid_data(format!("The file {} cannot be read as {format} after row {rows}: {error}.", self.location))
    }

    /// Stops when `give` says that nobody wants more.
    fn give_all(
        &self,
        format: &str,
        batches: impl Iterator<Item = std::result::Result<RecordBatch, ArrowError>>,
        give: &mut dyn FnMut(RecordBatch) -> bool,
    ) -> Result<()> {
        let mut rows = 0;
        for batch in batches {
            let batch = batch.map_err(|e| self.unreadable(format, rows, &e))?;
            rows += batch.num_rows();
            if !give(shaped(self.location, &batch, self.wanted, self.problems)?) {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(feature = "avro")]
pub(super) fn avro(reading: &Reading<'_>, raw: Box<dyn Read + Send>, give: &mut dyn FnMut(RecordBatch) -> bool) -> Result<()> {
    let blocks = connect::files::AvroBlocks::new(std::io::BufReader::with_capacity(256 << 10, raw));
    let reader = arrow_avro::reader::ReaderBuilder::new().with_batch_size(super::read::BATCH_ROWS).build(blocks);
    reading.give_all("Avro", reader.map_err(|e| reading.unreadable("Avro", 0, &e))?, give)
}

#[cfg(feature = "orc")]
pub(super) fn orc(reading: &Reading<'_>, file: connect::files::OrcFile, give: &mut dyn FnMut(RecordBatch) -> bool) -> Result<()> {
    let builder = orc_rust::arrow_reader::ArrowReaderBuilder::try_new(file)
        .map_err(|e| Error::invalid_data(format!("The file {} cannot be read as ORC: {e}.", reading.location)))?;
    let names: Vec<String> = reading.wanted.fields().iter().map(|field| field.name().to_lowercase()).collect();
    let schema = builder.schema();
    let wanted: Vec<&str> =
        schema.fields().iter().map(|field| field.name().as_str()).filter(|name| names.contains(&name.to_lowercase())).collect();
    let mask = orc_rust::projection::ProjectionMask::named_roots(builder.file_metadata().root_data_type(), &wanted);
    reading.give_all("ORC", builder.with_projection(mask).with_batch_size(super::read::BATCH_ROWS).build(), give)
}

#[cfg(not(feature = "avro"))]
pub(super) fn avro(reading: &Reading<'_>, _: Box<dyn Read + Send>, _: &mut dyn FnMut(RecordBatch) -> bool) -> Result<()> {
    Err(left_out(reading, "Avro", "avro"))
}

#[cfg(not(all(feature = "avro", feature = "orc")))]
pub(super) fn left_out(reading: &Reading<'_>, format: &str, feature: &str) -> Error {
    Error::invalid_input(format!(
        "The file {} is {format}, which this binary was built without: build it with `make release`, or cargo build -p penchant --features {feature}.",
        reading.location
    ))
}
