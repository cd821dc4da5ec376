//! Triggers and workflows, in Glue's JSON shape.

use std::collections::BTreeMap;

use domain::{Error, Result, Timestamp};
use runs::Schedule;
use serde::{Deserialize, Serialize};
use store::Resource;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TriggerType {
    OnDemand,
    Scheduled,
    Conditional,
}

/// When what starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Trigger {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_name: Option<String>,
    pub r#type: TriggerType,
    /// `cron(...)`, `rate(...)` or a plain cron expression, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicate: Option<Predicate>,
    #[serde(default)]
    pub actions: Vec<Action>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether a schedule or a condition is looked at. An on-demand trigger needs no activation.
    #[serde(default)]
    pub activated: bool,
    /// When a schedule was last looked at; it fires when an occurrence lies after this.
    #[serde(default)]
    pub looked_at: Timestamp,
}

/// What a conditional trigger waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Predicate {
    /// `AND` (the default) or `ANY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logical: Option<String>,
    pub conditions: Vec<Condition>,
}

/// One job or crawler in one state.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Condition {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logical_operator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    /// `SUCCEEDED`, `STOPPED`, `FAILED` or `TIMEOUT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crawler_name: Option<String>,
    /// `SUCCEEDED`, `FAILED` or `CANCELLED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crawl_state: Option<String>,
}

/// What a trigger starts: exactly one of a job, a crawler or (ours) a training pipeline.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Action {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crawler_name: Option<String>,
    /// Penchant's own: the training pipeline of that name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_name: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, String>,
    /// Minutes; overrides the job's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u32>,
}

/// A name under which triggers belong together.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Workflow {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub default_run_properties: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrent_runs: Option<u32>,
}

impl Resource for Trigger {
    const KIND: &'static str = "trigger";
    fn key(&self) -> String {
        self.name.clone()
    }
    fn parent(&self) -> String {
        self.workflow_name.clone().unwrap_or_default()
    }
}

impl Resource for Workflow {
    const KIND: &'static str = "workflow";
    fn key(&self) -> String {
        self.name.clone()
    }
}

impl Trigger {
    /// Says the first thing that is wrong with it.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: String| Err(Error::invalid_input(format!("Trigger {:?}: {what}", self.name)));
        if self.name.is_empty() || self.name.len() > 255 {
            return wrong(format!("a name has 1 to 255 characters; found {}.", self.name.len()));
        }
        if self.actions.is_empty() {
            return wrong("expected at least one action; found none.".into());
        }
        for action in &self.actions {
            action.check().or_else(|e| wrong(e.message))?;
        }
        match self.r#type {
            TriggerType::OnDemand => Ok(()),
            TriggerType::Scheduled => match &self.schedule {
                Some(text) => Schedule::parse(text).map(|_| ()),
                None => wrong("a SCHEDULED trigger needs a Schedule.".into()),
            },
            TriggerType::Conditional if self.workflow_name.is_none() => {
                wrong("a CONDITIONAL trigger belongs to a workflow; found no WorkflowName.".into())
            }
            TriggerType::Conditional => match &self.predicate {
                Some(predicate) => predicate.check().or_else(|e| wrong(e.message)),
                None => wrong("a CONDITIONAL trigger needs a Predicate.".into()),
            },
        }
    }
}

impl Predicate {
    /// Any one condition is enough.
    pub fn is_any(&self) -> bool {
        self.logical.as_deref() == Some("ANY")
    }

    fn check(&self) -> Result<()> {
        if let Some(other) = self.logical.as_deref().filter(|l| !["AND", "ANY"].contains(l)) {
            return Err(Error::invalid_input(format!("Logical is AND or ANY; found {other:?}.")));
        }
        if self.conditions.is_empty() {
            return Err(Error::invalid_input("expected at least one condition; found none."));
        }
        self.conditions.iter().try_for_each(Condition::check)
    }
}

const JOB_STATES: [&str; 4] = ["SUCCEEDED", "STOPPED", "FAILED", "TIMEOUT"];
const CRAWL_STATES: [&str; 3] = ["SUCCEEDED", "FAILED", "CANCELLED"];

impl Condition {
    /// `(what, name)`, as in `("job", "items")`.
    pub fn target(&self) -> Option<(&'static str, &str)> {
        match (&self.job_name, &self.crawler_name) {
            (Some(name), _) => Some(("job", name)),
            (None, Some(name)) => Some(("crawler", name)),
            (None, None) => None,
        }
    }

    fn check(&self) -> Result<()> {
        let (states, found): (&[&str], _) = match (&self.job_name, &self.crawler_name) {
            (Some(_), None) => (&JOB_STATES, &self.state),
            (None, Some(_)) => (&CRAWL_STATES, &self.crawl_state),
            _ => return Err(Error::invalid_input("a condition names either a JobName or a CrawlerName.")),
        };
        match found.as_deref() {
            Some(state) if states.contains(&state) => Ok(()),
            other => Err(Error::invalid_input(format!("a condition's state is one of {}; found {other:?}.", states.join(", ")))),
        }
    }
}

impl Action {
    /// `(what, name)`, as in `("job", "items")`.
    pub fn target(&self) -> Result<(&'static str, &str)> {
        match (&self.job_name, &self.crawler_name, &self.pipeline_name) {
            (Some(name), None, None) => Ok(("job", name)),
            (None, Some(name), None) => Ok(("crawler", name)),
            (None, None, Some(name)) => Ok(("pipeline", name)),
            _ => Err(Error::invalid_input("an action names exactly one of JobName, CrawlerName and PipelineName.")),
        }
    }

    fn check(&self) -> Result<()> {
        self.target().map(|_| ())
    }
}
