//! Counts what comes out of each table while it comes out, and keeps what an engine says at the end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::TableRead;

/// The counts of one query; clones count together.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    tables: Arc<Mutex<BTreeMap<String, Meter>>>,
    finish: Arc<Mutex<Finish>>,
}

/// What an engine says of a query whose rows have ended, or that failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finish {
    pub peak_memory_bytes: u64,
    pub spills: u64,
    pub spilled_bytes: u64,
    /// What was wrong with the data without stopping the query, a sentence each.
    pub problems: Vec<String>,
}

/// The counts of one table; clones count together.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    rows: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
}

impl Tally {
    /// The meter of `database.table`.
    pub fn table(&self, name: &str) -> Meter {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default().clone()
    }

    /// By name.
    pub fn read(&self) -> Vec<TableRead> {
        let all = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(table, meter)| TableRead { table: table.clone(), rows: meter.rows(), bytes: meter.bytes() }).collect()
    }

    /// Counts anew, as the query begins anew.
    pub fn clear(&self) {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Said by the engine, once, before the rows' stream ends.
    pub fn finish(&self, finish: Finish) {
        *self.finish.lock().unwrap_or_else(PoisonError::into_inner) = finish;
    }

    /// Nothing but zeroes before the end.
    pub fn finished(&self) -> Finish {
        self.finish.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
