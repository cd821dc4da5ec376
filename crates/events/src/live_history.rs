//! Recent events of every user, in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use domain::Arn;

use crate::call::LoggedCall;

/// One event of a user, as the next recommendation sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveEvent {
    pub item_id: Arc<str>,
    pub event_type: Arc<str>,
    /// Epoch seconds.
    pub timestamp: i64,
    /// Number of the PutEvents call that brought it; up to `Snapshot::events_through` it is in the training data.
    pub sequence: u64,
}

/// What happened lately, by group and user; clone it freely, all clones are the same. Reads no database.
#[derive(Debug, Clone)]
pub struct LiveHistory {
    inner: Arc<RwLock<Inner>>,
    /// Named limits: events kept in all, and of one user.
    events: usize,
    events_per_user: usize,
}

#[derive(Debug, Default)]
struct Inner {
    groups: HashMap<Arc<str>, HashMap<Arc<str>, VecDeque<LiveEvent>>>,
    /// Group, user and sequence of every event in order of arrival, for evicting the oldest. Events that moved to another
    /// user or made room for newer ones of their user leave an entry behind that finds nothing.
    order: VecDeque<(Arc<str>, Arc<str>, u64)>,
    events: usize,
}

impl LiveHistory {
    /// Keeps at most `events` in all and `events_per_user` each; the oldest go first.
    pub fn new(events: usize, events_per_user: usize) -> Self {
        Self { inner: Arc::default(), events, events_per_user }
    }

    /// The user's (or, while nobody knows who they are, the session's) recent events by time; empty when there are none.
    pub fn get(&self, group_arn: &Arn, user_id: &str) -> Vec<LiveEvent> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let events = inner.groups.get(group_arn.as_str()).and_then(|users| users.get(user_id));
        let mut events: Vec<LiveEvent> = events.into_iter().flatten().cloned().collect();
        events.sort_by_key(|event| event.timestamp);
        events
    }

    /// Events kept in all.
    pub fn len(&self) -> usize {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).events
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets what came up to `through` from users, and from sessions of people whom nobody knows, for whom `gone` is true; gives
    /// how many events that were.
    pub(crate) fn forget(&self, group_arn: &Arn, through: u64, gone: impl Fn(&str) -> bool) -> u64 {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        inner.order.retain(|(group, user, sequence)| &**group != group_arn.as_str() || *sequence > through || !gone(user));
        let before = inner.events;
        let Some(mut users) = inner.groups.remove(group_arn.as_str()) else { return 0 };
        users.retain(|user, events| {
            if gone(user) {
                let all = events.len();
                events.retain(|event| event.sequence > through);
                inner.events -= all - events.len();
            }
            !events.is_empty()
        });
        let removed = before - inner.events;
        inner.groups.insert(group_arn.as_str().into(), users);
        removed as u64
    }

    /// Takes over what was logged.
    pub(crate) fn record(&self, calls: &[LoggedCall]) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        for call in calls {
            inner.record(call, self.events_per_user);
        }
        inner.evict(self.events);
    }
}

impl Inner {
    fn record(&mut self, call: &LoggedCall, most: usize) {
        let group: Arc<str> = call.group.as_str().into();
        let user: Arc<str> = call.user.as_deref().unwrap_or(&call.session).into();
        let users = self.groups.entry(group.clone()).or_default();
        // The first call that says who the visitor is brings the session's earlier events along.
        let mut new = if call.user.is_some() { users.remove(call.session.as_str()).unwrap_or_default() } else { VecDeque::new() };
        self.events -= new.len();
        new.extend(call.events.iter().filter_map(|event| {
            Some(LiveEvent {
                item_id: event.item.as_deref()?.into(),
                event_type: event.event_type.as_str().into(),
                timestamp: event.timestamp,
                sequence: call.sequence,
            })
        }));
        if new.is_empty() {
            return;
        }
        self.order.extend(new.iter().map(|event| (group.clone(), user.clone(), event.sequence)));
        let events = users.entry(user).or_default();
        self.events += new.len();
        events.append(&mut new);
        events.make_contiguous().sort_by_key(|event| event.sequence);
        while events.len() > most {
            events.pop_front();
            self.events -= 1;
        }
    }

    fn evict(&mut self, most: usize) {
        while self.events > most || self.order.len() > most.saturating_mul(2) {
            let Some((group, user, sequence)) = self.order.pop_front() else { return };
            let Some(users) = self.groups.get_mut(&group) else { continue };
            let Some(events) = users.get_mut(&user) else { continue };
            if events.front().is_some_and(|event| event.sequence <= sequence) {
                events.pop_front();
                self.events -= 1;
            }
            if events.is_empty() {
                users.remove(&user);
            }
        }
    }
}
