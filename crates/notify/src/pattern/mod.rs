//! EventBridge's pattern language: which events a rule is about.
//!
//! A pattern has the shape of the events it matches. Every member of it must match (and); of a member's list one matcher is
//! enough (or); `$or` holds alternatives. A list in an event matches when one of its elements does; several members of one
//! object in a list must be found in the same element. As in AWS, `exists` looks at values, not at objects.
//!
//! Numbers are compared by value: 300 matches 300.0.

mod matcher;
mod wildcard;

use domain::{Error, Result};
use serde_json::{Map, Value};

use matcher::Matcher;

/// A pattern that was read and can be asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern(Members);

/// What an object must have.
#[derive(Debug, Clone, PartialEq, Default)]
struct Members {
    named: Vec<(String, Node)>,
    /// Each `$or`: one of its alternatives.
    alternatives: Vec<Vec<Members>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Object(Members),
    /// One of them.
    Values(Vec<Matcher>),
}

impl Pattern {
    /// Reads a pattern's text; errors say what was expected where.
    pub fn parse(text: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(text).map_err(|e| wrong("", &format!("JSON is expected; {e}")))?;
        Self::from_value(&value)
    }

    /// The same for a pattern that is JSON already.
    pub fn from_value(value: &Value) -> Result<Self> {
        match value {
            Value::Object(members) => read_members(members, "").map(Self),
            other => Err(wrong("", &format!("an object is expected; found {other}"))),
        }
    }

    pub fn matches(&self, event: &Value) -> bool {
        self.0.matches(Some(event))
    }
}

impl Members {
    /// What is no object has no members: it can still match `exists: false`.
    fn matches(&self, value: Option<&Value>) -> bool {
        match value {
            Some(Value::Array(items)) if !items.is_empty() => items.iter().any(|item| self.matches(Some(item))),
            Some(Value::Object(members)) => self.matches_object(members),
            _ => self.matches_object(&Map::new()),
        }
    }

    fn matches_object(&self, members: &Map<String, Value>) -> bool {
        let named = self.named.iter().all(|(name, node)| node.matches(members.get(name)));
        named && self.alternatives.iter().all(|of| of.iter().any(|one| one.matches_object(members)))
    }
}

impl Node {
    fn matches(&self, value: Option<&Value>) -> bool {
        match self {
            Self::Object(members) => members.matches(value),
            Self::Values(matchers) => {
                let mut leaves = Vec::new();
                collect_leaves(value, &mut leaves);
                matchers.iter().any(|matcher| matcher.matches(&leaves))
            }
        }
    }
}

/// The values of a member: its own, or those of a list. Objects are not values.
fn collect_leaves<'a>(value: Option<&'a Value>, into: &mut Vec<&'a Value>) {
    match value {
        Some(Value::Array(items)) => items.iter().for_each(|item| collect_leaves(Some(item), into)),
        None | Some(Value::Object(_)) => {}
        Some(leaf) => into.push(leaf),
    }
}

fn read_members(members: &Map<String, Value>, place: &str) -> Result<Members> {
    if members.is_empty() {
        return Err(wrong(place, "at least one member is expected; found an empty object"));
    }
    let mut read = Members::default();
    for (name, value) in members {
        let at = within(place, name);
        match value {
            Value::Array(items) if name == "$or" && items.iter().all(Value::is_object) => {
                read.alternatives.push(read_alternatives(items, &at)?);
            }
            Value::Object(inside) => read.named.push((name.clone(), Node::Object(read_members(inside, &at)?))),
            Value::Array(items) => read.named.push((name.clone(), Node::Values(read_values(items, &at)?))),
            other => return Err(wrong(&at, &format!("a list of values or an object is expected; found {other}"))),
        }
    }
    Ok(read)
}

fn read_alternatives(items: &[Value], place: &str) -> Result<Vec<Members>> {
    if items.len() < 2 {
        return Err(wrong(place, &format!("at least two alternatives are expected; found {}", items.len())));
    }
    let one = |(index, item): (usize, &Value)| match item {
        Value::Object(members) => read_members(members, &format!("{place}[{index}]")),
        other => Err(wrong(place, &format!("objects are expected; found {other}"))),
    };
    items.iter().enumerate().map(one).collect()
}

fn read_values(items: &[Value], place: &str) -> Result<Vec<Matcher>> {
    if items.is_empty() {
        return Err(wrong(place, "at least one value is expected; found an empty list"));
    }
    items.iter().enumerate().map(|(index, item)| Matcher::read(item, &format!("{place}[{index}]"))).collect()
}

fn within(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

/// `what` is half a sentence: what is expected, what was found.
fn wrong(place: &str, what: &str) -> Error {
    let at = if place.is_empty() { String::new() } else { format!(" at {place}") };
    Error::invalid_input(format!("Event pattern is not valid{at}: {what}.")).code("EVENT_PATTERN_INVALID")
}

#[cfg(test)]
mod tests;
