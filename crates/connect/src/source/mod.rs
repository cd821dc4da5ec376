//! What every database-like source can do: name its tables, describe them, stream one.
//!
//! # The contract
//! Every source keeps it, and `conformance.rs` asks every source for all of it.
//!
//! - **Lazy.** Opening a source reaches out to nobody. Each call takes a connection, or makes one within the connection's
//!   timeout, trying again as often as its retries say.
//! - **Few questions.** `tables` and `describe` ask the source's own catalogue views, a query or two per schema whatever the
//!   number of tables. Whoever may not read one table still gets the others.
//! - **Types** are those that Hive's names hold without loss (`catalog::hive`): booleans, signed integers, floats, decimals,
//!   strings, binary, dates, timestamps in microseconds without a zone (in UTC where the source knows zones), lists, structs.
//!   A field's metadata holds the source's own type name under [`NATIVE_TYPE`] and its remark under [`COMMENT`].
//! - **Exact.** A row that the source filters out is one that Arrow would filter out on the batches given; where that is
//!   not certain (collations, implicit casts) the source does not accept the predicate.
//! - **Nothing lost.** A value that does not fit its column's type is an error `SOURCE_VALUE_UNFIT` that names table, column
//!   and value. Dates that are no dates (MySQL's 0000-00-00, PostgreSQL's infinity) are null.
//! - **Bounded.** A scan streams: what is in memory is a few batches, whatever the size of the table. Dropping the stream
//!   stops the work in the source.
//! - **Plain speech.** Errors say what was expected, found and where, with a code of [`crate::diagnosis`].

#[cfg(any(feature = "mysql", feature = "mssql"))]
mod cells;
#[cfg(test)]
pub(crate) mod conformance;
#[cfg(feature = "kafka")]
pub mod kafka;
#[cfg(feature = "mongodb")]
pub mod mongodb;
#[cfg(feature = "mssql")]
pub mod mssql;
#[cfg(feature = "mysql")]
pub mod mysql;
#[cfg(feature = "postgres")]
pub mod postgres;
mod predicate;
#[cfg(feature = "postgres")]
pub mod redshift;
#[cfg(any(feature = "postgres", feature = "mysql", feature = "mssql", feature = "kafka"))]
mod retried;
pub mod sqlite;

use std::collections::BTreeMap;
use std::fmt;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, SchemaRef};
use async_trait::async_trait;
use domain::{Error, Result};
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::diagnosis::Diagnosis;
pub use predicate::{Comparison, Literal, Predicate};

/// Rows in a batch when nobody asks for another number.
pub const DEFAULT_BATCH_ROWS: usize = 8192;
/// Metadata of a field: the source's own name of the type, `character varying(20)`.
pub const NATIVE_TYPE: &str = "native_type";
/// Metadata of a field: the remark that the source keeps on the column.
pub const COMMENT: &str = "comment";

/// A table inside a source. SQLite has neither database nor schema, MySQL has no schema, MongoDB's tables are collections,
/// Kafka's are topics.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TablePath {
    pub database: Option<String>,
    pub schema: Option<String>,
    pub table: String,
}

impl TablePath {
    /// A table of a source without databases and schemas.
    pub fn table(name: impl Into<String>) -> Self {
        Self { database: None, schema: None, table: name.into() }
    }

    /// The parts that there are, outermost first.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        [self.database.as_deref(), self.schema.as_deref(), Some(self.table.as_str())].into_iter().flatten()
    }
}

/// `database.schema.table`, as a crawled table's Location has it.
impl fmt::Display for TablePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts().collect::<Vec<_>>().join("."))
    }
}

/// A table as its source describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Column names as the source spells them, and types that hold every value (every value met, where it must sample).
    pub schema: SchemaRef,
    pub is_view: bool,
    /// The remark that the source keeps on the table.
    pub comment: Option<String>,
    /// As the source's own statistics have it; exact only where that costs nothing.
    pub rows: Option<u64>,
    pub bytes: Option<u64>,
    /// In the key's order; empty without one.
    pub primary_key: Vec<String>,
}

impl Description {
    pub fn of(schema: SchemaRef) -> Self {
        Self { schema, is_view: false, comment: None, rows: None, bytes: None, primary_key: Vec::new() }
    }
}

/// What to read of one table.
#[derive(Debug, Clone, PartialEq)]
pub struct Scan {
    pub table: TablePath,
    /// The columns wanted, in this order; `None` means all in the order of [`Source::schema`]. An empty list gives
    /// batches without columns that still count rows.
    pub columns: Option<Vec<String>>,
    /// All must hold. Each must have been accepted by [`Source::accepts`].
    pub filters: Vec<Predicate>,
    /// At most so many rows, after filtering.
    pub limit: Option<usize>,
    /// At most so many rows in a batch.
    pub batch_rows: usize,
}

