//! Amazon Redshift.
//!
//! Redshift speaks PostgreSQL's protocol, but it has catalogue views of its own and no COPY to the client: rows are read through a cursor
//! on the server, as text, which is the form in which Redshift and PostgreSQL agree, and parsed into Arrow's types.
//!
//! **Not run against Redshift itself**: none can be had where this is built. The tests run it against PostgreSQL with views named and shaped
//! like Redshift's. What only Redshift does (its types super, varbyte, geometry and hllsketch, its own limits on cursors) is read as text,
//! and is as its documentation has it.
//!
//! It takes conditions on whole numbers and on nulls: its texts compare without trailing blanks, and so not as Arrow's do.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use domain::{Error, Result};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Executor, Row, ValueRef};

use super::postgres::{Batches, Column, Connector, Flavour, Kind, Shape, background, cast, failed, gone, patiently, place, sql};
use super::{Description, Dialect, Literal, Predicate, Scan, Source, SqlSource, TablePath};
use crate::connection::Server;
use crate::diagnosis::{Diagnosis, Step};

/// Rows that one FETCH asks for; Redshift allows 1,000 on a cluster of one node.
const FETCHED_ROWS: usize = 1000;
/// Above this many tables, all that there are are described at once.
const NAMED_TABLES: usize = 500;

/// One database of a cluster; clone it freely.
#[derive(Debug, Clone)]
pub struct RedshiftSource {
    connector: Connector,
}

impl RedshiftSource {
    /// Reaches out to nobody.
    pub fn new(server: Server) -> Self {
        Self { connector: Connector::new(server, Flavour::Redshift) }
    }

    /// All rows of a SELECT whose answer is short, its values as text.
    async fn ask<const N: usize>(&self, connection: Option<PgConnection>, select: String, what: &str) -> Result<Vec<[Option<String>; N]>> {
        let mut connection = match connection {
            Some(connection) => connection,
            None => self.connector.acquire().await?,
        };
        let rows = fetched(&self.connector, &mut connection, select, what).await?;
        self.connector.release(connection);
        rows.iter()
            .map(|row| {
                let mut values = std::array::from_fn(|_| None);
                for (index, value) in values.iter_mut().enumerate() {
                    *value = text(row, index, what)?.map(str::to_owned);
                }
                Ok(values)
            })
            .collect()
    }

    async fn list(&self, connection: Option<PgConnection>) -> Result<Vec<TablePath>> {
        let select = format!(
            "SELECT schema_name, table_name FROM svv_all_tables WHERE database_name = {} AND schema_name <> 'information_schema' AND left(schema_name, 3) <> 'pg_'",
            literal(self.connector.database())
        );
        let found = self.ask(connection, select, "listing tables").await?;
        let mut tables: Vec<TablePath> = found.into_iter().filter_map(|[schema, table]| Some(self.path(schema?, table?))).collect();
        tables.sort_unstable();
        Ok(tables)
    }

    fn path(&self, schema: String, table: String) -> TablePath {
        TablePath { database: Some(self.connector.database().into()), schema: Some(schema), table }
    }

    async fn shapes(&self, tables: &[TablePath]) -> Result<Vec<Result<Shape>>> {
        if tables.is_empty() {
            return Ok(Vec::new());
        }
        let mut select = format!(
            "SELECT c.schema_name, c.table_name, c.column_name, c.data_type, c.numeric_precision, c.numeric_scale, c.remarks, t.table_type, t.remarks
             FROM svv_all_columns c JOIN svv_all_tables t ON t.database_name = c.database_name AND t.schema_name = c.schema_name AND t.table_name = c.table_name
             WHERE c.database_name = {}",
            literal(self.connector.database())
        );
        if tables.len() <= NAMED_TABLES {
            let named = |table: &TablePath| {
                format!(
                    "(c.schema_name = {} AND c.table_name = {})",
                    literal(table.schema.as_deref().unwrap_or("public")),
                    literal(&table.table)
                )
            };
            select.push_str(&format!(" AND ({})", tables.iter().map(named).collect::<Vec<_>>().join(" OR ")));
        }
        select.push_str(" ORDER BY c.schema_name, c.table_name, c.ordinal_position");
        let mut found: HashMap<TablePath, Shape> = HashMap::new();
        for [schema, table, name, native, precision, scale, comment, kind, remarks] in self.ask(None, select, "describing tables").await? {
            let path = self.path(schema.unwrap_or_default(), table.unwrap_or_default());
            let native = native.unwrap_or_default();
            let column =
                Column { name: name.unwrap_or_default(), kind: kind_of(&native, precision, scale), native, comment, bytewise: false };
            let is_view = kind.is_some_and(|kind| kind.eq_ignore_ascii_case("view"));
            let empty = || Shape {
                path: path.clone(),
                is_view,
                comment: remarks,
                rows: None,
                bytes: None,
                primary_key: Vec::new(),
                columns: Vec::new(),
            };
            found.entry(path.clone()).or_insert_with(empty).columns.push(column);
        }
        Ok(tables.iter().map(|table| found.get(table).cloned().ok_or_else(|| gone(table))).collect())
    }

