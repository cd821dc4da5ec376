//! What waits to be delivered, by target, so that one target's troubles are its own.

use std::collections::{BTreeMap, HashMap};

use domain::Timestamp;
use tokio::task::Id;

use crate::delivery::Delivery;

/// Attempts under way for one target at a time.
const AT_ONCE: usize = 4;
/// A target with more deliveries waiting gets no new ones: they are dead letters at once.
const MOST_WAITING: usize = 10_000;

/// Rule and target's id.
type To = (String, String);

/// The deliveries of the store, in memory; only the dispatcher writes either.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    waiting: HashMap<To, BTreeMap<(Timestamp, String), Delivery>>,
    under_way: HashMap<Id, Delivery>,
    counts: HashMap<To, usize>,
}

impl Backlog {
    pub fn add(&mut self, delivery: Delivery) {
        let place = (delivery.due, delivery.event.id.clone());
        self.waiting.entry(to(&delivery)).or_default().insert(place, delivery);
    }

    pub fn is_full(&self, rule: &str, target: &str) -> bool {
        self.waiting.get(&(rule.to_owned(), target.to_owned())).is_some_and(|waiting| waiting.len() >= MOST_WAITING)
    }

    /// Those whose time has come, the earliest of each target first, as many as may be under way.
    pub fn take_due(&mut self, now: Timestamp) -> Vec<Delivery> {
        let mut due = Vec::new();
        self.waiting.retain(|to, waiting| {
            let mut free = AT_ONCE.saturating_sub(self.counts.get(to).copied().unwrap_or(0));
            while let Some(first) = waiting.first_entry().filter(|first| free > 0 && first.key().0 <= now) {
                due.push(first.remove());
                free -= 1;
            }
            !waiting.is_empty()
        });
        due
    }

    pub fn started(&mut self, task: Id, delivery: Delivery) {
        *self.counts.entry(to(&delivery)).or_default() += 1;
        self.under_way.insert(task, delivery);
    }

    /// Gives what the task was about.
    pub fn ended(&mut self, task: Id) -> Option<Delivery> {
        let delivery = self.under_way.remove(&task)?;
        let to = to(&delivery);
        if let Some(count) = self.counts.get_mut(&to) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&to);
            }
        }
        Some(delivery)
    }
}

fn to(delivery: &Delivery) -> To {
    (delivery.rule.clone(), delivery.target.clone())
}
