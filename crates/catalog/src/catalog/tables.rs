//! Tables.

use std::collections::BTreeMap;

use domain::{Error, ErrorKind, Result};
use serde_json::{Value, json};
use store::{Resource, Stored, Tx};

use super::partition_indexes::{add_index, drop_indexes};
use super::{Catalog, Page, Paged, PartitionIndex, Refused, check_name, fold, pages, remove_partition};
use crate::changes::{self, Change, ChangeKind};
use crate::profile::{drop_profile, drop_settings};
use crate::statistics::drop_column_statistics;
use crate::table::{Column, Database, Partition, Table, TableVersion};

/// The notification that a table appeared, changed or went.
const TABLE_CHANGED: &str = "catalog.table_changed";

/// How [`Catalog::update_table`] replaces a table.
#[derive(Debug, Clone, Default)]
pub struct TableUpdate {
    /// Do not keep the table as it was.
    pub skip_archive: bool,
    /// Refuse with `Conflict` unless the table has this version now.
    pub expected_version: Option<String>,
}

impl Catalog {
    /// Creates the table in an existing database.
    pub async fn create_table(&self, database: &str, input: Table) -> Result<()> {
        self.create_indexed_table(database, input, Vec::new()).await
    }

    /// The same with partition indexes.
    pub async fn create_indexed_table(&self, database: &str, input: Table, indexes: Vec<PartitionIndex>) -> Result<()> {
        let table = named(database, input)?;
        let mut tx = self.store().begin().await?;
        tx.get::<Database>(&table.database_name).await?;
        insert_table(&mut tx, &table).await?;
        for index in indexes {
            add_index(&mut tx, &table, index).await?;
        }
        tx.commit().await
    }

    pub async fn get_table(&self, database: &str, name: &str) -> Result<Stored<Table>> {
        self.store().get(&Table::key_of(&fold(database), &fold(name))).await
    }

    pub async fn find_table(&self, database: &str, name: &str) -> Result<Option<Stored<Table>>> {
        self.store().find(&Table::key_of(&fold(database), &fold(name))).await
    }

    /// The tables of a database, by name; fails when the database does not exist.
    pub async fn list_tables(&self, database: &str) -> Result<Vec<Stored<Table>>> {
        self.get_database(database).await?;
        self.store().children(&fold(database)).await
    }

    /// A page of the tables of a database whose names `keep` wants; fails when the database does not exist.
    pub async fn page_tables(&self, database: &str, page: &Page, keep: impl Fn(&str) -> bool) -> Result<Paged<Table>> {
        self.get_database(database).await?;
        pages::read(self.store(), Some(&fold(database)), page, |table: &Stored<Table>| keep(&table.name)).await
    }

    /// Replaces the table; the old one becomes a version unless `update` says otherwise.
    pub async fn update_table(&self, database: &str, input: Table, update: TableUpdate) -> Result<()> {
        let table = named(database, input)?;
        let mut tx = self.store().begin().await?;
        let old = tx.get::<Table>(&Table::key_of(&table.database_name, &table.name)).await?;
        if let Some(expected) = update.expected_version.filter(|expected| *expected != old.version_id) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("Table {}.{} should have version {expected}; it has {}.", table.database_name, table.name, old.version_id),
            ));
        }
        replace_table(&mut tx, &old.value, table, !update.skip_archive).await?;
        tx.commit().await
    }

    /// Deletes the table with its partitions and versions.
    pub async fn delete_table(&self, database: &str, name: &str) -> Result<()> {
        let refused = self.delete_tables(database, vec![name.to_owned()]).await?;
        refused.into_iter().next().map_or(Ok(()), |refused| Err(refused.error))
    }

    /// The same for several; gives back those that do not exist.
    pub async fn delete_tables(&self, database: &str, names: Vec<String>) -> Result<Vec<Refused<String>>> {
        let mut tx = self.store().begin().await?;
        let mut refused = Vec::new();
        for name in names {
            match tx.get::<Table>(&Table::key_of(&fold(database), &fold(&name))).await {
                Ok(table) => remove_table(&mut tx, &table.value).await?,
                Err(error) => refused.push(Refused { item: name, error }),
            }
        }
        tx.commit().await?;
        Ok(refused)
    }
}

