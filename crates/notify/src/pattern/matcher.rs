//! What one value of a pattern's list asks of an event's values.

use std::cmp::Ordering;
use std::net::IpAddr;

use domain::Result;
use serde_json::Value;

use super::wildcard::Wildcard;
use super::{within, wrong};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Matcher {
    Exactly(Value),
    Text(Text),
    /// Present, and none of these.
    AnythingBut(Vec<But>),
    Numeric(Vec<(Comparison, f64)>),
    Cidr(IpAddr, u8),
    Exists(bool),
}

/// What is asked of a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Text {
    Prefix(String),
    Suffix(String),
    /// Lower case, as all of `…IgnoreCase`.
    PrefixIgnoreCase(String),
    SuffixIgnoreCase(String),
    EqualsIgnoreCase(String),
    Wildcard(Wildcard),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum But {
    Exactly(Value),
    Text(Text),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Comparison {
    Equal,
    Below,
    AtMost,
    Above,
    AtLeast,
}

impl Matcher {
    /// `place` names the value in errors.
    pub fn read(value: &Value, place: &str) -> Result<Self> {
        let Value::Object(members) = value else {
            return match value {
                Value::Array(_) => Err(wrong(place, "a value or an operator is expected; found a list")),
                _ => Ok(Self::Exactly(value.clone())),
            };
        };
        let mut members = members.iter();
        let (Some((name, operand)), None) = (members.next(), members.next()) else {
            return Err(wrong(place, &format!("an object with one operator is expected; found {value}")));
        };
        let at = within(place, name);
        match name.as_str() {
            "anything-but" => anything_but(operand, &at),
            "numeric" => numeric(operand, &at),
            "exists" => match operand.as_bool() {
                Some(exists) => Ok(Self::Exists(exists)),
                None => Err(wrong(&at, &format!("true or false is expected; found {operand}"))),
            },
            "cidr" => cidr(operand, &at),
            "prefix" | "suffix" | "equals-ignore-case" | "wildcard" => Text::read(name, operand, &at).map(Self::Text),
            _ => Err(wrong(
                place,
                &format!(
                    "one of prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric, cidr, exists is expected; found {name:?}"
                ),
            )),
        }
    }

    /// Whether one of the values fits; `values` is empty when the event has none.
    pub fn matches(&self, values: &[&Value]) -> bool {
        match self {
            Self::Exists(exists) => *exists != values.is_empty(),
            _ => values.iter().any(|value| self.fits(value)),
        }
    }

    fn fits(&self, value: &Value) -> bool {
        match self {
            Self::Exactly(wanted) => same(wanted, value),
            Self::Text(text) => text.fits(value),
            Self::AnythingBut(unwanted) => !unwanted.iter().any(|but| but.fits(value)),
            Self::Numeric(bounds) => value.as_f64().is_some_and(|number| bounds.iter().all(|(how, bound)| how.holds(number, *bound))),
            Self::Cidr(network, bits) => {
                value.as_str().and_then(|text| text.parse().ok()).is_some_and(|address| in_network(address, *network, *bits))
            }
            Self::Exists(exists) => *exists,
        }
    }
}

impl But {
    fn fits(&self, value: &Value) -> bool {
        match self {
            Self::Exactly(unwanted) => same(unwanted, value),
            Self::Text(text) => text.fits(value),
        }
    }
}

impl Text {
    fn read(operator: &str, operand: &Value, place: &str) -> Result<Self> {
        let text =
            |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| wrong(place, &format!("a text is expected; found {value}")));
        if let ("prefix" | "suffix", Value::Object(members)) = (operator, operand) {
            let (Some(inner), 1) = (members.get("equals-ignore-case"), members.len()) else {
                return Err(wrong(place, &format!("a text or equals-ignore-case is expected; found {operand}")));
            };
            let folded = text(inner)?.to_lowercase();
            return Ok(if operator == "prefix" { Self::PrefixIgnoreCase(folded) } else { Self::SuffixIgnoreCase(folded) });
        }
        let operand = text(operand)?;
        Ok(match operator {
            "prefix" => Self::Prefix(operand),
            "suffix" => Self::Suffix(operand),
            "wildcard" => Self::Wildcard(Wildcard::read(&operand, place)?),
            _ => Self::EqualsIgnoreCase(operand.to_lowercase()),
        })
    }

    fn fits(&self, value: &Value) -> bool {
        let Some(text) = value.as_str() else { return false };
        match self {
            Self::Prefix(prefix) => text.starts_with(prefix),
            Self::Suffix(suffix) => text.ends_with(suffix),
            Self::PrefixIgnoreCase(prefix) => text.to_lowercase().starts_with(prefix),
            Self::SuffixIgnoreCase(suffix) => text.to_lowercase().ends_with(suffix),
            Self::EqualsIgnoreCase(wanted) => text.to_lowercase() == *wanted,
            Self::Wildcard(wildcard) => wildcard.matches(text),
        }
    }
}

