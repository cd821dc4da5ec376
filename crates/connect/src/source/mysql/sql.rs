//! A scan as one SELECT.
//!
//! Constants stand in the text: numbers as digits, dates as typed literals, texts as the hexadecimal of their UTF-8, which needs
//! no escaping and compares byte by byte.

use arrow::datatypes::{DataType, Field, SchemaRef};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta};
use domain::{Error, Result};

use crate::source::cells::MAX_EXACT_FLOAT;
use crate::source::{Comparison, Literal, NATIVE_TYPE, Predicate, Scan, TablePath};

/// Values in one IN list; longer lists are left to the reader.
const MAX_IN_VALUES: usize = 1000;
/// Native types whose texts are the column's own characters.
const TEXT_TYPES: &[&str] = &["char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"];

/// Fails on a predicate that [`accepts`] would refuse.
pub(crate) fn select(scan: &Scan, table: &str, columns: &SchemaRef, schema: &SchemaRef) -> Result<String> {
    let list: Vec<String> = columns.fields().iter().map(|field| quote(field.name())).collect();
    let list = if list.is_empty() { "1".into() } else { list.join(", ") };
    let mut sql = format!("SELECT {list} FROM {table}");
    for (index, filter) in scan.filters.iter().enumerate() {
        let condition = condition(filter, schema)
            .ok_or_else(|| Error::internal(format!("A filter on {} was sent to MySQL that it does not take: {filter:?}.", scan.table)))?;
        sql.push_str(if index == 0 { " WHERE " } else { " AND " });
        sql.push_str(&condition);
    }
    if let Some(limit) = scan.limit {
        sql.push_str(&format!(" LIMIT {limit}"));
    }
    Ok(sql)
}

pub(crate) fn accepts(predicate: &Predicate, schema: &SchemaRef) -> bool {
    condition(predicate, schema).is_some()
}

/// The predicate in SQL, true for exactly the rows that Arrow would keep; nothing where that is not certain.
fn condition(predicate: &Predicate, schema: &SchemaRef) -> Option<String> {
    let field = |name: &str| schema.fields().iter().find(|field| field.name() == name);
    Some(match predicate {
        Predicate::Compare { column, comparison, value } => compare(field(column)?, *comparison, value)?,
        Predicate::IsNull(column) => format!("{} IS NULL", nullable(field(column)?)?),
        Predicate::IsNotNull(column) => format!("{} IS NOT NULL", nullable(field(column)?)?),
        Predicate::In { values, .. } if values.is_empty() => "FALSE".into(),
        Predicate::In { column, values } => {
            let field = field(column)?;
            let operand = operand(field);
            let list: Option<Vec<String>> = values.iter().map(|value| literal(field, value)).collect();
            format!("{operand} IN ({})", list.filter(|list| list.len() <= MAX_IN_VALUES)?.join(", "))
        }
        Predicate::And(all) => joined(all, " AND ", "TRUE", schema)?,
        Predicate::Or(all) => joined(all, " OR ", "FALSE", schema)?,
    })
}

fn joined(all: &[Predicate], word: &str, empty: &str, schema: &SchemaRef) -> Option<String> {
    let parts: Vec<String> = all.iter().map(|one| condition(one, schema)).collect::<Option<_>>()?;
    Some(if parts.is_empty() { empty.into() } else { format!("({})", parts.join(word)) })
}

fn compare(field: &Field, comparison: Comparison, value: &Literal) -> Option<String> {
    let compared = format!("{} {} {}", operand(field), comparison.sql(), literal(field, value)?);
    let is_date = matches!(field.data_type(), DataType::Date32 | DataType::Timestamp(..));
    if !is_date || comparison == Comparison::Equal {
        return Some(compared);
    }
    // Dates that are none are null to whoever reads, but have an order in MySQL. They are never equal to a real date.
    let name = quote(field.name());
    Some(format!("({compared} AND {})", is_a_day(&name)))
}

/// There is such a day: not 0000-00-00, not 2024-02-31.
fn is_a_day(name: &str) -> String {
    format!("DAYOFMONTH({name}) BETWEEN 1 AND DAYOFMONTH(LAST_DAY({name}))")
}

