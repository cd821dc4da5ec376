//! Microsoft SQL Server, read only, over TDS.
//!
//! **Never run against a server**: none could be had where this was written. The tests cover what needs none: the SQL that is
//! sent, types, values as the driver hands them over, errors by the server's numbers, and what happens when nobody answers or the
//! other side hangs up. Expect to correct something at the first contact.
//!
//! Every call opens a connection of its own. Where the driver is not exact the server converts first: money to decimals,
//! `datetimeoffset` to UTC, `sql_variant` to text, the server's own object types (geometry, hierarchyid) to their bytes.
//!
//! With the TLS modes `verify-ca` and `verify-full` the certificate's host name is checked: the driver cannot leave that out.

mod catalog;
mod connect;
mod decode;
mod error;
mod sql;
mod types;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use domain::{Error, Result};
use futures::TryStreamExt;
use futures::stream::BoxStream;

use super::cells::{Outlet, Rows, projected, ranges, stream_of};
use super::{DEFAULT_BATCH_ROWS, Description, Dialect, Predicate, Scan, Source, SqlSource, TablePath};
use crate::connection::Server;
use crate::diagnosis::{Diagnosis, Step};
use connect::Session;

/// A SQL Server database; clone it freely.
#[derive(Debug, Clone)]
pub struct MsSqlSource {
    server: Arc<Server>,
}

impl MsSqlSource {
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

    /// Sends the query's rows until there are no more or nobody reads. `what` begins the sentence if it fails. The server ends
    /// a query when its connection closes, which dropping the session does.
    async fn read(&self, mut session: Session, what: &str, sql: String, mut rows: Rows, outlet: Outlet) -> Result<()> {
        let failed = |e| error::of(&self.server, what, e);
        let limit = self.server.reach.read_timeout;
        let late = |_| connect::waited(&self.server, what);
        let answer = tokio::time::timeout(limit, session.client.simple_query(sql)).await.map_err(late)?.map_err(failed)?;
        let mut answer = answer.into_row_stream();
        while let Some(row) = tokio::time::timeout(limit, answer.try_next()).await.map_err(late)?.map_err(failed)? {
            if rows.width() > 0 && row.len() != rows.width() {
                return Err(Error::internal(format!("{what}: expected {} columns; found {}.", rows.width(), row.len())));
            }
            for (index, (column, data)) in row.cells().enumerate().take(rows.width()) {
                let cell = decode::cell(data).ok_or_else(|| {
                    Error::invalid_data(format!("{what}: the value {data:?} of column {:?} cannot be read.", column.name()))
                        .code("SOURCE_VALUE_UNFIT")
                })?;
                rows.push(index, &cell)?;
            }
            if let Some(batch) = rows.end_row()
                && !outlet.send(batch).await
            {
                return Ok(());
            }
        }
        drop(answer);
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
        if !described.schema.field_with_name(key).is_ok_and(|field| field.data_type().is_signed_integer()) {
            return Ok(None);
        }
        let name = sql::quote(key);
        let question = format!("SELECT CAST(MIN({name}) AS bigint), CAST(MAX({name}) AS bigint) FROM {}", self.table_name(table));
        let rows = session.rows(&format!("Table {table}"), question).await?;
        session.close().await;
        let bound = |index: usize| rows.first().and_then(|row| row.try_get::<i64, _>(index).ok().flatten());
        Ok(bound(0).zip(bound(1)).map(|(low, high)| (key.clone(), low, high)))
    }
}

#[async_trait]
impl Source for MsSqlSource {
    fn classification(&self) -> &'static str {
        "sqlserver"
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
        let question = format!("SELECT COUNT_BIG(*) FROM {}", self.table_name(table));
        let rows = session.rows(&format!("Table {table}"), question).await?;
        session.close().await;
        Ok(rows.first().and_then(|row| row.try_get::<i64, _>(0).ok().flatten()).and_then(|count| u64::try_from(count).ok()))
    }

    fn accepts(&self, predicate: &Predicate, schema: &SchemaRef) -> bool {
        sql::accepts(predicate, schema)
    }

    /// By ranges of the primary key where it is one whole number.
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

impl SqlSource for MsSqlSource {
    fn dialect(&self) -> Dialect {
        Dialect::SqlServer
    }

    fn place(&self) -> String {
        format!("sqlserver://{:?}", self.server)
    }

    fn table_name(&self, table: &TablePath) -> String {
        table.parts().map(sql::quote).collect::<Vec<_>>().join(".")
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
