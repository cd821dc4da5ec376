//! Glue: catalog, connections, crawlers, jobs, triggers, workflows. One file per noun.

pub(crate) mod connections;
pub(crate) mod crawlers;
pub(crate) mod databases;
pub(crate) mod job_runs;
pub(crate) mod jobs;
pub(crate) mod partitions;
pub(crate) mod table_versions;
pub(crate) mod tables;
pub(crate) mod triggers;
mod view;
pub(crate) mod workflow_runs;
pub(crate) mod workflows;
