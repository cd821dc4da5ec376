//! Which trigger fires when. Pure: states in, decisions out.

use std::collections::BTreeMap;

use domain::{Error, Result, RunState, Timestamp};
use runs::{Run, RunId};
use serde::{Deserialize, Serialize};

use crate::cycle;
use crate::model::{Action, Condition, EventBatchingCondition, Trigger, TriggerType};

/// The triggers of a workflow as they were when its run began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    pub triggers: Vec<Trigger>,
    /// The trigger the run begins with.
    pub start: String,
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    /// The workflow; nothing for a trigger that stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// How many events began it, and how long they were waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<EventBatchingCondition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed: Option<Resumed>,
}

/// What a run takes over from the one that it resumes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resumed {
    pub run: RunId,
    /// What does not run again.
    pub kept: Vec<Node>,
    /// Steps that run again at once; what follows them runs when its trigger fires again.
    pub again: Vec<String>,
}

/// One action of one trigger, as a step of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Node {
    /// `trigger/0`: the trigger's name and the action's place in it.
    pub step: String,
    /// `job`, `crawler` or `pipeline`.
    pub what: String,
    pub name: String,
    /// Empty where the action could not be started at all.
    pub run_id: String,
    pub state: NodeState,
    /// Counts from 1 once started.
    #[serde(default)]
    pub attempt: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Node {
    /// An action's place, before anything is known of a run.
    fn new(step: String, action: &Action) -> Result<Self> {
        let (what, name) = action.target()?;
        let (what, name) = (what.to_owned(), name.to_owned());
        let (run_id, state) = (String::new(), NodeState::Waiting);
        Ok(Self { step, what, name, run_id, state, attempt: 0, started: None, ended: None, message: None })
    }

    pub(crate) fn of(step: String, action: &Action, run: Run) -> Result<Self> {
        Ok(Self {
            run_id: run.id.0,
            state: run.state.into(),
            attempt: run.attempt,
            started: run.started,
            ended: run.ended,
            message: run.message,
            ..Self::new(step, action)?
        })
    }

    pub(crate) fn not_started(step: String, action: &Action, why: &Error, now: Timestamp) -> Result<Self> {
        Ok(Self { state: NodeState::Error, ended: Some(now), message: Some(why.to_string()), ..Self::new(step, action)? })
    }
}

/// A node's state in the words of conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum NodeState {
    Waiting,
    Running,
    Succeeded,
    Failed,
    Stopped,
    Timeout,
    /// It could not be started: what the action names is gone.
    Error,
}

impl From<RunState> for NodeState {
    fn from(state: RunState) -> Self {
        match state {
            RunState::Queued => Self::Waiting,
            RunState::Running => Self::Running,
            RunState::Succeeded => Self::Succeeded,
            RunState::Failed => Self::Failed,
            RunState::Stopped => Self::Stopped,
            RunState::TimedOut => Self::Timeout,
        }
    }
}

impl NodeState {
    pub fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Running)
    }
}

/// How many actions stand where, in Glue's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statistics {
    pub total_actions: usize,
    pub succeeded_actions: usize,
    pub failed_actions: usize,
    pub stopped_actions: usize,
    pub timeout_actions: usize,
    #[serde(default)]
    pub errored_actions: usize,
    pub running_actions: usize,
    pub waiting_actions: usize,
}

impl Statistics {
    pub fn of(nodes: &[Node]) -> Self {
        let count = |state| nodes.iter().filter(|node| node.state == state).count();
        Self {
            total_actions: nodes.len(),
            succeeded_actions: count(NodeState::Succeeded),
            failed_actions: count(NodeState::Failed),
            stopped_actions: count(NodeState::Stopped),
            timeout_actions: count(NodeState::Timeout),
            errored_actions: count(NodeState::Error),
            running_actions: count(NodeState::Running),
            waiting_actions: count(NodeState::Waiting),
        }
    }
}

