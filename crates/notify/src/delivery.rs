//! One event on its way to one target, and one that did not get there.

use domain::Timestamp;
use serde::{Deserialize, Serialize};
use store::Resource;

use crate::event::Event;

/// Written with the cursor when a rule matched, deleted when the target has the event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    pub rule: String,
    pub target: String,
    pub event: Event,
    pub matched: Timestamp,
    /// So far.
    pub attempts: u32,
    /// When the next attempt may be made.
    pub due: Timestamp,
}

/// Given up on, until somebody redelivers or drops it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Names it for [`crate::Notify::redeliver`] and [`crate::Notify::drop_dead_letter`].
    pub id: String,
    pub rule: String,
    pub target: String,
    pub event: Event,
    pub attempts: u32,
    pub last_error: String,
    pub at: Timestamp,
}

/// How many dead letters of one target were dropped because there were more than are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DroppedLetters {
    pub rule: String,
    pub target: String,
    pub dropped: u64,
    /// No more letters than this are there: counted at the last look, and those written since. Spares a look at each.
    pub(crate) at_most: usize,
}

/// How far the notifications were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// The id of the last notification that was looked at.
    pub read: i64,
}

impl DroppedLetters {
    pub(crate) fn key_of(rule: &str, target: &str) -> String {
        format!("{rule}/{target}")
    }
}

impl Cursor {
    pub const KEY: &'static str = "rules";
}

impl Delivery {
    /// The same for the event, rule and target, however often it is made.
    pub(crate) fn id_of(rule: &str, target: &str, event: &str) -> String {
        format!("{rule}/{target}/{event}")
    }

    pub(crate) fn id(&self) -> String {
        Self::id_of(&self.rule, &self.target, &self.event.id)
    }

    pub(crate) fn dead(self, last_error: String, at: Timestamp) -> DeadLetter {
        let id = self.id();
        let Self { rule, target, event, attempts, .. } = self;
        DeadLetter { id, rule, target, event, attempts, last_error, at }
    }
}

impl Resource for Delivery {
    const KIND: &'static str = "delivery";
    fn key(&self) -> String {
        self.id()
    }
}

impl Resource for DeadLetter {
    const KIND: &'static str = "dead_letter";
    fn key(&self) -> String {
        self.id.clone()
    }
    fn parent(&self) -> String {
        self.rule.clone()
    }
}

impl Resource for DroppedLetters {
    const KIND: &'static str = "dropped_letters";
    fn key(&self) -> String {
        Self::key_of(&self.rule, &self.target)
    }
}

impl Resource for Cursor {
    const KIND: &'static str = "notification_cursor";
    fn key(&self) -> String {
        Self::KEY.into()
    }
}
