//! MySQL and MariaDB, read only.
//!
//! The tests run against MariaDB 10.11. MySQL 8 could not be had where this was written: what it does differently (its
//! `caching_sha2_password` login, JSON as a type of its own, the types' names in `information_schema`) goes through the driver and
//! the code here without having been tried against such a server.
//!
//! Every call opens a connection of its own with `utf8mb4`, UTC and read-only transactions; one round trip more than a pool would
//! need, and nothing to clean up after a reader that went away. Values come in the binary protocol, floats exactly.
//!
//! Geometries are the server's bytes: four of the spatial reference, then well-known binary.

mod catalog;
pub(crate) mod connect;
mod decode;
pub(crate) mod error;
pub(crate) mod sql;
mod types;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, SchemaRef};
use async_trait::async_trait;
use domain::{Error, Result};
use futures::TryStreamExt;
use futures::stream::BoxStream;
use sqlx::AssertSqlSafe;
use sqlx::Row;

use super::cells::{Outlet, Rows, projected, ranges, stream_of};
use super::{Comparison, DEFAULT_BATCH_ROWS, Description, Dialect, Literal, Predicate, Scan, Source, SqlSource, TablePath};
use crate::connection::Server;
use crate::diagnosis::{Diagnosis, Step};
use connect::{EndOnDrop, Session};

/// A MySQL or MariaDB server; clone it freely.
#[derive(Debug, Clone)]
pub struct MySqlSource {
    server: Arc<Server>,
}

impl MySqlSource {
    /// Reaches out to nobody.
    pub fn new(server: Server) -> Self {
        Self { server: Arc::new(server) }
    }

    async fn session(&self) -> Result<Session> {
        connect::connect(&self.server).await
    }

    async fn describe_one(&self, session: &mut Session, table: &TablePath) -> Result<Description> {
        let mut described = catalog::describe(session, &self.server, std::slice::from_ref(table)).await?;
        described.pop().unwrap_or_else(|| Err(Error::internal(format!("{table} was not described."))))
    }

    async fn read_table(self, scan: Scan, outlet: Outlet) -> Result<()> {
        let mut session = self.session().await?;
        let schema = self.describe_one(&mut session, &scan.table).await?.schema;
        let columns = projected(&schema, &scan)?;
        let sql = sql::select(&scan, &self.table_name(&scan.table), &columns, &schema)?;
        let rows = Rows::new(format!("table {}", scan.table), columns, scan.batch_rows);
        self.read(session, &format!("Table {}", scan.table), sql, rows, outlet).await
    }

    /// Sends the query's rows until there are no more or nobody reads. `what` begins the sentence if it fails.
    async fn read(&self, mut session: Session, what: &str, sql: String, mut rows: Rows, outlet: Outlet) -> Result<()> {
        // Declared after the session, so dropped before it: the server is told, then the connection closes.
        let mut end = EndOnDrop::new(&session);
        let failed = |e| error::of(&self.server, what, e);
        {
            let mut answer = sqlx::query(AssertSqlSafe(sql)).persistent(false).fetch(&mut session.connection);
            let mut wires = None;
            loop {
                let row = tokio::time::timeout(self.server.reach.read_timeout, answer.try_next()).await;
                let row = row.map_err(|_| connect::waited(&self.server, what))?.map_err(|e| {
                    end.is_needed = !connect::has_ended(&e);
                    failed(e)
                })?;
                let Some(row) = row else { break };
                let wires = wires.get_or_insert_with(|| decode::wires(&row));
                if rows.width() > 0 && row.len() != rows.width() {
                    return Err(Error::internal(format!("{what}: expected {} columns; found {}.", rows.width(), row.len())));
                }
                for (index, wire) in wires.iter().enumerate().take(rows.width()) {
                    rows.push(index, &decode::cell(&row, index, *wire).map_err(failed)?)?;
                }
                if let Some(batch) = rows.end_row()
                    && !outlet.send(batch).await
                {
                    return Ok(());
                }
            }
        }
        end.is_needed = false;
        if let Some(batch) = rows.rest() {
            outlet.send(batch).await;
        }
        session.close().await;
        Ok(())
    }

