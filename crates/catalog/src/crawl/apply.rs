//! The second half of a crawl: compare what was found with what the catalog says, and write the difference.

use std::collections::{BTreeMap, BTreeSet};

use domain::{ErrorKind, Result, Timestamp};
use runs::RunContext;
use store::{Resource, Store, Stored, Tx};

use super::naming::suffix;
use super::{Found, FoundPartition, FoundTable, MAX_CHANGES, MAX_TABLES, PRIMARY_KEY, RAW_TYPE, SOURCE_COMMENT, Unreadable};
use crate::catalog::{
    PartitionIndex, add_index, ensure_database, insert_partition, insert_table, remove_partition, remove_table, replace_partition,
    replace_table, replace_table_quietly,
};
use crate::changes::{self, Change, ChangeKind};
use crate::crawler::{Configuration, CrawlSummary, CrawledTable, Crawler, DeleteBehavior, TableChange, UpdateBehavior};
use crate::layout::rename_paths;
use crate::profile;
use crate::table::{Column, Parameters, Partition, Table};

/// Which crawler a table belongs to.
const OWNER: &str = "UPDATED_BY_CRAWLER";
/// When the data was first found missing, in milliseconds since 1970.
const DEPRECATED: &str = "DEPRECATED_BY_CRAWLER";
/// The index that a crawl makes where asked to.
const PARTITION_INDEX: &str = "crawler_partition_index";
/// Columns are told apart by their place in the file, whatever it calls them.
const BY_POSITION: &str = "columnsByPosition";
/// Parameters that grow with the data and are no part of a table's definition.
const STATISTICS: &[&str] = &["recordCount", "averageRecordSize", "objectCount", "sizeKey"];
/// Parameters that a crawl decides alone: one that it does not find is taken away. All others are the user's.
const DECIDED: &[&str] = &[
    "classification",
    "compressionType",
    "typeOfData",
    "delimiter",
    "areColumnsQuoted",
    "columnsOrdered",
    BY_POSITION,
    "skip.header.line.count",
    "encoding",
    "exclusions",
    "quoteChar",
    "jsonPath",
    "rowTag",
    "grokPattern",
    "grokCustomPatterns",
    "connectionName",
    "sourceTable",
    "sourceDatabase",
    "sourceSchema",
    SOURCE_COMMENT,
    PRIMARY_KEY,
    OWNER,
    DEPRECATED,
];

/// How many tables in the catalog come from this crawler.
pub(super) async fn owned_tables(store: &Store, crawler: &Crawler) -> Result<usize> {
    let tables = store.children::<Table>(&crawler.database_name).await?;
    Ok(tables.iter().filter(|table| is_owned(table, crawler)).count())
}

pub(super) async fn apply(
    tx: &mut Tx,
    (crawler, configuration): (&Crawler, &Configuration),
    (began, found): (Timestamp, Found),
    context: &RunContext,
) -> Result<CrawlSummary> {
    let Found { tables, additions, problems, problem_count, unreadable, .. } = found;
    ensure_database(tx, &crawler.database_name).await?;
    let existing = tx.children::<Table>(&crawler.database_name).await?;
    let summary = CrawlSummary { problems, problem_count, ..CrawlSummary::default() };
    let mut writer = Writer { crawler, configuration, began, unreadable, context, summary, fresh: Vec::new() };
    let named = name_tables(crawler, tables, &existing, |table| writer.may_have_passed(table));
    let existing: BTreeMap<&str, &Stored<Table>> = existing.iter().map(|stored| (stored.name.as_str(), stored)).collect();
    let mut met: BTreeSet<String> = BTreeSet::new();
    for (name, table) in named {
        let old = existing.get(name.as_str()).map(|stored| &stored.value);
        met.insert(name.clone());
        writer.table(tx, name, table, old).await?;
    }
    for (name, partitions) in additions {
        if let Some(table) = existing.get(name.as_str()) {
            writer.additions(tx, table, &partitions).await?;
        }
    }
    // A crawl that passes over what it knows cannot say what is gone.
    if !crawler.new_folders_only() {
        for old in existing.values().filter(|old| is_owned(old, crawler) && !met.contains(&old.name) && old.updated <= began) {
            writer.missing(tx, old).await?;
        }
    }
    writer.finish(tx).await
}

