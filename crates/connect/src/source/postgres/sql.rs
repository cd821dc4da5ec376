//! A scan as one SELECT. COPY takes no parameters, so constants stand in the text, quoted and typed.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use domain::{Error, Result};

use super::catalog::{Column, Shape};
use super::copy::Reading;
use super::types::Kind;
use crate::source::{Comparison, Literal, NATIVE_TYPE, Predicate, Scan, TablePath};

/// Values in one IN list; longer lists are left to the reader.
const MAX_IN_VALUES: usize = 1000;
/// Dates that chrono and PostgreSQL write alike: 0001-01-01 to 9999-12-31.
const DAYS: std::ops::RangeInclusive<i32> = -719_162..=2_932_896;
const MICROS_A_DAY: i64 = 86_400_000_000;

/// Fails on a column that the table lacks and on a predicate that [`accepts`] would refuse.
pub(crate) fn reading(shape: &Shape, scan: &Scan) -> Result<Reading> {
    let columns: Vec<&Column> = match &scan.columns {
        None => shape.columns.iter().collect(),
        Some(names) => names.iter().map(|name| shape.column(name)).collect::<Result<_>>()?,
    };
    let list: Vec<String> = columns.iter().map(|column| column.kind.selected(&quote(&column.name))).collect();
    let select = format!("SELECT {} FROM {}{}", list.join(", "), table_name(&scan.table), rest(shape, scan)?);
    let fields: Vec<Field> = columns.iter().map(|column| column.field()).collect();
    Ok(Reading {
        select,
        kinds: columns.iter().map(|column| column.kind.clone()).collect(),
        schema: Arc::new(Schema::new(fields)),
        target: None,
        what: format!("reading table {}", scan.table),
        batch_rows: scan.batch_rows.max(1),
    })
}

/// WHERE and LIMIT, or nothing.
pub(crate) fn rest(shape: &Shape, scan: &Scan) -> Result<String> {
    let schema = shape.schema();
    let mut conditions = Vec::new();
    for filter in &scan.filters {
        if !accepts(filter, &schema) {
            return Err(Error::internal(format!("A filter on {} was sent to PostgreSQL that it does not take: {filter:?}.", scan.table)));
        }
        conditions.push(condition(shape, filter)?);
    }
    let mut sql = String::new();
    if !conditions.is_empty() {
        sql = format!(" WHERE {}", conditions.join(" AND "));
    }
    if let Some(limit) = scan.limit {
        sql.push_str(&format!(" LIMIT {limit}"));
    }
    Ok(sql)
}

/// Only comparisons that mean the same in PostgreSQL and in Arrow.
///
/// Zeros of floats are left out: Arrow tells 0.0 from -0.0. NaN is above all numbers in both. Texts are always compared byte by
/// byte, whatever the column's collation: [`condition`] sees to that.
pub(crate) fn accepts(predicate: &Predicate, schema: &SchemaRef) -> bool {
    let data_type = |column: &str| schema.field_with_name(column).ok().map(Field::data_type);
    let fits = |column: &str, value: &Literal| data_type(column).is_some_and(|data_type| comparable(data_type, value));
    match predicate {
        Predicate::Compare { column, value, .. } => fits(column, value),
        Predicate::IsNull(column) | Predicate::IsNotNull(column) => data_type(column).is_some(),
        Predicate::In { column, values } => values.len() <= MAX_IN_VALUES && values.iter().all(|value| fits(column, value)),
        Predicate::And(all) | Predicate::Or(all) => all.iter().all(|one| accepts(one, schema)),
    }
}

fn comparable(data_type: &DataType, value: &Literal) -> bool {
    match (data_type, value) {
        (DataType::Boolean, Literal::Boolean(_)) => true,
        (DataType::Int16 | DataType::Int32 | DataType::Int64, Literal::Integer(_)) => true,
        // A numeric without a fraction and one with are the same number to both.
        (DataType::Decimal128(..), Literal::Integer(_) | Literal::Decimal { scale: 0.., .. }) => true,
        (DataType::Float64, Literal::Float(value)) => value.is_finite() && *value != 0.0,
        // Whether the column is widened or the constant narrowed must not matter.
        #[allow(clippy::cast_possible_truncation, clippy::float_cmp, reason = "exactly that is asked: whether anything is lost")]
        (DataType::Float32, Literal::Float(value)) => value.is_finite() && *value != 0.0 && f64::from(*value as f32) == *value,
        (DataType::Utf8, Literal::Text(text)) => !text.contains('\0'),
        (DataType::Date32, Literal::Date(days)) => DAYS.contains(days),
        (DataType::Timestamp(..), Literal::Timestamp(micros)) => {
            i32::try_from(micros.div_euclid(MICROS_A_DAY)).is_ok_and(|days| DAYS.contains(&days))
        }
        _ => false,
    }
}

