//! The expression of GetPartitions: which partitions of a table are wanted, said in SQL's words over the partition keys.
//!
//! `=`, `<>`, `!=`, `<`, `<=`, `>`, `>=`, `IN`, `BETWEEN`, `LIKE`, `IS NULL`, each with `NOT`; `AND`, `OR`, `NOT`, parentheses.
//! Values are compared by the key's declared type. A value that is missing or is not of that type is null, and a comparison with
//! null is neither true nor false, as in SQL.

mod parse;
mod value;

use std::cmp::Ordering;

use domain::Result;

use crate::table::Column;
use value::{KeyType, Value};

/// An expression understood: it knows the keys' types and their places in a partition's list of values.
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionFilter(Condition);

impl PartitionFilter {
    /// `keys` are the table's partition keys. Errors say at which character the text does not fit.
    pub fn parse(text: &str, keys: &[Column]) -> Result<Self> {
        parse::condition(text, keys).map(Self)
    }

    /// Whether the partition with these values, in the order of the keys, is wanted.
    pub fn matches(&self, values: &[String]) -> bool {
        self.0.holds(values) == Some(true)
    }
}

/// A partition key: its place among the values, and how values are read.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Key {
    place: usize,
    key_type: KeyType,
}

#[derive(Debug, Clone, PartialEq)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Key, Comparison, Value),
    In(Key, Vec<Value>),
    Between(Key, Value, Value),
    Like(Key, Vec<LikePart>),
    IsNull(Key),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LikePart {
    Any,
    One,
    Is(char),
}

impl Condition {
    /// `None` is SQL's unknown.
    fn holds(&self, values: &[String]) -> Option<bool> {
        match self {
            Self::All(parts) => settle(parts, values, false),
            Self::Any(parts) => settle(parts, values, true),
            Self::Not(inner) => inner.holds(values).map(|held| !held),
            Self::Compare(key, comparison, wanted) => key.read(values).map(|found| comparison.holds(found.cmp(wanted))),
            Self::In(key, wanted) => key.read(values).map(|found| wanted.contains(&found)),
            Self::Between(key, low, high) => key.read(values).map(|found| *low <= found && found <= *high),
            Self::Like(key, pattern) => key.text(values).map(|text| like(pattern, text)),
            Self::IsNull(key) => Some(key.read(values).is_none()),
        }
    }
}

/// The first part that is `decisive` settles it; otherwise one that is unknown does.
fn settle(parts: &[Condition], values: &[String], decisive: bool) -> Option<bool> {
    let mut answer = Some(!decisive);
    for part in parts {
        match part.holds(values) {
            Some(held) if held == decisive => return Some(decisive),
            Some(_) => {}
            None => answer = None,
        }
    }
    answer
}

impl Key {
    fn text<'a>(&self, values: &'a [String]) -> Option<&'a str> {
        values.get(self.place).map(String::as_str).filter(|text| *text != value::HIVE_NULL)
    }

    fn read(&self, values: &[String]) -> Option<Value> {
        self.text(values).and_then(|text| self.key_type.read(text))
    }
}

impl Comparison {
    fn holds(self, found: Ordering) -> bool {
        match self {
            Self::Equal => found.is_eq(),
            Self::NotEqual => found.is_ne(),
            Self::Less => found.is_lt(),
            Self::LessOrEqual => found.is_le(),
            Self::Greater => found.is_gt(),
            Self::GreaterOrEqual => found.is_ge(),
        }
    }
}

/// Goes back only to the last `%`, so the time is at most the product of the lengths.
fn like(pattern: &[LikePart], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut part) = (0, 0);
    let mut retry = None;
    while at < text.len() {
        match pattern.get(part) {
            Some(LikePart::Any) => {
                retry = Some((part, at));
                part += 1;
            }
            Some(LikePart::One) => (at, part) = (at + 1, part + 1),
            Some(LikePart::Is(wanted)) if *wanted == text[at] => (at, part) = (at + 1, part + 1),
            _ => {
                let Some((any, from)) = retry else { return false };
                retry = Some((any, from + 1));
                (at, part) = (from + 1, any + 1);
            }
        }
    }
    pattern[part..].iter().all(|rest| *rest == LikePart::Any)
}

#[cfg(test)]
mod tests;
