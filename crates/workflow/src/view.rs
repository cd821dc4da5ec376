//! What clients see, in Glue's JSON shape.

use std::collections::BTreeSet;

use domain::{Result, RunState};
use runs::{Run, RunId};
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use store::Stored;

use crate::RUN_KIND;
use crate::executor::{Outcome, nodes_of};
use crate::graph::{Graph, Node, NodeState, Statistics};
use crate::model::{Condition, EventBatchingCondition, Trigger, TriggerType, Workflow};
use crate::workflows::Workflows;

/// A trigger with its state, without our own bookkeeping.
#[derive(Debug)]
pub struct TriggerView {
    pub trigger: Trigger,
    /// `CREATED`, `ACTIVATED` or `DEACTIVATED`.
    pub state: &'static str,
}

impl Serialize for TriggerView {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut members = serde_json::to_value(&self.trigger).map_err(S::Error::custom)?;
        if let Some(members) = members.as_object_mut() {
            members.retain(|name, _| !["Activated", "LookedAt", "Tags"].contains(&name.as_str()));
            members.insert("State".into(), self.state.into());
        }
        members.serialize(serializer)
    }
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
    /// The run that this one resumes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_run_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starting_event_batch_condition: Option<EventBatchingCondition>,
    pub workflow_run_properties: std::collections::BTreeMap<String, String>,
    pub statistics: Statistics,
    /// Every action that has started, with its run; clients see it in `graph`.
    #[serde(skip)]
    pub nodes: Vec<Node>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graph: Option<Value>,
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
            Some(run) => Some(self.run_view(run, include_graph).await?),
            None => None,
        };
        let triggers = self.triggers_of(name).await?;
        let graph = include_graph.then(|| graph_view(triggers.into_iter().map(TriggerView::from).collect(), &[]));
        let mut workflow = stored.value;
        workflow.tags.clear();
        Ok(WorkflowView { created_on: stored.created.epoch(), last_modified_on: stored.updated.epoch(), workflow, last_run, graph })
    }

    /// What a trigger waited for before it started something in this workflow run; nothing where that is the run of something else.
    pub async fn waited_for(&self, run: &RunId, trigger: &str) -> Result<Vec<Node>> {
        let run = self.runs().get(run).await?;
        if run.kind != RUN_KIND {
            return Ok(Vec::new());
        }
        let graph: Graph = run.input()?;
        let conditions = graph.triggers.iter().filter(|known| known.name == trigger).flat_map(|known| &known.predicate);
        let wanted: BTreeSet<(&str, &str)> = conditions.flat_map(|predicate| &predicate.conditions).filter_map(Condition::target).collect();
        let started = nodes_of(self.runs(), &run, &graph).await?;
        Ok(started.into_iter().filter(|node| wanted.contains(&(node.what.as_str(), node.name.as_str()))).collect())
    }

    /// The actions of a run that have been started.
    pub(crate) async fn nodes(&self, run: &Run, graph: &Graph) -> Result<Vec<Node>> {
        match run.state {
            RunState::Succeeded => Ok(run.result::<Outcome>()?.nodes),
            _ => nodes_of(self.runs(), run, graph).await,
        }
    }

    pub async fn run_view(&self, run: Run, include_graph: bool) -> Result<WorkflowRunView> {
        let graph: Graph = run.input()?;
        let nodes = self.nodes(&run, &graph).await?;
        let workflow_run_properties = self.run_properties(&run.id, &graph).await?;
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
            previous_run_id: graph.resumed.map(|resumed| resumed.run.0),
            starting_event_batch_condition: graph.batch,
            workflow_run_properties,
            statistics: Statistics::of(&nodes),
            graph: include_graph.then(|| graph_view(graph.triggers.into_iter().map(frozen).collect(), &nodes)),
            nodes,
        })
    }
}

/// A trigger of a run's frozen graph.
fn frozen(trigger: Trigger) -> TriggerView {
    let state = if trigger.activated { "ACTIVATED" } else { "CREATED" };
    TriggerView { trigger, state }
}

/// Nodes and edges as Glue's `Graph` has them; jobs and crawlers with the runs that `started` knows.
fn graph_view(triggers: Vec<TriggerView>, started: &[Node]) -> Value {
    let (mut nodes, mut edges) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for view in triggers {
        let trigger_id = node_id("trigger", &view.trigger.name);
        for (what, name) in view.trigger.actions.iter().filter_map(|action| action.target().ok()) {
            let node = node_id(what, name);
            edges.push(json!({"SourceId": trigger_id, "DestinationId": node}));
            if seen.insert(node.clone()) {
                nodes.push(action_node(what, name, &node, started));
            }
        }
        for (what, name) in view.trigger.predicate.iter().flat_map(|predicate| &predicate.conditions).filter_map(Condition::target) {
            edges.push(json!({"SourceId": node_id(what, name), "DestinationId": trigger_id}));
        }
        nodes.push(json!({"Type": "TRIGGER", "Name": view.trigger.name, "UniqueId": trigger_id, "TriggerDetails": {"Trigger": view}}));
    }
    json!({"Nodes": nodes, "Edges": edges})
}

/// A node's `UniqueId`: the same in every run of the workflow, so that a run can be resumed by it.
pub(crate) fn node_id(what: &str, name: &str) -> String {
    format!("wnode_{what}_{name}")
}

/// A pipeline, which Glue does not know, is shown as a job.
fn action_node(what: &str, name: &str, id: &str, started: &[Node]) -> Value {
    let runs = started.iter().filter(|node| node.what == what && node.name == name);
    if what == "crawler" {
        let crawls: Vec<Value> = runs.map(|node| with_times(json!({"State": crawl_state(node.state)}), node)).collect();
        return json!({"Type": "CRAWLER", "Name": name, "UniqueId": id, "CrawlerDetails": {"Crawls": crawls}});
    }
    let job_run = |node: &Node| {
        let trigger = node.step.rsplit_once('/').map_or("", |(trigger, _)| trigger);
        let attempt = node.attempt.saturating_sub(1);
        let run = json!({"Id": node.run_id, "JobName": name, "TriggerName": trigger, "Attempt": attempt, "JobRunState": node.state});
        with_times(run, node)
    };
    let runs: Vec<Value> = runs.map(job_run).collect();
    json!({"Type": "JOB", "Name": name, "UniqueId": id, "JobDetails": {"JobRuns": runs}})
}

fn with_times(mut run: Value, node: &Node) -> Value {
    let times = [("StartedOn", node.started), ("CompletedOn", node.ended)];
    for (name, time) in times.into_iter().filter_map(|(name, time)| Some((name, time?))) {
        run[name] = json!(time.epoch());
    }
    if let Some(message) = &node.message {
        run["ErrorMessage"] = json!(message);
    }
    run
}

/// A crawl in the words of crawls, which can be neither waiting nor late.
fn crawl_state(state: NodeState) -> &'static str {
    match state {
        NodeState::Waiting | NodeState::Running => "RUNNING",
        NodeState::Succeeded => "SUCCEEDED",
        NodeState::Stopped => "CANCELLED",
        NodeState::Failed | NodeState::Timeout => "FAILED",
        NodeState::Error => "ERROR",
    }
}
