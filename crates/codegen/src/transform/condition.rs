//! Filter and Route: conditions over columns and typed constants. A constant is never code: it is read by its column's type and
//! written anew.

use domain::{Error, Result};

use super::{distinct, unfit};
use crate::members::{Filter, FilterExpression, FilterValue, FilterValueKind, LogicalOperator, Operation, Route};
use crate::sql;
use crate::types::{Input, Type};

/// The output of a Route that has the rows of no group.
const DEFAULT_GROUP: &str = "default_group";

pub(super) fn filter(spec: &Filter, input: &Input) -> Result<String> {
    let condition = condition(spec.logical_operator, &spec.filters, input, "\n  ")?;
    Ok(format!("SELECT *\nFROM {}\nWHERE {condition}", input.cte))
}

/// A table for each group, and one for the rows that no group takes. A row may be in several groups.
pub(super) fn route(spec: &Route, input: &Input) -> Result<Vec<(String, String)>> {
    distinct(spec.group_filters_list.iter().map(|group| group.group_name.as_str()))?;
    let mut tables = Vec::new();
    let mut none = Vec::new();
    for group in &spec.group_filters_list {
        let taken = condition(group.logical_operator, &group.filters, input, "\n  ")?;
        tables.push((group.group_name.clone(), format!("SELECT *\nFROM {}\nWHERE {taken}", input.cte)));
        none.push(not(&condition(group.logical_operator, &group.filters, input, " ")?));
    }
    if !spec.group_filters_list.iter().any(|group| group.group_name == DEFAULT_GROUP) {
        let condition = none.join("\n  AND ");
        tables.push((DEFAULT_GROUP.to_owned(), format!("SELECT *\nFROM {}\nWHERE {condition}", input.cte)));
    }
    Ok(tables)
}

/// As Python's `not` in Glue's generated code: what is unknown counts as false, so its negation is true.
fn not(condition: &str) -> String {
    format!("NOT COALESCE({condition}, FALSE)")
}

/// The conditions one after another, `joint` before each AND or OR.
fn condition(operator: LogicalOperator, filters: &[FilterExpression], input: &Input, joint: &str) -> Result<String> {
    if filters.is_empty() {
        return Err(Error::invalid_input("expected at least one condition, found none"));
    }
    let parts = filters.iter().map(|filter| one(filter, input)).collect::<Result<Vec<_>>>()?;
    let word = if operator == LogicalOperator::And { "AND" } else { "OR" };
    Ok(parts.join(&format!("{joint}{word} ")))
}

fn one(filter: &FilterExpression, input: &Input) -> Result<String> {
    if filter.operation == Operation::IsNull {
        let [value] = filter.values.as_slice() else { return Err(count("one value", filter)) };
        let column = column(value, input)?.ok_or_else(|| Error::invalid_input("expected a column for ISNULL, found a constant"))?;
        return Ok(format!("{} IS {}NULL", column.sql, if filter.negated { "NOT " } else { "" }));
    }
    let [left, right] = filter.values.as_slice() else { return Err(count("two values", filter)) };
    let plain = match (column(left, input)?, column(right, input)?) {
        (None, None) => return Err(Error::invalid_input("expected a column in each condition, found constants alone")),
        (Some(column), None) if filter.operation == Operation::Regex => matches(&column.sql, column.kind, right)?,
        _ if filter.operation == Operation::Regex => return Err(Error::invalid_input("expected a column and a pattern for REGEX")),
        (Some(column), None) => compare(&column.sql, filter.operation, &constant(right, column.name(), column.kind)?),
        (None, Some(column)) => compare(&constant(left, column.name(), column.kind)?, filter.operation, &column.sql),
        (Some(a), Some(b)) if a.kind.common(b.kind).is_some() => compare(&a.sql, filter.operation, &b.sql),
        (Some(a), Some(b)) => {
            return Err(unfit(&b.path.join("."), &format!("{} as in {:?}", a.kind.words(), a.path.join(".")), &b.kind.words()));
        }
    };
    Ok(if filter.negated { not(&plain) } else { plain })
}

