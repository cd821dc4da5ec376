//! Stage 2, catalog: what data there is, under which names, with which columns.
//!
//! Takes: connections and locations of files. Gives: databases, tables, partitions and table versions in Glue's shape
//! ([`Catalog`]); crawls that write them ([`CrawlExecutor`]); a notification `catalog.table_changed` for every table that
//! appears, changes or goes.
//!
//! Must not know: SQL engines, jobs, the wire. Names of databases and tables are lower case; names of columns stay as the
//! data spells them.
//!
//! Start reading at [`table::Table`], then [`Catalog`], then `crawl/mod.rs`.

mod catalog;
pub mod crawl;
pub mod crawler;
pub mod glob;
pub mod hive;
pub mod layout;
pub mod table;

pub use catalog::{Catalog, TableUpdate};
pub use crawl::CrawlExecutor;
pub use crawler::{
    CRAWL, CrawlProblem, CrawlSummary, CrawledTable, Crawler, CrawlerState, CrawlerStatus, DeleteBehavior, JdbcTarget, LastCrawl, S3Target,
    SchemaChangePolicy, TableChange, Targets, UpdateBehavior,
};
pub use layout::FileLayout;
pub use table::{Column, Database, Parameters, Partition, SerdeInfo, StorageDescriptor, Table, TableVersion};

#[cfg(test)]
mod tests;
