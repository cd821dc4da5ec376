//! Stage 3, etl: jobs bring the sources' data into the shape that training wants.
//!
//! Takes: jobs ([`Job`]: a SQL query or a graph with targets, a script, or the removal of earlier results), arguments, an [`Engine`].
//! Gives: durable job runs ([`Jobs::start_job_run`], [`JobExecutor`]) and, under the target's prefix, files that readers see
//! as they were or as they are, never in between (`publication.rs`).
//!
//! Must not know: which engine computes, what a dataset or a model is, AWS exception names.
//!
//! Start reading at [`Jobs`], then [`JobExecutor`], then `publication.rs`.

mod arguments;
mod blame;
mod bookmark;
mod clean;
mod direct;
mod engine;
mod engines;
mod executor;
mod failure;
mod job;
mod job_run;
mod jobs;
mod plan;
mod planner;
mod publication;
mod registration;
mod script;
mod sql_run;
mod statement;
#[cfg(feature = "suite")]
pub mod suite;
mod tally;
mod target;
mod workbench;

pub use arguments::{Arguments, substitute};
pub use bookmark::{JobBookmark, KeyOrder, TableBookmark};
pub use engine::{BEGINS_ANEW, ColumnsRead, Engine, FileOutput, MEMORY_EXCEEDED, Means, Rows, SqlOutcome, SqlQuery, TableRead, Window};
pub use engines::Engines;
pub use executor::{JobExecutor, JobResult};
pub use failure::{TARGET_FULL, TARGET_NOT_WRITABLE, TARGET_TOO_MANY_PARTITIONS, unwritable};
pub use job::{ExecutionProperty, Job, JobCommand, JobConnections, JobSpec, NotificationProperty, SourceControlDetails};
pub use job_run::JobRun;
pub use jobs::{Jobs, StartJobRun};
pub use plan::JobKind;
pub use script::{ScriptOutcome, Session, Sessions};
pub use sql_run::Output;
pub use statement::{AnalyzerResult, QualityResult, RuleResult};
pub use tally::{Finish, Meter, Tally};
pub use target::{Compression, FilesMode, FilesTarget, Format, TableMode, TableTarget, Target};
pub use workbench::{Language, MOST_PREVIEW_ROWS, PREVIEW_ROWS, Preview, Side, Workbench};

#[cfg(test)]
mod tests;
