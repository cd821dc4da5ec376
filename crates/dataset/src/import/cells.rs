//! One value of a row: what was found, whether it fits its field, and why not.

use std::fmt::Write as _;

/// A value as a file has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Raw<'a> {
    Null,
    Text(&'a [u8]),
    Int(i64),
    Float(f64),
    Bool(bool),
}

/// Why a row was not used. The words that name the value found are made only for the problems that are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Why {
    Missing,
    NotUtf8,
    NotWhole,
    TooLargeForInt,
    NotNumber,
    NotBoolean,
    NotSeconds,
    /// Epoch time in a finer unit.
    Finer(&'static str),
    TooLong(usize),
    FieldCount {
        expected: usize,
    },
}

/// Epoch seconds from here on (the year 5138) are taken for milliseconds.
pub(crate) const FIRST_MILLISECONDS: i64 = 100_000_000_000;
const FIRST_MICROSECONDS: i64 = FIRST_MILLISECONDS * 1000;
const FIRST_NANOSECONDS: i64 = FIRST_MICROSECONDS * 1000;

/// How much of a value found is shown.
const SHOWN_CHARS: usize = 60;

impl Why {
    /// The reason without the value, as it is counted.
    pub(crate) fn in_general(self) -> String {
        match self {
            Self::Missing => "expected a value, found none".into(),
            Self::NotUtf8 => "expected UTF-8 text, found other bytes".into(),
            Self::NotWhole => "expected a whole number".into(),
            Self::TooLargeForInt => "expected a whole number that fits type int".into(),
            Self::NotNumber => "expected a number".into(),
            Self::NotBoolean => "expected true or false".into(),
            Self::NotSeconds => "expected epoch seconds".into(),
            Self::Finer(unit) => format!("expected epoch seconds, found what looks like {unit}"),
            Self::TooLong(most) => format!("expected at most {most} characters"),
            Self::FieldCount { expected } => format!("expected {expected} fields as in the header"),
        }
    }

    /// The reason with the value.
    pub(crate) fn about(self, found: Raw<'_>) -> String {
        let found = show(found);
        match self {
            Self::Missing | Self::NotUtf8 => self.in_general(),
            Self::Finer(unit) => format!("expected epoch seconds, found {found}, which looks like {unit}"),
            Self::TooLong(_) => format!("{}, found more: {found}", self.in_general()),
            _ => format!("{}, found {found}", self.in_general()),
        }
    }
}

fn show(found: Raw<'_>) -> String {
    match found {
        Raw::Null => "none".into(),
        Raw::Int(n) => n.to_string(),
        Raw::Float(x) => x.to_string(),
        Raw::Bool(b) => b.to_string(),
        Raw::Text(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
                return text.into_owned();
            }
            match text.char_indices().nth(SHOWN_CHARS) {
                Some((end, _)) => format!("{:?}...", &text[..end]),
                None => format!("{text:?}"),
            }
        }
    }
}

/// Writes the value into `out` as text.
pub(crate) fn to_text(raw: Raw<'_>, out: &mut String) -> Result<(), Why> {
    out.clear();
    // Writing into a String cannot fail.
    let _ = match raw {
        Raw::Null => Ok(()),
        Raw::Text(bytes) => {
            out.push_str(std::str::from_utf8(bytes).map_err(|_| Why::NotUtf8)?);
            Ok(())
        }
        Raw::Int(n) => write!(out, "{n}"),
        Raw::Float(x) => write!(out, "{x}"),
        Raw::Bool(b) => write!(out, "{b}"),
    };
    Ok(())
}

pub(crate) fn to_long(raw: Raw<'_>) -> Result<i64, Why> {
    match raw {
        Raw::Int(n) => Ok(n),
        Raw::Float(x) if x.fract() == 0.0 && x.abs() < 9.0e15 => Ok(x as i64),
        Raw::Text(bytes) => number_text(bytes).and_then(|text| text.parse().ok()).ok_or(Why::NotWhole),
        _ => Err(Why::NotWhole),
    }
}

pub(crate) fn to_int(raw: Raw<'_>) -> Result<i32, Why> {
    i32::try_from(to_long(raw)?).map_err(|_| Why::TooLargeForInt)
}

/// Finite numbers only.
pub(crate) fn to_double(raw: Raw<'_>) -> Result<f64, Why> {
    let number = match raw {
        Raw::Int(n) => Some(n as f64),
        Raw::Float(x) => Some(x),
        Raw::Text(bytes) => number_text(bytes).and_then(|text| text.parse().ok()),
        _ => None,
    };
    number.filter(|x: &f64| x.is_finite()).ok_or(Why::NotNumber)
}

pub(crate) fn to_boolean(raw: Raw<'_>) -> Result<bool, Why> {
    match raw {
        Raw::Bool(b) => Ok(b),
        Raw::Text(bytes) if bytes.eq_ignore_ascii_case(b"true") => Ok(true),
        Raw::Text(bytes) if bytes.eq_ignore_ascii_case(b"false") => Ok(false),
        _ => Err(Why::NotBoolean),
    }
}

/// Epoch seconds, not before 1970 and not in a finer unit.
pub(crate) fn to_seconds(raw: Raw<'_>) -> Result<i64, Why> {
    match to_long(raw) {
        Err(_) => Err(Why::NotSeconds),
        Ok(n) if n < 0 => Err(Why::NotSeconds),
        Ok(n) if n >= FIRST_NANOSECONDS => Err(Why::Finer("nanoseconds")),
        Ok(n) if n >= FIRST_MICROSECONDS => Err(Why::Finer("microseconds")),
        Ok(n) if n >= FIRST_MILLISECONDS => Err(Why::Finer("milliseconds")),
        Ok(n) => Ok(n),
    }
}

fn number_text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes.trim_ascii()).ok()
}
