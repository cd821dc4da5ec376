//! What became of a table between two looks at it: the entries of a crawl's change list and of the difference of two versions.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::table::{Column, Table};

/// From this likeness on (see [`likeness`]) a name that went and a name that came are taken for one.
const LIKE: f64 = 0.5;
/// More pairs of gone and new columns than this are not compared by name: such a table was replaced, not renamed.
const MAX_PAIRS: usize = 100_000;

/// One change of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub database: String,
    pub table: String,
    #[serde(flatten)]
    pub kind: ChangeKind,
}

/// Columns are all that a query can name: those of the data and the partition keys. Types are Hive's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ChangeKind {
    TableAdded,
    TableGone,
    ColumnAdded {
        column: String,
        data_type: String,
    },
    ColumnRemoved {
        column: String,
        data_type: String,
    },
    ColumnRetyped {
        column: String,
        from: String,
        to: String,
    },
    /// It looks so: one column went, one of the same type came, and they have a similar name or the same place. Whoever reads
    /// `from` finds it no more, whatever the truth is.
    ColumnRenamed {
        from: String,
        to: String,
    },
    /// Other names or another order of partition keys: the partitions known before mean nothing any more.
    PartitionKeysChanged {
        from: Vec<String>,
        to: Vec<String>,
    },
}

impl Change {
    pub fn new(table: &Table, kind: ChangeKind) -> Self {
        Self { database: table.database_name.clone(), table: table.name.clone(), kind }
    }
}

/// A sentence for a log, with the table's name.
impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}: ", self.database, self.table)?;
        match &self.kind {
            ChangeKind::TableAdded => write!(f, "new table."),
            ChangeKind::TableGone => write!(f, "its data is gone."),
            ChangeKind::ColumnAdded { column, data_type } => write!(f, "new column {column} ({data_type})."),
            ChangeKind::ColumnRemoved { column, data_type } => write!(f, "column {column} ({data_type}) is gone."),
            ChangeKind::ColumnRetyped { column, from, to } => write!(f, "column {column} was {from} and is {to}."),
            ChangeKind::ColumnRenamed { from, to } => write!(f, "column {from} is gone and looks renamed to {to}."),
            ChangeKind::PartitionKeysChanged { from, to } => {
                write!(f, "partitioned by ({}) before, by ({}) now.", from.join(", "), to.join(", "))
            }
        }
    }
}

/// What differs in columns and partition keys, in the order: layout, retyped, renamed, gone, new. Empty when nothing that a
/// query can see changed. The names of the changes are those of `new`.
pub fn diff(old: &Table, new: &Table) -> Vec<Change> {
    let (before, after) = (readable(old), readable(new));
    let mut kinds = Vec::new();
    let names = |table: &Table| table.partition_keys.iter().map(|key| key.name.clone()).collect::<Vec<_>>();
    if names(old) != names(new) {
        kinds.push(ChangeKind::PartitionKeysChanged { from: names(old), to: names(new) });
    }
    let types: std::collections::BTreeMap<&str, &str> =
        before.iter().map(|column| (column.name.as_str(), column.data_type.as_str())).collect();
    for column in &after {
        if let Some(from) = types.get(column.name.as_str()).filter(|from| **from != column.data_type) {
            let (from, to) = ((*from).to_owned(), column.data_type.clone());
            kinds.push(ChangeKind::ColumnRetyped { column: column.name.clone(), from, to });
        }
    }
    let known: BTreeSet<&str> = after.iter().map(|column| column.name.as_str()).collect();
    let places = |columns: &[&Column], is_odd: &dyn Fn(&str) -> bool| -> Vec<usize> {
        (0..columns.len()).filter(|at| is_odd(&columns[*at].name)).collect()
    };
    let gone = places(&before, &|name| !known.contains(name));
    let came = places(&after, &|name| !types.contains_key(name));
    let renamed = renamed(&before, &gone, &after, &came);
    kinds.extend(
        renamed.iter().map(|(from, to)| ChangeKind::ColumnRenamed { from: before[*from].name.clone(), to: after[*to].name.clone() }),
    );
    let removed = gone.iter().filter(|at| !renamed.iter().any(|(from, _)| from == *at)).map(|at| before[*at]);
    kinds.extend(removed.map(|c| ChangeKind::ColumnRemoved { column: c.name.clone(), data_type: c.data_type.clone() }));
    let added = came.iter().filter(|at| !renamed.iter().any(|(_, to)| to == *at)).map(|at| after[*at]);
    kinds.extend(added.map(|c| ChangeKind::ColumnAdded { column: c.name.clone(), data_type: c.data_type.clone() }));
    kinds.into_iter().map(|kind| Change::new(new, kind)).collect()
}

/// Data columns, then partition keys.
fn readable(table: &Table) -> Vec<&Column> {
    table.columns().iter().chain(&table.partition_keys).collect()
}

/// Pairs of gone and new places, the most alike first; each place in one pair at most.
fn renamed(before: &[&Column], gone: &[usize], after: &[&Column], came: &[usize]) -> Vec<(usize, usize)> {
    if gone.len().saturating_mul(came.len()) > MAX_PAIRS {
        return Vec::new();
    }
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (old, new) in gone.iter().flat_map(|old| came.iter().map(move |new| (*old, *new))) {
        if before[old].data_type != after[new].data_type {
            continue;
        }
        // A renamed column keeps its place; one that was dropped and another that was added do so only by chance.
        let alone = gone.len() == 1 && came.len() == 1 && before.len() == after.len() && old == new && before.len() > 1;
        let like = if alone { 1.0 } else { likeness(&before[old].name, &after[new].name) };
        if like >= LIKE {
            pairs.push((like, old, new));
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    let (mut old_taken, mut new_taken) = (BTreeSet::new(), BTreeSet::new());
    let mut chosen = Vec::new();
    for (_, old, new) in pairs {
        if !old_taken.contains(&old) && !new_taken.contains(&new) {
            old_taken.insert(old);
            new_taken.insert(new);
            chosen.push((old, new));
        }
    }
    chosen
}

/// Dice's coefficient of the letter pairs of both names, without case, separators and other signs: 1 for the same, 0 for
/// nothing in common.
fn likeness(a: &str, b: &str) -> f64 {
    let plain = |name: &str| name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<Vec<char>>();
    let (a, b) = (plain(a), plain(b));
    if !a.is_empty() && a == b {
        return 1.0;
    }
    let pairs = |name: &[char]| name.windows(2).map(|pair| (pair[0], pair[1])).collect::<Vec<_>>();
    let (left, mut right) = (pairs(&a), pairs(&b));
    let all = left.len() + right.len();
    let mut common = 0;
    for pair in left {
        if let Some(at) = right.iter().position(|other| *other == pair) {
            right.swap_remove(at);
            common += 1;
        }
    }
    if all == 0 { 0.0 } else { 2.0 * f64::from(common) / all as f64 }
}

#[cfg(test)]
mod tests;
