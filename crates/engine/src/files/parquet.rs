//! Parquet through DataFusion's own reader: columns by name, row groups skipped by their statistics.

use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion::catalog::Session;
use datafusion::common::DFSchema;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

use super::{FileTable, TableFile, partitions};

pub(super) fn scan(
    table: &FileTable,
    state: &dyn Session,
    files: Vec<TableFile>,
    projection: Option<&Vec<usize>>,
    filters: &[Expr],
    limit: Option<usize>,
) -> Result<Arc<dyn ExecutionPlan>> {
    if files.is_empty() {
        let schema = projection.map_or(Ok(table.schema.clone()), |indices| table.schema.project(indices).map(Arc::new))?;
        return Ok(Arc::new(EmptyExec::new(schema)));
    }
    let url = ObjectStoreUrl::parse(format!("table://{}", host(&table.name)))?;
    state.runtime_env().register_object_store(url.as_ref(), table.store.clone());
    let keys: Vec<FieldRef> = table.keys.fields().iter().cloned().collect();
    let mut source = ParquetSource::new(TableSchema::builder(table.file_schema.clone()).with_table_partition_cols(keys).build());
    if let Some(filter) = conjunction(filters.iter().cloned()) {
        let schema = DFSchema::try_from(table.schema.as_ref().clone())?;
        let filter = datafusion::logical_expr::expr_rewriter::unnormalize_col(filter);
        source = source.with_predicate(state.create_physical_expr(filter, &schema)?);
    }
    let groups = files.iter().map(|file| Ok(FileGroup::new(vec![partitioned(table, file)?]))).collect::<Result<Vec<_>>>()?;
    let config = FileScanConfigBuilder::new(url, Arc::new(source))
        .with_file_groups(groups)
        .with_projection_indices(projection.cloned())?
        .with_limit(limit)
        .build();
    Ok(DataSourceExec::from_data_source(config))
}

fn partitioned(table: &FileTable, file: &TableFile) -> Result<PartitionedFile> {
    let mut partitioned = PartitionedFile::from(file.meta.clone());
    let value = |(index, field): (usize, &Arc<arrow::datatypes::Field>)| partitions::value(file, index, field.data_type());
    partitioned.partition_values = table.keys.fields().iter().enumerate().map(value).collect::<Result<_>>()?;
    Ok(partitioned)
}

/// The table whose files this operator reads, if it is one of ours.
pub(crate) fn table_of(plan: &dyn ExecutionPlan) -> Option<String> {
    let (config, _) = plan.downcast_ref::<DataSourceExec>()?.downcast_to_file_source::<ParquetSource>()?;
    let host = config.object_store_url.as_str().strip_prefix("table://")?;
    name_of(host.trim_end_matches('/'))
}

/// The name for which [`host`] made this.
fn name_of(host: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(host.len());
    let mut rest = host.strip_prefix('t')?.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'-' => u8::from_str_radix(std::str::from_utf8(&[rest.next()?, rest.next()?]).ok()?, 16).ok()?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// A host name that stands for the table: every other character becomes its hex code, so that no two tables share one.
fn host(name: &str) -> String {
    name.bytes().fold(String::from("t"), |mut host, byte| {
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() {
            host.push(char::from(byte));
        } else {
            host.push_str(&format!("-{byte:02x}"));
        }
        host
    })
}
