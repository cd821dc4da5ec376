//! The way back: record batches into a table of a database.
//!
//! # The contract
//! Every sink keeps it, and `conformance.rs` asks every sink for all of it.
//!
//! - **Whole or not at all.** A write appears in one transaction. Until then, and for ever after a failure, a dropped future or a lost
//!   connection, readers see the table as it was. Rows go to a temporary table of the session first, for as long as they keep coming,
//!   and from there to the table at once: whoever computes rows slowly holds no lock, and nobody waits for a reader.
//! - **The table stays.** Overwriting deletes its rows and puts the new ones in their place: views on it, grants, indexes and triggers are
//!   those of before, as they would not be after a rename or a TRUNCATE that makes readers wait.
//! - **Exactly once.** A write with a [`RunMarker`] leaves a row in the table `penchant_writes` beside its target, in the same transaction.
//!   The same marker again writes nothing and gives the count of the first time; two at a time wait for one another.
//! - **Refused before anything is written.** Columns are matched by name, then by name without regard to case. A column that the table
//!   lacks, one that it needs and the rows lack, a type that the column does not take: one sentence, with the table and the column.
//! - **Nothing lost.** A value that does not fit its column ends the write with an error that names column, value and row. Nothing
//!   is rounded, cut or made null; times are kept to the microsecond.
//! - **Upsert.** The table has a unique index over just the keys. Of several rows with one key the last wins.
//! - **Bounded.** In memory are one batch of rows and its text.

mod cells;
#[cfg(test)]
pub(crate) mod conformance;
mod desk;
#[cfg(feature = "mysql")]
pub mod mysql;
mod plan;
#[cfg(feature = "postgres")]
pub mod postgres;
mod slot;
pub mod sqlite;

use std::fmt;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use domain::{Error, Result};
use futures::stream::BoxStream;

use crate::source::TablePath;

/// Codes of errors; explained in `docs/errors/`.
pub const COLUMN_UNKNOWN: &str = "SINK_COLUMN_UNKNOWN";
pub const COLUMN_REQUIRED: &str = "SINK_COLUMN_REQUIRED";
pub const COLUMN_TYPE: &str = "SINK_COLUMN_TYPE";
pub const VALUE_UNFIT: &str = "SINK_VALUE_UNFIT";
pub const KEY_MISSING: &str = "SINK_KEY_MISSING";
pub const TABLE_MISSING: &str = "SINK_TABLE_MISSING";
pub const TABLE_UNFIT: &str = "SINK_TABLE_UNFIT";
pub const TABLE_LOCKED: &str = "SINK_TABLE_LOCKED";
pub const CONSTRAINT: &str = "SINK_CONSTRAINT";
pub const DISK_FULL: &str = "SINK_DISK_FULL";
pub const UNSUPPORTED: &str = "SINK_UNSUPPORTED";

/// The table that remembers which writes were done.
pub const MARKERS: &str = "penchant_writes";
/// Markers kept in one such table, the youngest; a run is not tried again after so many others.
pub const MARKERS_KEPT: u32 = 1000;
/// Where rows wait for the transaction.
pub(crate) const STAGING: &str = "penchant_staging";
/// Counts the rows there, where a database tells by it which came last. No column of a table has such a name.
pub(crate) const ORDINAL: &str = "penchant row";

/// What becomes of the rows that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// They stay.
    Append,
    /// They go.
    Overwrite,
    /// Those with a new row's keys take its values in the columns that the rows have; the others stay.
    Upsert { keys: Vec<String> },
}

/// Names one write of one run: its id and, where it writes more than once, the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunMarker(String);

impl RunMarker {
    /// A marker has 1 to 200 characters.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        if !(1..=200).contains(&text.chars().count()) || text.contains('\0') {
            return Err(Error::invalid_input(format!("A write's marker has 1 to 200 characters; found {text:?}.")));
        }
        Ok(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What to write where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    pub table: TablePath,
    pub mode: Mode,
    pub marker: Option<RunMarker>,
    /// Make the table from the rows' schema when there is none; the keys of an upsert become its primary key.
    pub create: bool,
}

/// Rows on their way in.
pub type Incoming = BoxStream<'static, Result<RecordBatch>>;

/// A place that takes rows; the contract stands above, in the module's documentation.
#[async_trait]
pub trait Sink: fmt::Debug + Send + Sync {
    /// Writes all rows, whose schema is `schema`, and says how many came: rows of an upsert that others took the place of count too.
    /// An error of the stream is given on, with nothing written.
    async fn write(&self, write: Write, schema: SchemaRef, rows: Incoming) -> Result<u64>;
}