fn count(expected: &str, filter: &FilterExpression) -> Error {
    Error::invalid_input(format!("expected {expected} for {:?}, found {}", filter.operation, filter.values.len()))
}

fn compare(left: &str, operation: Operation, right: &str) -> String {
    let sign = match operation {
        Operation::Lt => "<",
        Operation::Gt => ">",
        Operation::Lte => "<=",
        Operation::Gte => ">=",
        Operation::Eq | Operation::Regex | Operation::IsNull => "=",
    };
    format!("{left} {sign} {right}")
}

/// As Python's `re.match` in Glue's generated code: the pattern has to fit at the beginning.
fn matches(column: &str, kind: &Type, value: &FilterValue) -> Result<String> {
    let [pattern] = value.value.as_slice() else { return Err(single(value)) };
    let text = if *kind == Type::Text { column.to_owned() } else { format!("CAST({column} AS VARCHAR)") };
    Ok(format!("regexp_like({text}, {})", sql::text(&format!("^(?:{pattern})"))))
}

fn column<'a>(value: &FilterValue, input: &'a Input) -> Result<Option<crate::types::Found<'a>>> {
    match value.kind {
        FilterValueKind::ColumnExtracted => input.find(&value.value).map(Some),
        FilterValueKind::Constant => Ok(None),
    }
}

fn single(value: &FilterValue) -> Error {
    Error::invalid_input(format!("expected one constant, found {}", value.value.len()))
}

fn constant(value: &FilterValue, column: &str, kind: &Type) -> Result<String> {
    let [text] = value.value.as_slice() else { return Err(single(value)) };
    literal(text, column, kind)
}

/// A constant of the type of its column.
pub(super) fn literal(text: &str, column: &str, kind: &Type) -> Result<String> {
    let wrong = || unfit(column, &format!("the constant {text:?} to be of its type"), &kind.words());
    let trimmed = text.trim();
    Ok(match kind {
        Type::Text | Type::Null => sql::text(text),
        Type::Boolean if trimmed.eq_ignore_ascii_case("true") => "TRUE".to_owned(),
        Type::Boolean if trimmed.eq_ignore_ascii_case("false") => "FALSE".to_owned(),
        Type::Integer(_) if trimmed.parse::<i64>().is_ok() => trimmed.trim_start_matches('+').to_owned(),
        kind if kind.is_number() => number(trimmed, kind).ok_or_else(wrong)?,
        Type::Date if is_date(trimmed) => format!("CAST('{trimmed}' AS DATE)"),
        Type::Timestamp if is_timestamp(trimmed) => format!("CAST('{trimmed}' AS TIMESTAMP)"),
        _ => return Err(wrong()),
    })
}

/// A number as written, where it is one: `-12.50`; with an exponent it is a DOUBLE.
fn number(text: &str, kind: &Type) -> Option<String> {
    let text = text.trim_start_matches('+');
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    if !digits(whole) || !digits(part) || whole.len() + part.len() == 0 || exponent.is_some_and(|exponent| exponent.parse::<i16>().is_err())
    {
        return None;
    }
    let plain = exponent.is_none() && whole.len() + part.len() <= 38;
    Some(match kind {
        _ if !plain => format!("CAST('{text}' AS DOUBLE)"),
        _ if part.is_empty() && whole.len() <= 18 => mantissa.trim_end_matches('.').to_owned(),
        Type::Float | Type::Double => format!("CAST('{text}' AS DOUBLE)"),
        _ => format!("CAST('{text}' AS DECIMAL({}, {}))", whole.len() + part.len(), part.len()),
    })
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let number = |text: &str, digits: usize| if text.len() == digits { text.parse::<u16>().ok() } else { None };
    let within = |value: Option<u16>, most: u16| value.is_some_and(|value| (1..=most).contains(&value));
    within(number(year, 4), 9999) && within(number(month, 2), 12) && within(number(day, 2), 31)
}

fn is_timestamp(text: &str) -> bool {
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, ""));
    is_date(date) && time.chars().all(|c| c.is_ascii_digit() || matches!(c, ':' | '.'))
}
