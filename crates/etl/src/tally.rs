//! Counts what comes out of each table while it comes out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::TableRead;

/// The counts of one query; clones count together.
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<Mutex<BTreeMap<String, Meter>>>);

/// The counts of one table; clones count together.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    rows: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
}

impl Tally {
    /// The meter of `database.table`.
    pub fn table(&self, name: &str) -> Meter {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default().clone()
    }

    /// By name.
    pub fn read(&self) -> Vec<TableRead> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(table, meter)| TableRead { table: table.clone(), rows: meter.rows(), bytes: meter.bytes() }).collect()
    }
}

impl Meter {
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub fn add_rows(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    pub fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}
