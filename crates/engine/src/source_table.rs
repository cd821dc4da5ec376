//! A table inside a database, read through its connection. What the source can do itself is left to it.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use connect::source::DEFAULT_BATCH_ROWS;
use connect::{Predicate, Scan, Source, TablePath};
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use domain::Error;
use futures::StreamExt;

use crate::failure::outward;
use crate::predicate::translate;
use crate::scan::{Open, ScanExec};
use etl::Meter;

/// One table of a source under the columns that the catalogue gives it.
pub(crate) struct SourceTable {
    /// `database.table` of the catalogue.
    name: String,
    source: Arc<dyn Source>,
    path: TablePath,
    schema: SchemaRef,
    /// As the source describes it, in the order of `schema`.
    source_schema: SchemaRef,
    meter: Meter,
}

impl SourceTable {
    /// Asks the source for the table's columns. Fails when it has none of the name that the catalogue knows.
    pub async fn open(name: String, source: Arc<dyn Source>, path: TablePath, schema: SchemaRef, meter: Meter) -> domain::Result<Self> {
        let found = source.schema(&path).await?;
        let mut fields = Vec::with_capacity(schema.fields().len());
        for wanted in schema.fields() {
            let field = found.fields().iter().find(|field| field.name().eq_ignore_ascii_case(wanted.name()));
            fields.push(field.cloned().ok_or_else(|| {
                Error::invalid_data(format!(
                    "Table {name} has column {:?} in the catalogue, but {path} no longer has it; crawl the source again.",
                    wanted.name()
                ))
            })?);
        }
        Ok(Self { name, source, path, schema, source_schema: Arc::new(Schema::new(fields)), meter })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    pub fn path(&self) -> &TablePath {
        &self.path
    }

    pub fn schema_ref(&self) -> SchemaRef {
        self.schema.clone()
    }

    pub fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// Every column as the catalogue and as the source has it.
    pub fn fields(&self) -> impl Iterator<Item = (&FieldRef, &FieldRef)> {
        self.schema.fields().iter().zip(self.source_schema.fields())
    }

    /// The condition in the source's words, if it will apply it exactly.
    fn accepted(&self, filter: &Expr) -> Option<Predicate> {
        let predicate = translate(filter)?;
        // A column that is cast on its way is compared here, after the cast.
        let same_types = columns(&predicate).iter().all(|name| match (self.schema.field_with_name(name), self.source_field(name)) {
            (Ok(ours), Some(theirs)) => ours.data_type() == theirs.data_type(),
            _ => false,
        });
        (same_types && self.source.accepts(&predicate, &self.source_schema)).then_some(predicate)
    }

    fn source_field(&self, name: &str) -> Option<&arrow::datatypes::Field> {
        self.schema.index_of(name).ok().map(|index| self.source_schema.field(index))
    }

    fn label(&self, columns: &[String], filters: &[Expr], limit: Option<usize>) -> String {
        let mut label = format!("SourceScan: {}, columns=[{}]", self.name, columns.join(", "));
        if !filters.is_empty() {
            let filters: Vec<String> = filters.iter().map(ToString::to_string).collect();
            label.push_str(&format!(", filters=[{}]", filters.join(", ")));
        }
        if let Some(limit) = limit {
            label.push_str(&format!(", limit={limit}"));
        }
        label
    }
}

impl fmt::Debug for SourceTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceTable({})", self.name)
    }
}

#[async_trait]
impl TableProvider for SourceTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match self.accepted(filter) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None => TableProviderFilterPushDown::Unsupported,
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
        let schema = match projection {
            Some(indices) => Arc::new(self.schema.project(indices)?),
            None => self.schema.clone(),
        };
        let indices = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let names: Vec<String> = indices.iter().map(|index| self.source_schema.field(*index).name().clone()).collect();
        let label = self.label(&names, filters, limit);
        let scan = Scan {
            table: self.path.clone(),
            columns: Some(names),
            filters: filters.iter().filter_map(|filter| self.accepted(filter)).collect(),
            limit,
            batch_rows: DEFAULT_BATCH_ROWS,
        };
        let parts = match limit {
            Some(_) => vec![scan],
            None => self.source.split(scan, state.config().target_partitions()).await.map_err(outward)?,
        };
        let count = parts.len();
        let (source, wanted, name) = (self.source.clone(), schema.clone(), self.name.clone());
        let open: Open = Arc::new(move |part| {
            let (wanted, name) = (wanted.clone(), name.clone());
            source.scan(parts[part].clone()).map(move |batch| shaped(&batch?, &wanted, &name)).map(|batch| batch.map_err(outward)).boxed()
        });
        Ok(Arc::new(ScanExec::new(label, schema, count, self.meter.clone(), open)))
    }
}

/// The batch under the catalogue's names and types. A value that does not fit is an error that says so.
fn shaped(batch: &RecordBatch, schema: &SchemaRef, name: &str) -> domain::Result<RecordBatch> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let cast = |(column, field): (&ArrayRef, &Arc<arrow::datatypes::Field>)| {
        if column.data_type() == field.data_type() {
            return Ok(column.clone());
        }
        cast_with_options(column, field.data_type(), &options).map_err(|e| {
            Error::invalid_data(format!(
                "A value of {name}.{} does not fit the type {} that the catalogue gives the column.",
                field.name(),
                field.data_type()
            ))
            .source(e)
        })
    };
    let columns: Vec<ArrayRef> = batch.columns().iter().zip(schema.fields()).map(cast).collect::<domain::Result<_>>()?;
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &rows)
        .map_err(|e| Error::internal(format!("Rows of {name} do not have the shape asked for.")).source(e))
}

fn columns(predicate: &Predicate) -> Vec<&str> {
    match predicate {
        Predicate::Compare { column, .. } | Predicate::In { column, .. } => vec![column],
        Predicate::IsNull(column) | Predicate::IsNotNull(column) => vec![column],
        Predicate::And(all) | Predicate::Or(all) => all.iter().flat_map(columns).collect(),
    }
}
