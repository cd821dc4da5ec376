//! What every user did, whole: in memory, added to as the interactions dataset grows.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use dataset::Cell;

/// Columns of the interactions, in the order in which [`Histories::put`] takes them.
pub(crate) const COLUMNS: [&str; 5] = ["USER_ID", dataset::SESSION, "ITEM_ID", "EVENT_TYPE", "TIMESTAMP"];

/// One event, as filters see it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    /// Number of the item.
    pub item: u32,
    /// In small letters: types compare without case. Empty where there is none.
    pub event_type: Arc<str>,
    pub timestamp: i64,
}

#[derive(Debug, Clone, Copy)]
struct Past {
    timestamp: i64,
    item: u32,
    event_type: u32,
}

/// Events by user; by session where nobody has said yet who that is. An event that is put in twice does no harm.
#[derive(Debug, Default)]
pub(crate) struct Histories {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    of: HashMap<Arc<str>, Vec<Past>>,
    types: Vec<Arc<str>>,
    type_ids: HashMap<Arc<str>, u32>,
}

impl Histories {
    /// Rows that `read` hands over one after the other, added at once: readers wait meanwhile for as long as `rows` takes to move
    /// them, not for the disk.
    pub(crate) fn add(&self, rows: Vec<Row>) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        rows.into_iter().for_each(|row| inner.put(row));
    }

    /// All that is known of a user or session.
    pub(crate) fn of(&self, user_id: &str) -> Vec<Event> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let past = inner.of.get(user_id).map_or(&[][..], Vec::as_slice);
        let event = |past: &Past| {
            let event_type = inner.types.get(past.event_type as usize).cloned().unwrap_or_default();
            Event { item: past.item, event_type, timestamp: past.timestamp }
        };
        past.iter().map(event).collect()
    }
}

/// A row of the interactions, with the number of its item.
#[derive(Debug)]
pub(crate) struct Row {
    user: Option<Arc<str>>,
    session: Option<Arc<str>>,
    item: u32,
    event_type: String,
    timestamp: i64,
}

impl Row {
    /// From cells in the order of [`COLUMNS`]; nothing for a row that names no item or nobody.
    pub(crate) fn of(cells: &[Cell<'_>], number: impl FnOnce(&str) -> u32) -> Option<Self> {
        let [user, session, Cell::Text(item), event_type, timestamp] = cells else { return None };
        let text = |cell: &Cell<'_>| match cell {
            Cell::Text(text) => Some(Arc::<str>::from(*text)),
            Cell::Null | Cell::Number(_) | Cell::Truth(_) => None,
        };
        let (user, session) = (text(user), text(session));
        if user.is_none() && session.is_none() {
            return None;
        }
        let event_type = match event_type {
            Cell::Text(text) => text.to_lowercase(),
            Cell::Null | Cell::Number(_) | Cell::Truth(_) => String::new(),
        };
        let timestamp = match timestamp {
            Cell::Number(seconds) => *seconds as i64,
            Cell::Null | Cell::Text(_) | Cell::Truth(_) => 0,
        };
        Some(Self { user, session, item: number(item), event_type, timestamp })
    }
}

impl Inner {
    fn put(&mut self, row: Row) {
        let event_type = self.type_id(&row.event_type);
        let past = Past { timestamp: row.timestamp, item: row.item, event_type };
        // The first row that says who a visitor is brings the session's earlier events along.
        let earlier = match (&row.user, &row.session) {
            (Some(user), Some(session)) if user != session => self.of.remove(session).unwrap_or_default(),
            _ => Vec::new(),
        };
        let Some(who) = row.user.or(row.session) else { return };
        let events = self.of.entry(who).or_default();
        events.extend(earlier);
        events.push(past);
    }

    fn type_id(&mut self, name: &str) -> u32 {
        if let Some(id) = self.type_ids.get(name) {
            return *id;
        }
        let (id, name) = (self.types.len() as u32, Arc::<str>::from(name));
        self.types.push(name.clone());
        self.type_ids.insert(name, id);
        id
    }
}