/// A step that should be under way, or will be, and is not yet.
#[derive(Debug, PartialEq)]
pub struct Due<'a> {
    /// When its trigger fired, and the trigger's delay.
    pub at: Timestamp,
    pub step: String,
    pub action: &'a Action,
}

impl Graph {
    /// Fails when a condition waits for something that no trigger of the workflow starts, or for itself: it would wait for ever.
    pub fn check(&self) -> Result<()> {
        if self.workflow.is_none() {
            return Ok(());
        }
        cycle::refuse(&self.triggers)?;
        let started: Vec<(&str, &str)> = self.steps().filter_map(|(_, action)| action.target().ok()).collect();
        for trigger in &self.triggers {
            for condition in trigger.predicate.iter().flat_map(|predicate| &predicate.conditions) {
                let Some(awaited) = condition.target() else { continue };
                if !started.contains(&awaited) {
                    let (what, name) = awaited;
                    let known: Vec<&str> = started.iter().filter(|one| one.0 == what).map(|one| one.1).collect();
                    return Err(Error::invalid_state(format!(
                        "Trigger {:?} waits for {what} {name:?}, which no trigger of the workflow starts; those it starts: {}.",
                        trigger.name,
                        known.join(", ")
                    )));
                }
            }
        }
        Ok(())
    }

    /// Every action of every trigger with its step.
    pub fn steps(&self) -> impl Iterator<Item = (String, &Action)> {
        self.triggers.iter().flat_map(steps_of)
    }

    /// Every action of every trigger that has fired by now and has no node yet. The run began at `began`.
    pub fn due(&self, nodes: &[Node], began: Timestamp) -> Vec<Due<'_>> {
        let mut due = Vec::new();
        for trigger in &self.triggers {
            let fired = self.fired_at(trigger, nodes, began);
            for (step, action) in steps_of(trigger).filter(|(step, _)| nodes.iter().all(|node| node.step != *step)) {
                let again = self.resumed.as_ref().is_some_and(|resumed| resumed.again.contains(&step));
                let delay_ms = i64::from(trigger.start_delay_seconds.unwrap_or(0)) * 1000;
                match fired.map(|fired| fired.plus_ms(delay_ms)) {
                    _ if again => due.push(Due { at: began, step, action }),
                    Some(at) => due.push(Due { at, step, action }),
                    None => {}
                }
            }
        }
        due
    }

    fn fired_at(&self, trigger: &Trigger, nodes: &[Node], began: Timestamp) -> Option<Timestamp> {
        if trigger.name == self.start {
            return Some(began);
        }
        if trigger.r#type != TriggerType::Conditional || !trigger.activated {
            return None;
        }
        let predicate = trigger.predicate.as_ref()?;
        let mut met = predicate.conditions.iter().map(|condition| met_at(condition, nodes));
        if predicate.is_any() { met.flatten().min() } else { met.try_fold(Timestamp(i64::MIN), |last, met| Some(last.max(met?))) }
    }
}

pub(crate) fn steps_of(trigger: &Trigger) -> impl Iterator<Item = (String, &Action)> {
    trigger.actions.iter().enumerate().map(|(index, action)| (format!("{}/{index}", trigger.name), action))
}

/// When something first met the condition.
fn met_at(condition: &Condition, nodes: &[Node]) -> Option<Timestamp> {
    let (what, name) = condition.target()?;
    let fitting = nodes.iter().filter(|node| node.what == what && node.name == name && condition.wants(node.state));
    fitting.filter_map(|node| node.ended).min()
}

impl Condition {
    /// Whether this is the state that it waits for.
    pub(crate) fn wants(&self, state: NodeState) -> bool {
        match self.state.as_deref().or(self.crawl_state.as_deref()) {
            Some("SUCCEEDED") => state == NodeState::Succeeded,
            Some("FAILED") => matches!(state, NodeState::Failed | NodeState::Error),
            Some("STOPPED" | "CANCELLED") => state == NodeState::Stopped,
            Some("TIMEOUT") => state == NodeState::Timeout,
            _ => false,
        }
    }
}
