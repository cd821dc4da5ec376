//! What every [`crate::Engine`] must answer alike: cases as data, and the means to ask an engine all of them.
//!
//! Takes: the files of `crates/etl/suite` (`case.rs` says how they are written), a catalogue and a bucket to lay their tables out in,
//! something that answers queries ([`Subject`]). Gives: the cases that were answered otherwise, with what was expected and found.
//!
//! Behind the feature `suite`, for tests of engines. What the answers should be, and why, is in `docs/sql.md`.

mod case;
mod compare;
mod fixture;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use domain::Result;
use futures::{StreamExt, stream};

pub use case::{Case, Table};

/// Whatever is asked the cases.
#[async_trait]
pub trait Subject: Send + Sync {
    /// The rows of one query in Penchant's SQL.
    async fn rows(&self, query: &str) -> Result<(SchemaRef, Vec<RecordBatch>)>;

    /// How many queries it takes at once.
    fn at_once(&self) -> usize {
        1
    }
}

/// All cases.
pub struct Suite {
    cases: Vec<Case>,
}

/// A case that was answered otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// `group: name`
    pub case: String,
    pub query: String,
    /// What was expected and what was found.
    pub problem: String,
}

impl Suite {
    /// # Errors
    /// `InvalidInput` for a file of cases that cannot be understood.
    pub fn load() -> Result<Self> {
        Ok(Self { cases: case::load()? })
    }

    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// Leaves the others out.
    pub fn retain(&mut self, keep: impl FnMut(&Case) -> bool) {
        self.cases.retain(keep);
    }

    /// Writes the tables of all cases as Parquet files into the bucket, and enters them in the database; both are there already.
    ///
    /// # Errors
    /// `InvalidInput` for a table whose rows do not fit its columns; whatever bucket and catalogue say.
    pub async fn lay_out(&self, catalog: &catalog::Catalog, buckets: &store::Buckets, bucket: &str, database: &str) -> Result<()> {
        fixture::lay_out(&self.cases, catalog, buckets, bucket, database).await
    }

    /// Asks all cases; the tables are those that [`Suite::lay_out`] has made in `database`.
    pub async fn run(&self, database: &str, subject: &dyn Subject) -> Vec<Failure> {
        let asked = stream::iter(&self.cases).map(|case| async move {
            let query = case.query_in(database);
            let answer = subject.rows(&query).await;
            compare::check(case, answer).err().map(|problem| Failure { case: case.to_string(), query, problem })
        });
        asked.buffered(subject.at_once()).filter_map(std::future::ready).collect().await
    }
}

#[cfg(test)]
mod tests;
