//! Stage 3, etl: jobs bring the sources' data into the shape that training wants.
//!
//! Takes: jobs ([`Job`]: a SQL query with a target, or the removal of earlier results), arguments, an [`Engine`].
//! Gives: durable job runs ([`Jobs::start_job_run`], [`JobExecutor`]) and, under the target's prefix, one file that readers see
//! as it was or as it is, never in between (`publication.rs`).
//!
//! Must not know: which engine computes, what a dataset or a model is, AWS exception names.
//!
//! Start reading at [`Jobs`], then [`JobExecutor`], then `publication.rs`.

mod arguments;
mod clean;
mod engine;
mod executor;
mod job;
mod job_run;
mod jobs;
mod plan;
mod publication;
mod target;

pub use arguments::{Arguments, substitute};
pub use engine::{ColumnsRead, Engine, SqlOutcome, SqlRequest};
pub use executor::{JobExecutor, JobResult};
pub use job::{ExecutionProperty, Job, JobCommand, JobSpec};
pub use job_run::JobRun;
pub use jobs::{JobQuery, Jobs, StartJobRun};
pub use target::{Compression, Format, Target};

#[cfg(test)]
mod tests;
