//! A scan as one SELECT.
//!
//! Constants stand in the text: numbers as digits, dates in ISO form under a CAST, texts as the bytes of their UTF-16.

use arrow::datatypes::{DataType, Field, SchemaRef};
use chrono::{DateTime, Datelike, TimeDelta};
use domain::{Error, Result};

use super::decode::digits;
use crate::source::{Comparison, Literal, NATIVE_TYPE, Predicate, Scan};

/// Values in one IN list; longer lists are left to the reader.
const MAX_IN_VALUES: usize = 1000;
const TRUE: &str = "1 = 1";
const FALSE: &str = "1 = 0";

/// Fails on a predicate that [`accepts`] would refuse.
pub(crate) fn select(scan: &Scan, table: &str, columns: &SchemaRef, schema: &SchemaRef) -> Result<String> {
    let list: Vec<String> = columns.fields().iter().map(|field| selected(field)).collect();
    let list = if list.is_empty() { "1".into() } else { list.join(", ") };
    let top = scan.limit.map(|limit| format!("TOP ({limit}) ")).unwrap_or_default();
    let mut sql = format!("SELECT {top}{list} FROM {table}");
    for (index, filter) in scan.filters.iter().enumerate() {
        let condition = condition(filter, schema).ok_or_else(|| {
            Error::internal(format!("A filter on {} was sent to SQL Server that it does not take: {filter:?}.", scan.table))
        })?;
        sql.push_str(if index == 0 { " WHERE " } else { " AND " });
        sql.push_str(&condition);
    }
    Ok(sql)
}

/// What the driver would read inexactly or not at all is converted by the server.
fn selected(field: &Field) -> String {
    let name = quote(field.name());
    match native(field) {
        "money" => format!("CAST({name} AS decimal(19,4)) AS {name}"),
        "smallmoney" => format!("CAST({name} AS decimal(10,4)) AS {name}"),
        "datetimeoffset" => format!("CAST(SWITCHOFFSET({name}, '+00:00') AS datetime2(7)) AS {name}"),
        "sql_variant" => format!("{} AS {name}", variant(&name)),
        "geometry" | "geography" | "hierarchyid" => format!("CAST({name} AS varbinary(max)) AS {name}"),
        _ => name,
    }
}

/// A text that holds all of the value, where a plain cast cuts digits, seconds and cents off or takes bytes for characters.
fn variant(name: &str) -> String {
    let styled = |native: &str, style: u8| format!("CONVERT(nvarchar(max), CAST({name} AS {native}), {style})");
    let cases = [
        ("N'float'", styled("float", 3)),
        ("N'real'", styled("real", 3)),
        ("N'datetime'", styled("datetime", 126)),
        ("N'smalldatetime'", styled("datetime", 126)),
        ("N'money'", styled("money", 2)),
        ("N'smallmoney'", styled("money", 2)),
        ("N'binary'", styled("varbinary(8000)", 1)),
        ("N'varbinary'", styled("varbinary(8000)", 1)),
    ];
    let cases = cases.map(|(base, text)| format!("WHEN {base} THEN {text}")).join(" ");
    format!("CASE CAST(SQL_VARIANT_PROPERTY({name}, 'BaseType') AS nvarchar(128)) {cases} ELSE CAST({name} AS nvarchar(max)) END")
}

pub(crate) fn accepts(predicate: &Predicate, schema: &SchemaRef) -> bool {
    condition(predicate, schema).is_some()
}

/// The predicate in SQL, true for exactly the rows that Arrow would keep; nothing where that is not certain.
fn condition(predicate: &Predicate, schema: &SchemaRef) -> Option<String> {
    let field = |name: &str| schema.fields().iter().find(|field| field.name() == name);
    Some(match predicate {
        Predicate::Compare { column, comparison, value } => compare(field(column)?, *comparison, value)?,
        Predicate::IsNull(column) => format!("{} IS NULL", quote(field(column)?.name())),
        Predicate::IsNotNull(column) => format!("{} IS NOT NULL", quote(field(column)?.name())),
        Predicate::In { values, .. } if values.len() > MAX_IN_VALUES => return None,
        Predicate::In { column, values } => {
            let field = field(column)?;
            let each: Option<Vec<String>> = values.iter().map(|value| compare(field, Comparison::Equal, value)).collect();
            any(each?, " OR ", FALSE)
        }
        Predicate::And(all) => any(all.iter().map(|one| condition(one, schema)).collect::<Option<_>>()?, " AND ", TRUE),
        Predicate::Or(all) => any(all.iter().map(|one| condition(one, schema)).collect::<Option<_>>()?, " OR ", FALSE),
    })
}