pub(super) fn is_owned(table: &Table, crawler: &Crawler) -> bool {
    table.parameters.get(OWNER) == Some(&crawler.name)
}

pub(super) fn is_deprecated(table: &Table) -> bool {
    table.parameters.contains_key(DEPRECATED)
}

/// Where the data is: the same place keeps its table, whatever it is called.
pub(super) fn place(table: &Table) -> (String, String) {
    (table.parameters.get("connectionName").cloned().unwrap_or_default(), table.location().to_owned())
}

/// The final name of every table found. A table of this crawler at the same place keeps its name; a name that another
/// place holds gets a suffix, unless that place is this crawler's and gone for sure: not one that `may_stay`.
fn name_tables(
    crawler: &Crawler,
    found: Vec<FoundTable>,
    existing: &[Stored<Table>],
    may_stay: impl Fn(&Stored<Table>) -> bool,
) -> Vec<(String, FoundTable)> {
    let places: BTreeSet<(String, String)> = found.iter().map(|found| place(&found.table)).collect();
    let owned: BTreeMap<(String, String), &str> =
        existing.iter().filter(|table| is_owned(table, crawler)).map(|table| (place(table), table.name.as_str())).collect();
    let mut taken: BTreeMap<String, (String, String)> = existing
        .iter()
        .filter(|table| !is_owned(table, crawler) || places.contains(&place(table)) || may_stay(table))
        .map(|table| (table.name.clone(), place(table)))
        .collect();
    let mut named = Vec::new();
    for table in found {
        let at = place(&table.table);
        let free = |name: &str| taken.get(name).is_none_or(|holder| *holder == at);
        let name = match owned.get(&at) {
            Some(name) => (*name).to_owned(),
            None if free(&table.name) => table.name.clone(),
            None => format!("{}{}", table.name, suffix(&format!("{}{}", at.0, at.1))),
        };
        taken.insert(name.clone(), at);
        named.push((name, table));
    }
    named
}

struct Writer<'a> {
    crawler: &'a Crawler,
    configuration: &'a Configuration,
    /// When the crawl began to look: what was written since is none that it can miss.
    began: Timestamp,
    unreadable: Vec<Unreadable>,
    context: &'a RunContext,
    summary: CrawlSummary,
    /// Tables that are new or have other data than before, which a profile may look at.
    fresh: Vec<String>,
}

