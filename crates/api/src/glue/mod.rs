//! Glue: catalog, connections, crawlers, jobs, triggers, workflows. One file per noun.

pub(crate) mod bookmarks;
pub(crate) mod classifiers;
pub(crate) mod column_statistics;
pub(crate) mod connection_types;
pub(crate) mod connections;
mod crawl_filters;
pub(crate) mod crawlers;
pub(crate) mod databases;
pub(crate) mod functions;
pub(crate) mod impact;
pub(crate) mod job_runs;
pub(crate) mod jobs;
mod names;
pub(crate) mod partition_indexes;
pub(crate) mod partitions;
pub(crate) mod plans;
pub(crate) mod search;
pub(crate) mod settings;
pub(crate) mod statistics_runs;
pub(crate) mod statistics_settings;
pub(crate) mod table_versions;
pub(crate) mod tables;
pub(crate) mod triggers;
mod view;
pub(crate) mod workbench;
pub(crate) mod workflow_runs;
pub(crate) mod workflows;
