//! The spine: every long operation is a durable run.
//!
//! Takes: a kind, a subject and an input ([`NewRun`]), executors registered by kind ([`Registry`]).
//! Gives: runs that are claimed under a lease, tried again after a crash, stopped on request, watched while they work,
//! and whose effects appear together with their end or not at all ([`RunContext::succeed`], [`RunContext::fail`]).
//!
//! Must not know: any stage. Executors live with their stage.
//!
//! Start reading at [`Executor`], then [`Runs::submit`], then the worker loop in `worker.rs`.

mod breakpoint;
mod context;
mod leash;
mod node;
mod queue;
mod retention;
mod room;
mod run;
mod schedule;
mod table;
mod timer;
mod worker;

pub use breakpoint::{Breakpoint, Breakpoints};
pub use context::{Finished, Limits, RunContext};
pub use leash::Leash;
pub use node::Node;
pub use queue::{Filter, Runs};
pub use retention::Retention;
pub use run::{Level, LogLine, NewRun, Progress, Run, RunId, Share};
pub use schedule::Schedule;
pub use timer::{Sleep, Timer};
pub use worker::{Executor, Registry, Settings, Worker};
