//! The import of a dataset: files in, one checked Parquet part out, published by flipping the dataset's pointer.

pub(crate) mod cells;
pub(crate) mod columns;
mod csv_rows;
mod executor;
mod files;
mod header;
mod parquet_rows;
mod report;
mod rows;

pub(crate) use csv_rows::column as column_of_csv;
pub use executor::ImportExecutor;
pub(crate) use files::{Opened, find as find_files};
pub use report::{ImportReport, Problem, ReasonCount};

#[cfg(test)]
mod tests;

/// The kind of an import's run.
pub(crate) const KIND: &str = "import";

/// Named limits of an import.
#[derive(Debug, Clone)]
pub struct ImportSettings {
    /// Share of rows, 0 to 1, that may be unusable before the import fails as a whole.
    pub max_bad_share: f64,
    /// Least usable rows of an interactions import.
    pub min_interactions: u64,
    /// How many problems are reported one by one.
    pub listed_problems: usize,
    /// Longest id, in characters.
    pub max_id_chars: usize,
    /// Longest value of a categorical field, in characters.
    pub max_categorical_chars: usize,
    /// Textual values are cut here, in characters.
    pub max_textual_chars: usize,
}

impl Default for ImportSettings {
    fn default() -> Self {
        Self {
            max_bad_share: 0.10,
            min_interactions: 1000,
            listed_problems: 100,
            max_id_chars: 256,
            max_categorical_chars: 1000,
            max_textual_chars: 20_000,
        }
    }
}
