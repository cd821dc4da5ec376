//! What every database-like source can do: name its tables, describe one, stream one.

mod predicate;
pub mod sqlite;

use std::fmt;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use domain::Result;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

pub use predicate::{Comparison, Literal, Predicate};

/// Rows in a batch when nobody asks for another number.
pub const DEFAULT_BATCH_ROWS: usize = 8192;

/// A table inside a source. SQLite has neither database nor schema, MySQL has no schema.
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

/// A place that holds tables. Reads only; every error says what was expected, what was found and where.
#[async_trait]
pub trait Source: fmt::Debug + Send + Sync {
    /// Every table and view, by name.
    async fn tables(&self) -> Result<Vec<TablePath>>;

    /// Column names as the source spells them, and types that hold every value met in the sample.
    async fn schema(&self, table: &TablePath) -> Result<SchemaRef>;

    /// How many rows the table has now, where that can be said without reading it all over a network.
    async fn count(&self, table: &TablePath) -> Result<Option<u64>>;

    /// Whether the source applies the predicate itself, exactly as Arrow would on the batches it gives: a row for
    /// which it is null is not kept. `schema` is the table's.
    fn accepts(&self, predicate: &Predicate, schema: &SchemaRef) -> bool;

    /// Streams the rows. Nothing happens before the first poll; dropping the stream stops the work in the source.
    /// A value that does not fit the type of its column is an error that names table, column and value.
    fn scan(&self, scan: Scan) -> BoxStream<'static, Result<RecordBatch>>;
}
