//! Partition indexes: kept and shown, without effect on answers, as nothing here needs them to find partitions.

use domain::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use store::{Resource, Tx};

use super::{Catalog, fold};
use crate::table::{Column, Table};

/// The most indexes of one table, as in Glue.
const MAX_INDEXES: usize = 3;

/// Glue's `PartitionIndex`: some of the partition keys under a name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PartitionIndex {
    pub keys: Vec<String>,
    pub index_name: String,
}

/// The indexes of one table.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct IndexesOf {
    table: String,
    indexes: Vec<PartitionIndex>,
}

impl Resource for IndexesOf {
    const KIND: &'static str = "partition_indexes";
    fn key(&self) -> String {
        self.table.clone()
    }
}

impl Catalog {
    pub async fn create_partition_index(&self, database: &str, table: &str, index: PartitionIndex) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let table = tx.get::<Table>(&Table::key_of(&fold(database), &fold(table))).await?;
        add_index(&mut tx, &table, index).await?;
        tx.commit().await
    }

    /// The indexes with their keys as the table declares them, in the order in which they were made.
    pub async fn list_partition_indexes(&self, database: &str, table: &str) -> Result<Vec<(String, Vec<Column>)>> {
        let table = self.get_table(database, table).await?;
        let indexes = self.store().find::<IndexesOf>(&table.key()).await?.map(|of| of.value.indexes).unwrap_or_default();
        let declared = |name: &String| table.partition_keys.iter().find(|key| key.name.eq_ignore_ascii_case(name)).cloned();
        Ok(indexes.into_iter().map(|index| (index.index_name, index.keys.iter().filter_map(declared).collect())).collect())
    }

    pub async fn delete_partition_index(&self, database: &str, table: &str, name: &str) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let table = tx.get::<Table>(&Table::key_of(&fold(database), &fold(table))).await?;
        let mut indexes = indexes_of(&mut tx, &table).await?;
        let before = indexes.len();
        indexes.retain(|index| index.index_name != name);
        if indexes.len() == before {
            return Err(Error::not_found(format!("partition index {name:?} of {}.{}", table.database_name, table.name)));
        }
        tx.put(IndexesOf { table: table.key(), indexes }).await?;
        tx.commit().await
    }
}

async fn indexes_of(tx: &mut Tx, table: &Table) -> Result<Vec<PartitionIndex>> {
    Ok(tx.find::<IndexesOf>(&table.key()).await?.map(|of| of.value.indexes).unwrap_or_default())
}

pub(crate) async fn add_index(tx: &mut Tx, table: &Table, index: PartitionIndex) -> Result<()> {
    let place = format!("{}.{}", table.database_name, table.name);
    if index.index_name.is_empty() || index.keys.is_empty() {
        return Err(Error::invalid_input(format!("A partition index of {place} has a name and at least one key; found {index:?}.")));
    }
    let is_key = |name: &String| table.partition_keys.iter().any(|key| key.name.eq_ignore_ascii_case(name));
    if let Some(other) = index.keys.iter().find(|name| !is_key(name)) {
        return Err(Error::invalid_input(format!("A partition index of {place} is over its partition keys; found {other:?}.")));
    }
    let mut indexes = indexes_of(tx, table).await?;
    if indexes.iter().any(|other| other.index_name == index.index_name || other.keys == index.keys) {
        return Err(Error::already_exists(format!("partition index {:?} of {place}, or one over the same keys,", index.index_name)));
    }
    if indexes.len() == MAX_INDEXES {
        let full = format!("A table has at most {MAX_INDEXES} partition indexes; {place} has as many: delete one first.");
        return Err(Error::new(ErrorKind::LimitExceeded, full));
    }
    indexes.push(index);
    tx.put(IndexesOf { table: table.key(), indexes }).await
}

/// Forgets the indexes of a table that goes.
pub(super) async fn drop_indexes(tx: &mut Tx, table: &str) -> Result<()> {
    match tx.delete::<IndexesOf>(table).await {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
