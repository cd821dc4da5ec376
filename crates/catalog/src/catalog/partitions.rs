//! Partitions.

use domain::{Error, Result};
use store::{Resource, Stored, Tx};

use super::{Catalog, fold};
use crate::table::{Partition, Table};

impl Catalog {
    /// The number of values must be the number of the table's partition keys.
    pub async fn create_partition(&self, database: &str, table: &str, input: Partition) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let table = tx.get::<Table>(&Table::key_of(&fold(database), &fold(table))).await?;
        let partition = named(&table, input)?;
        insert_partition(&mut tx, &partition).await?;
        tx.commit().await
    }

    pub async fn get_partition(&self, database: &str, table: &str, values: &[String]) -> Result<Stored<Partition>> {
        self.store().get(&Partition::key_of(&fold(database), &fold(table), values)).await
    }

    /// The partitions of a table, by values; fails when the table does not exist.
    pub async fn list_partitions(&self, database: &str, table: &str) -> Result<Vec<Stored<Partition>>> {
        let table = self.get_table(database, table).await?;
        self.store().children(&table.key()).await
    }

    /// Replaces the partition that has `values`; the new one may have others.
    pub async fn update_partition(&self, database: &str, table: &str, values: &[String], input: Partition) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let table = tx.get::<Table>(&Table::key_of(&fold(database), &fold(table))).await?;
        let partition = named(&table, input)?;
        if partition.values == values {
            replace_partition(&mut tx, partition).await?;
        } else {
            tx.delete::<Partition>(&Partition::key_of(&table.database_name, &table.name, values)).await?;
            insert_partition(&mut tx, &partition).await?;
        }
        tx.commit().await
    }

    pub async fn delete_partition(&self, database: &str, table: &str, values: &[String]) -> Result<()> {
        self.store().delete::<Partition>(&Partition::key_of(&fold(database), &fold(table), values)).await
    }
}

fn named(table: &Table, input: Partition) -> Result<Partition> {
    if input.values.len() != table.partition_keys.len() {
        return Err(Error::invalid_input(format!(
            "A partition of {}.{} has {} values, one for each partition key; found {}.",
            table.database_name,
            table.name,
            table.partition_keys.len(),
            input.values.len()
        )));
    }
    Ok(Partition { database_name: table.database_name.clone(), table_name: table.name.clone(), ..input })
}

pub(crate) async fn insert_partition(tx: &mut Tx, partition: &Partition) -> Result<()> {
    tx.create(partition).await
}

pub(crate) async fn replace_partition(tx: &mut Tx, partition: Partition) -> Result<()> {
    let key = partition.key();
    tx.update::<Partition>(&key, |old| {
        *old = partition;
        Ok(())
    })
    .await?;
    Ok(())
}

pub(crate) async fn remove_partition(tx: &mut Tx, partition: &Partition) -> Result<()> {
    tx.delete::<Partition>(&partition.key()).await
}
