//! What clients see, in Glue's JSON shape.

use domain::{Result, RunState};
use runs::Run;
use serde::Serialize;
use serde_json::{Value, json};
use store::Stored;

use crate::executor::{Outcome, nodes_of};
use crate::graph::{Graph, Node, Statistics};
use crate::model::{Trigger, TriggerType, Workflow};
use crate::workflows::Workflows;

/// A trigger with its state.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TriggerView {
    #[serde(flatten)]
    pub trigger: Trigger,
    /// `CREATED`, `ACTIVATED` or `DEACTIVATED`.
    pub state: &'static str,
}

impl From<Stored<Trigger>> for TriggerView {
    fn from(stored: Stored<Trigger>) -> Self {
        let state = match (stored.r#type, stored.activated) {
            (TriggerType::OnDemand, _) => "CREATED",
            (_, true) => "ACTIVATED",
            (_, false) if stored.version == 1 => "CREATED",
            (_, false) => "DEACTIVATED",
        };
        Self { trigger: stored.value, state }
    }
}

/// A run of a workflow.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct WorkflowRunView {
    pub name: String,
    pub workflow_run_id: String,
    pub started_on: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_on: Option<f64>,
    /// `RUNNING`, `COMPLETED`, `STOPPING`, `STOPPED` or `ERROR`. As in Glue, COMPLETED says only that nothing more will run.
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    pub workflow_run_properties: std::collections::BTreeMap<String, String>,
    pub statistics: Statistics,
    /// Penchant's own: every action with its run.
    pub nodes: Vec<Node>,
}

/// A workflow, its last run and its graph.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct WorkflowView {
    #[serde(flatten)]
    pub workflow: Workflow,
    pub created_on: f64,
    pub last_modified_on: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run: Option<WorkflowRunView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graph: Option<Value>,
}

impl Workflows {
    pub async fn view(&self, name: &str, include_graph: bool) -> Result<WorkflowView> {
        let stored = self.get_workflow(name).await?;
        let last_run = match self.list_runs(name, 1).await?.into_iter().next() {
            Some(run) => Some(self.run_view(run).await?),
            None => None,
        };
        let graph = if include_graph { Some(self.graph_view(name).await?) } else { None };
        Ok(WorkflowView {
            created_on: stored.created.epoch(),
            last_modified_on: stored.updated.epoch(),
            workflow: stored.value,
            last_run,
            graph,
        })
    }

    pub async fn run_view(&self, run: Run) -> Result<WorkflowRunView> {
        let graph: Graph = run.input()?;
        let nodes = match run.state {
            RunState::Succeeded => run.result::<Outcome>()?.nodes,
            _ => nodes_of(self.runs(), &run.id, &graph).await?,
        };
        Ok(WorkflowRunView {
            name: run.subject,
            workflow_run_id: run.id.0,
            started_on: run.created.epoch(),
            completed_on: run.ended.map(|time| time.epoch()),
            status: match run.state {
                RunState::Queued | RunState::Running if run.stopping => "STOPPING",
                RunState::Queued | RunState::Running => "RUNNING",
                RunState::Succeeded => "COMPLETED",
                RunState::Stopped => "STOPPED",
                RunState::Failed | RunState::TimedOut => "ERROR",
            },
            error_message: run.message,
            workflow_run_properties: graph.properties,
            statistics: Statistics::of(&nodes),
            nodes,
        })
    }

    /// Nodes and edges as Glue's `Graph` has them.
    async fn graph_view(&self, workflow: &str) -> Result<Value> {
        let triggers = self.triggers_of(workflow).await?;
        let (mut nodes, mut edges) = (Vec::new(), Vec::new());
        let id = |what: &str, name: &str| format!("wnode_{what}_{name}");
        let mut seen = std::collections::BTreeSet::new();
        for trigger in triggers {
            let trigger_id = id("trigger", &trigger.name);
            for (what, name) in trigger.actions.iter().filter_map(|action| action.target().ok()) {
                let node = id(what, name);
                if seen.insert(node.clone()) {
                    nodes.push(json!({"Type": what.to_uppercase(), "Name": name, "UniqueId": node}));
                }
                edges.push(json!({"SourceId": trigger_id, "DestinationId": node}));
            }
            for condition in trigger.predicate.iter().flat_map(|predicate| &predicate.conditions) {
                let source = match (&condition.job_name, &condition.crawler_name) {
                    (Some(name), _) => id("job", name),
                    (None, Some(name)) => id("crawler", name),
                    (None, None) => continue,
                };
                edges.push(json!({"SourceId": source, "DestinationId": trigger_id}));
            }
            let view = TriggerView::from(trigger);
            nodes.push(json!({"Type": "TRIGGER", "Name": view.trigger.name, "UniqueId": trigger_id, "TriggerDetails": {"Trigger": view}}));
        }
        Ok(json!({"Nodes": nodes, "Edges": edges}))
    }
}
