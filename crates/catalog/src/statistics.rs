//! Column statistics in Glue's JSON shape, and where they are kept: one record for a table and one for each partition.

use std::collections::BTreeMap;

use domain::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use store::{Resource, Stored, Tx};

use crate::catalog::{Catalog, Refused, fold};
use crate::table::{Partition, Table};

/// The most columns that one request may name.
pub const MAX_COLUMNS: usize = 100;

/// What is known about the values of one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ColumnStatistics {
    pub column_name: String,
    /// Hive's name of the type.
    pub column_type: String,
    /// Seconds since 1970.
    pub analyzed_time: f64,
    pub statistics_data: StatisticsData,
}

/// The figures, by the family of the column's type. On the wire: `Type` and one member `…ColumnStatisticsData`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub enum StatisticsData {
    Boolean(BooleanStatistics),
    Date(DateStatistics),
    Decimal(DecimalStatistics),
    Double(DoubleStatistics),
    Long(LongStatistics),
    String(StringStatistics),
    Binary(BinaryStatistics),
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BooleanStatistics {
    pub number_of_trues: i64,
    pub number_of_falses: i64,
    pub number_of_nulls: i64,
}

/// Of values that have an order.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RangeStatistics<T> {
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub minimum_value: Option<T>,
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub maximum_value: Option<T>,
    pub number_of_nulls: i64,
    pub number_of_distinct_values: i64,
}

/// Extremes are seconds since 1970.
pub type DateStatistics = RangeStatistics<f64>;
pub type DecimalStatistics = RangeStatistics<DecimalNumber>;
pub type DoubleStatistics = RangeStatistics<f64>;
pub type LongStatistics = RangeStatistics<i64>;

/// The number is the unscaled value divided by ten to the power of the scale.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DecimalNumber {
    /// Two's complement, highest byte first, in base64.
    pub unscaled_value: String,
    pub scale: i32,
}

/// Lengths are in characters.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StringStatistics {
    pub maximum_length: i64,
    pub average_length: f64,
    pub number_of_nulls: i64,
    pub number_of_distinct_values: i64,
}

/// Lengths are in bytes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BinaryStatistics {
    pub maximum_length: i64,
    pub average_length: f64,
    pub number_of_nulls: i64,
}

/// Glue's `ColumnStatisticsData`.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Wire {
    #[serde(rename = "Type")]
    family: String,
    #[serde(rename = "BooleanColumnStatisticsData", skip_serializing_if = "Option::is_none")]
    boolean: Option<BooleanStatistics>,
    #[serde(rename = "DateColumnStatisticsData", skip_serializing_if = "Option::is_none")]
    date: Option<DateStatistics>,
    #[serde(rename = "DecimalColumnStatisticsData", skip_serializing_if = "Option::is_none")]
    decimal: Option<DecimalStatistics>,
    #[serde(rename = "DoubleColumnStatisticsData", skip_serializing_if = "Option::is_none")]
    double: Option<DoubleStatistics>,
    #[serde(rename = "LongColumnStatisticsData", skip_serializing_if = "Option::is_none")]
    long: Option<LongStatistics>,
    #[serde(rename = "StringColumnStatisticsData", skip_serializing_if = "Option::is_none")]
    string: Option<StringStatistics>,
    #[serde(rename = "BinaryColumnStatisticsData", skip_serializing_if = "Option::is_none")]
    binary: Option<BinaryStatistics>,
}

impl TryFrom<Wire> for StatisticsData {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let found = match wire.family.as_str() {
            "BOOLEAN" => wire.boolean.map(Self::Boolean),
            "DATE" => wire.date.map(Self::Date),
            "DECIMAL" => wire.decimal.map(Self::Decimal),
            "DOUBLE" => wire.double.map(Self::Double),
            "LONG" => wire.long.map(Self::Long),
            "STRING" => wire.string.map(Self::String),
            "BINARY" => wire.binary.map(Self::Binary),
            other => {
                return Err(format!(
                    "expected BOOLEAN, DATE, DECIMAL, DOUBLE, LONG, STRING or BINARY as Type of StatisticsData, found {other:?}"
                ));
            }
        };
        found.ok_or_else(|| format!("StatisticsData of Type {} has no figures of that type", wire.family))
    }
}

impl From<StatisticsData> for Wire {
    fn from(data: StatisticsData) -> Self {
        let family = |name: &str| Self { family: name.into(), ..Self::default() };
        match data {
            StatisticsData::Boolean(figures) => Self { boolean: Some(figures), ..family("BOOLEAN") },
            StatisticsData::Date(figures) => Self { date: Some(figures), ..family("DATE") },
            StatisticsData::Decimal(figures) => Self { decimal: Some(figures), ..family("DECIMAL") },
            StatisticsData::Double(figures) => Self { double: Some(figures), ..family("DOUBLE") },
            StatisticsData::Long(figures) => Self { long: Some(figures), ..family("LONG") },
            StatisticsData::String(figures) => Self { string: Some(figures), ..family("STRING") },
            StatisticsData::Binary(figures) => Self { binary: Some(figures), ..family("BINARY") },
        }
    }
}

/// What is known about the columns of one table or partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StatisticsOf {
    /// The key of the table or the partition.
    owner: String,
    columns: BTreeMap<String, ColumnStatistics>,
}

