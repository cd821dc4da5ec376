//! What was met at one place of nested values, and the Arrow type that holds it.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields};
use serde_json::Value;

use super::value::Kind;

/// The member that holds the text of an XML element that has attributes or children too.
pub(super) const TEXT_MEMBER: &str = "_VALUE";

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Met {
    Plain(Kind),
    List(Box<Met>),
    Object(Vec<(String, Met)>),
    /// Objects or lists beside something else: no type holds both.
    Clash,
}

impl Met {
    pub const NOTHING: Self = Self::Plain(Kind::Empty);

    /// A JSON value. Texts stay texts, whatever they look like.
    pub fn json(value: &Value) -> Self {
        match value {
            Value::Null => Self::NOTHING,
            Value::Bool(_) => Self::Plain(Kind::Boolean),
            Value::Number(number) if number.is_i64() => Self::Plain(Kind::Integer),
            Value::Number(_) => Self::Plain(Kind::Real),
            Value::String(_) => Self::Plain(Kind::Text),
            Value::Array(items) => Self::List(Box::new(items.iter().map(Self::json).fold(Self::NOTHING, Self::widen))),
            Value::Object(members) => Self::Object(members.iter().map(|(name, value)| (name.clone(), Self::json(value))).collect()),
        }
    }

    /// A value from XML: all texts, which count as what they look like.
    pub fn xml(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::Plain(Kind::of(text.trim())),
            Value::Array(items) => Self::List(Box::new(items.iter().map(Self::xml).fold(Self::NOTHING, Self::widen_xml))),
            Value::Object(members) => Self::Object(members.iter().map(|(name, value)| (name.clone(), Self::xml(value))).collect()),
            _ => Self::NOTHING,
        }
    }

    pub fn widen(self, other: Self) -> Self {
        match (self, other) {
            (Self::Plain(Kind::Empty), met) | (met, Self::Plain(Kind::Empty)) => met,
            (Self::Plain(a), Self::Plain(b)) => Self::Plain(a.widen(b)),
            (Self::List(a), Self::List(b)) => Self::List(Box::new(a.widen(*b))),
            (Self::Object(a), Self::Object(b)) => Self::Object(join(a, b, Self::widen)),
            _ => Self::Clash,
        }
    }

    /// An element that is repeated in one row is a list in all; one with attributes in one row holds its text as a member in all.
    pub fn widen_xml(self, other: Self) -> Self {
        match (self, other) {
            (Self::List(a), Self::List(b)) => Self::List(Box::new(a.widen_xml(*b))),
            (Self::Plain(Kind::Empty), met) | (met, Self::Plain(Kind::Empty)) => met,
            (Self::List(a), b) | (b, Self::List(a)) => Self::List(Box::new(a.widen_xml(b))),
            (Self::Object(a), Self::Object(b)) => Self::Object(join(a, b, Self::widen_xml)),
            (Self::Object(members), plain) | (plain, Self::Object(members)) => {
                Self::Object(join(members, vec![(TEXT_MEMBER.to_owned(), plain)], Self::widen_xml))
            }
            (a, b) => a.widen(b),
        }
    }

    pub fn data_type(&self) -> DataType {
        match self {
            Self::Plain(kind) => kind.data_type(),
            Self::Clash => DataType::Utf8,
            Self::List(item) => DataType::List(Arc::new(Field::new("item", item.data_type(), true))),
            // Arrow and Hive know no struct without members: as if nothing had been met.
            Self::Object(members) if members.is_empty() => DataType::Null,
            Self::Object(members) => {
                let fields: Fields = members.iter().map(|(name, met)| Field::new(name, met.data_type(), true)).collect();
                DataType::Struct(fields)
            }
        }
    }
}

/// Members in the order in which they were first met.
fn join(mut a: Vec<(String, Met)>, b: Vec<(String, Met)>, widen: fn(Met, Met) -> Met) -> Vec<(String, Met)> {
    for (at, (name, met)) in b.into_iter().enumerate() {
        // Objects of one file mostly have their members in one order, so it is looked for where it should stand first.
        let place =
            if a.get(at).is_some_and(|(known, _)| *known == name) { Some(at) } else { a.iter().position(|(known, _)| *known == name) };
        match place {
            Some(place) => a[place].1 = widen(std::mem::replace(&mut a[place].1, Met::NOTHING), met),
            None => a.push((name, met)),
        }
    }
    a
}

pub(super) fn note_clashes(prefix: &str, members: &[(String, Met)], notes: &mut Vec<String>) {
    for (name, met) in members {
        let path = format!("{prefix}{name}");
        match met {
            Met::Clash => {
                notes.push(format!("{path:?} holds lists or objects in some rows and other values in others; no type holds both."))
            }
            Met::Object(members) => note_clashes(&format!("{path}."), members, notes),
            _ => {}
        }
    }
}
