//! Conditions on a message's place and time: which offsets they leave, and whether a message passes.

use super::read::Range;
use super::{OFFSET, PARTITION, TIMESTAMP};
use crate::source::{Comparison, Literal, Predicate};

/// Where and when a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub partition: i32,
    pub offset: i64,
    /// Microseconds since 1970; old brokers keep none.
    pub timestamp: Option<i64>,
}

/// Nothing but our own columns, compared with values of their types.
pub(super) fn accepts(predicate: &Predicate) -> bool {
    let fits = |column: &str, value: &Literal| match value {
        Literal::Integer(_) => matches!(column, PARTITION | OFFSET),
        Literal::Timestamp(_) => column == TIMESTAMP,
        _ => false,
    };
    match predicate {
        Predicate::Compare { column, value, .. } => fits(column, value),
        Predicate::In { column, values } => {
            matches!(column.as_str(), PARTITION | OFFSET | TIMESTAMP) && values.iter().all(|value| fits(column, value))
        }
        Predicate::IsNull(column) | Predicate::IsNotNull(column) => matches!(column.as_str(), PARTITION | OFFSET | TIMESTAMP),
        Predicate::And(all) | Predicate::Or(all) => all.iter().all(accepts),
    }
}

/// Whether the condition holds; nothing where it compares with nothing.
pub(super) fn holds(predicate: &Predicate, place: &Place) -> Option<bool> {
    let value = |column: &str| match column {
        PARTITION => Some(i64::from(place.partition)),
        OFFSET => Some(place.offset),
        _ => place.timestamp,
    };
    match predicate {
        Predicate::Compare { column, comparison, value: literal } => {
            let order = value(column)?.cmp(&number(literal)?);
            Some(match comparison {
                Comparison::Equal => order.is_eq(),
                Comparison::NotEqual => order.is_ne(),
                Comparison::Less => order.is_lt(),
                Comparison::LessOrEqual => order.is_le(),
                Comparison::Greater => order.is_gt(),
                Comparison::GreaterOrEqual => order.is_ge(),
            })
        }
        Predicate::In { column, values } => {
            let found = value(column)?;
            Some(values.iter().any(|literal| number(literal) == Some(found)))
        }
        Predicate::IsNull(column) => Some(value(column).is_none()),
        Predicate::IsNotNull(column) => Some(value(column).is_some()),
        Predicate::And(all) => all.iter().map(|one| holds(one, place)).reduce(and).unwrap_or(Some(true)),
        Predicate::Or(all) => all.iter().map(|one| holds(one, place)).reduce(or).unwrap_or(Some(false)),
    }
}

fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn or(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    and(a.map(|a| !a), b.map(|b| !b)).map(|neither| !neither)
}

fn number(literal: &Literal) -> Option<i64> {
    match literal {
        Literal::Integer(value) | Literal::Timestamp(value) => Some(*value),
        _ => None,
    }
}

/// The range of offsets outside of which no message of the partition passes.
pub(super) fn narrow(predicate: &Predicate, range: Range) -> Range {
    let nothing = Range { to: range.from, ..range };
    match predicate {
        Predicate::Compare { column, comparison, value } => match (column.as_str(), number(value)) {
            (PARTITION, Some(_)) => {
                let place = Place { partition: range.partition, offset: 0, timestamp: None };
                if holds(predicate, &place) == Some(true) { range } else { nothing }
            }
            (OFFSET, Some(value)) => between(*comparison, value, range),
            _ => range,
        },
        Predicate::In { column, values } if column == OFFSET => {
            let found = values.iter().filter_map(number).filter(|value| (range.from..range.to).contains(value));
            let (least, most) = found.fold((i64::MAX, i64::MIN), |(least, most), value| (least.min(value), most.max(value)));
            if least > most { nothing } else { Range { from: least, to: most + 1, ..range } }
        }
        Predicate::In { column, values } if column == PARTITION => {
            if values.iter().any(|value| number(value) == Some(i64::from(range.partition))) { range } else { nothing }
        }
        Predicate::IsNull(column) if column != TIMESTAMP => nothing,
        Predicate::And(all) => all.iter().fold(range, |range, one| narrow(one, range)),
        Predicate::Or(any) => any.iter().map(|one| narrow(one, range)).filter(|one| one.len() > 0).reduce(hull).unwrap_or(nothing),
        _ => range,
    }
}

fn between(comparison: Comparison, value: i64, range: Range) -> Range {
    let after = value.saturating_add(1);
    let (from, to) = match comparison {
        Comparison::Equal => (value, after),
        Comparison::NotEqual => (range.from, range.to),
        Comparison::Less => (range.from, value),
        Comparison::LessOrEqual => (range.from, after),
        Comparison::Greater => (after, range.to),
        Comparison::GreaterOrEqual => (value, range.to),
    };
    Range { from: range.from.max(from), to: range.to.min(to), ..range }
}

fn hull(a: Range, b: Range) -> Range {
    Range { from: a.from.min(b.from), to: a.to.max(b.to), ..a }
}

/// The earliest time, in microseconds, that a message must have to pass; nothing where any may.
pub(super) fn earliest(predicate: &Predicate) -> Option<i64> {
    match predicate {
        Predicate::Compare { column, comparison: Comparison::Equal | Comparison::Greater | Comparison::GreaterOrEqual, value }
            if column == TIMESTAMP =>
        {
            number(value)
        }
        Predicate::In { column, values } if column == TIMESTAMP => values.iter().filter_map(number).min(),
        Predicate::And(all) => all.iter().filter_map(earliest).max(),
        Predicate::Or(any) => any.iter().map(earliest).collect::<Option<Vec<i64>>>()?.into_iter().min(),
        _ => None,
    }
}
