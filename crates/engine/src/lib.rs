//! The SQL engine of stage 3: DataFusion, and nobody else links it.
//!
//! Takes: the catalogue (which governs names and types), sources of connect, files in buckets. Gives: an [`etl::Engine`] that
//! turns one SELECT into CSV, JSON or Parquet files, within a memory limit (what does not fit is spilled to disk), on threads of its own.
//!
//! Projections, filters and limits go down into the sources (`source_table.rs`), and so do whole joins and aggregates of one database
//! (`pushdown/`); partition filters decide whole files and Parquet's
//! statistics row groups (`files/`). SQL functions of ours are in `functions/`, what queries mean in `docs/sql.md`.
//!
//! Must not know: jobs, datasets, the wire.
//!
//! Start reading at `engine.rs`, then `query.rs`.

mod engine;
mod failure;
mod files;
mod functions;
mod joins;
mod lineage;
mod output;
mod pool;
mod predicate;
mod problems;
mod pushdown;
mod query;
mod sample;
mod scan;
mod session;
mod source_table;
mod sql_types;
mod threads;

pub use engine::DataFusionEngine;
pub use sample::FileRows;

#[cfg(test)]
mod tests;
