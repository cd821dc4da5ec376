//! Values of partition keys, comparable by the key's declared type.

use std::cmp::Ordering;

/// What Hive writes where a value is missing.
pub(super) const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// How the values of a key are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyType {
    Text,
    Whole,
    Decimal,
    Date,
    Timestamp,
}

/// Only values of one key are ever compared, so of one kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    /// Also dates and times, written so that their order is the texts'.
    Text(String),
    Number(Number),
}

/// A decimal number of any length, compared exactly: no leading zeros in `whole`, no trailing ones in `fraction`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number {
    negative: bool,
    whole: String,
    fraction: String,
}

impl KeyType {
    /// By Hive's name of the type; `None` for types that partition keys are not compared by.
    pub fn of(data_type: &str) -> Option<Self> {
        let name = data_type.trim().to_lowercase();
        Some(match name.split('(').next().unwrap_or_default().trim() {
            "string" | "char" | "varchar" => Self::Text,
            "tinyint" | "smallint" | "int" | "integer" | "bigint" | "long" => Self::Whole,
            "decimal" => Self::Decimal,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            _ => return None,
        })
    }

    /// For messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Whole => "a whole number",
            Self::Decimal => "a decimal number",
            Self::Date => "a date like 2026-01-31",
            Self::Timestamp => "a time like 2026-01-31 12:00:00",
        }
    }

    /// The value, or nothing when the text is not of this type.
    pub fn read(self, text: &str) -> Option<Value> {
        match self {
            Self::Text => Some(Value::Text(text.to_owned())),
            Self::Whole => Number::read(text).filter(|number| number.fraction.is_empty()).map(Value::Number),
            Self::Decimal => Number::read(text).map(Value::Number),
            Self::Date => date(text.trim()).map(|date| Value::Text(date.to_owned())),
            Self::Timestamp => timestamp(text.trim()).map(Value::Text),
        }
    }
}

impl Number {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let (whole, fraction) = (whole.trim_start_matches('0').to_owned(), fraction.trim_end_matches('0').to_owned());
        let zero = whole.is_empty() && fraction.is_empty();
        Some(Self { negative: negative && !zero, whole, fraction })
    }

    fn size(&self) -> (usize, &str, &str) {
        (self.whole.len(), &self.whole, &self.fraction)
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.size().cmp(&other.size()),
            (true, true) => other.size().cmp(&self.size()),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// `YYYY-MM-DD`, a day that exists.
fn date(text: &str) -> Option<&str> {
    let number = |range: std::ops::Range<usize>| -> Option<u32> {
        let digits = text.get(range)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    if text.len() != 10 || text.get(4..5) != Some("-") || text.get(7..8) != Some("-") {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (1..=days).contains(&day).then_some(text)
}

/// `YYYY-MM-DD[( |T)hh:mm:ss[.fraction]]` with a space, and without a fraction's trailing zeros.
fn timestamp(text: &str) -> Option<String> {
    let day = date(text.get(..10)?)?;
    let Some(rest) = text.get(10..).filter(|rest| !rest.is_empty()) else { return Some(format!("{day} 00:00:00")) };
    let clock = rest.strip_prefix(' ').or_else(|| rest.strip_prefix('T'))?;
    let (seconds, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let below = |part: Option<&str>, limit: u32| {
        part.is_some_and(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()) && part.parse().is_ok_and(|n: u32| n < limit))
    };
    let mut parts = seconds.split(':');
    let is_clock = below(parts.next(), 24) && below(parts.next(), 60) && below(parts.next(), 60) && parts.next().is_none();
    if !is_clock || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    Some(if fraction.is_empty() { format!("{day} {seconds}") } else { format!("{day} {seconds}.{fraction}") })
}
