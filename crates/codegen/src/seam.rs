//! Where nodes of personal data and of data quality meet the modules that make their SQL.

use std::collections::BTreeMap;

use domain::{Error, Result};
use serde_json::Value;

use crate::compile::Column;
use crate::pii::{self, Found, PiiDetection};
use crate::quality::{self, Kind, Ruleset};
use crate::types::Type;

/// The node's own members.
pub(crate) fn detection(members: &Value) -> Result<PiiDetection> {
    serde_json::from_value(members.clone()).map_err(|error| Error::invalid_input(error.to_string()))
}

/// The SELECT of a PIIDetection node over the CTE `input`, where it needs no look at the data.
pub(crate) fn pii_select(input: &str, columns: &[Column], detection: &PiiDetection) -> Result<String> {
    pii::select(input, &kinds(columns), detection)
}

/// The SELECT that looks which columns hold personal data.
pub(crate) fn pii_scan(input: &str, columns: &[Column], detection: &PiiDetection) -> Result<String> {
    pii::column_scan_select(input, &kinds(columns), detection)
}

/// The SELECT of the column modes by what the scan gave; without it every column of text counts as personal.
pub(crate) fn pii_columns(
    input: &str,
    columns: &[Column],
    detection: &PiiDetection,
    scan: Option<Vec<Vec<Option<String>>>>,
) -> Result<String> {
    let columns = kinds(columns);
    let found = match scan {
        None => columns.iter().filter(|column| column.kind == Kind::Text).map(|column| column.name.clone()).collect(),
        Some(rows) => pii::columns_found(&rows.into_iter().map(found).collect::<Result<Vec<_>>>()?, detection),
    };
    pii::select_columns(input, &columns, detection, &found)
}

/// A row of the scan: column, entity, values, share.
fn found(row: Vec<Option<String>>) -> Result<Found> {
    let mut cells = row.into_iter();
    match (cells.next().flatten(), cells.next().flatten(), cells.next(), cells.next()) {
        (Some(column), Some(entity), Some(_), Some(share)) => {
            Ok(Found { column, entity, fraction: share.and_then(|share| share.parse().ok()) })
        }
        _ => Err(Error::internal("a scan for personal data gave a row of another shape")),
    }
}

/// The SELECT that gives one row per rule of `ruleset` over the CTE `input`; `references` are the aliases of the other inputs and their
/// CTEs.
pub(crate) fn quality_results_select(
    input: &str,
    columns: &[Column],
    ruleset: &str,
    references: &[(String, String)],
    now: i64,
) -> Result<String> {
    let ruleset = Ruleset::parse(ruleset)?;
    let references: BTreeMap<String, String> = references.iter().cloned().collect();
    quality::results_select(&ruleset, &quality::Input { cte: input, columns: &kinds(columns), references: &references, now })
}

fn kinds(columns: &[Column]) -> Vec<quality::Column> {
    let kind = |column: &Column| match Type::parse(&column.data_type) {
        Type::Text => Kind::Text,
        Type::Integer(_) | Type::Float | Type::Double | Type::Decimal(..) => Kind::Number,
        Type::Boolean => Kind::Boolean,
        Type::Date => Kind::Date,
        Type::Timestamp => Kind::Timestamp,
        _ => Kind::Other,
    };
    columns.iter().map(|column| quality::Column::new(&column.name, kind(column))).collect()
}
