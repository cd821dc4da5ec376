//! When a crawler starts by itself.

use domain::Result;
use serde::{Deserialize, Serialize};

/// Glue's `Schedule` of a crawler: written as the object that answers hold, read from it or from the expression alone, as
/// requests have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", from = "Written")]
pub struct CrawlerSchedule {
    /// See [`runs::Schedule::parse`].
    pub schedule_expression: String,
    pub state: ScheduleState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ScheduleState {
    #[default]
    Scheduled,
    NotScheduled,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Expression(String),
    #[serde(rename_all = "PascalCase")]
    Whole {
        schedule_expression: String,
        #[serde(default)]
        state: ScheduleState,
    },
}

impl From<Written> for CrawlerSchedule {
    fn from(written: Written) -> Self {
        match written {
            Written::Expression(text) => Self::new(text),
            Written::Whole { schedule_expression, state } => Self { schedule_expression, state },
        }
    }
}

impl CrawlerSchedule {
    pub fn new(expression: impl Into<String>) -> Self {
        Self { schedule_expression: expression.into(), state: ScheduleState::Scheduled }
    }

    /// No expression, no schedule: that is how requests take one away.
    pub fn is_empty(&self) -> bool {
        self.schedule_expression.trim().is_empty()
    }

    pub fn parse(&self) -> Result<runs::Schedule> {
        runs::Schedule::parse(&self.schedule_expression)
    }
}