fn any(parts: Vec<String>, word: &str, empty: &str) -> String {
    if parts.is_empty() { empty.into() } else { format!("({})", parts.join(word)) }
}

fn compare(field: &Field, comparison: Comparison, value: &Literal) -> Option<String> {
    let name = quote(field.name());
    if let Literal::Text(text) = value {
        return text_compare(field, &name, comparison, text);
    }
    let operand = match native(field) {
        "money" => format!("CAST({name} AS decimal(19,4))"),
        "smallmoney" => format!("CAST({name} AS decimal(10,4))"),
        // As it is read: to the millisecond that the server shows.
        "datetime" => format!("CAST({name} AS datetime2(3))"),
        _ => name,
    };
    Some(format!("{operand} {} {}", comparison.sql(), literal(field, value)?))
}

/// Collations ignore case and trailing spaces, and bytes are compared as if zeros followed the shorter: so the same bytes and
/// the same number of them. UTF-16 has another order than Arrow's UTF-8: equality only.
fn text_compare(field: &Field, name: &str, comparison: Comparison, text: &str) -> Option<String> {
    if *field.data_type() != DataType::Utf8 || !matches!(native(field), "char" | "varchar" | "nchar" | "nvarchar") {
        return None;
    }
    let bytes: String = text.encode_utf16().flat_map(u16::to_le_bytes).map(|byte| format!("{byte:02x}")).collect();
    let wide = format!("CAST({name} AS nvarchar(max))");
    let same_bytes = format!("CAST({wide} AS varbinary(max))");
    let length = text.encode_utf16().count() * 2;
    match comparison {
        Comparison::Equal => Some(format!("({same_bytes} = 0x{bytes} AND DATALENGTH({wide}) = {length})")),
        Comparison::NotEqual => Some(format!("({same_bytes} <> 0x{bytes} OR DATALENGTH({wide}) <> {length})")),
        _ => None,
    }
}

/// Floats are left to the reader: how exactly the server reads their digits could not be tried.
fn literal(field: &Field, value: &Literal) -> Option<String> {
    match (field.data_type(), value) {
        (kind, Literal::Integer(value)) if kind.is_signed_integer() => Some(value.to_string()),
        (DataType::Decimal128(_, scale), Literal::Integer(value)) => decimal(i128::from(*value), 0, *scale),
        (DataType::Decimal128(_, own), Literal::Decimal { unscaled, scale }) => decimal(*unscaled, *scale, *own),
        (DataType::Boolean, Literal::Boolean(value)) => Some(if *value { "1".into() } else { "0".into() }),
        (DataType::Date32, Literal::Date(days)) => {
            let date = DateTime::UNIX_EPOCH.date_naive().checked_add_signed(TimeDelta::try_days(i64::from(*days))?)?;
            (1..=9999).contains(&date.year()).then(|| format!("CAST('{}' AS date)", date.format("%Y-%m-%d")))
        }
        (DataType::Timestamp(..), Literal::Timestamp(micros)) if has_whole_micros(field) => {
            let at = DateTime::from_timestamp_micros(*micros)?.naive_utc();
            (1..=9999).contains(&at.year()).then(|| format!("CAST('{}' AS datetime2(6))", at.format("%Y-%m-%dT%H:%M:%S%.6f")))
        }
        _ => None,
    }
}

/// Decimals that go into 38 digits beside the column's own places: beyond that the server rounds before it compares.
fn decimal(unscaled: i128, scale: i8, own: i8) -> Option<String> {
    let places = u8::try_from(scale).ok().filter(|_| scale <= own)?;
    let text = digits(unscaled, places);
    let whole = text.trim_start_matches('-').split('.').next()?.len();
    (whole + usize::try_from(own).ok()? <= 38).then_some(text)
}

/// `datetime2(7)` has a digit more than is read, and zones are the server's to convert.
fn has_whole_micros(field: &Field) -> bool {
    let whole = field.metadata().get(NATIVE_TYPE).map(String::as_str);
    match native(field) {
        "datetime" | "smalldatetime" => true,
        "datetime2" => whole != Some("datetime2(7)"),
        _ => false,
    }
}

fn native(field: &Field) -> &str {
    field.metadata().get(NATIVE_TYPE).and_then(|native| native.split('(').next()).unwrap_or_default()
}

/// A text constant.
pub(crate) fn text(value: &str) -> String {
    format!("N'{}'", value.replace('\'', "''"))
}

pub(crate) fn quote(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}