fn named(database: &str, input: Table) -> Result<Table> {
    let table = Table { name: fold(&input.name), database_name: fold(database), version_id: "0".into(), ..input };
    check_name("table", &table.name)?;
    Ok(table)
}

pub(crate) async fn insert_table(tx: &mut Tx, table: &Table) -> Result<()> {
    tx.create(table).await?;
    tell(tx, None, Some(table)).await
}

/// Puts `new` in the place of `old` with the next version number, and says what changed.
pub(crate) async fn replace_table(tx: &mut Tx, old: &Table, new: Table, archive: bool) -> Result<()> {
    if archive {
        let version_id = old.version_id.clone();
        tx.create(&TableVersion { table: old.clone(), version_id }).await?;
    }
    let next = old.version_id.parse::<u64>().map_or(1, |version| version + 1);
    let new = Table { version_id: next.to_string(), ..new };
    if !same_keys(old, &new) {
        drop_indexes(tx, &old.key()).await?;
    }
    replace_table_quietly(tx, new.clone()).await?;
    tell(tx, Some(old), Some(&new)).await
}

/// Whether the partition keys have the same names in the same order; an index is over keys by their names.
fn same_keys(old: &Table, new: &Table) -> bool {
    let (old, new) = (&old.partition_keys, &new.partition_keys);
    old.len() == new.len() && old.iter().zip(new).all(|(old, new)| old.name.eq_ignore_ascii_case(&new.name))
}

/// Writes the table without a new version or a notification: for what is not part of its definition.
pub(crate) async fn replace_table_quietly(tx: &mut Tx, new: Table) -> Result<()> {
    let key = Table::key_of(&new.database_name, &new.name);
    tx.update::<Table>(&key, |table| {
        *table = new;
        Ok(())
    })
    .await?;
    Ok(())
}

pub(crate) async fn remove_table(tx: &mut Tx, table: &Table) -> Result<()> {
    let key = table.key();
    for partition in tx.children::<Partition>(&key).await? {
        remove_partition(tx, &partition).await?;
    }
    for version in tx.children::<TableVersion>(&key).await? {
        tx.delete::<TableVersion>(&version.key()).await?;
    }
    drop_column_statistics(tx, &key).await?;
    drop_indexes(tx, &key).await?;
    drop_profile(tx, &key).await?;
    drop_settings(tx, &key).await?;
    tx.delete::<Table>(&key).await?;
    tell(tx, Some(table), None).await
}

/// Says what became of a table: created without an old one, deleted without a new one. The words are those of Glue's events.
async fn tell(tx: &mut Tx, old: Option<&Table>, new: Option<&Table>) -> Result<()> {
    let (word, table, changes) = match (old, new) {
        (None, Some(new)) => ("CreateTable", new, vec![Change::new(new, ChangeKind::TableAdded)]),
        (Some(old), None) => ("DeleteTable", old, vec![Change::new(old, ChangeKind::TableGone)]),
        (Some(old), Some(new)) => ("UpdateTable", new, changes::diff(old, new)),
        (None, None) => return Ok(()),
    };
    let mut detail = json!({"databaseName": table.database_name, "tableName": table.name, "typeOfChange": word, "changes": changes});
    if let (Some(old), Some(new)) = (old, new) {
        detail["schemaDiff"] = schema_diff(old.columns(), new.columns());
    }
    tx.notify(TABLE_CHANGED, &table.key(), &detail).await
}

/// `{added: [{name, type}], removed: [..], retyped: [{name, from, to}]}`
fn schema_diff(old: &[Column], new: &[Column]) -> Value {
    let by_name = |columns: &[Column]| -> BTreeMap<String, String> {
        columns.iter().map(|column| (column.name.clone(), column.data_type.clone())).collect()
    };
    let (before, after) = (by_name(old), by_name(new));
    let only = |columns: &[Column], other: &BTreeMap<String, String>| -> Vec<Value> {
        let missing = columns.iter().filter(|column| !other.contains_key(&column.name));
        missing.map(|column| json!({"name": column.name, "type": column.data_type})).collect()
    };
    let retyped = new.iter().filter_map(|column| {
        let from = before.get(&column.name)?;
        (*from != column.data_type).then(|| json!({"name": column.name, "from": from, "to": column.data_type}))
    });
    json!({"added": only(new, &before), "removed": only(old, &after), "retyped": retyped.collect::<Vec<_>>()})
}