    async fn start(self, scan: Scan) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let shape = self.shapes(std::slice::from_ref(&scan.table)).await?.pop().unwrap_or_else(|| Err(gone(&scan.table)))?;
        let columns: Vec<&Column> = match &scan.columns {
            None => shape.columns.iter().collect(),
            Some(names) => names.iter().map(|name| shape.column(name)).collect::<Result<_>>()?,
        };
        let list: Vec<String> = columns.iter().map(|column| sql::quote(&column.name)).collect();
        // Redshift has no SELECT without columns.
        let list = if list.is_empty() { "NULL".into() } else { list.join(", ") };
        if let Some(filter) = scan.filters.iter().find(|filter| !accepts(filter, &shape.schema())) {
            return Err(Error::internal(format!("A filter on {} was sent to Redshift that it does not take: {filter:?}.", scan.table)));
        }
        let select = format!("SELECT {list} FROM {}{}", sql::table_name(&scan.table), sql::rest(&shape, &scan)?);
        let schema: SchemaRef = Arc::new(Schema::new(columns.iter().map(|column| column.field()).collect::<Vec<Field>>()));
        let what = format!("reading table {}", scan.table);
        let connection = self.connector.acquire().await?;
        let cursor = Cursor { connector: self.connector, select, schema, what, batch_rows: scan.batch_rows.clamp(1, FETCHED_ROWS) };
        Ok(background(|batches| cursor.read(connection, batches)))
    }
}

#[async_trait]
impl Source for RedshiftSource {
    fn classification(&self) -> &'static str {
        "redshift"
    }

    async fn tables(&self) -> Result<Vec<TablePath>> {
        self.list(None).await
    }

    async fn describe(&self, tables: &[TablePath]) -> Result<Vec<Result<Description>>> {
        let shapes = self.shapes(tables).await?;
        Ok(shapes.into_iter().map(|shape| shape.map(|shape| shape.description())).collect())
    }

    /// Unknown: counting reads a table that is large, or it would not be in Redshift.
    async fn count(&self, _table: &TablePath) -> Result<Option<u64>> {
        Ok(None)
    }

    fn accepts(&self, predicate: &Predicate, schema: &SchemaRef) -> bool {
        accepts(predicate, schema)
    }

    fn scan(&self, scan: Scan) -> BoxStream<'static, Result<RecordBatch>> {
        let source = self.clone();
        stream::once(async move { source.start(scan).await }).try_flatten().boxed()
    }

    async fn diagnose(&self) -> Diagnosis {
        let mut diagnosis = Diagnosis::default();
        if let Some(connection) = self.connector.diagnose(&mut diagnosis).await {
            let tables = self.list(Some(connection)).await;
            diagnosis.note(Step::Permission, tables, |tables| format!("{} tables", tables.len()));
        }
        diagnosis
    }

    fn sql(&self) -> Option<&dyn SqlSource> {
        Some(self)
    }
}

impl SqlSource for RedshiftSource {
    fn dialect(&self) -> Dialect {
        Dialect::PostgreSql
    }

    fn place(&self) -> String {
        place(&self.connector)
    }

    fn table_name(&self, table: &TablePath) -> String {
        sql::table_name(table)
    }

    fn query(&self, sql: String, schema: SchemaRef) -> BoxStream<'static, Result<RecordBatch>> {
        let connector = self.connector.clone();
        let start = async move {
            let connection = connector.acquire().await?;
            let select = sql.trim().trim_end_matches(';').to_owned();
            let cursor = Cursor { connector, select, schema, what: "running the query".into(), batch_rows: FETCHED_ROWS };
            Ok(background(|batches| cursor.read(connection, batches)))
        };
        stream::once(start).try_flatten().boxed()
    }
}

/// A SELECT read through a cursor.
struct Cursor {
    connector: Connector,
    select: String,
    schema: SchemaRef,
    what: String,
    batch_rows: usize,
}