    /// The whole numbers that a table's single integer key spans.
    async fn key_range(&self, table: &TablePath) -> Result<Option<(String, i64, i64)>> {
        let mut session = self.session().await?;
        let described = self.describe_one(&mut session, table).await?;
        let [key] = described.primary_key.as_slice() else { return Ok(None) };
        let least = Predicate::compare(key, Comparison::GreaterOrEqual, Literal::Integer(0));
        let is_whole = described
            .schema
            .field_with_name(key)
            .is_ok_and(|field| field.data_type().is_signed_integer() || *field.data_type() == DataType::Decimal128(20, 0));
        if !is_whole || !sql::accepts(&least, &described.schema) {
            return Ok(None);
        }
        let name = sql::quote(key);
        let question = format!("SELECT CAST(MIN({name}) AS CHAR), CAST(MAX({name}) AS CHAR) FROM {}", self.table_name(table));
        let rows = session.rows(&format!("Table {table}"), question).await?;
        session.close().await;
        let bound = |index| -> Option<i64> { rows.first()?.try_get_unchecked::<Option<String>, _>(index).ok()??.parse().ok() };
        Ok(bound(0).zip(bound(1)).map(|(low, high)| (key.clone(), low, high)))
    }
}

#[async_trait]
impl Source for MySqlSource {
    fn classification(&self) -> &'static str {
        "mysql"
    }

    async fn tables(&self) -> Result<Vec<TablePath>> {
        let mut session = self.session().await?;
        let tables = catalog::tables(&mut session, &self.server).await?;
        session.close().await;
        Ok(tables)
    }

    async fn describe(&self, tables: &[TablePath]) -> Result<Vec<Result<Description>>> {
        let mut session = self.session().await?;
        let described = catalog::describe(&mut session, &self.server, tables).await?;
        session.close().await;
        Ok(described)
    }

    async fn count(&self, table: &TablePath) -> Result<Option<u64>> {
        let mut session = self.session().await?;
        let question = format!("SELECT COUNT(*) FROM {}", self.table_name(table));
        let rows = session.rows(&format!("Table {table}"), question).await?;
        session.close().await;
        Ok(rows.first().and_then(|row| row.try_get_unchecked(0).ok()))
    }

    fn accepts(&self, predicate: &Predicate, schema: &SchemaRef) -> bool {
        sql::accepts(predicate, schema)
    }

    /// By ranges of the primary key where it is one whole number; the first and the last part are open, so that rows beyond the
    /// bounds found are not lost.
    async fn split(&self, scan: Scan, parts: usize) -> Result<Vec<Scan>> {
        if parts < 2 || scan.limit.is_some() {
            return Ok(vec![scan]);
        }
        let Some((key, low, high)) = self.key_range(&scan.table).await? else { return Ok(vec![scan]) };
        Ok(ranges(&scan, &key, low, high, parts))
    }

    fn scan(&self, scan: Scan) -> BoxStream<'static, Result<RecordBatch>> {
        let source = self.clone();
        stream_of(move |outlet| source.read_table(scan, outlet))
    }

    async fn diagnose(&self) -> Diagnosis {
        let mut diagnosis = Diagnosis::default();
        if let Some(mut session) = diagnosis.open(&self.server, connect::connect_once(&self.server)).await {
            let tables = catalog::tables(&mut session, &self.server).await;
            session.close().await;
            diagnosis.note(Step::Permission, tables, |tables| format!("{} tables", tables.len()));
        }
        diagnosis
    }

    fn sql(&self) -> Option<&dyn SqlSource> {
        Some(self)
    }
}

impl SqlSource for MySqlSource {
    fn dialect(&self) -> Dialect {
        Dialect::MySql
    }

    /// Without the database: a query may join tables of several.
    fn place(&self) -> String {
        format!("mysql://{}@{}:{}", self.server.user.as_deref().unwrap_or_default(), self.server.host, self.server.port)
    }

    fn table_name(&self, table: &TablePath) -> String {
        sql::table(table, self.server.database.as_deref())
    }

    fn column(&self, _: &TablePath, field: &Field) -> Option<String> {
        Some(sql::column(field))
    }

    fn query(&self, sql: String, schema: SchemaRef) -> BoxStream<'static, Result<RecordBatch>> {
        let source = self.clone();
        stream_of(move |outlet| async move {
            let session = source.session().await?;
            let rows = Rows::new("the query", schema, DEFAULT_BATCH_ROWS);
            source.read(session, "The query", sql, rows, outlet).await
        })
    }
}

#[cfg(test)]
mod tests;
