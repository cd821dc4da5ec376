//! Tables read by a key that only grows (or only falls): conditions, and the question how far the table goes now.

use arrow::datatypes::{DataType, TimeUnit};
use arrow::util::display::array_value_to_string;
use chrono::DateTime;
use domain::{Error, Result, Timestamp};
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};

use super::spec::KeyOrder;
use super::table::Windows;
use crate::engine::{Rows, SqlQuery};

/// The last key read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct KeysMark {
    pub columns: Vec<String>,
    pub order: KeyOrder,
    pub kinds: Vec<KeyKind>,
    /// As texts; of a time its microseconds, of a decimal its digits.
    pub last: Vec<String>,
}

/// What a key's values are, as far as their comparison goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum KeyKind {
    Integer,
    Decimal,
    Date,
    Timestamp,
    Text,
}

impl KeyKind {
    /// Nothing for types without a lasting order: floats and their NaN, structs, bytes.
    pub fn of(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Self::Integer,
            DataType::Decimal128(..) => Self::Decimal,
            DataType::Date32 => Self::Date,
            DataType::Timestamp(TimeUnit::Microsecond, None) => Self::Timestamp,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            _ => return None,
        })
    }
}

/// A column of a key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeyColumn {
    pub name: String,
    pub kind: KeyKind,
    pub data_type: DataType,
}

/// The key of one table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    /// `database.table`, each part quoted.
    pub table: String,
    pub columns: Vec<KeyColumn>,
    pub order: KeyOrder,
}

impl Key {
    pub fn mark(&self, last: Vec<String>) -> KeysMark {
        KeysMark {
            columns: self.columns.iter().map(|column| column.name.clone()).collect(),
            order: self.order,
            kinds: self.columns.iter().map(|column| column.kind).collect(),
            last,
        }
    }

    /// Whether the mark was made by this key.
    pub fn fits(&self, mark: &KeysMark) -> bool {
        self.mark(mark.last.clone()) == *mark && mark.last.len() == self.columns.len()
    }

    /// The rows after the one point, up to and with the other; none that lacks a part of the key, as it has no place in the order.
    pub fn between(&self, after: Option<&[String]>, until: &[String]) -> String {
        let mut conditions = self.present();
        conditions.extend(after.map(|after| format!("({})", self.beyond(after))));
        if conditions.is_empty() {
            return self.up_to(until);
        }
        conditions.push(format!("({})", self.up_to(until)));
        conditions.join(" AND ")
    }

    /// That the rows have a whole key; comparisons and max say so themselves of a key of one column.
    fn present(&self) -> Vec<String> {
        let several = self.columns.iter().filter(|_| self.columns.len() > 1);
        several.map(|column| format!("{} IS NOT NULL", quoted(&column.name))).collect()
    }

    /// Rows whose key comes later than the point.
    fn beyond(&self, point: &[String]) -> String {
        self.compared(point, self.later(), self.later())
    }

    /// Rows whose key is the point or comes before it.
    fn up_to(&self, point: &[String]) -> String {
        let earlier = if self.order == KeyOrder::Asc { "<" } else { ">" };
        self.compared(point, earlier, &format!("{earlier}="))
    }

    fn later(&self) -> &'static str {
        if self.order == KeyOrder::Asc { ">" } else { "<" }
    }

    /// Lexicographic: an earlier column decides where it differs, the last with an operator of its own.
    fn compared(&self, point: &[String], operator: &str, last: &str) -> String {
        let all: Vec<(&KeyColumn, &String)> = self.columns.iter().zip(point).collect();
        let alternative = |at: usize| {
            let operator = if at + 1 == all.len() { last } else { operator };
            let parts = all.iter().take(at + 1).enumerate();
            let parts = parts.map(|(index, (column, value))| column.compared(if index < at { "=" } else { operator }, value));
            parts.collect::<Vec<_>>().join(" AND ")
        };
        match all.len() {
            1 => alternative(0),
            count => (0..count).map(|at| format!("({})", alternative(at))).collect::<Vec<_>>().join(" OR "),
        }
    }

    /// The last key that there is now, after the point and not younger than `not_after`; nothing where there is no such row.
    ///
    /// Column by column, as sources answer max alone. Rows that come between the questions do no harm: any point serves as the end
    /// of a window.
    pub async fn last(&self, windows: &Windows<'_>, after: Option<&[String]>, not_after: Option<Timestamp>) -> Result<Option<Vec<String>>> {
        let mut conditions = self.present();
        conditions.extend(after.map(|after| format!("({})", self.beyond(after))));
        if let (Some(limit), Some(first)) = (not_after, self.columns.first()) {
            let limit = DateTime::from_timestamp_millis(limit.millis())
                .ok_or_else(|| Error::internal(format!("The clock says {limit}, which is no time.")))?;
            conditions.push(first.compared("<=", &limit.format("%Y-%m-%dT%H:%M:%S%.6f").to_string()));
        }
        let function = if self.order == KeyOrder::Asc { "max" } else { "min" };
        let mut point = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
            let text = format!("SELECT {function}({}) AS \"last\" FROM {}{filter}", quoted(&column.name), self.table);
            let Some(value) = answer(windows, text).await? else { return Ok(None) };
            conditions.push(column.compared("=", &value));
            point.push(value);
        }
        Ok(Some(point))
    }
}

impl KeyColumn {
    fn compared(&self, operator: &str, value: &str) -> String {
        format!("{} {operator} {}", quoted(&self.name), self.literal(value))
    }

    /// The value in Penchant's SQL, exactly.
    fn literal(&self, value: &str) -> String {
        let text = format!("'{}'", value.replace('\'', "''"));
        match (self.kind, &self.data_type) {
            // Its digits alone would be the negation of a number that does not fit.
            (KeyKind::Integer, _) if value == i64::MIN.to_string() => format!("CAST({text} AS BIGINT)"),
            (KeyKind::Integer, _) => value.to_owned(),
            (KeyKind::Decimal, DataType::Decimal128(precision, scale)) => format!("CAST({text} AS DECIMAL({precision},{scale}))"),
            (KeyKind::Date, _) => format!("CAST({text} AS DATE)"),
            (KeyKind::Timestamp, _) => format!("CAST({text} AS TIMESTAMP)"),
            (KeyKind::Text | KeyKind::Decimal, _) => text,
        }
    }
}

/// An identifier of Penchant's SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The one value of a query's one row, as text.
async fn answer(windows: &Windows<'_>, text: String) -> Result<Option<String>> {
    let query = SqlQuery { tables: windows.tables.to_vec(), ..SqlQuery::new(text) };
    let Rows { batches, .. } = windows.engine.rows(query, windows.means.clone()).await?;
    let batches: Vec<_> = batches.try_collect().await?;
    let found = batches.iter().find(|batch| batch.num_rows() > 0 && batch.num_columns() > 0).map(|batch| batch.column(0));
    let Some(column) = found.filter(|column| !column.is_null(0)) else { return Ok(None) };
    array_value_to_string(column, 0).map(Some).map_err(|e| Error::internal("The last key of a table cannot be written.").source(e))
}
