//! What a run is.

use std::fmt;

use domain::{Error, Result, RunState, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Unique in this installation: the kind and a hex number, as in `train-9f31c2aa`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Which executor: `crawl`, `job`, `import`, `train`.
    pub kind: &'static str,
    /// What it is about: the key of a resource.
    pub subject: String,
    /// The run that asked for this one.
    pub parent: Option<RunId>,
    /// Submitting twice with the same text gives the run of the first time.
    pub dedup: Option<String>,
    pub input: Value,
    /// Tries in all, when an attempt fails in a way that may pass (a crash of the process does not count).
    pub max_attempts: u32,
    pub timeout_ms: Option<i64>,
    /// Higher ones are begun first; 0 is usual.
    pub priority: i64,
    /// What it shares with other runs, if only so many of them may be under way.
    pub resource: Option<Share>,
}

/// A resource of which several runs need a share: at most `at_once` of those that name it are running, on all nodes together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    pub name: String,
    pub at_once: u32,
}

impl NewRun {
    pub fn new(kind: &'static str, subject: impl Into<String>) -> Self {
        Self {
            kind,
            subject: subject.into(),
            parent: None,
            dedup: None,
            input: Value::Null,
            max_attempts: 1,
            timeout_ms: None,
            priority: 0,
            resource: None,
        }
    }

    /// Fails only for inputs that JSON cannot hold.
    pub fn input(mut self, input: &impl Serialize) -> Result<Self> {
        self.input = serde_json::to_value(input).map_err(|e| Error::internal("A run's input cannot be written.").source(e))?;
        Ok(self)
    }

    #[must_use]
    pub fn parent(mut self, parent: &RunId) -> Self {
        self.parent = Some(parent.clone());
        self
    }

    #[must_use]
    pub fn dedup(mut self, dedup: impl Into<String>) -> Self {
        self.dedup = Some(dedup.into());
        self
    }

    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    #[must_use]
    pub fn priority(mut self, priority: i64) -> Self {
        self.priority = priority;
        self
    }

    /// At most `at_once` of the runs that name this resource run at the same time; the others wait in the queue.
    #[must_use]
    pub fn resource(mut self, name: impl Into<String>, at_once: u32) -> Self {
        self.resource = Some(Share { name: name.into(), at_once: at_once.max(1) });
        self
    }

    #[must_use]
    pub fn timeout_ms(mut self, ms: i64) -> Self {
        self.timeout_ms = Some(ms);
        self
    }
}

/// How far a run has come: `done` of `total` `unit`s. A total of 0 means unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
    pub unit: String,
}

/// A run as the store has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    pub id: RunId,
    pub kind: String,
    pub subject: String,
    pub parent: Option<RunId>,
    pub input: Value,
    pub priority: i64,
    pub resource: Option<Share>,
    /// The node that carries it, or did last; empty before.
    pub node: String,
    pub state: RunState,
    /// Counts from 1 once started.
    pub attempt: u32,
    pub max_attempts: u32,
    /// Attempts that failed in a way that may pass; these count against `max_attempts`.
    pub failed_attempts: u32,
    /// How often the process died or stalled under it.
    pub lost_leases: u32,
    pub timeout_ms: Option<i64>,
    pub stopping: bool,
    pub progress: Progress,
    /// Stable failure code, where there is one.
    pub code: Option<String>,
    /// Why it failed, in one sentence.
    pub message: Option<String>,
    /// What the executor returned.
    pub result: Option<Value>,
    pub created: Timestamp,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
}

impl Run {
    /// The input as the executor's type.
    pub fn input<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_value(self.input.clone())
            .map_err(|e| Error::internal(format!("The input of run {} cannot be read.", self.id)).source(e))
    }

    /// The result as the executor's type; an error when the run has not succeeded.
    pub fn result<T: DeserializeOwned>(&self) -> Result<T> {
        let value =
            self.result.clone().ok_or_else(|| Error::invalid_state(format!("Run {} has no result: it is {}.", self.id, self.state)))?;
        serde_json::from_value(value).map_err(|e| Error::internal(format!("The result of run {} cannot be read.", self.id)).source(e))
    }

    /// The run itself if it succeeded, else its failure as an error that names it.
    pub fn succeeded(self) -> Result<Self> {
        if self.state == RunState::Succeeded {
            return Ok(self);
        }
        let why = self.message.clone().unwrap_or_else(|| format!("It is {}.", self.state));
        Err(Error::invalid_state(format!("Run {} ({} of {}) did not succeed: {why}", self.id, self.kind, self.subject)))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Info,
    Warn,
    Error,
}

impl Level {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// One line of a run's log. `id` grows over all runs and serves for paging.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogLine {
    pub id: i64,
    pub level: String,
    pub line: String,
    pub created: Timestamp,
}