impl Comparison {
    fn read(text: &str) -> Option<Self> {
        Some(match text {
            "=" => Self::Equal,
            "<" => Self::Below,
            "<=" => Self::AtMost,
            ">" => Self::Above,
            ">=" => Self::AtLeast,
            _ => return None,
        })
    }

    fn holds(self, number: f64, bound: f64) -> bool {
        match (self, number.partial_cmp(&bound)) {
            (Self::Equal, Some(Ordering::Equal)) | (Self::Below, Some(Ordering::Less)) | (Self::Above, Some(Ordering::Greater)) => true,
            (Self::AtMost, Some(order)) => order.is_le(),
            (Self::AtLeast, Some(order)) => order.is_ge(),
            _ => false,
        }
    }

    fn is_lower_bound(self) -> bool {
        matches!(self, Self::Above | Self::AtLeast)
    }
}

/// Numbers by value, all else as it is.
fn same(one: &Value, other: &Value) -> bool {
    one == other || (one.is_number() && other.is_number() && one.as_f64() == other.as_f64() && !(is_whole(one) && is_whole(other)))
}

/// Two whole numbers are equal only exactly: as floats, large neighbours would be.
fn is_whole(value: &Value) -> bool {
    value.is_i64() || value.is_u64()
}

fn anything_but(operand: &Value, place: &str) -> Result<Matcher> {
    if let Value::Object(members) = operand {
        let (Some((name, inner)), 1) = (members.iter().next(), members.len()) else {
            return Err(wrong(place, &format!("an object with one operator is expected; found {operand}")));
        };
        if !matches!(name.as_str(), "prefix" | "suffix" | "equals-ignore-case" | "wildcard") {
            return Err(wrong(place, &format!("one of prefix, suffix, equals-ignore-case, wildcard is expected; found {name:?}")));
        }
        let at = within(place, name);
        let read = |value: &Value| Text::read(name, value, &at).map(But::Text);
        return some(inner, &at)?.iter().map(read).collect::<Result<_>>().map(Matcher::AnythingBut);
    }
    let items = some(operand, place)?;
    if !(items.iter().all(Value::is_string) || items.iter().all(Value::is_number)) {
        return Err(wrong(place, &format!("texts or numbers, not mixed, are expected; found {operand}")));
    }
    Ok(Matcher::AnythingBut(items.iter().cloned().map(But::Exactly).collect()))
}

/// A list as it is, anything else as a list of one.
fn some<'a>(operand: &'a Value, place: &str) -> Result<&'a [Value]> {
    match operand {
        Value::Array(items) if items.is_empty() => Err(wrong(place, "at least one value is expected; found an empty list")),
        Value::Array(items) => Ok(items),
        one => Ok(std::slice::from_ref(one)),
    }
}

fn numeric(operand: &Value, place: &str) -> Result<Matcher> {
    let expected = || wrong(place, &format!("[operator, number] or a range such as [\">\", 0, \"<=\", 5] is expected; found {operand}"));
    let items = operand.as_array().ok_or_else(expected)?;
    let pair = |pair: &[Value]| match pair {
        [how, bound] => Some((Comparison::read(how.as_str()?)?, bound.as_f64()?)),
        _ => None,
    };
    let bounds: Vec<(Comparison, f64)> = items.chunks(2).map(pair).collect::<Option<_>>().ok_or_else(expected)?;
    match bounds[..] {
        [_] => Ok(Matcher::Numeric(bounds)),
        [(lower, low), (upper, high)] => {
            let is_range = lower.is_lower_bound() && !upper.is_lower_bound() && upper != Comparison::Equal;
            if !is_range || low >= high {
                return Err(wrong(place, &format!("a lower bound, then a higher upper bound is expected; found {operand}")));
            }
            Ok(Matcher::Numeric(bounds))
        }
        _ => Err(expected()),
    }
}

fn cidr(operand: &Value, place: &str) -> Result<Matcher> {
    let read = || {
        let (address, bits) = operand.as_str()?.split_once('/')?;
        let (address, bits): (IpAddr, u8) = (address.parse().ok()?, bits.parse().ok()?);
        let most = if address.is_ipv4() { 32 } else { 128 };
        (bits <= most).then_some(Matcher::Cidr(address, bits))
    };
    read().ok_or_else(|| wrong(place, &format!("a network such as \"10.0.0.0/24\" is expected; found {operand}")))
}

fn in_network(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let leading = |of: IpAddr| match of {
        IpAddr::V4(of) => u128::from(of.to_bits()).checked_shr(u32::from(32 - bits.min(32))),
        IpAddr::V6(of) => of.to_bits().checked_shr(u32::from(128 - bits.min(128))),
    };
    address.is_ipv4() == network.is_ipv4() && leading(address).unwrap_or(0) == leading(network).unwrap_or(0)
}