impl Writer<'_> {
    async fn table(&mut self, tx: &mut Tx, name: String, found: FoundTable, old: Option<&Table>) -> Result<()> {
        let wanted = wanted(self.crawler, &name, &found, old, self.columns(&found.table));
        if old != Some(&wanted) {
            self.fresh.push(name.clone());
        }
        let change = match old {
            None => {
                insert_table(tx, &wanted).await?;
                TableChange::Created
            }
            Some(old) if definition(old) == definition(&wanted) => {
                if *old != wanted {
                    replace_table_quietly(tx, wanted.clone()).await?;
                }
                TableChange::Unchanged
            }
            Some(_) if self.crawler.schema_change_policy.update_behavior == UpdateBehavior::Log => TableChange::Logged,
            Some(old) => {
                replace_table(tx, old, wanted.clone(), true).await?;
                TableChange::Updated
            }
        };
        let stays = change == TableChange::Logged;
        let now = old.filter(|_| stays).unwrap_or(&wanted);
        // Without partition keys before or now there is nothing to compare.
        let parted = !found.partitions.is_empty() || old.is_some_and(|old| !old.partition_keys.is_empty());
        if parted && now.partition_keys == wanted.partition_keys {
            self.partitions(tx, now, &found.partitions).await?;
        }
        if self.configuration.create_partition_index && !now.partition_keys.is_empty() {
            ensure_index(tx, now).await?;
        }
        match change {
            TableChange::Created => self.summary.tables_created += 1,
            TableChange::Updated => self.summary.tables_updated += 1,
            _ => self.summary.tables_unchanged += 1,
        }
        self.note(&wanted, old, change);
        self.list(&wanted, change, |listed| CrawledTable {
            partitions: found.partitions.len(),
            files: found.files,
            bytes: found.bytes,
            rows: found.rows,
            reason: found.reason,
            ..listed
        });
        Ok(())
    }

    /// Adds to the list of tables met.
    fn list(&mut self, table: &Table, change: TableChange, more: impl FnOnce(CrawledTable) -> CrawledTable) {
        if self.summary.tables.len() < MAX_TABLES {
            self.summary.tables.push(more(CrawledTable {
                database: table.database_name.clone(),
                name: table.name.clone(),
                classification: table.classification().unwrap_or_default().to_owned(),
                location: table.location().to_owned(),
                columns: table.columns().len() + table.partition_keys.len(),
                partitions: 0,
                files: None,
                bytes: None,
                rows: None,
                change,
                reason: None,
            }));
        }
    }

    /// Adds to the change list, and tells what became of the table.
    fn note(&mut self, table: &Table, old: Option<&Table>, change: TableChange) {
        let came_back = old.is_none_or(|old| old.parameters.contains_key(DEPRECATED));
        let changes = match (change, old) {
            (TableChange::Created | TableChange::Updated, _) if came_back => vec![Change::new(table, ChangeKind::TableAdded)],
            (TableChange::Updated | TableChange::Logged, Some(old)) => changes::diff(old, table),
            (TableChange::Deleted | TableChange::Deprecated, _) => vec![Change::new(table, ChangeKind::TableGone)],
            _ => Vec::new(),
        };
        self.add(changes);
        if self.summary.change_count > MAX_CHANGES as u64 {
            return;
        }
        let place = format!("{}.{}", table.database_name, table.name);
        match change {
            TableChange::Created => self.context.info(format!("{place}: new, {} columns, {}.", table.columns().len(), table.location())),
            TableChange::Updated => self.context.info(format!("{place}: changed, a new version was written.")),
            TableChange::Logged => self.context.info(format!("{place}: changed, left as it is (UpdateBehavior LOG).")),
            TableChange::Deleted => self.context.info(format!("{place}: deleted, its data is gone.")),
            TableChange::Deprecated => self.context.info(format!("{place}: marked as deprecated, its data is gone.")),
            TableChange::Unchanged => {}
        }
    }

    fn add(&mut self, changes: Vec<Change>) {
        for change in changes {
            self.summary.change_count += 1;
            if self.summary.changes.len() < MAX_CHANGES {
                // What is new or gone as a whole has a line of its own.
                if !matches!(change.kind, ChangeKind::TableAdded | ChangeKind::TableGone) {
                    self.context.info(change.to_string());
                }
                self.summary.changes.push(change);
            }
        }
    }

    /// The summary, and the run that profiles what is new where the configuration asks for it.
    async fn finish(mut self, tx: &mut Tx) -> Result<CrawlSummary> {
        if self.configuration.penchant.profile && !self.fresh.is_empty() {
            let new = profile::new_run(&self.crawler.database_name, self.fresh, self.configuration.penchant.profile_rows)?;
            self.summary.profile = Some(self.context.runs().submit_in(tx, &new).await?);
        }
        Ok(self.summary)
    }

    fn may_be_there(&self, table: &Table) -> bool {
        self.unreadable.iter().any(|unreadable| unreadable.touches(table))
    }

    /// Whether the crawl may have missed the table's data although it is there.
    fn may_have_passed(&self, table: &Stored<Table>) -> bool {
        self.crawler.new_folders_only() || table.updated > self.began || self.may_be_there(table)
    }

    fn columns(&self, found: &Table) -> Columns {
        if self.configuration.crawler_output.tables.add_or_update_behavior.is_some() {
            Columns::Merged
        } else if self.unreadable.iter().any(|unreadable| unreadable.is_inside(found)) {
            Columns::Kept
        } else {
            Columns::AsFound
        }
    }

    /// New partitions of a table that was not looked at itself.
    async fn additions(&mut self, tx: &mut Tx, table: &Table, found: &[FoundPartition]) -> Result<()> {
        for (values, location) in found {
            let wanted = partition(table, values.clone(), location.clone());
            if tx.find::<Partition>(&wanted.key()).await?.is_none() {
                insert_partition(tx, &wanted).await?;
                self.summary.partitions_added += 1;
            }
        }
        self.fresh.push(table.name.clone());
        self.summary.tables_unchanged += 1;
        self.list(table, TableChange::Unchanged, |listed| CrawledTable { partitions: found.len(), ..listed });
        Ok(())
    }

    async fn partitions(&mut self, tx: &mut Tx, table: &Table, found: &[FoundPartition]) -> Result<()> {
        let old: BTreeMap<Vec<String>, Stored<Partition>> =
            tx.children::<Partition>(&table.key()).await?.into_iter().map(|stored| (stored.values.clone(), stored)).collect();
        let began = self.began;
        let keep = self.crawler.schema_change_policy.update_behavior == UpdateBehavior::Log;
        let mut seen = BTreeSet::new();
        for (values, location) in found {
            seen.insert(values.clone());
            let mut wanted = partition(table, values.clone(), location.clone());
            match old.get(values) {
                None => {
                    insert_partition(tx, &wanted).await?;
                    self.summary.partitions_added += 1;
                }
                Some(old) => {
                    wanted.parameters = without(&old.parameters, &[DEPRECATED]);
                    if old.value != wanted && !keep {
                        replace_partition(tx, wanted).await?;
                        self.summary.partitions_updated += 1;
                    }
                }
            }
        }
        for (_, gone) in old.into_iter().filter(|(values, gone)| !seen.contains(values) && gone.updated <= began) {
            self.missing_partition(tx, table, gone.value).await?;
        }
        Ok(())
    }

    async fn missing_partition(&mut self, tx: &mut Tx, table: &Table, mut partition: Partition) -> Result<()> {
        if self.may_be_there(table) || partition.parameters.contains_key(DEPRECATED) {
            return Ok(());
        }
        // Values of other keys than the table has now mean nothing any more.
        let obsolete = partition.values.len() != table.partition_keys.len();
        match self.crawler.schema_change_policy.delete_behavior {
            DeleteBehavior::DeleteFromDatabase => remove_partition(tx, &partition).await?,
            _ if obsolete => remove_partition(tx, &partition).await?,
            DeleteBehavior::Log => {
                self.context.info(format!("{}.{} {:?}: its data is gone.", table.database_name, table.name, partition.values));
                return Ok(());
            }
            DeleteBehavior::DeprecateInDatabase => {
                partition.parameters.insert(DEPRECATED.into(), tx.now().to_string());
                replace_partition(tx, partition).await?;
            }
        }
        self.summary.partitions_deleted += 1;
        Ok(())
    }

    async fn missing(&mut self, tx: &mut Tx, table: &Table) -> Result<()> {
        let place = format!("{}.{}", table.database_name, table.name);
        if self.may_be_there(table) {
            self.context.info(format!("{place}: not found, but left alone because something there could not be read."));
            return Ok(());
        }
        if table.parameters.contains_key(DEPRECATED)
            && self.crawler.schema_change_policy.delete_behavior != DeleteBehavior::DeleteFromDatabase
        {
            return Ok(());
        }
        let change = match self.crawler.schema_change_policy.delete_behavior {
            DeleteBehavior::Log => {
                self.context.info(format!("{place}: its data is gone, left as it is (DeleteBehavior LOG)."));
                self.add(vec![Change::new(table, ChangeKind::TableGone)]);
                return Ok(());
            }
            DeleteBehavior::DeleteFromDatabase => {
                remove_table(tx, table).await?;
                TableChange::Deleted
            }
            DeleteBehavior::DeprecateInDatabase => {
                let mut table = table.clone();
                table.parameters.insert(DEPRECATED.into(), tx.now().to_string());
                replace_table_quietly(tx, table).await?;
                TableChange::Deprecated
            }
        };
        self.summary.tables_deleted += 1;
        self.note(table, None, change);
        self.list(table, change, |listed| listed);
        Ok(())
    }
}

