//! One workflow run: starts what is due, waits for something to end, looks again.

use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use domain::{Error, ErrorKind, Result};
use runs::{Executor, Finished, Level, Run, RunContext, RunId, Runs};
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

/// What became of one look at what is due.
#[derive(PartialEq)]
enum Look {
    Started,
    /// Something is due at a later time.
    Later,
    Nothing,
}

impl WorkflowExecutor {
    pub fn new(starter: Arc<dyn Starter>) -> Self {
        Self { starter }
    }

    /// Starts every action whose time has come. What is gone by now is a failed node: other branches have nothing to do with it.
    async fn start_due(&self, context: &RunContext, graph: &Graph, nodes: &mut Vec<Node>) -> Result<Look> {
        let now = context.clock().now();
        let (due, later): (Vec<_>, Vec<_>) = graph.due(nodes, context.run().created).into_iter().partition(|due| due.at <= now);
        for due in &due {
            let (what, name) = due.action.target()?;
            let node = match self.starter.start(due.action, context, &due.step).await {
                Ok(id) => Node::of(due.step.clone(), due.action, context.runs().get(&id).await?)?,
                Err(error) if error.is_retryable() || error.kind == ErrorKind::Stopped => return Err(error),
                Err(error) => {
                    context.log(Level::Error, format!("{what} {name} ({}) could not be started: {error}", due.step));
                    nodes.push(Node::not_started(due.step.clone(), due.action, &error, now)?);
                    continue;
                }
            };
            nodes.push(node);
            context.point("action_started").await;
            context.info(format!("Started {what} {name} ({}).", due.step));
        }
        Ok(match (due.len(), later.len()) {
            (0, 0) => Look::Nothing,
            (0, _) => Look::Later,
            _ => Look::Started,
        })
    }

    async fn check(&self, graph: &Graph) -> Result<()> {
        for (_, action) in graph.steps() {
            self.starter.check(action).await?;
        }
        Ok(())
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
        let mut nodes = nodes_of(context.runs(), context.run(), &graph).await?;
        // What goes missing once something has started fails its own node only.
        if nodes.is_empty() {
            self.check(&graph).await?;
        }
        loop {
            // Listens before it looks, so that no end falls between the two.
            let mut ended = pin!(context.runs().something_ended());
            let ended_already = tokio::select! {
                biased;
                () = &mut ended => true,
                () = std::future::ready(()) => false,
            };
            look_again(context.runs(), &mut nodes).await?;
            let look = self.start_due(context, &graph, &mut nodes).await?;
            if ended_already || look == Look::Started {
                continue;
            }
            // Judged by the same reading as what was due: an action that ended since may have made others due.
            let statistics = Statistics::of(&nodes);
            let open = statistics.running_actions + statistics.waiting_actions;
            context.progress((statistics.total_actions - open) as u64, statistics.total_actions as u64, "actions");
            if open == 0 && look == Look::Nothing {
                // Who stops the run stops its children too; they may end before this one hears of it.
                if context.runs().get(context.id()).await?.stopping {
                    return Err(Error::stopped());
                }
                report(context, &nodes);
                let tx = context.begin().await?;
                return context.succeed(tx, &Outcome { statistics, nodes }).await;
            }
            tokio::select! {
                () = ended => {}
                () = context.cancel().cancelled() => return Err(Error::stopped()),
            }
        }
    }
}

/// Reads anew what had not ended.
async fn look_again(runs: &Runs, nodes: &mut [Node]) -> Result<()> {
    for node in nodes.iter_mut().filter(|node| node.state.is_open()) {
        let run = runs.get(&RunId(node.run_id.clone())).await?;
        node.state = run.state.into();
        (node.attempt, node.started, node.ended, node.message) = (run.attempt, run.started, run.ended, run.message);
    }
    Ok(())
}

/// The actions of a run that have been started, in the order of the triggers, after those that it keeps of the run before. A child's
/// `dedup` holds its step, so it is found again after a crash.
pub(crate) async fn nodes_of(runs: &Runs, run: &Run, graph: &Graph) -> Result<Vec<Node>> {
    let mut nodes = graph.resumed.as_ref().map(|resumed| resumed.kept.clone()).unwrap_or_default();
    for (step, action) in graph.steps() {
        if nodes.iter().any(|node| node.step == step) {
            continue;
        }
        let Some(child) = runs.child(&run.id, &step).await? else { continue };
        nodes.push(Node::of(step, action, child)?);
    }
    Ok(nodes)
}

fn report(context: &RunContext, nodes: &[Node]) {
    for node in nodes {
        let level = if node.state == crate::NodeState::Succeeded { Level::Info } else { Level::Warn };
        context.log(level, format!("{} {} ended: {:?} (run {}).", node.what, node.name, node.state, node.run_id));
    }
}
