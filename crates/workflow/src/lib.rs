//! The spine's conductor: triggers, schedules, graphs and workflow runs.
//!
//! Takes: triggers whose actions name jobs, crawlers and pipelines. Gives: workflow runs that start each action once,
//! in the order the triggers say, whatever happens to the process meanwhile.
//!
//! Must not know: any stage. What an action starts is behind [`Starter`], which the composition root fills in.
//!
//! Start reading at [`Trigger`], then `graph.rs` (which trigger fires when, without any I/O), then `executor.rs`.

mod executor;
mod graph;
mod model;
mod scheduler;
mod view;
mod workflows;

pub use executor::{Starter, WorkflowExecutor};
pub use graph::{Graph, Node, NodeState, Statistics};
pub use model::{Action, Condition, Predicate, Trigger, TriggerType, Workflow};
pub use runs::Schedule;
pub use scheduler::Scheduler;
pub use view::{TriggerView, WorkflowRunView, WorkflowView};
pub use workflows::Workflows;

/// The kind of a workflow's run.
pub const RUN_KIND: &str = "workflow";

#[cfg(test)]
mod tests;
