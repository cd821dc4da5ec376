//! Whole queries, answered by SQLite itself.

use std::sync::PoisonError;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, SchemaRef};
use domain::{Error, Result};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::shape::{Kind, ShapeColumn};
use super::sql::{self, Plan};
use super::{SqliteSource, rows};
use crate::source::{DEFAULT_BATCH_ROWS, Dialect, SqlSource, TablePath};

impl SqlSource for SqliteSource {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn table_name(&self, table: &TablePath) -> String {
        Dialect::Sqlite.quote(&table.table)
    }

    /// Only of tables that were looked at whole: of a table with millions of rows the sample cannot say that no number further down
    /// is a text, and a query would take it for 0 where a scan fails. Dates are texts here, so a query cannot give them.
    fn column(&self, table: &TablePath, field: &Field) -> Option<String> {
        let shapes = self.shapes.lock().unwrap_or_else(PoisonError::into_inner);
        let shape = shapes.get(&table.table).filter(|shape| shape.whole)?;
        let column = shape.column(field.name())?;
        (!matches!(column.kind, Kind::Date | Kind::Timestamp)).then(|| sql::expression(column))
    }

    fn query(&self, sql: String, schema: SchemaRef) -> BoxStream<'static, Result<RecordBatch>> {
        let source = self.clone();
        let opened = async move {
            let columns = schema.fields().iter().map(|field| column(field)).collect::<Result<_>>()?;
            let plan = Plan { table: "a query".into(), sql, values: Vec::new(), columns, batch_rows: DEFAULT_BATCH_ROWS };
            let connection = source.taking(|_, connection| Ok(connection)).await?;
            Ok::<_, Error>(rows::stream(source, connection, plan).map(move |batch| under(&batch?, &schema)))
        };
        stream::once(opened).try_flatten().boxed()
    }
}

fn column(field: &Field) -> Result<ShapeColumn> {
    let kind = match field.data_type() {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Kind::Real,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
        DataType::Binary | DataType::LargeBinary => Kind::Blob,
        DataType::Boolean => Kind::Integer,
        found if found.is_integer() => Kind::Integer,
        found => return Err(Error::internal(format!("SQLite was asked for a value of type {found}."))),
    };
    Ok(ShapeColumn { name: field.name().clone(), kind })
}

fn under(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let unfit = |e: arrow::error::ArrowError| {
        Error::invalid_data("A value that SQLite computed does not fit its column.").code("SOURCE_VALUE_UNFIT").source(e)
    };
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let pairs = batch.columns().iter().zip(schema.fields());
    let columns: Vec<ArrayRef> =
        pairs.map(|(column, field)| cast_with_options(column, field.data_type(), &options).map_err(unfit)).collect::<Result<_>>()?;
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &rows).map_err(unfit)
}
