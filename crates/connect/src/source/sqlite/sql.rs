//! A scan as one SELECT with bound values.

use arrow::datatypes::{DataType, SchemaRef};
use domain::{Error, Result};
use rusqlite::types::Value;

use super::shape::{Kind, Shape, ShapeColumn};
use crate::source::{Literal, Predicate, Scan};

/// From here on not every whole number is a float.
pub(crate) const LARGEST_EXACT: u64 = 1 << 53;
/// Values in one IN list; longer lists are left to the reader.
const MAX_IN_VALUES: usize = 1000;

/// What is sent to SQLite, and what comes back.
#[derive(Debug)]
pub(crate) struct Plan {
    pub table: String,
    pub sql: String,
    pub values: Vec<Value>,
    pub columns: Vec<ShapeColumn>,
    pub batch_rows: usize,
}

/// Fails on a column that the table lacks and on a predicate that [`accepts`] would refuse.
pub(crate) fn plan(shape: &Shape, scan: &Scan) -> Result<Plan> {
    let columns: Vec<ShapeColumn> = match &scan.columns {
        None => shape.columns.clone(),
        Some(names) => names.iter().map(|name| find(shape, name).cloned()).collect::<Result<_>>()?,
    };
    let selected: Vec<String> = columns.iter().map(expression).collect();
    let list = if selected.is_empty() { "NULL".into() } else { selected.join(", ") };
    let mut sql = format!("SELECT {list} FROM {}", quote(&shape.table));
    let mut values = Vec::new();
    let schema = shape.schema();
    let mut conditions = Vec::new();
    for filter in &scan.filters {
        if !accepts(filter, &schema) {
            return Err(Error::internal(format!("A filter on {} was sent to SQLite that it does not take: {filter:?}.", shape.table)));
        }
        conditions.push(condition(shape, filter, &mut values)?);
    }
    if !conditions.is_empty() {
        sql.push_str(&format!(" WHERE {}", conditions.join(" AND ")));
    }
    if let Some(limit) = scan.limit {
        sql.push_str(&format!(" LIMIT {limit}"));
    }
    Ok(Plan { table: shape.table.clone(), sql, values, columns, batch_rows: scan.batch_rows.max(1) })
}

/// Only comparisons that mean the same in SQLite and in Arrow: like types, finite numbers, no text with a zero byte.
pub(crate) fn accepts(predicate: &Predicate, schema: &SchemaRef) -> bool {
    let fits = |column: &str, value: &Literal| {
        let field = schema.fields().iter().find(|field| field.name().eq_ignore_ascii_case(column));
        match (field.map(|field| field.data_type()), value) {
            (Some(DataType::Int64), Literal::Integer(_)) => true,
            // Whole numbers in such a column are compared by SQLite as they are, not as the floats that they become.
            (Some(DataType::Float64), Literal::Integer(value)) => value.unsigned_abs() < LARGEST_EXACT,
            (Some(DataType::Float64), Literal::Float(value)) => {
                value.abs() < LARGEST_EXACT as f64 && !(*value == 0.0 && value.is_sign_negative())
            }
            (Some(DataType::Utf8), Literal::Text(value)) => !value.contains('\0'),
            _ => false,
        }
    };
    match predicate {
        Predicate::Compare { column, value, .. } => fits(column, value),
        Predicate::IsNull(column) | Predicate::IsNotNull(column) => {
            schema.fields().iter().any(|field| field.name().eq_ignore_ascii_case(column))
        }
        Predicate::In { column, values } => values.len() <= MAX_IN_VALUES && values.iter().all(|value| fits(column, value)),
        Predicate::And(all) | Predicate::Or(all) => all.iter().all(|one| accepts(one, schema)),
    }
}

fn condition(shape: &Shape, predicate: &Predicate, values: &mut Vec<Value>) -> Result<String> {
    Ok(match predicate {
        Predicate::Compare { column, comparison, value } => {
            values.push(bound(value));
            format!("{} {} ?", operand(find(shape, column)?), comparison.sql())
        }
        Predicate::IsNull(column) => format!("{} IS NULL", quote(&find(shape, column)?.name)),
        Predicate::IsNotNull(column) => format!("{} IS NOT NULL", quote(&find(shape, column)?.name)),
        Predicate::In { column, values: list } => {
            values.extend(list.iter().map(bound));
            format!("{} IN ({})", operand(find(shape, column)?), vec!["?"; list.len()].join(", "))
        }
        Predicate::And(all) => joined(shape, all, " AND ", "1", values)?,
        Predicate::Or(all) => joined(shape, all, " OR ", "0", values)?,
    })
}

fn joined(shape: &Shape, all: &[Predicate], word: &str, empty: &str, values: &mut Vec<Value>) -> Result<String> {
    let parts: Vec<String> = all.iter().map(|one| condition(shape, one, values)).collect::<Result<_>>()?;
    Ok(if parts.is_empty() { empty.into() } else { format!("({})", parts.join(word)) })
}

fn bound(value: &Literal) -> Value {
    match value {
        Literal::Boolean(value) => Value::Integer(i64::from(*value)),
        Literal::Integer(value) => Value::Integer(*value),
        Literal::Float(value) => Value::Real(*value),
        Literal::Text(value) => Value::Text(value.clone()),
        // Never accepted: SQLite keeps dates, times and decimals as something else.
        Literal::Date(_) | Literal::Timestamp(_) | Literal::Decimal { .. } => Value::Null,
    }
}

/// What is selected for a column.
pub(crate) fn expression(column: &ShapeColumn) -> String {
    match column.kind {
        Kind::Mixed => format!("CAST({} AS TEXT)", quote(&column.name)),
        Kind::Blob => format!("CAST({} AS BLOB)", quote(&column.name)),
        _ => quote(&column.name),
    }
}

/// What is compared: the value as it is selected, byte by byte whatever collation the table declares.
fn operand(column: &ShapeColumn) -> String {
    match column.kind {
        Kind::Text | Kind::Mixed => format!("{} COLLATE BINARY", expression(column)),
        _ => expression(column),
    }
}

/// An identifier. Only names that the database itself gave are quoted: SQLite takes an unknown one for a text.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn find<'a>(shape: &'a Shape, name: &str) -> Result<&'a ShapeColumn> {
    shape.column(name).ok_or_else(|| {
        let names: Vec<&str> = shape.columns.iter().map(|column| column.name.as_str()).collect();
        Error::not_found(format!("Column {name:?} of table {} (it has: {})", shape.table, names.join(", ")))
    })
}