impl Resource for StatisticsOf {
    const KIND: &'static str = "column_statistics";
    fn key(&self) -> String {
        self.owner.clone()
    }
}

/// Statistics found, and the names that have none.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundStatistics {
    pub found: Vec<ColumnStatistics>,
    pub missing: Vec<String>,
}

impl Catalog {
    /// Keeps the statistics, beside those of other columns. Those of columns that do not exist are refused one by one.
    /// `partition` holds the partition's values; without it they are the whole table's.
    pub async fn update_column_statistics(
        &self,
        database: &str,
        table: &str,
        partition: Option<&[String]>,
        statistics: Vec<ColumnStatistics>,
    ) -> Result<Vec<Refused<ColumnStatistics>>> {
        check_count(statistics.len())?;
        let mut tx = self.store().begin().await?;
        let owner = Owner::find(&mut tx, database, table, partition).await?;
        let (good, bad): (Vec<_>, Vec<_>) = statistics.into_iter().partition(|of| owner.has_column(&of.column_name));
        put(&mut tx, owner.key, good).await?;
        tx.commit().await?;
        let refused = |item: ColumnStatistics| Refused {
            error: Error::not_found(format!("column {:?} of {}.{}", item.column_name, fold(database), fold(table))),
            item,
        };
        Ok(bad.into_iter().map(refused).collect())
    }

    /// The statistics of these columns, in this order.
    pub async fn get_column_statistics(
        &self,
        database: &str,
        table: &str,
        partition: Option<&[String]>,
        columns: &[String],
    ) -> Result<FoundStatistics> {
        check_count(columns.len())?;
        let key = match partition {
            None => self.get_table(database, table).await?.key(),
            Some(values) => self.get_partition(database, table, values).await?.key(),
        };
        let mut known = self.store().find::<StatisticsOf>(&key).await?.map(|of| of.value.columns).unwrap_or_default();
        let mut answer = FoundStatistics { found: Vec::new(), missing: Vec::new() };
        for name in columns {
            match known.remove(&fold(name)) {
                Some(statistics) => answer.found.push(statistics),
                None => answer.missing.push(name.clone()),
            }
        }
        Ok(answer)
    }

    /// Forgets the statistics of one column.
    pub async fn delete_column_statistics(&self, database: &str, table: &str, partition: Option<&[String]>, column: &str) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let owner = Owner::find(&mut tx, database, table, partition).await?;
        let missing = || Error::not_found(format!("statistics of column {column:?} of {}.{}", fold(database), fold(table)));
        let Some(Stored { value: mut known, .. }) = tx.find::<StatisticsOf>(&owner.key).await? else { return Err(missing()) };
        known.columns.remove(&fold(column)).ok_or_else(missing)?;
        tx.put(known).await?;
        tx.commit().await
    }
}

/// Whose statistics: a table or a partition that exists.
struct Owner {
    key: String,
    columns: Vec<String>,
}

impl Owner {
    async fn find(tx: &mut Tx, database: &str, table: &str, partition: Option<&[String]>) -> Result<Self> {
        let (database, name) = (fold(database), fold(table));
        let table = tx.get::<Table>(&Table::key_of(&database, &name)).await?;
        let mut columns: Vec<String> = table.columns().iter().chain(&table.partition_keys).map(|column| fold(&column.name)).collect();
        let Some(values) = partition else { return Ok(Self { key: table.key(), columns }) };
        let partition = tx.get::<Partition>(&Partition::key_of(&database, &name, values)).await?;
        columns.extend(partition.storage_descriptor.columns.iter().map(|column| fold(&column.name)));
        Ok(Self { key: partition.key(), columns })
    }

    fn has_column(&self, name: &str) -> bool {
        self.columns.contains(&fold(name))
    }
}

fn check_count(found: usize) -> Result<()> {
    if found <= MAX_COLUMNS {
        return Ok(());
    }
    Err(Error::invalid_input(format!("Statistics are asked for or given of at most {MAX_COLUMNS} columns at once; found {found}.")))
}

/// Keeps the statistics of a table, or of its partition with these values, beside those of other columns. Names are folded; that
/// the columns exist is the caller's word.
pub(crate) async fn put_column_statistics(
    tx: &mut Tx,
    database: &str,
    table: &str,
    partition: Option<&[String]>,
    statistics: Vec<ColumnStatistics>,
) -> Result<()> {
    let (database, table) = (fold(database), fold(table));
    let owner = match partition {
        None => Table::key_of(&database, &table),
        Some(values) => Partition::key_of(&database, &table, values),
    };
    put(tx, owner, statistics).await
}

async fn put(tx: &mut Tx, owner: String, statistics: Vec<ColumnStatistics>) -> Result<()> {
    if statistics.is_empty() {
        return Ok(());
    }
    let mut columns = tx.find::<StatisticsOf>(&owner).await?.map(|of| of.value.columns).unwrap_or_default();
    columns.extend(statistics.into_iter().map(|of| (fold(&of.column_name), of)));
    tx.put(StatisticsOf { owner, columns }).await
}

/// Forgets everything about a table or a partition that goes.
pub(crate) async fn drop_column_statistics(tx: &mut Tx, owner: &str) -> Result<()> {
    match tx.delete::<StatisticsOf>(owner).await {
        Err(e) if e.kind == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
