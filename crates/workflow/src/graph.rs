//! Which trigger fires when. Pure: states in, decisions out.

use std::collections::BTreeMap;

use domain::{Error, Result, RunState};
use serde::{Deserialize, Serialize};

use crate::model::{Action, Condition, Trigger, TriggerType};

/// The triggers of a workflow as they were when its run began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    pub triggers: Vec<Trigger>,
    /// The trigger the run begins with.
    pub start: String,
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
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
    pub run_id: String,
    pub state: NodeState,
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
            running_actions: count(NodeState::Running),
            waiting_actions: count(NodeState::Waiting),
        }
    }
}

/// A step that should be under way and is not yet.
#[derive(Debug, PartialEq)]
pub struct Due<'a> {
    pub step: String,
    pub action: &'a Action,
}

impl Graph {
    /// Fails when a condition waits for something that no trigger of the workflow starts: it would wait for ever.
    pub fn check(&self) -> Result<()> {
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

    /// Every action of every trigger that has fired by now and has no node yet.
    pub fn due(&self, nodes: &[Node]) -> Vec<Due<'_>> {
        let fired = self.triggers.iter().filter(|trigger| self.has_fired(trigger, nodes));
        fired
            .flat_map(steps_of)
            .map(|(step, action)| Due { step, action })
            .filter(|due| nodes.iter().all(|node| node.step != due.step))
            .collect()
    }

    fn has_fired(&self, trigger: &Trigger, nodes: &[Node]) -> bool {
        if trigger.name == self.start {
            return true;
        }
        if trigger.r#type != TriggerType::Conditional || !trigger.activated {
            return false;
        }
        trigger.predicate.as_ref().is_some_and(|predicate| {
            let mut met = predicate.conditions.iter().map(|condition| is_met(condition, nodes));
            if predicate.is_any() { met.any(|met| met) } else { met.all(|met| met) }
        })
    }
}

fn steps_of(trigger: &Trigger) -> impl Iterator<Item = (String, &Action)> {
    trigger.actions.iter().enumerate().map(|(index, action)| (format!("{}/{index}", trigger.name), action))
}

fn is_met(condition: &Condition, nodes: &[Node]) -> bool {
    let Some((what, name)) = condition.target() else { return false };
    let state = condition.state.as_deref().or(condition.crawl_state.as_deref());
    let wanted = match state {
        Some("SUCCEEDED") => NodeState::Succeeded,
        Some("FAILED") => NodeState::Failed,
        Some("STOPPED" | "CANCELLED") => NodeState::Stopped,
        Some("TIMEOUT") => NodeState::Timeout,
        _ => return false,
    };
    nodes.iter().any(|node| node.what == what && node.name == name && node.state == wanted)
}
