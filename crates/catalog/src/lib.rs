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
pub mod changes;
pub mod classifier;
pub mod crawl;
pub mod crawler;
mod files;
pub mod glob;
pub mod hive;
pub mod layout;
pub mod partition_filter;
pub mod profile;
mod schedules;
pub mod statistics;
pub mod table;

pub use catalog::{
    Catalog, ConnectionCheck, MAX_READ_AT_ONCE, MAX_WRITTEN_AT_ONCE, Page, Paged, PartitionIndex, PartitionQuery, Refused, ResourceUri,
    Segment, TableFilter, TableOrder, TableSearch, TableUpdate, UserDefinedFunction,
};
pub use changes::{Change, ChangeKind};
pub use classifier::Classifier;
pub use crawl::CrawlExecutor;
pub use crawler::{
    CRAWL, CrawlProblem, CrawlSummary, CrawledTable, Crawler, CrawlerSchedule, CrawlerState, CrawlerStatus, DeleteBehavior, JdbcTarget,
    KafkaTarget, LastCrawl, MongoDbTarget, S3Target, ScheduleState, SchemaChangePolicy, TableChange, Targets, UpdateBehavior,
};
pub use files::{PATHS, TableFiles, below, folder_of};
pub use layout::FileLayout;
pub use profile::{PROFILE, ProfileExecutor, StatisticsSettings, TableProfile};
pub use schedules::Schedules;
pub use statistics::{ColumnStatistics, FoundStatistics, StatisticsData};
pub use table::{Column, Database, Parameters, Partition, SerdeInfo, StorageDescriptor, Table, TableVersion};

#[cfg(test)]
mod tests;
