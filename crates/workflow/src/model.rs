//! Triggers and workflows, in Glue's JSON shape.

use std::collections::BTreeMap;

use domain::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Location, Resource};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TriggerType {
    #[default]
    OnDemand,
    Scheduled,
    Conditional,
    Event,
}

/// When what starts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Trigger {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_name: Option<String>,
    pub r#type: TriggerType,
    /// `cron(...)`, `rate(...)` or a plain cron expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Penchant's own: the time zone of the schedule, as in `Europe/Berlin`; UTC where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicate: Option<Predicate>,
    /// How many events an EVENT trigger waits for; one where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_batching_condition: Option<EventBatchingCondition>,
    /// Penchant's own: an EVENT trigger's events are files that appear there, without any rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_arrival: Option<FileArrival>,
    /// Penchant's own: what fires starts its actions so much later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_delay_seconds: Option<u32>,
    #[serde(default)]
    pub actions: Vec<Action>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Whether a schedule, a condition or events are looked at. An on-demand trigger needs no activation.
    #[serde(default)]
    pub activated: bool,
    /// Up to when it was looked at, or when it was activated: it fires for what lies after this.
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

/// So many events, or so many seconds since the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EventBatchingCondition {
    pub batch_size: u32,
    #[serde(default = "widest_window")]
    pub batch_window: u32,
}

fn widest_window() -> u32 {
    EventBatchingCondition::ONE.batch_window
}

impl EventBatchingCondition {
    /// What holds where nothing is said.
    pub(crate) const ONE: Self = Self { batch_size: 1, batch_window: 900 };
}

/// Files that a trigger waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FileArrival {
    /// `s3://bucket/prefix/`
    pub location: String,
    /// `*.csv`: `*` stands for anything, `?` for one character. Without `/` it is about the file's name, else about all that follows the
    /// location. Left out: every file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
}

/// One job, crawler, pipeline or workflow in one state.
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
    /// Penchant's own; its `State` is as a job's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_name: Option<String>,
    /// Penchant's own, of triggers outside workflows; its `State` is `SUCCEEDED` (nothing more will run), `FAILED` or `STOPPED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow_name: Option<String>,
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
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
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
    /// Whether runs that end anywhere may fire it.
    pub(crate) fn watches_runs(&self) -> bool {
        self.activated && self.r#type == TriggerType::Conditional && self.workflow_name.is_none()
    }

    pub(crate) fn batching(&self) -> EventBatchingCondition {
        self.event_batching_condition.unwrap_or(EventBatchingCondition::ONE)
    }
}

impl Predicate {
    /// Any one condition is enough.
    pub fn is_any(&self) -> bool {
        self.logical.as_deref() == Some("ANY")
    }
}

impl Condition {
    /// `(what, name)`, as in `("job", "items")`.
    pub fn target(&self) -> Option<(&'static str, &str)> {
        let named = [
            ("job", &self.job_name),
            ("crawler", &self.crawler_name),
            ("pipeline", &self.pipeline_name),
            ("workflow", &self.workflow_name),
        ];
        named.into_iter().find_map(|(what, name)| Some((what, name.as_deref()?)))
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
}

impl FileArrival {
    /// Whether the file is one of those.
    pub fn matches(&self, bucket: &str, key: &str) -> bool {
        let Ok(Location::S3 { bucket: wanted, key: prefix }) = Location::parse(&self.location) else { return false };
        let Some(rest) = key.strip_prefix(prefix.as_str()).filter(|_| bucket == wanted) else { return false };
        let Some(pattern) = &self.pattern else { return true };
        fits(pattern, if pattern.contains('/') { rest } else { key.rsplit('/').next().unwrap_or(key) })
    }
}

/// `*` for anything, `?` for one character: goes back to the last `*` only, which is enough.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut place, mut star) = (0, 0, None);
    while let Some(character) = text.get(place) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, place));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == character => {
                at += 1;
                place += 1;
            }
            _ => {
                let Some((stood, from)) = star else { return false };
                star = Some((stood, from + 1));
                at = stood + 1;
                place = from + 1;
            }
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == '*')
}
