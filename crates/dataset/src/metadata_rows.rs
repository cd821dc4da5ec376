//! Rows of the items or users dataset, on their way to one row per index.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{cast, concat, take};
use arrow::datatypes::{DataType, Field as ArrowField, Schema as ArrowSchema};
use domain::{Error, Result};
use store::Artifacts;

use crate::id_map::{IdMap, Interner};
use crate::import::columns::arrow_schema;
use crate::part_file;
use crate::schema::AvroSchema;
use crate::snapshot::SnapshotDataset;

pub(crate) struct MetadataRows {
    schema: AvroSchema,
    id_name: String,
    batches: Vec<RecordBatch>,
    /// Row over all batches by the number of the id; of two rows with one id the later counts.
    newest: HashMap<u32, u32>,
}

fn failed(e: arrow::error::ArrowError) -> Error {
    Error::internal("Stored metadata cannot be put together.").source(e)
}

impl MetadataRows {
    pub(crate) fn read(dataset: &SnapshotDataset, artifacts: &Artifacts, id_field: &str, ids: &mut Interner) -> Result<Self> {
        let schema = AvroSchema::stored(&dataset.schema)?;
        let id_name = schema
            .field(id_field)
            .map(|field| field.name.clone())
            .ok_or_else(|| Error::internal(format!("A stored schema has no field {id_field}.")))?;
        let mut rows = Self { schema, id_name, batches: Vec::new(), newest: HashMap::new() };
        let mut before = 0_u32;
        for part in &dataset.parts {
            part_file::read(
                &artifacts.path(&part.name),
                |_| true,
                |batch| {
                    let column = batch.column_by_name(&rows.id_name);
                    let column = column.ok_or_else(|| Error::internal(format!("A stored part has no column {}.", rows.id_name)))?;
                    for (at, number) in ids.numbers(column)?.into_iter().enumerate() {
                        if let Some(number) = number {
                            rows.newest.insert(number, before + at as u32);
                        }
                    }
                    before += batch.num_rows() as u32;
                    rows.batches.push(batch);
                    Ok(())
                },
            )?;
        }
        Ok(rows)
    }

    /// One row per index; `ranks` turns numbers into indices.
    pub(crate) fn align(self, ids: &IdMap, ranks: &[u32]) -> Result<RecordBatch> {
        let mut source: Vec<Option<u32>> = vec![None; ids.len()];
        for (number, row) in &self.newest {
            source[ranks[*number as usize] as usize] = Some(*row);
        }
        let source = UInt32Array::from(source);
        let (mut fields, mut columns): (Vec<ArrowField>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
        for field in arrow_schema(&self.schema).fields() {
            let target = plain(field.data_type());
            let column: ArrayRef = if field.name() == &self.id_name {
                Arc::new(StringArray::from_iter_values(ids.ids()))
            } else {
                self.column(field.name(), &target, &source)?
            };
            fields.push(ArrowField::new(field.name(), target, true));
            columns.push(column);
        }
        RecordBatch::try_new(Arc::new(ArrowSchema::new(fields)), columns).map_err(failed)
    }

    fn column(&self, name: &str, target: &DataType, source: &UInt32Array) -> Result<ArrayRef> {
        let pieces = self
            .batches
            .iter()
            .filter_map(|batch| batch.column_by_name(name))
            .map(|piece| cast(piece, target).map_err(failed))
            .collect::<Result<Vec<ArrayRef>>>()?;
        if pieces.len() != self.batches.len() || pieces.is_empty() {
            return Ok(arrow::array::new_null_array(target, source.len()));
        }
        let pieces: Vec<&dyn arrow::array::Array> = pieces.iter().map(AsRef::as_ref).collect();
        let whole = concat(&pieces).map_err(failed)?;
        take(&whole, source, None).map_err(failed)
    }
}

/// Strings as plain strings: whoever reads metadata looks at single values.
fn plain(stored: &DataType) -> DataType {
    match stored {
        DataType::Dictionary(_, value) => value.as_ref().clone(),
        other => other.clone(),
    }
}
