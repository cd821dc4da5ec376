//! Stage 3's engine on a cluster: Apache Spark 4 or Sail, over Spark Connect.
//!
//! Takes: the catalogue, a query in Penchant's SQL (docs/sql.md). Gives: an [`etl::Engine`]: the query is translated into Spark's
//! dialect by its syntax tree (`dialect/`), tables are read by the cluster itself (`tables.rs`), and files are written by it (`write.rs`).
//!
//! Must not know: jobs, datasets, the wire, DataFusion.
//!
//! Start reading at `engine.rs`, then `dialect/mod.rs`.

mod batches;
mod client;
mod config;
mod dialect;
mod engine;
mod failure;
mod jdbc;
mod packing;
mod places;
mod relations;
mod tables;
mod write;

pub use config::{FileAccess, S3a, SparkConfig};
pub use engine::SparkEngine;
