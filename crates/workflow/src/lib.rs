//! The spine's conductor: triggers, schedules, graphs and workflow runs.
//!
//! Takes: triggers whose actions name jobs, crawlers and pipelines. Gives: workflow runs that start each action once,
//! in the order the triggers say, whatever happens to the process meanwhile.
//!
//! Must not know: any stage. What an action starts is behind [`Starter`], which the composition root fills in.
//!
//! Start reading at [`Trigger`], then `graph.rs` (which trigger fires when, without any I/O), then `executor.rs`. What happens outside a
//! workflow run (schedules, events, runs that end anywhere) is `scheduler.rs` and `watch.rs`.

mod blueprint;
mod check;
mod cycle;
mod executor;
mod graph;
mod model;
mod resume;
mod scheduler;
mod view;
mod watch;
mod workflows;

pub use blueprint::{BLUEPRINT_RUN, Blueprint, BlueprintInput, Definition, Parameter, ParameterType};
pub use executor::{Starter, WorkflowExecutor};
pub use graph::{Graph, Node, NodeState, Statistics};
pub use model::{Action, Condition, EventBatchingCondition, FileArrival, Predicate, Trigger, TriggerType, Workflow};
pub use resume::Resumption;
pub use runs::Schedule;
pub use scheduler::Scheduler;
pub use view::{TriggerView, WorkflowRunView, WorkflowView};
pub use watch::OBJECT_CREATED;
pub use workflows::{Tagged, Workflows};

/// The kind of a workflow's run.
pub const RUN_KIND: &str = "workflow";
/// The kind of resource that holds what was put to a run's properties; its key is the run's id.
pub const RUN_PROPERTIES: &str = "workflow_run_properties";

#[cfg(test)]
mod tests;