/// The column as a scan gives it, for a query. A YEAR is compared with 70 as if that were 1970, and bits are compared as bytes.
pub(crate) fn column(field: &Field) -> String {
    let name = quote(field.name());
    match (field.data_type(), native(field)) {
        (DataType::Boolean, _) => format!("({name} <> 0)"),
        (DataType::Date32 | DataType::Timestamp(..), _) => format!("(CASE WHEN {} THEN {name} END)", is_a_day(&name)),
        (DataType::Int32 | DataType::Int64, Some("year" | "bit")) => format!("CAST({name} AS SIGNED)"),
        _ => name,
    }
}

/// The type's name alone: `bit` of `bit(20)`.
fn native(field: &Field) -> Option<&str> {
    field.metadata().get(NATIVE_TYPE)?.split(['(', ' ']).next()
}

/// MySQL does not know that dates that are none are read as null.
fn nullable(field: &Field) -> Option<String> {
    (!matches!(field.data_type(), DataType::Date32 | DataType::Timestamp(..))).then(|| quote(field.name()))
}

/// What is compared: texts as bytes of their UTF-8, whatever character set and collation the column has; those ignore case and
/// trailing spaces.
fn operand(field: &Field) -> String {
    let name = quote(field.name());
    match field.data_type() {
        DataType::Utf8 => format!("CAST(CONVERT({name} USING utf8mb4) AS BINARY)"),
        DataType::Boolean => format!("({name} <> 0)"),
        _ => name,
    }
}

fn literal(field: &Field, value: &Literal) -> Option<String> {
    let native = native(field)?;
    // See [`column`].
    let is_whole = field.data_type().is_signed_integer() && !matches!(native, "year" | "bit");
    match (field.data_type(), value) {
        (_, Literal::Integer(value)) if is_whole => Some(value.to_string()),
        (DataType::Decimal128(..), Literal::Integer(value)) => Some(value.to_string()),
        (DataType::Decimal128(..), Literal::Decimal { unscaled, scale }) => decimal(*unscaled, *scale),
        // MySQL has one zero, Arrow has two that differ.
        (DataType::Float64, Literal::Float(value)) if value.is_finite() && *value != 0.0 => Some(format!("{value:e}")),
        (DataType::Float64, Literal::Integer(value)) if *value != 0 && i128::from(*value).abs() <= MAX_EXACT_FLOAT => {
            Some(format!("{value}e0"))
        }
        (DataType::Boolean, Literal::Boolean(value)) => Some(if *value { "1".into() } else { "0".into() }),
        (DataType::Utf8, Literal::Text(text)) if TEXT_TYPES.contains(&native) => Some(hexadecimal(text)),
        (DataType::Date32, Literal::Date(days)) => date(*days).map(|date| format!("DATE'{}'", date.format("%Y-%m-%d"))),
        (DataType::Timestamp(..), Literal::Timestamp(micros)) => {
            timestamp(*micros).map(|at| format!("TIMESTAMP'{}'", at.format("%Y-%m-%d %H:%M:%S%.6f")))
        }
        _ => None,
    }
}

fn decimal(unscaled: i128, scale: i8) -> Option<String> {
    let scale = usize::try_from(scale).ok()?;
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// The years that MySQL's literals can write.
fn date(days: i32) -> Option<NaiveDate> {
    let date = DateTime::UNIX_EPOCH.date_naive().checked_add_signed(TimeDelta::try_days(i64::from(days))?)?;
    (1..=9999).contains(&date.year()).then_some(date)
}

fn timestamp(micros: i64) -> Option<NaiveDateTime> {
    let at = DateTime::from_timestamp_micros(micros)?.naive_utc();
    (1..=9999).contains(&at.year()).then_some(at)
}

fn hexadecimal(text: &str) -> String {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("X'{digits}'")
}

/// A text constant; sessions have NO_BACKSLASH_ESCAPES.
pub(crate) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

pub(crate) fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// `` `database`.`table` ``
pub(crate) fn table(path: &TablePath, usual: Option<&str>) -> String {
    match path.database.as_deref().or(usual) {
        Some(database) => format!("{}.{}", quote(database), quote(&path.table)),
        None => quote(&path.table),
    }
}
