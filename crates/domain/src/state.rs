//! The states of a run and the moves between them. Legal moves are written here and nowhere else.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Where a run stands. Everything long is a run, so the status of every resource follows from one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    Queued,
    Running,
    Succeeded,
    Failed,
    Stopped,
    TimedOut,
}

impl RunState {
    pub const ALL: [RunState; 6] = [Self::Queued, Self::Running, Self::Succeeded, Self::Failed, Self::Stopped, Self::TimedOut];

    /// No further move is possible.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }

    /// `Running -> Queued` is a lost lease or a failed attempt with attempts left.
    pub fn may_become(self, next: RunState) -> bool {
        use RunState::{Failed, Queued, Running, Stopped, Succeeded, TimedOut};
        matches!((self, next), (Queued, Running | Stopped | Failed) | (Running, Queued | Succeeded | Failed | Stopped | TimedOut))
    }

    /// Fails with [`crate::ErrorKind::InvalidState`] when the move is not legal.
    pub fn check_move(self, next: RunState) -> Result<()> {
        if self.may_become(next) {
            return Ok(());
        }
        Err(Error::invalid_state(format!("A run that is {self} cannot become {next}.")))
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::TimedOut => "timed_out",
        }
    }

    pub fn parse(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| {
            Error::internal(format!("A run's state is one of queued, running, succeeded, failed, stopped, timed_out; found {text:?}."))
        })
    }

    /// Personalize's word for a resource that this run creates.
    pub fn personalize_status(self) -> &'static str {
        match self {
            Self::Queued => "CREATE PENDING",
            Self::Running => "CREATE IN_PROGRESS",
            Self::Succeeded => "ACTIVE",
            Self::Failed | Self::TimedOut => "CREATE FAILED",
            Self::Stopped => "CREATE STOPPED",
        }
    }

    /// Glue's word for a job run.
    pub fn job_run_state(self) -> &'static str {
        match self {
            Self::Queued => "STARTING",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Stopped => "STOPPED",
            Self::TimedOut => "TIMEOUT",
        }
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
