//! The rows of one query that a database answers.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use connect::{Dialect, Source};
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;

use super::query::{Rendered, name, or_one};
use crate::failure::outward;
use crate::scan::{Open, ScanExec};
use etl::Meter;

/// A SELECT as a table with columns c0, c1 ….
pub(crate) struct QueryTable {
    source: Arc<dyn Source>,
    dialect: Dialect,
    sql: String,
    tables: String,
    schema: SchemaRef,
    meter: Meter,
}

impl QueryTable {
    /// `schema` has the types of the SELECT's columns, in their order.
    pub fn new(rendered: Rendered, schema: &Schema) -> Self {
        let fields: Vec<Field> =
            schema.fields().iter().enumerate().map(|(index, field)| Field::new(name(index), field.data_type().clone(), true)).collect();
        Self {
            source: rendered.source,
            dialect: rendered.dialect,
            sql: rendered.sql,
            tables: rendered.tables.join(", "),
            schema: Arc::new(Schema::new(fields)),
            meter: rendered.meter,
        }
    }
}

impl fmt::Debug for QueryTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QueryTable({})", self.tables)
    }
}

#[async_trait]
impl TableProvider for QueryTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(indices) => Arc::new(self.schema.project(indices)?),
            None => self.schema.clone(),
        };
        let mut sql = self.sql.clone();
        if projection.is_some_and(|indices| indices.len() < self.schema.fields().len()) {
            let columns = schema.fields().iter().map(|field| field.name().clone()).collect();
            sql = format!("SELECT {} FROM ({sql}) AS p", or_one(columns));
        }
        if let Some(limit) = limit {
            sql = format!("SELECT * FROM ({sql}) AS f LIMIT {limit}");
        }
        // Rows without columns are counted over one column that is dropped here.
        let asked = if schema.fields().is_empty() { counted() } else { schema.clone() };
        let label = format!("SourceQuery: {} ({:?}), {sql}", self.tables, self.dialect);
        let (source, wanted) = (self.source.clone(), schema.clone());
        let open: Open = Arc::new(move |_| match source.sql() {
            Some(database) => {
                let wanted = wanted.clone();
                database.query(sql.clone(), asked.clone()).map(move |batch| under(&batch.map_err(outward)?, &wanted)).boxed()
            }
            None => futures::stream::empty().boxed(),
        });
        Ok(Arc::new(ScanExec::new(label, schema, 1, self.meter.clone(), open)))
    }
}

fn counted() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new(name(0), DataType::Int64, true)]))
}

fn under(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let columns = batch.columns()[..schema.fields().len()].to_vec();
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &rows)?)
}
