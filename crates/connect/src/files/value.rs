//! What a text value looks like.

use arrow::datatypes::{DataType, TimeUnit};

/// The kind of the values of a column, from narrow to wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing but empty values so far.
    Empty,
    Boolean,
    Integer,
    Real,
    Date,
    Timestamp,
    Text,
}

impl Kind {
    pub fn of(value: &str) -> Self {
        let Some(first) = value.bytes().next() else { return Self::Empty };
        if first.is_ascii_digit() || first == b'-' || first == b'.' {
            return number(value).or_else(|| time(value)).unwrap_or(Self::Text);
        }
        if value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false") { Self::Boolean } else { Self::Text }
    }

    /// The kind that holds both.
    pub fn widen(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Empty, a) | (a, Self::Empty) => a,
            (Self::Integer, Self::Real) | (Self::Real, Self::Integer) => Self::Real,
            (Self::Date, Self::Timestamp) | (Self::Timestamp, Self::Date) => Self::Timestamp,
            _ => Self::Text,
        }
    }

    pub fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Real => DataType::Float64,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Text => DataType::Utf8,
            Self::Empty => DataType::Null,
        }
    }
}

/// Whole numbers of 64 bits and decimal fractions. A leading zero (`007`) makes an identifier, and so does a number too long.
fn number(value: &str) -> Option<Kind> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let whole = digits.split(['.', 'e', 'E']).next().unwrap_or_default();
    if whole.len() > 1 && whole.starts_with('0') {
        return None;
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return value.parse::<i64>().ok().map(|_| Kind::Integer);
    }
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    let real = plain && digits.bytes().any(|byte| byte.is_ascii_digit());
    real.then(|| value.parse::<f64>().ok()).flatten().filter(|number| number.is_finite()).map(|_| Kind::Real)
}

/// `2024-05-17`, and with a time after `T` or a space: `08:26`, `08:26:00`, `08:26:00.123`, then `Z` or `+02:00` or nothing.
fn time(value: &str) -> Option<Kind> {
    let bytes = value.as_bytes();
    if !value.is_ascii() || bytes.len() < 10 || !is_day(&value[..10]) {
        return None;
    }
    if bytes.len() == 10 {
        return Some(Kind::Date);
    }
    if !matches!(bytes[10], b'T' | b' ') {
        return None;
    }
    let (clock, zone) = split_zone(&value[11..]);
    (is_clock(clock) && is_zone(zone)).then_some(Kind::Timestamp)
}

fn is_day(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes[4] != b'-' || bytes[7] != b'-' {
        return false;
    }
    let part = |from: usize, to: usize| digits(&text[from..to]);
    let (Some(year), Some(month), Some(day)) = (part(0, 4), part(5, 7), part(8, 10)) else { return false };
    let leap = (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

fn split_zone(text: &str) -> (&str, &str) {
    text.find(['Z', '+', '-']).map_or((text, ""), |at| text.split_at(at))
}

fn is_clock(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let parts: Vec<&str> = whole.split(':').collect();
    let limits = [23, 59, 59];
    let timed = text.contains('.') && parts.len() != 3;
    (2..=3).contains(&parts.len())
        && !timed
        && parts.iter().zip(limits).all(|(part, limit)| part.len() == 2 && digits(part).is_some_and(|value| value <= limit))
        && (1..=9).contains(&fraction.len())
        && digits(fraction).is_some()
}

fn is_zone(text: &str) -> bool {
    match text.strip_prefix(['+', '-']) {
        Some(offset) => {
            let (hours, minutes) = offset.split_once(':').unwrap_or(if offset.len() == 4 { offset.split_at(2) } else { ("", "") });
            hours.len() == 2 && minutes.len() == 2 && digits(hours).is_some_and(|h| h <= 14) && digits(minutes).is_some_and(|m| m <= 59)
        }
        None => matches!(text, "" | "Z"),
    }
}

fn digits(text: &str) -> Option<u32> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}
