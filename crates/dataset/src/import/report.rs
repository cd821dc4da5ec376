//! What an import found: data problems as values.

use serde::{Deserialize, Serialize};

/// The result of an import's run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    /// How many files were read.
    pub files: u64,
    pub rows_read: u64,
    pub rows_kept: u64,
    pub rows_rejected: u64,
    /// The first rejected rows.
    pub problems: Vec<Problem>,
    /// How often each reason occurred, most frequent first.
    pub reasons: Vec<ReasonCount>,
}

/// Why one row was not used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    pub file: String,
    /// Counts from 1, the header included; for Parquet the row, counting from 1.
    pub line: u64,
    /// The schema's name of the field; empty when the whole row is concerned.
    pub column: String,
    /// What was expected and what was found.
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReasonCount {
    pub reason: String,
    pub rows: u64,
}
