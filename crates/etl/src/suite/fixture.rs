//! The tables of cases, as files and catalogue entries.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::json::ReaderBuilder;
use catalog::{Catalog, Column, FileLayout, hive};
use connect::files::{Compression, Format};
use domain::{Error, Result};
use parquet::arrow::ArrowWriter;
use serde_json::{Map, Value};
use store::{Buckets, Location};

use super::case::{Case, Table};

pub(super) async fn lay_out(cases: &[Case], catalog: &Catalog, buckets: &Buckets, bucket: &str, database: &str) -> Result<()> {
    let tables: BTreeMap<&str, &Table> =
        cases.iter().flat_map(|case| case.tables.values()).map(|table| (table.name.as_str(), table.as_ref())).collect();
    for table in tables.into_values() {
        let folder = format!("s3://{bucket}/suite/{}/", table.name);
        let rows = batch(&table.columns, &table.rows).map_err(|e| e.with("table", &table.name))?;
        // In two files, so that what should hold over all rows is not shown by one file alone.
        let half = rows.num_rows().div_ceil(2);
        for (name, part) in [("a", rows.slice(0, half)), ("b", rows.slice(half, rows.num_rows() - half))] {
            if part.num_rows() > 0 {
                buckets.write(&Location::parse(&format!("{folder}{name}.parquet"))?, parquet_file(&part)?.into()).await?;
            }
        }
        let layout = FileLayout { format: Format::Parquet, compression: Compression::None };
        let entry = catalog::Table {
            name: table.name.clone(),
            storage_descriptor: layout.storage_of(folder, table.columns.clone()),
            parameters: layout.parameters(),
            ..catalog::Table::default()
        };
        catalog.create_table(database, entry).await?;
    }
    Ok(())
}

/// Rows written as JSON, as columns of these types.
pub(super) fn batch(columns: &[Column], rows: &[Vec<Value>]) -> Result<RecordBatch> {
    let schema: SchemaRef = hive::schema(columns)?;
    let unfit = |why: String| Error::invalid_input(format!("Rows of the engine suite should fit their columns: {why}."));
    let mut objects = Vec::with_capacity(rows.len());
    for row in rows {
        if row.len() != columns.len() {
            return Err(unfit(format!("expected {} values, found {} in {row:?}", columns.len(), row.len())));
        }
        objects.push(columns.iter().map(|column| column.name.clone()).zip(row.iter().cloned()).collect::<Map<_, _>>());
    }
    let reader = ReaderBuilder::new(schema.clone()).with_batch_size(rows.len().max(1));
    let mut decoder = reader.build_decoder().map_err(|e| unfit(e.to_string()))?;
    decoder.serialize(&objects).map_err(|e| unfit(e.to_string()))?;
    let read = decoder.flush().map_err(|e| unfit(e.to_string()))?;
    Ok(read.unwrap_or_else(|| RecordBatch::new_empty(schema)))
}

fn parquet_file(rows: &RecordBatch) -> Result<Vec<u8>> {
    let failed = |e| Error::internal("A table of the engine suite cannot be written as Parquet.").source(e);
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), None).map_err(failed)?;
    writer.write(rows).map_err(failed)?;
    writer.into_inner().map_err(failed)
}
