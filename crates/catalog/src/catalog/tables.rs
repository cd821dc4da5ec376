//! Tables and their versions.

use std::collections::BTreeMap;

use domain::{Error, ErrorKind, Result};
use serde_json::{Value, json};
use store::{Stored, Tx};

use super::{Catalog, check_name, fold};
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

/// What a notification calls a change; the names are those of Glue's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TableChangeKind {
    Created,
    Updated,
    Deleted,
}

impl Catalog {
    /// Creates the table in an existing database.
    pub async fn create_table(&self, database: &str, input: Table) -> Result<()> {
        let table = named(database, input)?;
        let mut tx = self.store().begin().await?;
        tx.get::<Database>(&table.database_name).await?;
        insert_table(&mut tx, &table).await?;
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
        let mut tx = self.store().begin().await?;
        let table = tx.get::<Table>(&Table::key_of(&fold(database), &fold(name))).await?;
        remove_table(&mut tx, &table.value).await?;
        tx.commit().await
    }

    /// The table as it is, then as it was, newest first.
    pub async fn list_table_versions(&self, database: &str, name: &str) -> Result<Vec<Stored<TableVersion>>> {
        let current = self.get_table(database, name).await?;
        let mut older = self.store().children::<TableVersion>(&Table::key_of(&fold(database), &fold(name))).await?;
        older.reverse();
        let Stored { value, version, created, updated } = current;
        let version_id = value.version_id.clone();
        let mut all = vec![Stored { value: TableVersion { table: value, version_id }, version, created, updated }];
        all.extend(older);
        Ok(all)
    }

    /// One version of the table.
    pub async fn get_table_version(&self, database: &str, name: &str, version: &str) -> Result<Stored<TableVersion>> {
        let found = self.list_table_versions(database, name).await?.into_iter().find(|v| v.version_id == version);
        found.ok_or_else(|| Error::not_found(format!("Version {version:?} of table {}.{}", fold(database), fold(name))))
    }

    /// Forgets how the table was in this version; the current one stays.
    pub async fn delete_table_version(&self, database: &str, name: &str, version: &str) -> Result<()> {
        self.store().delete::<TableVersion>(&TableVersion::key_of(&fold(database), &fold(name), version)).await
    }
}

fn named(database: &str, input: Table) -> Result<Table> {
    let table = Table { name: fold(&input.name), database_name: fold(database), version_id: "0".into(), ..input };
    check_name("table", &table.name)?;
    Ok(table)
}

pub(crate) async fn insert_table(tx: &mut Tx, table: &Table) -> Result<()> {
    tx.create(table).await?;
    tell(tx, table, TableChangeKind::Created, &[]).await
}

/// Puts `new` in the place of `old` with the next version number, and says what changed.
pub(crate) async fn replace_table(tx: &mut Tx, old: &Table, new: Table, archive: bool) -> Result<()> {
    if archive {
        let version_id = old.version_id.clone();
        tx.create(&TableVersion { table: old.clone(), version_id }).await?;
    }
    let next = old.version_id.parse::<u64>().map_or(1, |version| version + 1);
    let new = Table { version_id: next.to_string(), ..new };
    replace_table_quietly(tx, new.clone()).await?;
    tell(tx, &new, TableChangeKind::Updated, old.columns()).await
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
    use store::Resource;
    let key = table.key();
    for partition in tx.children::<Partition>(&key).await? {
        tx.delete::<Partition>(&partition.key()).await?;
    }
    for version in tx.children::<TableVersion>(&key).await? {
        tx.delete::<TableVersion>(&version.key()).await?;
    }
    tx.delete::<Table>(&key).await?;
    tell(tx, table, TableChangeKind::Deleted, &[]).await
}

async fn tell(tx: &mut Tx, table: &Table, change: TableChangeKind, old_columns: &[Column]) -> Result<()> {
    let mut detail = json!({
        "databaseName": table.database_name,
        "tableName": table.name,
        "typeOfChange": match change {
            TableChangeKind::Created => "CreateTable",
            TableChangeKind::Updated => "UpdateTable",
            TableChangeKind::Deleted => "DeleteTable",
        },
    });
    if change == TableChangeKind::Updated {
        detail["schemaDiff"] = schema_diff(old_columns, table.columns());
    }
    tx.notify(TABLE_CHANGED, &Table::key_of(&table.database_name, &table.name), &detail).await
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