/// An index over all keys, unless there is one or the table has as many as it may.
async fn ensure_index(tx: &mut Tx, table: &Table) -> Result<()> {
    let keys = table.partition_keys.iter().map(|key| key.name.clone()).collect();
    match add_index(tx, table, PartitionIndex { keys, index_name: PARTITION_INDEX.into() }).await {
        Err(error) if matches!(error.kind, ErrorKind::AlreadyExists | ErrorKind::LimitExceeded) => Ok(()),
        other => other,
    }
}

/// What becomes of columns that the catalog has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Columns {
    AsFound,
    /// Those that were not found stay: a file that has them may be one that could not be read.
    Kept,
    /// All stay with their types.
    Merged,
}

/// The table as it should be: what was found, and what the user wrote beside it.
fn wanted(crawler: &Crawler, name: &str, found: &FoundTable, old: Option<&Table>, columns: Columns) -> Table {
    let mut table = found.table.clone();
    table.name = name.to_owned();
    table.database_name.clone_from(&crawler.database_name);
    table.version_id = "0".into();
    if let Some(old) = old {
        table.version_id.clone_from(&old.version_id);
        table.description = kept(&old.description, old.parameters.get(SOURCE_COMMENT), table.description.take());
        table.owner.clone_from(&old.owner);
        table.retention = old.retention;
        keep_comments(&mut table.storage_descriptor.columns, old.columns());
        keep_comments(&mut table.partition_keys, &old.partition_keys);
        // A column that is a partition key now is none of the data.
        let is_key = |column: &Column| table.partition_keys.iter().any(|key| key.name.eq_ignore_ascii_case(&column.name));
        let known: Vec<&Column> = old.columns().iter().filter(|column| !is_key(column)).collect();
        match columns {
            Columns::Merged => merge_columns(&mut table.storage_descriptor.columns, &known),
            // Names that no file has say nothing about what is at which place.
            Columns::Kept if !table.parameters.contains_key(BY_POSITION) => {
                keep_columns(&mut table.storage_descriptor.columns, &known);
            }
            Columns::Kept | Columns::AsFound => {}
        }
        rename_paths(&mut table.storage_descriptor);
        let mut users = without(&old.parameters, DECIDED);
        users = without(&users, STATISTICS);
        users.append(&mut table.parameters);
        table.parameters = users;
    }
    table.parameters.extend(found.statistics.clone());
    table.parameters.insert(OWNER.into(), crawler.name.clone());
    table
}

