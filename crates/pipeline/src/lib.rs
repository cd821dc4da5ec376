//! The training pipeline: one parameter file says what is wanted, one run makes it so.
//!
//! Takes: a parameter file in the shape of the Personalize samples' `params.json` ([`Parameters`]). Gives: a dataset group with
//! imported datasets, an event tracker, trained and judged solution versions, and campaigns that serve the new ones.
//!
//! Every step is "look, else make": a run that is interrupted goes on where it was, because what it makes carries its name.
//!
//! Must not know: where the files come from, HTTP, triggers. Start reading at [`Parameters`], then `executor.rs`.

mod executor;
mod parameters;
mod pipelines;
mod steps;

pub use executor::{Outcome, PipelineExecutor, Trained};
pub use parameters::{BEST, CampaignParameters, DatasetParameters, Parameters};
pub use pipelines::{Pipeline, Pipelines};

/// The kind of a pipeline's run; its subject is the pipeline's name.
pub const RUN_KIND: &str = "pipeline";

#[cfg(test)]
mod tests;
