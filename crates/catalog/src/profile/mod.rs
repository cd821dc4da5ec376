//! What the values of a table look like: counted over a sample, kept beside the table, and told to Glue's clients as column
//! statistics too.
//!
//! | figure | how |
//! |---|---|
//! | count, nulls, min, max, mean length | exact over the sample |
//! | distinct | exact up to 1,024 different values, then HyperLogLog with a standard error of 1.6 % |
//! | top values | Space-Saving: exact up to 128 different values, then each with the most that its count may be too high |
//! | looks like | from the name and what 95 % of the values have in common |

mod column;
mod executor;
mod glue;
mod looks;
mod settings;
mod sketch;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use async_trait::async_trait;
use domain::{ErrorKind, Result};
use futures::stream::BoxStream;
use runs::{NewRun, RunId};
use serde::{Deserialize, Serialize};
use store::{Resource, Stored, Tx};

use crate::catalog::{Catalog, fold};
use crate::crawler::CrawlProblem;
use crate::hive;
use crate::profile::column::ColumnProfiler;
use crate::table::Table;
pub use executor::ProfileExecutor;
pub use looks::LooksLike;
pub use settings::StatisticsSettings;
pub(crate) use settings::drop_settings;

/// The kind of a profile's run; its subject is `database`, or `database/table` when only one table is meant.
pub const PROFILE: &str = "profile";
/// Rows looked at per table, unless another number is asked for.
pub const SAMPLE_ROWS: usize = 10_000;
/// Most frequent values kept per column.
pub const MAX_TOP: usize = 10;

/// Gives rows of tables that are files; the crate that reads them implements it.
#[async_trait]
pub trait Rows: Send + Sync {
    /// The first `rows` rows, or somewhat more; columns are found by name.
    async fn sample(&self, table: &Table, rows: usize) -> Result<BoxStream<'static, Result<RecordBatch>>>;
}

/// The latest profile of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TableProfile {
    pub database_name: String,
    pub table_name: String,
    /// The version of the table that was looked at.
    pub version_id: String,
    pub sampled_rows: u64,
    /// The sample is the whole table.
    pub is_complete: bool,
    pub columns: Vec<ColumnProfile>,
}

impl Resource for TableProfile {
    const KIND: &'static str = "table_profile";
    fn key(&self) -> String {
        Table::key_of(&self.database_name, &self.table_name)
    }
    fn parent(&self) -> String {
        self.database_name.clone()
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ColumnProfile {
    pub name: String,
    /// Hive's name of the type.
    #[serde(rename = "Type")]
    pub data_type: String,
    /// Rows looked at, nulls included.
    pub count: u64,
    pub nulls: u64,
    /// Different values other than null.
    pub distinct: u64,
    pub distinct_is_exact: bool,
    /// As text; nothing for nested types and where all is null. NaN is left out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub min: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max: Option<String>,
    /// Most frequent first, at most [`MAX_TOP`]; values that are there once are no top values.
    pub top: Vec<TopValue>,
    /// Characters of texts, bytes of binary values.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mean_length: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub looks_like: Option<LooksLike>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TopValue {
    pub value: String,
    pub count: u64,
    /// The count may be too high by so much.
    pub error: u64,
}

/// What a profile run did; its result.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ProfileSummary {
    pub tables: u64,
    pub rows: u64,
    /// The first [`crate::crawl::MAX_PROBLEMS`].
    pub problems: Vec<CrawlProblem>,
    pub problem_count: u64,
}

/// What a profile run is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Asked {
    database: String,
    /// All when empty.
    tables: Vec<String>,
    rows: usize,
}

/// A run that profiles these tables; all of the database when there are none.
/// The profiles of the columns of rows that somebody has.
pub fn profile_of(schema: &Schema, batches: &[RecordBatch]) -> Result<Vec<ColumnProfile>> {
    let columns = hive::columns(schema);
    let mut profiles = Vec::with_capacity(columns.len());
    for (index, column) in columns.iter().enumerate() {
        let mut profiler = ColumnProfiler::default();
        for batch in batches {
            profiler.update(batch.column(index))?;
        }
        profiles.push(profiler.finish(column, false)?.profile);
    }
    Ok(profiles)
}

pub(crate) fn new_run(database: &str, tables: Vec<String>, rows: Option<usize>) -> Result<NewRun> {
    let subject = match tables.as_slice() {
        [table] => Table::key_of(database, table),
        _ => database.to_owned(),
    };
    let asked = Asked { database: database.to_owned(), tables, rows: rows.unwrap_or(SAMPLE_ROWS) };
    NewRun::new(PROFILE, subject).max_attempts(2).input(&asked)
}

/// Forgets the profile of a table that goes.
pub(crate) async fn drop_profile(tx: &mut Tx, table: &str) -> Result<()> {
    match tx.delete::<TableProfile>(table).await {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

impl Catalog {
    /// Queues a profile of one table, which must exist.
    pub async fn start_profile(&self, database: &str, table: &str) -> Result<RunId> {
        let table = self.get_table(database, table).await?.value;
        self.runs().submit(new_run(&table.database_name, vec![table.name], None)?).await
    }

    /// Queues a profile of every table of the database.
    pub async fn start_profiles(&self, database: &str) -> Result<RunId> {
        let database = self.get_database(database).await?.value;
        self.runs().submit(new_run(&database.name, Vec::new(), None)?).await
    }

    pub async fn get_profile(&self, database: &str, table: &str) -> Result<Stored<TableProfile>> {
        self.store().get(&Table::key_of(&fold(database), &fold(table))).await
    }

    /// The profiles of a database's tables, by name.
    pub async fn list_profiles(&self, database: &str) -> Result<Vec<Stored<TableProfile>>> {
        self.get_database(database).await?;
        self.store().children(&fold(database)).await
    }
}

/// What reads files, where there is such a thing.
type Files = Option<Arc<dyn Rows>>;

#[cfg(test)]
mod tests;
