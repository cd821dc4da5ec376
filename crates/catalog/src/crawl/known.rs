//! What earlier crawls found, for crawlers that look at new folders only.

use std::collections::{BTreeMap, BTreeSet};

use domain::Result;
use store::{Resource, Store};

use super::FoundTable;
use super::apply::is_owned;
use crate::crawler::Crawler;
use crate::table::{Partition, Table};

/// Columns of a new folder that its table must share to take it as a partition.
const ALIKE: f64 = connect::files::SIMILAR;
/// What a partition must have in common with its table to be read as it.
const FORM: &[&str] = &[
    "classification",
    "compressionType",
    "delimiter",
    "quoteChar",
    "skip.header.line.count",
    "columnsByPosition",
    "encoding",
    "jsonPath",
    "rowTag",
    "grokPattern",
    "grokCustomPatterns",
];

/// The crawler's tables and where their data is. Places are a connection's name (empty for none) and a folder ending with a
/// slash, or a file.
#[derive(Debug, Default)]
pub(super) struct Known {
    places: BTreeSet<(String, String)>,
    /// Partitioned tables by their connection and, below that, their folder.
    partitioned: BTreeMap<String, BTreeMap<String, Table>>,
}

impl Known {
    pub async fn load(store: &Store, crawler: &Crawler) -> Result<Self> {
        let mut known = Self::default();
        for table in store.children::<Table>(&crawler.database_name).await? {
            if !is_owned(&table, crawler) {
                continue;
            }
            let connection = table.parameters.get("connectionName").cloned().unwrap_or_default();
            let location = table.location().to_owned();
            if table.partition_keys.is_empty() {
                known.places.insert((connection, location));
                continue;
            }
            for partition in store.children::<Partition>(&table.key()).await? {
                known.places.insert((connection.clone(), partition.location().to_owned()));
            }
            known.partitioned.entry(connection).or_default().insert(location, table.value);
        }
        Ok(known)
    }

    /// Whether an earlier crawl looked at the folder or file.
    pub fn has(&self, connection: &str, place: &str) -> bool {
        !self.places.is_empty() && self.places.contains(&(connection.to_owned(), place.to_owned()))
    }

    /// The innermost partitioned table that the folder lies in.
    pub fn table(&self, connection: &str, folder: &str) -> Option<&Table> {
        let tables = self.partitioned.get(connection)?;
        folder.rmatch_indices('/').find_map(|(slash, _)| tables.get(&folder[..=slash]))
    }
}

/// The values with which the folder is a partition of the table, or why it is none.
pub(super) fn partition_of(table: &Table, folder: &FoundTable) -> std::result::Result<Vec<String>, String> {
    let below = folder.table.location().strip_prefix(table.location()).unwrap_or_default().trim_end_matches('/');
    let parts: Vec<&str> = below.split('/').filter(|part| !part.is_empty()).collect();
    if parts.len() != table.partition_keys.len() || !folder.table.location().ends_with('/') {
        return Err(format!("it lies {} folders below the table, which has {} partition keys", parts.len(), table.partition_keys.len()));
    }
    let mut values = Vec::new();
    for (part, key) in parts.into_iter().zip(&table.partition_keys) {
        match part.split_once('=') {
            Some((name, value)) if name.eq_ignore_ascii_case(&key.name) => values.push(value.to_owned()),
            None if key.name.starts_with("partition_") => values.push(part.to_owned()),
            _ => return Err(format!("{part} gives no value for the partition key {}", key.name)),
        }
    }
    if let Some(name) = FORM.iter().find(|name| table.parameters.get(**name) != folder.table.parameters.get(**name)) {
        return Err(format!("its {name} is another"));
    }
    let names = |table: &Table| -> BTreeSet<String> { table.columns().iter().map(|column| column.name.to_lowercase()).collect() };
    let keys: BTreeSet<String> = table.partition_keys.iter().map(|key| key.name.to_lowercase()).collect();
    let (mine, theirs) = (names(table), names(&folder.table).difference(&keys).cloned().collect::<BTreeSet<_>>());
    let (common, either) = (mine.intersection(&theirs).count(), mine.union(&theirs).count());
    if (common as f64) < ALIKE * either as f64 {
        return Err(format!("{common} of {either} columns are common"));
    }
    Ok(values)
}

#[cfg(test)]
mod tests;
