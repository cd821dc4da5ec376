//! One workflow run: starts what is due, waits for something to end, looks again.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Error, Result};
use runs::{Executor, Finished, Level, RunContext, RunId, Runs};
use serde::{Deserialize, Serialize};

use crate::graph::{Graph, Node, Statistics};
use crate::model::Action;

/// Starts what an action names. Implemented by the composition root, which knows the stages.
#[async_trait]
pub trait Starter: Send + Sync {
    /// Fails when what the action names does not exist.
    async fn check(&self, action: &Action) -> Result<()>;

    /// Starts the action as a child of the run, at most once per `step`: asked again, gives the same run.
    async fn start(&self, action: &Action, parent: &RunContext, step: &str) -> Result<RunId>;
}

/// What a workflow run leaves behind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub statistics: Statistics,
    pub nodes: Vec<Node>,
}

/// Carries out runs of kind [`crate::RUN_KIND`]; the input is a [`Graph`].
pub struct WorkflowExecutor {
    starter: Arc<dyn Starter>,
}

impl WorkflowExecutor {
    pub fn new(starter: Arc<dyn Starter>) -> Self {
        Self { starter }
    }

    /// Starts every due action; what cannot be started fails the run, so that somebody looks.
    async fn start_due(&self, context: &RunContext, graph: &Graph, nodes: &[Node]) -> Result<usize> {
        let due = graph.due(nodes);
        for step in &due {
            let (what, name) = step.action.target()?;
            self.starter.start(step.action, context, &step.step).await?;
            context.point("action_started").await;
            context.info(format!("Started {what} {name} ({}).", step.step));
        }
        Ok(due.len())
    }
}

#[async_trait]
impl Executor for WorkflowExecutor {
    fn kind(&self) -> &'static str {
        crate::RUN_KIND
    }

    fn is_coordinator(&self) -> bool {
        true
    }

    async fn execute(&self, context: &RunContext) -> Result<Finished> {
        let graph: Graph = context.input()?;
        for (_, action) in graph.steps() {
            self.starter.check(action).await?;
        }
        loop {
            let nodes = nodes_of(context.runs(), context.id(), &graph).await?;
            if self.start_due(context, &graph, &nodes).await? > 0 {
                continue;
            }
            // Judged by the same reading as what was due: an action that ended since may have made others due.
            let statistics = Statistics::of(&nodes);
            let open = statistics.running_actions + statistics.waiting_actions;
            context.progress((statistics.total_actions - open) as u64, statistics.total_actions as u64, "actions");
            if open == 0 {
                // Who stops the run stops its children too; they may end before this one hears of it.
                if context.runs().get(context.id()).await?.stopping {
                    return Err(Error::stopped());
                }
                report(context, &nodes);
                let tx = context.begin().await?;
                return context.succeed(tx, &Outcome { statistics, nodes }).await;
            }
            tokio::select! {
                () = context.runs().something_ended() => {}
                () = context.cancel().cancelled() => return Err(Error::stopped()),
            }
        }
    }
}

/// The actions of a run that have been started, in the order of the triggers. A child's `dedup` holds its step, so it is
/// found again after a crash.
pub(crate) async fn nodes_of(runs: &Runs, run: &RunId, graph: &Graph) -> Result<Vec<Node>> {
    let mut nodes = Vec::new();
    for (step, action) in graph.steps() {
        let Some(child) = runs.child(run, &step).await? else { continue };
        let (what, name) = action.target()?;
        nodes.push(Node { step, what: what.into(), name: name.into(), run_id: child.id.0, state: child.state.into() });
    }
    Ok(nodes)
}

fn report(context: &RunContext, nodes: &[Node]) {
    for node in nodes {
        let level = if node.state == crate::NodeState::Succeeded { Level::Info } else { Level::Warn };
        context.log(level, format!("{} {} ended: {:?} (run {}).", node.what, node.name, node.state, node.run_id));
    }
}