impl Scan {
    /// Everything of the table.
    pub fn all(table: TablePath) -> Self {
        Self { table, columns: None, filters: Vec::new(), limit: None, batch_rows: DEFAULT_BATCH_ROWS }
    }
}

/// A place that holds tables. Reads only; the contract stands above, in the module's documentation.
#[async_trait]
pub trait Source: fmt::Debug + Send + Sync {
    /// What Glue's crawlers classify its tables as: `postgresql`, `redshift`, `mysql`, `sqlserver`, `sqlite`, `mongodb`, `kafka`.
    fn classification(&self) -> &'static str;

    /// Every table and view that is not the source's own, by name, over all databases and schemas that the connection may see.
    async fn tables(&self) -> Result<Vec<TablePath>>;

    /// One answer per table asked for, in their order. Fails as a whole only when the source cannot be reached.
    async fn describe(&self, tables: &[TablePath]) -> Result<Vec<Result<Description>>>;

    /// The table's columns; what [`Source::describe`] says of one table.
    async fn schema(&self, table: &TablePath) -> Result<SchemaRef> {
        let described = self.describe(std::slice::from_ref(table)).await?.pop();
        described.unwrap_or_else(|| Err(Error::internal(format!("{table} was not described.")))).map(|described| described.schema)
    }

    /// How many rows the table has now, where that can be said without reading it all over a network.
    async fn count(&self, table: &TablePath) -> Result<Option<u64>>;

    /// Whether the source applies the predicate itself, exactly as Arrow would on the batches it gives: a row for
    /// which it is null is not kept. `schema` is the table's.
    fn accepts(&self, predicate: &Predicate, schema: &SchemaRef) -> bool;

    /// Splits a scan into at most `parts` scans that can be read at the same time and together give the same rows, each
    /// once. By ranges of a key, by partitions, by offsets; a source that cannot gives the scan back. A scan with a limit
    /// is not split.
    async fn split(&self, scan: Scan, parts: usize) -> Result<Vec<Scan>> {
        let _ = parts;
        Ok(vec![scan])
    }

    /// Streams the rows. Nothing happens before the first poll; dropping the stream stops the work in the source.
    fn scan(&self, scan: Scan) -> BoxStream<'static, Result<RecordBatch>>;

    /// Goes through the steps of reaching the source, one after the other, and stops at the first that fails.
    async fn diagnose(&self) -> Diagnosis;

    /// Nothing, unless whole queries can be sent there.
    fn sql(&self) -> Option<&dyn SqlSource> {
        None
    }

    /// Nothing, unless its tables are logs.
    fn log(&self) -> Option<&dyn LogSource> {
        None
    }
}

/// A source whose tables only grow at the ends of their partitions: whoever knows how far he has read needs no key.
#[async_trait]
pub trait LogSource: Send + Sync {
    /// By partition the offset after the last message that there is now, for whoever will next read those of `next`; a partition
    /// that is not in `next` has not been read.
    ///
    /// # Errors
    /// `SOURCE_OFFSET_GONE` when some of what was to be read next is no longer kept.
    async fn ends(&self, table: &TablePath, next: &BTreeMap<i32, i64>) -> Result<BTreeMap<i32, i64>>;

    /// The columns that hold a row's partition and its offset.
    fn place_columns(&self) -> (&'static str, &'static str);
}

/// The SQL that a source speaks, as far as it matters to whoever writes queries for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    PostgreSql,
    MySql,
    Sqlite,
    SqlServer,
}

impl Dialect {
    /// An identifier.
    pub fn quote(self, name: &str) -> String {
        match self {
            Self::PostgreSql | Self::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
            Self::MySql => format!("`{}`", name.replace('`', "``")),
            Self::SqlServer => format!("[{}]", name.replace(']', "]]")),
        }
    }
}

/// A source that answers whole queries.
pub trait SqlSource: Send + Sync {
    fn dialect(&self) -> Dialect;

    /// Two sources with the same text lead to the same server, database and user, so that one query may join their tables.
    fn place(&self) -> String;

    /// How the table is named in a query, quoted.
    fn table_name(&self, table: &TablePath) -> String;

    /// The column as a scan would give it, as an expression of a query; nothing where a query could not give the same.
    fn column(&self, table: &TablePath, field: &Field) -> Option<String> {
        let _ = table;
        Some(self.dialect().quote(field.name()))
    }

    /// Runs one SELECT and gives its rows under `schema`, column by column in the order of the query; a value that does not fit is an
    /// error. As lazy, bounded and stoppable as a scan.
    fn query(&self, sql: String, schema: SchemaRef) -> BoxStream<'static, Result<RecordBatch>>;
}
