//! How many more runs of a kind, and about a resource, may be under way.

use std::collections::BTreeMap;

use crate::run::Run;
use crate::worker::Settings;

/// What is running now, on all nodes, and what may.
#[derive(Debug)]
pub(crate) struct Room {
    by_kind: BTreeMap<String, u32>,
    by_resource: BTreeMap<String, u32>,
    limits: BTreeMap<String, u32>,
    /// Resources of which nothing is left; looking at their runs would be in vain.
    pub full: Vec<String>,
}

impl Room {
    /// `running`: kind, resource, how many.
    pub fn new(running: Vec<(String, String, u32)>, settings: &Settings) -> Self {
        let (mut by_kind, mut by_resource) = (BTreeMap::new(), BTreeMap::new());
        for (kind, resource, count) in running {
            *by_kind.entry(kind).or_default() += count;
            *by_resource.entry(resource).or_default() += count;
        }
        Self { by_kind, by_resource, limits: settings.concurrent_by_kind.clone(), full: Vec::new() }
    }

    pub fn has_kind(&self, kind: &str) -> bool {
        self.limits.get(kind).is_none_or(|limit| self.by_kind.get(kind).copied().unwrap_or(0) < *limit)
    }

    /// A resource that has no room left is remembered as full.
    pub fn admits(&mut self, run: &Run) -> bool {
        if let Some(share) = &run.resource
            && self.by_resource.get(&share.name).copied().unwrap_or(0) >= share.at_once
        {
            if !self.full.contains(&share.name) {
                self.full.push(share.name.clone());
            }
            return false;
        }
        self.has_kind(&run.kind)
    }

    pub fn add(&mut self, run: &Run) {
        *self.by_kind.entry(run.kind.clone()).or_default() += 1;
        if let Some(share) = &run.resource {
            *self.by_resource.entry(share.name.clone()).or_default() += 1;
        }
    }
}
