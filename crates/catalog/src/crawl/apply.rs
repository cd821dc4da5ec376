//! The second half of a crawl: compare what was found with what the catalog says, and write the difference.

use std::collections::{BTreeMap, BTreeSet};

use domain::Result;
use runs::RunContext;
use store::{Resource, Store, Stored, Tx};

use super::naming::suffix;
use super::{Found, FoundTable, Unreadable};
use crate::catalog::{
    ensure_database, insert_partition, insert_table, remove_partition, remove_table, replace_partition, replace_table,
    replace_table_quietly,
};
use crate::crawler::{CrawlSummary, CrawledTable, Crawler, DeleteBehavior, TableChange, UpdateBehavior};
use crate::table::{Column, Parameters, Partition, Table};

/// Which crawler a table belongs to.
const OWNER: &str = "UPDATED_BY_CRAWLER";
/// When the data was first found missing, in milliseconds since 1970.
const DEPRECATED: &str = "DEPRECATED_BY_CRAWLER";
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
    "skip.header.line.count",
    "encoding",
    "exclusions",
    "connectionName",
    "sourceTable",
    "sourceDatabase",
    "sourceSchema",
    OWNER,
    DEPRECATED,
];

/// How many tables in the catalog come from this crawler.
pub(super) async fn owned_tables(store: &Store, crawler: &Crawler) -> Result<usize> {
    let tables = store.children::<Table>(&crawler.database_name).await?;
    Ok(tables.iter().filter(|table| is_owned(table, crawler)).count())
}

pub(super) async fn apply(tx: &mut Tx, crawler: &Crawler, found: Found, context: &RunContext) -> Result<CrawlSummary> {
    let Found { tables, problems, problem_count, unreadable, .. } = found;
    ensure_database(tx, &crawler.database_name).await?;
    let existing = tx.children::<Table>(&crawler.database_name).await?;
    let mut change = Change { crawler, unreadable, context, summary: CrawlSummary { problems, problem_count, ..CrawlSummary::default() } };
    let named = name_tables(crawler, tables, &existing);
    let names: BTreeSet<String> = named.iter().map(|(name, _)| name.clone()).collect();
    for (name, table) in named {
        let old = existing.iter().find(|old| old.name == name).map(|old| &old.value);
        change.table(tx, name, table, old).await?;
    }
    for old in existing.iter().filter(|old| is_owned(old, crawler) && !names.contains(&old.name)) {
        change.missing(tx, &old.value).await?;
    }
    Ok(change.summary)
}

fn is_owned(table: &Table, crawler: &Crawler) -> bool {
    table.parameters.get(OWNER) == Some(&crawler.name)
}

/// Where the data is: the same place keeps its table, whatever it is called.
fn place(table: &Table) -> (String, String) {
    (table.parameters.get("connectionName").cloned().unwrap_or_default(), table.location().to_owned())
}

/// The final name of every table found. A table of this crawler at the same place keeps its name; a name that another
/// place holds gets a suffix, unless that place is this crawler's and gone.
fn name_tables(crawler: &Crawler, found: Vec<FoundTable>, existing: &[Stored<Table>]) -> Vec<(String, FoundTable)> {
    let places: BTreeSet<(String, String)> = found.iter().map(|found| place(&found.table)).collect();
    let owned: BTreeMap<(String, String), &str> =
        existing.iter().filter(|table| is_owned(table, crawler)).map(|table| (place(table), table.name.as_str())).collect();
    let mut taken: BTreeMap<String, (String, String)> = existing
        .iter()
        .filter(|table| !is_owned(table, crawler) || places.contains(&place(table)))
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

struct Change<'a> {
    crawler: &'a Crawler,
    unreadable: Vec<Unreadable>,
    context: &'a RunContext,
    summary: CrawlSummary,
}

impl Change<'_> {
    async fn table(&mut self, tx: &mut Tx, name: String, found: FoundTable, old: Option<&Table>) -> Result<()> {
        let wanted = wanted(self.crawler, &name, &found, old);
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
        if now.partition_keys == wanted.partition_keys {
            self.partitions(tx, now, &found.partitions).await?;
        }
        match change {
            TableChange::Created => self.summary.tables_created += 1,
            TableChange::Updated => self.summary.tables_updated += 1,
            _ => self.summary.tables_unchanged += 1,
        }
        self.tell(&wanted, change);
        self.summary.tables.push(CrawledTable {
            database: wanted.database_name.clone(),
            classification: wanted.classification().unwrap_or_default().to_owned(),
            location: wanted.location().to_owned(),
            columns: wanted.columns().len() + wanted.partition_keys.len(),
            partitions: found.partitions.len(),
            files: found.files,
            bytes: found.bytes,
            rows: found.rows,
            name,
            change,
            reason: found.reason,
        });
        Ok(())
    }

    fn may_be_there(&self, table: &Table) -> bool {
        self.unreadable.iter().any(|unreadable| unreadable.touches(table))
    }

    fn tell(&self, table: &Table, change: TableChange) {
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

    async fn partitions(&mut self, tx: &mut Tx, table: &Table, found: &[(Vec<String>, String)]) -> Result<()> {
        let old: BTreeMap<Vec<String>, Partition> =
            tx.children::<Partition>(&table.key()).await?.into_iter().map(|stored| (stored.value.values.clone(), stored.value)).collect();
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
                    if *old != wanted && !keep {
                        replace_partition(tx, wanted).await?;
                        self.summary.partitions_updated += 1;
                    }
                }
            }
        }
        for (_, gone) in old.into_iter().filter(|(values, _)| !seen.contains(values)) {
            self.missing_partition(tx, table, gone).await?;
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
        self.tell(table, change);
        self.summary.tables.push(CrawledTable {
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
        });
        Ok(())
    }
}

/// The table as it should be: what was found, and what the user wrote beside it.
fn wanted(crawler: &Crawler, name: &str, found: &FoundTable, old: Option<&Table>) -> Table {
    let mut table = found.table.clone();
    table.name = name.to_owned();
    table.database_name.clone_from(&crawler.database_name);
    table.version_id = "0".into();
    if let Some(old) = old {
        table.version_id.clone_from(&old.version_id);
        table.description.clone_from(&old.description);
        table.owner.clone_from(&old.owner);
        table.retention = old.retention;
        keep_comments(&mut table.storage_descriptor.columns, old.columns());
        keep_comments(&mut table.partition_keys, &old.partition_keys);
        let mut users = without(&old.parameters, DECIDED);
        users = without(&users, STATISTICS);
        users.append(&mut table.parameters);
        table.parameters = users;
    }
    table.parameters.extend(found.statistics.clone());
    table.parameters.insert(OWNER.into(), crawler.name.clone());
    table
}

fn keep_comments(columns: &mut [Column], old: &[Column]) {
    for column in columns {
        if let Some(old) = old.iter().find(|old| old.name == column.name) {
            column.comment.clone_from(&old.comment);
            column.parameters.clone_from(&old.parameters);
        }
    }
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
        parameters: Parameters::new(),
    }
}
