//! Partitions: one by one, in batches, and by expression.

use domain::{Error, Result};
use store::{Resource, Stored, Tx};

use super::pages::{self, Page, Paged, Refused};
use super::{Catalog, fold};
use crate::partition_filter::PartitionFilter;
use crate::statistics::drop_column_statistics;
use crate::table::{Partition, Table};

/// The most partitions that a batch creates, updates or deletes.
pub const MAX_WRITTEN_AT_ONCE: usize = 100;
/// The most partitions that a batch reads.
pub const MAX_READ_AT_ONCE: usize = 1000;

/// Which partitions of a table are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartitionQuery {
    /// See [`crate::partition_filter`].
    pub expression: Option<String>,
    pub segment: Option<Segment>,
}

/// One of several readers' shares: each partition is in one of `total` segments, numbered from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub number: u64,
    pub total: u64,
}

impl Catalog {
    /// The number of values must be the number of the table's partition keys.
    pub async fn create_partition(&self, database: &str, table: &str, input: Partition) -> Result<()> {
        only(self.create_partitions(database, table, vec![input]).await?)
    }

    /// Creates those that can be created; gives back the values of the others.
    pub async fn create_partitions(&self, database: &str, table: &str, inputs: Vec<Partition>) -> Result<Vec<Refused<Vec<String>>>> {
        let (mut tx, table) = self.open_batch(database, table, inputs.len()).await?;
        let mut refused = Vec::new();
        for input in inputs {
            let item = input.values.clone();
            if let Err(error) = create(&mut tx, &table, input).await {
                refused.push(Refused { item, error });
            }
        }
        tx.commit().await?;
        Ok(refused)
    }

    pub async fn get_partition(&self, database: &str, table: &str, values: &[String]) -> Result<Stored<Partition>> {
        self.store().get(&Partition::key_of(&fold(database), &fold(table), values)).await
    }

    /// Those of the partitions with these values that there are.
    pub async fn get_partitions(&self, database: &str, table: &str, wanted: &[Vec<String>]) -> Result<Vec<Stored<Partition>>> {
        check_count(wanted.len(), MAX_READ_AT_ONCE)?;
        let table = self.get_table(database, table).await?;
        let mut found = Vec::new();
        for values in wanted {
            found.extend(self.store().find(&Partition::key_of(&table.database_name, &table.name, values)).await?);
        }
        Ok(found)
    }

    /// The partitions of a table, by values; fails when the table does not exist.
    pub async fn list_partitions(&self, database: &str, table: &str) -> Result<Vec<Stored<Partition>>> {
        let table = self.get_table(database, table).await?;
        self.store().children(&table.key()).await
    }

    /// A page of the partitions that the query wants.
    pub async fn find_partitions(&self, database: &str, table: &str, query: &PartitionQuery, page: &Page) -> Result<Paged<Partition>> {
        let table = self.get_table(database, table).await?;
        let expression = query.expression.as_deref().filter(|text| !text.trim().is_empty());
        let filter = expression.map(|text| PartitionFilter::parse(text, &table.partition_keys)).transpose()?;
        pages::read(self.store(), Some(&table.key()), page, |partition: &Stored<Partition>| {
            query.segment.is_none_or(|segment| segment.holds(&partition.key()))
                && filter.as_ref().is_none_or(|filter| filter.matches(&partition.values))
        })
        .await
    }

    /// Replaces the partition that has `values`; the new one may have others.
    pub async fn update_partition(&self, database: &str, table: &str, values: &[String], input: Partition) -> Result<()> {
        only(self.update_partitions(database, table, vec![(values.to_vec(), input)]).await?)
    }

    /// The same for several; gives back the values of those that could not be replaced.
    pub async fn update_partitions(
        &self,
        database: &str,
        table: &str,
        entries: Vec<(Vec<String>, Partition)>,
    ) -> Result<Vec<Refused<Vec<String>>>> {
        let (mut tx, table) = self.open_batch(database, table, entries.len()).await?;
        let mut refused = Vec::new();
        for (item, input) in entries {
            if let Err(error) = update(&mut tx, &table, &item, input).await {
                refused.push(Refused { item, error });
            }
        }
        tx.commit().await?;
        Ok(refused)
    }

    pub async fn delete_partition(&self, database: &str, table: &str, values: &[String]) -> Result<()> {
        only(self.delete_partitions(database, table, vec![values.to_vec()]).await?)
    }

    /// Deletes those that there are; gives back the values of the others.
    pub async fn delete_partitions(&self, database: &str, table: &str, wanted: Vec<Vec<String>>) -> Result<Vec<Refused<Vec<String>>>> {
        let (mut tx, table) = self.open_batch(database, table, wanted.len()).await?;
        let mut refused = Vec::new();
        for item in wanted {
            if let Err(error) = remove(&mut tx, &Partition::key_of(&table.database_name, &table.name, &item)).await {
                refused.push(Refused { item, error });
            }
        }
        tx.commit().await?;
        Ok(refused)
    }

    async fn open_batch(&self, database: &str, table: &str, count: usize) -> Result<(Tx, Table)> {
        check_count(count, MAX_WRITTEN_AT_ONCE)?;
        let mut tx = self.store().begin().await?;
        let table = tx.get::<Table>(&Table::key_of(&fold(database), &fold(table))).await?;
        Ok((tx, table.value))
    }
}

impl Segment {
    /// Spreads keys evenly, the same way each time (FNV-1a).
    fn holds(self, key: &str) -> bool {
        let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        // The low bits of this hash know little of the text's beginning.
        (hash ^ (hash >> 32)) % self.total.max(1) == self.number
    }
}

/// What became of a batch of one.
fn only<T>(refused: Vec<Refused<T>>) -> Result<()> {
    refused.into_iter().next().map_or(Ok(()), |refused| Err(refused.error))
}

fn check_count(found: usize, most: usize) -> Result<()> {
    if found <= most {
        return Ok(());
    }
    Err(Error::invalid_input(format!("A batch holds at most {most} partitions; found {found}.")))
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

async fn create(tx: &mut Tx, table: &Table, input: Partition) -> Result<()> {
    insert_partition(tx, &named(table, input)?).await
}

async fn update(tx: &mut Tx, table: &Table, values: &[String], input: Partition) -> Result<()> {
    let partition = named(table, input)?;
    if partition.values == values {
        return replace_partition(tx, partition).await;
    }
    // The new one first: where it cannot be, the old one must stay.
    let old = tx.get::<Partition>(&Partition::key_of(&table.database_name, &table.name, values)).await?;
    insert_partition(tx, &partition).await?;
    remove_partition(tx, &old.value).await
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
    remove(tx, &partition.key()).await
}

async fn remove(tx: &mut Tx, key: &str) -> Result<()> {
    tx.delete::<Partition>(key).await?;
    drop_column_statistics(tx, key).await
}
