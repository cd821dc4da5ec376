//! The training pipeline: one parameter file says what is wanted, one run makes it so.
//!
//! Takes: parameters in one of the published forms ([`forms`]), which all become one [`Wanted`]. Gives: a [`Plan`], and by
//! carrying it out a dataset group with imported datasets, an event tracker, trained and judged solution versions, campaigns that
//! serve them if the quality gate ([`Decision`]) lets them, filters and batch jobs; notifications of all that.
//!
//! Every step is "look, else make": a run that is interrupted goes on with the plan that it began with, because what it makes
//! carries its name.
//!
//! Must not know: where the files come from, HTTP, triggers. Start reading at [`Wanted`], then `plan.rs`, then `executor.rs`.

mod executor;
mod forms;
mod gate;
mod pipelines;
mod plan;
mod planner;
mod reading;
mod recommenders;
mod seen;
mod source;
mod steps;
mod tags;
mod turn;
mod wanted;
mod watch;
mod world;

pub use executor::{Outcome, PipelineExecutor, Trained};
pub use gate::{Decision, Gate};
pub use pipelines::{Pipeline, Pipelines};
pub use plan::{Action, Plan, Scope, Stage, Step};
pub use planner::Planner;
pub use source::FileVersion;
pub use wanted::{Form, QualityGate, Wanted};
pub use watch::Watch;

/// The kind of a pipeline's run; its subject is the pipeline's name.
pub const RUN_KIND: &str = "pipeline";

#[cfg(test)]
mod tests;
