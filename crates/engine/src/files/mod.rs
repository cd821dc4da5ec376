//! A table made of files of any kind that `connect::files` knows, plain or packed, in folders that may stand for partitions.
//!
//! The catalogue governs names and types; what the files hold is brought into that shape.

mod binary;
mod bytes;
mod csv;
mod grok;
mod json;
pub(crate) mod parquet;
mod partitions;
mod read;
mod records;
#[cfg(any(feature = "avro", feature = "orc"))]
mod shape;
mod split;
mod texts;
mod usual;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use catalog::{FileLayout, Table, TableFiles, below, hive};
use connect::files::Format;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};

use crate::problems::Problems;
use crate::query::full_name;
use etl::Meter;

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
    /// The folder of the table.
    prefix: Path,
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
    /// A table without files has no rows.
    pub fn open(table: &Table, found: TableFiles, meter: Meter, problems: Problems) -> domain::Result<Self> {
        let name = full_name(table);
        let layout = FileLayout::of(table)?;
        let file_schema = hive::schema(table.columns())?;
        let keys = hive::schema(&table.partition_keys)?;
        let names: Vec<&str> = keys.fields().iter().map(|field| field.name().as_str()).collect();
        let TableFiles { store, prefix, files } = found;
        let file = |meta: ObjectMeta| TableFile { values: partitions::values(&prefix, &meta.location, &names), meta };
        let files = Arc::new(files.into_iter().map(file).collect());
        let fields: Vec<_> = file_schema.fields().iter().chain(keys.fields()).cloned().collect();
        let schema = Arc::new(Schema::new(fields));
        Ok(Self { name, format: layout.format, store, prefix, files, file_schema, keys, schema, meter, problems })
    }

    /// The table with these of its files, named as paths below its folder.
    ///
    /// # Errors
    /// `InvalidData` for a file that is no longer there.
    pub fn only(mut self, names: &[String]) -> domain::Result<Self> {
        let wanted: HashSet<&str> = names.iter().map(String::as_str).collect();
        let is_wanted = |file: &&TableFile| wanted.contains(below(&self.prefix, &file.meta.location).as_str());
        let files: Vec<TableFile> = self.files.iter().filter(is_wanted).cloned().collect();
        if files.len() < wanted.len() {
            let gone = wanted.len() - files.len();
            return Err(domain::Error::invalid_data(format!(
                "{gone} files of table {} that were to be read are no longer there.",
                self.name
            )));
        }
        self.files = Arc::new(files);
        Ok(self)
    }

    /// A filter that looks at partition keys only decides whole files.
    fn is_on_keys(&self, filter: &Expr) -> bool {
        let columns = filter.column_refs();
        !columns.is_empty() && columns.iter().all(|column| self.keys.index_of(&column.name).is_ok())
    }
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
            _ => read::scan(self, state, files, projection, &on_keys, limit).await,
        }
    }
}
