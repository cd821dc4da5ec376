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

pub use case::{Case, Table};

/// Whatever is asked the cases.
#[async_trait]
pub trait Subject: Send + Sync {
    /// The rows of one query in Penchant's SQL.
    async fn rows(&self, query: &str) -> Result<(SchemaRef, Vec<RecordBatch>)>;
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

    /// Asks all cases, one after the other; the tables are those that [`Suite::lay_out`] has made in `database`.
    pub async fn run(&self, database: &str, subject: &dyn Subject) -> Vec<Failure> {
        let mut failures = Vec::new();
        for case in &self.cases {
            let query = case.query_in(database);
            let answer = subject.rows(&query).await;
            if let Err(problem) = compare::check(case, answer) {
                failures.push(Failure { case: case.to_string(), query, problem });
            }
        }
        failures
    }
}

#[cfg(test)]
mod tests;
