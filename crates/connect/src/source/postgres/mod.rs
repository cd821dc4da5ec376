//! PostgreSQL 12 and later.
//!
//! Rows come through `COPY (SELECT …) TO STDOUT (FORMAT binary)` and are decoded straight into Arrow. Every connection speaks
//! UTC and can only read. Types: see `types.rs`. Tables and columns come out of pg_catalog in one query. A table without SELECT is
//! listed, and refused when it is described; where only some columns are granted, the table has only those.
//!
//! Each part of a split scan reads as of the moment it begins: rows that others change meanwhile may be seen by one part as they were
//! before and by another as they are after. The parts' key ranges have no gaps and no ends, so a row that stays is read once.

mod catalog;
mod connect;
mod copy;
mod decode;
pub(crate) mod error;
mod numeric;
mod query;
pub(crate) mod sql;
mod types;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, SchemaRef};
use async_trait::async_trait;
use domain::Result;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::{Comparison, Description, Dialect, Literal, Predicate, Scan, Source, SqlSource, TablePath};
use crate::connection::Server;
use crate::diagnosis::{Diagnosis, Step};
pub(crate) use catalog::{Column, Shape, gone};
pub(crate) use connect::{Connector, Flavour};
pub(crate) use copy::{Batches, background, cast, patiently};
pub(crate) use error::of as failed;
pub(crate) use types::Kind;

/// The rows of tables up to this size are counted: reading so much takes a server a moment.
const COUNTED_BYTES: i64 = 256 << 20;

/// One database of a server; clone it freely. Clones share up to eight idle connections, and what was described last.
#[derive(Debug, Clone)]
pub struct PostgresSource {
    connector: Connector,
    /// For the next scan of each table, and no further one: many tables are read without asking about each.
    described: Arc<Mutex<HashMap<TablePath, Shape>>>,
}

impl PostgresSource {
    /// Reaches out to nobody.
    pub fn new(server: Server) -> Self {
        Self { connector: Connector::new(server, Flavour::PostgreSql), described: Arc::default() }
    }

    async fn start(self, scan: Scan) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let described = self.described.lock().unwrap_or_else(PoisonError::into_inner).remove(&scan.table);
        let shape = match described {
            Some(shape) => shape,
            None => catalog::shape(&self.connector, &mut None, &scan.table).await?,
        };
        let reading = sql::reading(&shape, &scan)?;
        let connection = self.connector.acquire().await?;
        Ok(copy::stream(self.connector, connection, reading))
    }

    /// The lowest and the highest value of a column of whole numbers.
    async fn ends(&self, table: &TablePath, column: &str) -> Result<Option<(i64, i64)>> {
        let (name, table_name) = (sql::quote(column), sql::table_name(table));
        let select = format!("SELECT min({name})::bigint, max({name})::bigint FROM {table_name}");
        let what = format!("splitting table {table}");
        let answer = catalog::ask(&self.connector, &mut None, select, &what, &[("min", Kind::Int64), ("max", Kind::Int64)]).await?;
        Ok(answer.first().and_then(|batch| Some((catalog::number(batch, 0, 0)?, catalog::number(batch, 1, 0)?))))
    }
}