impl Cursor {
    async fn read(self, mut connection: PgConnection, batches: Batches) -> Result<()> {
        let (connector, what) = (&self.connector, &self.what);
        fetched(connector, &mut connection, "BEGIN READ ONLY".into(), what).await?;
        fetched(connector, &mut connection, format!("DECLARE penchant CURSOR FOR {}", self.select), what).await?;
        let fetch = format!("FETCH FORWARD {} FROM penchant", self.batch_rows);
        loop {
            let rows = fetched(connector, &mut connection, fetch.clone(), what).await?;
            if rows.is_empty() {
                break;
            }
            if batches.send(self.batch(&rows)).await.is_err() {
                return Ok(());
            }
        }
        fetched(connector, &mut connection, "ROLLBACK".into(), what).await?;
        self.connector.release(connection);
        Ok(())
    }

    fn batch(&self, rows: &[PgRow]) -> Result<RecordBatch> {
        let count = rows.first().map_or(0, Row::len);
        let wanted = self.schema.fields().len();
        if count != wanted && wanted != 0 {
            return Err(Error::internal(format!("A query gives {count} columns where {wanted} were expected.")));
        }
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(wanted);
        for index in 0..wanted {
            let mut builder = StringBuilder::with_capacity(rows.len(), 16 * rows.len());
            for row in rows {
                builder.append_option(text(row, index, &self.what)?);
            }
            columns.push(Arc::new(builder.finish()));
        }
        let fields: Vec<Field> = self.schema.fields().iter().map(|field| Field::new(field.name(), DataType::Utf8, true)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let texts = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
            .map_err(|e| Error::internal(format!("A batch could not be made while {}.", self.what)).source(e))?;
        cast(&texts, &self.schema, &self.what)
    }
}

/// The answer to one statement of the simple protocol, which gives texts.
async fn fetched(connector: &Connector, connection: &mut PgConnection, sql: String, what: &str) -> Result<Vec<PgRow>> {
    let answer = connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(sql)));
    patiently(&connector.server, what, answer).await?.map_err(|e| failed(&connector.server, what, e))
}

fn text<'a>(row: &'a PgRow, index: usize, what: &str) -> Result<Option<&'a str>> {
    let unreadable = || Error::invalid_data(format!("Column {} cannot be read while {what}.", index + 1));
    let value = row.try_get_raw(index).map_err(|e| unreadable().source(e))?;
    if value.is_null() {
        return Ok(None);
    }
    value.as_str().map(Some).map_err(|e| Error::invalid_data(format!("{} It is no UTF-8: {e}.", unreadable().message)))
}

/// A text. Redshift may take a backslash for the beginning of an escape, so none stands in the quotes.
fn literal(text: &str) -> String {
    format!("({})", sql::literal(text).replace('\\', "' || chr(92) || '"))
}

/// By the names that Redshift's views have for types.
fn kind_of(native: &str, precision: Option<String>, scale: Option<String>) -> Kind {
    let number = |text: Option<String>| text.and_then(|text| text.parse::<u8>().ok());
    match native {
        "boolean" => Kind::Boolean,
        "smallint" => Kind::Int16,
        "integer" => Kind::Int32,
        "bigint" => Kind::Int64,
        "real" => Kind::Float32,
        "double precision" => Kind::Float64,
        "date" => Kind::Date,
        "timestamp without time zone" => Kind::Timestamp { zoned: false },
        "timestamp with time zone" => Kind::Timestamp { zoned: true },
        "numeric" => match (number(precision), number(scale)) {
            (Some(precision @ 1..=38), Some(scale)) if scale <= precision => Kind::Decimal { precision, scale },
            _ => Kind::Other,
        },
        _ => Kind::Other,
    }
}

fn accepts(predicate: &Predicate, schema: &SchemaRef) -> bool {
    let is_integer = |column: &str| schema.field_with_name(column).is_ok_and(|field| field.data_type().is_integer());
    match predicate {
        Predicate::Compare { column, value, .. } => is_integer(column) && matches!(value, Literal::Integer(_)),
        Predicate::IsNull(column) | Predicate::IsNotNull(column) => schema.field_with_name(column).is_ok(),
        Predicate::In { column, values } => {
            values.len() <= 1000 && is_integer(column) && values.iter().all(|value| matches!(value, Literal::Integer(_)))
        }
        Predicate::And(all) | Predicate::Or(all) => all.iter().all(|one| accepts(one, schema)),
    }
}

#[cfg(test)]
mod tests;
