//! A table made of files of any kind that `connect::files` knows, plain or packed, in folders that may stand for partitions.
//!
//! The catalogue governs names and types; what the files hold is brought into that shape.

mod binary;
mod bytes;
mod csv;
mod grok;
mod json;
mod parquet;
mod partitions;
mod read;
#[cfg(any(feature = "avro", feature = "orc"))]
mod shape;
mod texts;

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use catalog::glob::Glob;
use catalog::{FileLayout, Table, hive};
use connect::files::Format;
use connect::{Connection, Sources};
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use store::Location;

use crate::problems::Problems;
use crate::scan::Meter;

/// One file with the values of its partition keys, as texts.
#[derive(Debug, Clone)]
pub(crate) struct TableFile {
    pub meta: ObjectMeta,
    pub values: Vec<Option<String>>,
}

/// What every reader of a file table needs.
#[derive(Clone)]
pub(crate) struct FileTable {
    /// `database.table`
    name: String,
    format: Format,
    store: Arc<dyn ObjectStore>,
    files: Arc<Vec<TableFile>>,
    /// Columns inside the files.
    file_schema: SchemaRef,
    /// Partition keys; they follow the columns.
    keys: SchemaRef,
    schema: SchemaRef,
    meter: Meter,
    problems: Problems,
}

impl FileTable {
    /// Lists the files. A table without files has no rows.
    pub async fn open(
        name: String,
        table: &Table,
        sources: &Sources,
        connection: Option<&Connection>,
        meter: Meter,
        problems: Problems,
    ) -> domain::Result<Self> {
        let layout = FileLayout::of(table)?;
        let location = Location::parse(table.location())?;
        let (store, prefix) = sources.files(&location, connection)?;
        let file_schema = hive::schema(table.columns())?;
        let keys = hive::schema(&table.partition_keys)?;
        let listed = sources.list(&location, connection).await?;
        let excluded = exclusions(table)?;
        let names: Vec<&str> = keys.fields().iter().map(|field| field.name().as_str()).collect();
        let files = listed
            .into_iter()
            .filter(|file| file.size > 0 && !is_excluded(&excluded, &prefix, &file.location))
            .map(|meta| TableFile { values: partitions::values(&prefix, &meta.location, &names), meta })
            .collect();
        let fields: Vec<_> = file_schema.fields().iter().chain(keys.fields()).cloned().collect();
        let schema = Arc::new(Schema::new(fields));
        Ok(Self { name, format: layout.format, store, files: Arc::new(files), file_schema, keys, schema, meter, problems })
    }

    /// A filter that looks at partition keys only decides whole files.
    fn is_on_keys(&self, filter: &Expr) -> bool {
        let columns = filter.column_refs();
        !columns.is_empty() && columns.iter().all(|column| self.keys.index_of(&column.name).is_ok())
    }
}

/// Patterns of what the crawler found below the table's folder that is not of the table.
fn exclusions(table: &Table) -> domain::Result<Vec<Glob>> {
    let Some(text) = table.parameters.get("exclusions") else { return Ok(Vec::new()) };
    let patterns: Vec<String> = serde_json::from_str(text).map_err(|e| {
        domain::Error::invalid_input(format!("The parameter exclusions of table {} should be a JSON list of patterns.", table.name))
            .source(e)
    })?;
    patterns.iter().map(|pattern| Glob::new(pattern)).collect()
}

fn is_excluded(excluded: &[Glob], prefix: &Path, file: &Path) -> bool {
    let Some(parts) = file.prefix_match(prefix) else { return false };
    let relative: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
    let relative = relative.join("/");
    excluded.iter().any(|glob| glob.matches(&relative))
}

impl fmt::Debug for FileTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileTable({}, {} files)", self.name, self.files.len())
    }
}

#[async_trait]
impl TableProvider for FileTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match &self.format {
            _ if self.is_on_keys(filter) => TableProviderFilterPushDown::Exact,
            // Row groups are skipped by their statistics; the rows of the others are still to be looked at.
            Format::Parquet => TableProviderFilterPushDown::Inexact,
            _ => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let on_keys: Vec<Expr> = filters.iter().filter(|filter| self.is_on_keys(filter)).cloned().collect();
        let files = partitions::prune(state, &self.files, &self.keys, &on_keys)?;
        match &self.format {
            Format::Parquet => parquet::scan(self, state, files, projection, filters, limit),
            _ => read::scan(self, state, files, projection, &on_keys, limit),
        }
    }
}