fn condition(shape: &Shape, predicate: &Predicate) -> Result<String> {
    Ok(match predicate {
        Predicate::Compare { column, comparison, value } => compare(shape.column(column)?, *comparison, value)?,
        // What is no date is null in Arrow.
        Predicate::IsNull(name) => match &shape.column(name)?.kind {
            Kind::Date | Kind::Timestamp { .. } => format!("({0} IS NULL OR NOT isfinite({0}))", quote(name)),
            _ => format!("{} IS NULL", quote(name)),
        },
        Predicate::IsNotNull(name) => match &shape.column(name)?.kind {
            Kind::Date | Kind::Timestamp { .. } => format!("({0} IS NOT NULL AND isfinite({0}))", quote(name)),
            _ => format!("{} IS NOT NULL", quote(name)),
        },
        Predicate::In { values, .. } if values.is_empty() => "false".into(),
        Predicate::In { column, values } => {
            let column = shape.column(column)?;
            let values: Vec<String> = values.iter().map(|value| constant(&column.kind, value)).collect::<Result<_>>()?;
            format!("{} IN ({})", operand(column, Comparison::Equal), values.join(", "))
        }
        Predicate::And(all) => joined(shape, all, " AND ", "true")?,
        Predicate::Or(all) => joined(shape, all, " OR ", "false")?,
    })
}

fn joined(shape: &Shape, all: &[Predicate], word: &str, empty: &str) -> Result<String> {
    let parts: Vec<String> = all.iter().map(|one| condition(shape, one)).collect::<Result<_>>()?;
    Ok(if parts.is_empty() { empty.into() } else { format!("({})", parts.join(word)) })
}

fn compare(column: &Column, comparison: Comparison, value: &Literal) -> Result<String> {
    let compared = format!("{} {} {}", operand(column, comparison), comparison.sql(), constant(&column.kind, value)?);
    let has_infinity = matches!(column.kind, Kind::Date | Kind::Timestamp { .. });
    Ok(if has_infinity && comparison != Comparison::Equal {
        format!("({compared} AND isfinite({}))", quote(&column.name))
    } else {
        compared
    })
}

/// The value as it is selected, where texts byte by byte.
fn operand(column: &Column, comparison: Comparison) -> String {
    let name = quote(&column.name);
    let is_equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    match column.kind {
        // As it is, so that an index is of use.
        Kind::Text if column.bytewise && is_equality => name,
        // The cast to text would take the padding away.
        Kind::Padded => format!("{} COLLATE \"C\"", padded(&name)),
        Kind::Text | Kind::Label | Kind::Jsonb | Kind::Uuid | Kind::Other => format!("{name}::text COLLATE \"C\""),
        Kind::Oid => format!("{name}::bigint"),
        _ => name,
    }
}

/// character(n) as text, with its padding.
fn padded(name: &str) -> String {
    format!("textin(bpcharout({name}))")
}

/// The column as a scan gives it, in a form that a query can compare, group and order by the rules of what is given: texts by
/// their bytes, whatever their type and collation. Nothing for lists.
pub(crate) fn column(field: &Field) -> Option<String> {
    let name = quote(field.name());
    let native = field.metadata().get(NATIVE_TYPE).and_then(|native| native.split('(').next());
    Some(match field.data_type() {
        // An oid is one too, and has neither a sum nor signs.
        DataType::Int64 => format!("({name}::bigint)"),
        DataType::Date32 => format!("(CASE WHEN isfinite({name}) THEN {name} END)"),
        DataType::Timestamp(..) => format!("(CASE WHEN isfinite({name}) THEN {name}::timestamp END)"),
        DataType::Utf8 => match native {
            Some("text" | "character varying" | "name" | "uuid" | "json" | "jsonb" | "xml" | "numeric") => {
                format!("({name}::text COLLATE \"C\")")
            }
            Some("character" | "bpchar") => format!("({} COLLATE \"C\")", padded(&name)),
            // A domain may be of character(n), whose padding the cast takes away.
            _ => format!("(({name}::text || repeat(' ', length(format('%s', {name})) - length({name}::text))) COLLATE \"C\")"),
        },
        DataType::List(_) => return None,
        _ => name,
    })
}

fn constant(kind: &Kind, value: &Literal) -> Result<String> {
    let odd = || Error::internal(format!("A constant cannot be written for PostgreSQL: {value:?}."));
    Ok(match value {
        Literal::Boolean(value) => value.to_string(),
        Literal::Integer(value) if matches!(kind, Kind::Decimal { .. }) => format!("'{value}'::numeric"),
        Literal::Integer(value) => format!("'{value}'::bigint"),
        Literal::Float(value) if *kind == Kind::Float32 => format!("'{value:e}'::real"),
        Literal::Float(value) => format!("'{value:e}'::double precision"),
        Literal::Text(text) => literal(text),
        Literal::Decimal { unscaled, scale } => format!("'{unscaled}e-{}'::numeric", u8::try_from(*scale).map_err(|_| odd())?),
        Literal::Date(days) => format!("'{}'::date", day(*days).ok_or_else(odd)?),
        Literal::Timestamp(micros) => {
            let time = chrono::DateTime::from_timestamp_micros(*micros).ok_or_else(odd)?.format("%Y-%m-%d %H:%M:%S%.6f");
            if *kind == (Kind::Timestamp { zoned: true }) { format!("'{time}+00'::timestamptz") } else { format!("'{time}'::timestamp") }
        }
    })
}

fn day(days: i32) -> Option<String> {
    let time = chrono::DateTime::from_timestamp_micros(i64::from(days) * MICROS_A_DAY)?;
    Some(time.format("%Y-%m-%d").to_string())
}

/// `"schema"."table"`
pub(crate) fn table_name(table: &TablePath) -> String {
    match &table.schema {
        Some(schema) => format!("{}.{}", quote(schema), quote(&table.table)),
        None => quote(&table.table),
    }
}

/// An identifier.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text; a backslash is one (`standard_conforming_strings`).
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
