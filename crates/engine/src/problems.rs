//! What was wrong with the data without stopping the query: counted, with the first place of each kind.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Kinds of problems told in a run's log.
const TOLD: usize = 20;

/// Shared by all readers of one query.
#[derive(Debug, Clone, Default)]
pub(crate) struct Problems(Arc<Mutex<BTreeMap<String, (u64, String)>>>);

impl Problems {
    /// `kind` is told once with its count; `place` is kept of the first only.
    pub fn add(&self, kind: &str, count: u64, place: impl FnOnce() -> String) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(kind) {
            Some((total, _)) => *total += count,
            None => {
                all.insert(kind.to_owned(), (count, place()));
            }
        }
    }

    /// A sentence each.
    pub fn sentences(&self) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sentences: Vec<String> =
            all.iter().take(TOLD).map(|(kind, (count, place))| format!("{count} {kind} (first: {place}).")).collect();
        if all.len() > TOLD {
            sentences.push(format!("{} more kinds of problems in the data.", all.len() - TOLD));
        }
        sentences
    }
}
