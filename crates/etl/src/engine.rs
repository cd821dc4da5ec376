//! What this stage asks of whatever computes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use catalog::Table;
use domain::Result;
use futures::stream::BoxStream;
use runs::RunContext;
use serde::{Deserialize, Serialize};
use store::Location;
use tokio_util::sync::CancellationToken;

use crate::publication::part_name;
use crate::tally::Tally;
use crate::target::{Compression, Format};

/// The code of a computation that outgrew its memory.
pub const MEMORY_EXCEEDED: &str = "JOB_MEMORY_EXCEEDED";
/// Said where a query is tried again within little memory.
pub const BEGINS_ANEW: &str = "The query does not fit into its memory; it begins anew, slower: joins sort both sides, on disk.";

/// One SELECT in Penchant's SQL (docs/sql.md) over `database.table` names of the catalogue.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SqlQuery {
    /// Arguments are filled in already.
    pub text: String,
    /// The database of table names that name none.
    pub database: Option<String>,
    /// Tables that the catalogue does not have, or has otherwise: they win over its tables of the same name.
    pub tables: Vec<Table>,
    /// `database.table` → the part that is to be read. A table that is not here is read whole.
    pub windows: BTreeMap<String, Window>,
    /// At most so many rows of each table: a preview.
    pub sample_rows: Option<u64>,
}

/// A part of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Window {
    /// These files alone, as paths below the table's location.
    Files(Vec<String>),
    /// The rows for which this condition over the table's columns holds.
    Where(String),
}

/// Files that an engine writes into a folder where nobody reads yet.
#[derive(Debug, Clone, PartialEq)]
pub struct FileOutput {
    pub folder: Location,
    pub format: Format,
    pub compression: Option<Compression>,
    /// Columns that become Hive folders, `key=value`, and are not repeated in the files.
    pub partition_keys: Vec<String>,
    pub max_file_rows: Option<u64>,
    pub max_file_bytes: Option<u64>,
    /// Parquet only.
    pub row_group_rows: Option<u64>,
}

impl FileOutput {
    /// The name of the folder's file of that number. It is final only once it is published.
    pub fn file_name(&self, number: u32) -> String {
        part_name(None, number, self.format.extension(self.compression))
    }
}

/// What came out of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TableRead {
    /// `database.table`
    pub table: String,
    /// Rows that came out, after what the source filtered itself.
    pub rows: u64,
    /// Bytes of files that were read; 0 where the source does not say.
    pub bytes: u64,
}

/// What the engine did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SqlOutcome {
    pub rows_written: u64,
    /// Of files; of a table's rows, what their values take in memory.
    pub bytes_written: u64,
    /// Relative to the folder.
    pub files: Vec<String>,
    pub read: Vec<TableRead>,
    pub peak_memory_bytes: u64,
    /// How often, and how much, was put on disk for want of memory.
    pub spills: u64,
    pub spilled_bytes: u64,
}

impl SqlOutcome {
    pub fn rows_read(&self) -> u64 {
        self.read.iter().map(|table| table.rows).sum()
    }
}

/// What one computation may use.
#[derive(Debug, Clone)]
pub struct Means {
    pub memory_bytes: usize,
    /// Made, and removed again, by the engine.
    pub spill_folder: PathBuf,
    pub cancel: CancellationToken,
    /// Slowly from the start, with what can be put on disk: an attempt whose rows had begun to go out has failed with
    /// [`MEMORY_EXCEEDED`]. Before the first row an engine begins anew by itself.
    pub frugal: bool,
}

impl Means {
    /// What a run's limits allow.
    pub fn of(context: &RunContext) -> Self {
        let limits = context.limits();
        let spill_folder = limits.spill_folder.join(&context.id().0);
        Self { memory_bytes: limits.job_memory_bytes, spill_folder, cancel: context.cancel().clone(), frugal: false }
    }
}

/// Rows on their way.
pub struct Rows {
    pub schema: SchemaRef,
    pub batches: BoxStream<'static, Result<RecordBatch>>,
    /// What has been read so far; all of it, and what the computation took, once the stream has ended.
    pub tally: Tally,
}

/// The columns that a query reads of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnsRead {
    /// `database.table`
    pub table: String,
    pub columns: Vec<String>,
}

/// Computes queries: DataFusion in this process (`engine::DataFusionEngine`), a cluster (`spark::SparkEngine`).
///
/// Contract: the same query gives the same rows on every engine (asked by the cases of `etl/suite`); writes everything or fails;
/// ends with `Stopped` within a second of the cancellation; a result without rows is a file all the same (CSV: the header
/// alone), unless there are partition keys; user mistakes in the query are `InvalidInput`.
#[async_trait]
pub trait Engine: Send + Sync {
    /// As a job's `Engine` names it.
    fn name(&self) -> &'static str;

    /// Writes the rows as files; the folder is the engine's own and holds nothing.
    async fn write(&self, query: SqlQuery, output: FileOutput, context: &RunContext) -> Result<SqlOutcome>;

    /// Gives the rows as they are computed. Dropping the stream ends the work.
    async fn rows(&self, query: SqlQuery, means: Means) -> Result<Rows>;

    /// The columns of a query's result, from the text and the tables' columns alone: no source is asked.
    async fn columns(&self, query: &SqlQuery) -> Result<SchemaRef>;

    /// Which columns of which tables a query reads, from the text and the tables' columns alone: no source is asked. A query that is
    /// not valid is the error that running it would give.
    async fn columns_read(&self, query: &SqlQuery) -> Result<Vec<ColumnsRead>>;
}

impl SqlQuery {
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// The same query where `table` is as given here.
    pub fn with_table(mut self, table: Table) -> Self {
        self.tables.retain(|other| (&other.database_name, &other.name) != (&table.database_name, &table.name));
        self.tables.push(table);
        self
    }
}
