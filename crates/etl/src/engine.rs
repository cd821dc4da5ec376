//! What this stage asks of whatever computes.

use async_trait::async_trait;
use catalog::Table;
use domain::Result;
use runs::RunContext;
use serde::{Deserialize, Serialize};
use store::Location;

use crate::target::{Compression, Format};

/// One query whose rows become one file.
#[derive(Debug, Clone, PartialEq)]
pub struct SqlRequest {
    /// One SELECT over `database.table` names of the catalogue; arguments are filled in already.
    pub query: String,
    /// The database of table names that name none.
    pub database: Option<String>,
    /// The file to write. Nobody reads it before the engine has returned.
    pub output: Location,
    pub format: Format,
    pub compression: Option<Compression>,
}

/// What the engine did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SqlOutcome {
    pub rows_written: u64,
    pub bytes_written: u64,
    /// Rows that came out of the sources, after what they filtered themselves.
    pub rows_read: u64,
    /// `database.table` of everything read.
    pub tables: Vec<String>,
    pub peak_memory_bytes: u64,
    /// How often, and how much, was put on disk for want of memory.
    pub spills: u64,
    pub spilled_bytes: u64,
}

/// The columns that a query reads of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnsRead {
    /// `database.table`
    pub table: String,
    pub columns: Vec<String>,
}

/// Computes queries: DataFusion in this process (`engine::DataFusionEngine`), later a Spark cluster.
///
/// Contract: writes the whole file or fails; ends with `Stopped` within a second of the run's cancellation; a result without
/// rows is a file all the same (CSV: the header alone); user mistakes in the query are `InvalidInput`.
#[async_trait]
pub trait Engine: Send + Sync {
    async fn run_sql(&self, request: SqlRequest, context: &RunContext) -> Result<SqlOutcome>;

    /// Which columns of which tables a query reads, found from the text and the catalogue alone: no source is asked. The tables
    /// of `instead` stand in for the catalogue's of the same name, to ask what would be. A query that is not valid over them
    /// is the error that running it would give.
    async fn columns_read(&self, query: &str, database: Option<&str>, instead: &[Table]) -> Result<Vec<ColumnsRead>>;
}