/// What the user wrote, else what the source says now.
fn kept(old: &Option<String>, from_source: Option<&String>, now: Option<String>) -> Option<String> {
    if old.as_ref() == from_source { now } else { old.clone() }
}

fn keep_comments(columns: &mut [Column], old: &[Column]) {
    let old: BTreeMap<&str, &Column> = old.iter().map(|column| (column.name.as_str(), column)).collect();
    for column in columns {
        if let Some(old) = old.get(column.name.as_str()) {
            column.comment = kept(&old.comment, old.parameters.get(SOURCE_COMMENT), column.comment.take());
            let mut users = without(&old.parameters, &[SOURCE_COMMENT, RAW_TYPE]);
            users.append(&mut column.parameters);
            column.parameters = users;
        }
    }
}

/// What the catalog has stays as it is; what is new comes after it.
fn merge_columns(columns: &mut Vec<Column>, old: &[&Column]) {
    let known: BTreeSet<&str> = old.iter().map(|column| column.name.as_str()).collect();
    columns.retain(|column| !known.contains(column.name.as_str()));
    columns.splice(..0, old.iter().copied().cloned());
}

/// What the catalog has stays where it is, as it was found where it was; what is new comes after it.
fn keep_columns(columns: &mut Vec<Column>, old: &[&Column]) {
    let found = std::mem::take(columns);
    let by_name: BTreeMap<&str, &Column> = found.iter().map(|column| (column.name.as_str(), column)).collect();
    let folded: BTreeSet<String> = found.iter().map(|column| column.name.to_lowercase()).collect();
    let known: BTreeSet<&str> = old.iter().map(|column| column.name.as_str()).collect();
    for column in old {
        match by_name.get(column.name.as_str()) {
            Some(now) => columns.push((*now).clone()),
            // Spelt in another way it is no other column.
            None if folded.contains(&column.name.to_lowercase()) => {}
            None => columns.push((*column).clone()),
        }
    }
    columns.extend(found.iter().filter(|column| !known.contains(column.name.as_str())).cloned());
}

/// The table without what grows with the data.
fn definition(table: &Table) -> Table {
    Table { parameters: without(&table.parameters, STATISTICS), ..table.clone() }
}

fn without(parameters: &Parameters, names: &[&str]) -> Parameters {
    parameters.iter().filter(|(name, _)| !names.contains(&name.as_str())).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A partition is stored as its table is, at its own place.
fn partition(table: &Table, values: Vec<String>, location: String) -> Partition {
    let mut storage_descriptor = table.storage_descriptor.clone();
    storage_descriptor.location = Some(location);
    Partition {
        values,
        database_name: table.database_name.clone(),
        table_name: table.name.clone(),
        storage_descriptor,
        ..Partition::default()
    }
}

#[cfg(test)]
mod tests;