#[async_trait]
impl Source for PostgresSource {
    fn classification(&self) -> &'static str {
        "postgresql"
    }

    async fn tables(&self) -> Result<Vec<TablePath>> {
        catalog::tables(&self.connector, &mut None).await
    }

    async fn describe(&self, tables: &[TablePath]) -> Result<Vec<Result<Description>>> {
        let shapes = catalog::describe(&self.connector, &mut None, tables).await?;
        let described = shapes.iter().filter_map(|shape| shape.as_ref().ok()).map(|shape| (shape.path.clone(), shape.clone())).collect();
        *self.described.lock().unwrap_or_else(PoisonError::into_inner) = described;
        Ok(shapes.into_iter().map(|shape| shape.map(|shape| shape.description())).collect())
    }

    /// Exact for tables of up to 256 MB on the server's disk, unknown for others, views and partitioned tables.
    async fn count(&self, table: &TablePath) -> Result<Option<u64>> {
        let what = format!("counting table {table}");
        let (name, number) = (sql::table_name(table), [("number", Kind::Int64)]);
        let quoted = sql::literal(&name);
        let select =
            format!("SELECT CASE WHEN relkind IN ('r', 'm') THEN pg_relation_size(oid) END FROM pg_class WHERE oid = {quoted}::regclass");
        let size = catalog::ask(&self.connector, &mut None, select, &what, &number).await?;
        if size.first().and_then(|batch| catalog::number(batch, 0, 0)).is_none_or(|bytes| bytes > COUNTED_BYTES) {
            return Ok(None);
        }
        let counted = catalog::ask(&self.connector, &mut None, format!("SELECT count(*) FROM {name}"), &what, &number).await?;
        Ok(counted.first().and_then(|batch| catalog::number(batch, 0, 0)).and_then(|count| u64::try_from(count).ok()))
    }

    fn accepts(&self, predicate: &Predicate, schema: &SchemaRef) -> bool {
        sql::accepts(predicate, schema)
    }

    /// By ranges of a primary key that is one whole number; other tables are read in one.
    async fn split(&self, scan: Scan, parts: usize) -> Result<Vec<Scan>> {
        if parts < 2 || scan.limit.is_some() {
            return Ok(vec![scan]);
        }
        let shape = catalog::shape(&self.connector, &mut None, &scan.table).await?;
        let [key] = shape.primary_key.as_slice() else { return Ok(vec![scan]) };
        if !matches!(shape.column(key)?.kind, Kind::Int16 | Kind::Int32 | Kind::Int64) {
            return Ok(vec![scan]);
        }
        let Some((low, high)) = self.ends(&scan.table, key).await? else { return Ok(vec![scan]) };
        Ok(ranges(&scan, key, low, high, parts))
    }

    fn scan(&self, scan: Scan) -> BoxStream<'static, Result<RecordBatch>> {
        let source = self.clone();
        stream::once(async move { source.start(scan).await }).try_flatten().boxed()
    }

    async fn diagnose(&self) -> Diagnosis {
        let mut diagnosis = Diagnosis::default();
        if let Some(connection) = self.connector.diagnose(&mut diagnosis).await {
            let tables = catalog::tables(&self.connector, &mut Some(connection)).await;
            diagnosis.note(Step::Permission, tables, |tables| format!("{} tables", tables.len()));
        }
        diagnosis
    }

    fn sql(&self) -> Option<&dyn SqlSource> {
        Some(self)
    }
}

impl SqlSource for PostgresSource {
    fn dialect(&self) -> Dialect {
        Dialect::PostgreSql
    }

    fn place(&self) -> String {
        place(&self.connector)
    }

    fn table_name(&self, table: &TablePath) -> String {
        sql::table_name(table)
    }

    fn column(&self, _: &TablePath, field: &Field) -> Option<String> {
        sql::column(field)
    }

    fn query(&self, sql: String, schema: SchemaRef) -> BoxStream<'static, Result<RecordBatch>> {
        let connector = self.connector.clone();
        stream::once(async move { query::start(connector, sql, schema).await }).try_flatten().boxed()
    }
}

pub(crate) fn place(connector: &Connector) -> String {
    let server = &connector.server;
    format!("{}:{}/{}/{}", server.host, server.port, connector.database(), server.user.as_deref().unwrap_or_default())
}

/// Equal ranges of the key, the first without a lower and the last without an upper end.
fn ranges(scan: &Scan, key: &str, low: i64, high: i64, parts: usize) -> Vec<Scan> {
    let span = i128::from(high) - i128::from(low) + 1;
    let parts = i128::try_from(parts).unwrap_or(i128::MAX).min(span);
    let bound = |part: i128| {
        let at = i128::from(low) + span * part / parts;
        Literal::Integer(i64::try_from(at).unwrap_or(high))
    };
    let part = |index: i128| {
        let mut part = scan.clone();
        if index > 0 {
            part.filters.push(Predicate::compare(key, Comparison::GreaterOrEqual, bound(index)));
        }
        if index + 1 < parts {
            part.filters.push(Predicate::compare(key, Comparison::Less, bound(index + 1)));
        }
        part
    };
    (0..parts).map(part).collect()
}

#[cfg(test)]
pub(crate) mod tests;
