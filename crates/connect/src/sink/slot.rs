//! What a column of a database takes, and whether a value fits.

use arrow::datatypes::DataType;
use domain::{Error, Result};

use super::cells::Cell;

/// Days from 0001-01-01 to 9999-12-31: what every database and everybody writes alike.
const DAYS: std::ops::RangeInclusive<i32> = -719_162..=2_932_896;
pub(crate) const MICROS_A_DAY: i64 = 86_400_000_000;
/// Digits that SQLite keeps of a number with a fraction.
pub(crate) const NUMERIC_DIGITS: u32 = 15;

/// What a column takes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Slot {
    Boolean,
    /// Whole numbers in these bounds, and 0 and 1 for booleans.
    Integer {
        least: i128,
        greatest: i128,
    },
    Float(Float),
    Decimal {
        /// Digits before the point, and behind it.
        whole: u32,
        scale: u32,
        /// Digits in all that are kept, where that is fewer.
        digits: u32,
    },
    Text {
        longest: Option<u64>,
    },
    Binary,
    Date,
    Timestamp {
        /// Digits of a second's fraction.
        digits: u32,
    },
    /// Texts that the server reads: uuid, enums, json, addresses, times of day.
    Parsed {
        /// Digits of a fraction that it does not round.
        digits: Option<u32>,
    },
    /// Whatever comes (SQLite).
    Any,
    /// The same, where a text that looks like a number becomes one (SQLite).
    Numeric,
    /// Nothing: the server would round without a word.
    Rounded,
}

/// Which floats a column keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Float {
    pub is_double: bool,
    pub nan: bool,
    pub infinite: bool,
}

impl Slot {
    pub(crate) const PARSED: Self = Self::Parsed { digits: None };

    /// A whole number of so many bits.
    pub(crate) fn integer(bits: u32, is_unsigned: bool) -> Self {
        match is_unsigned {
            true => Self::Integer { least: 0, greatest: (1 << bits) - 1 },
            false => Self::Integer { least: -(1 << (bits - 1)), greatest: (1 << (bits - 1)) - 1 },
        }
    }

    pub(crate) fn decimal(precision: u32, scale: u32) -> Self {
        Self::Decimal { whole: precision.saturating_sub(scale), scale, digits: precision.max(scale) }
    }

    /// Whether values of the type, one of those of [`super::cells::plain_type`], have a place here at all.
    pub(crate) fn takes(&self, data_type: &DataType, is_nested: bool) -> bool {
        use DataType as T;
        match (self, data_type) {
            (_, T::Null) | (Self::Any | Self::Numeric, _) => true,
            (Self::Text { .. }, T::Binary) => false,
            (Self::Text { .. }, _) | (Self::Parsed { .. }, T::Utf8) => true,
            _ if is_nested => false,
            (Self::Boolean, T::Boolean)
            | (Self::Integer { .. }, T::Boolean | T::Int64 | T::Decimal128(..))
            | (Self::Float(_), T::Float32 | T::Int64 | T::Decimal128(..))
            | (Self::Decimal { .. }, T::Int64 | T::Decimal128(..))
            | (Self::Binary, T::Binary)
            | (Self::Date, T::Date32)
            | (Self::Timestamp { .. }, T::Date32 | T::Timestamp(..)) => true,
            (Self::Float(float), T::Float64) => float.is_double,
            _ => false,
        }
    }

    /// Whether this value does. Only for types that [`Slot::takes`].
    pub(crate) fn fits(&self, cell: &Cell<'_>) -> bool {
        let is_day = |days: i64| i32::try_from(days).is_ok_and(|days| DAYS.contains(&days));
        let shown_alike = match cell {
            Cell::Date(days) => is_day(i64::from(*days)),
            Cell::Timestamp(micros) => is_day(micros.div_euclid(MICROS_A_DAY)),
            _ => true,
        };
        shown_alike
            && match (self, cell) {
                (Self::Integer { least, greatest }, Cell::Decimal(value, scale)) => {
                    decimal(*value, *scale).is_some_and(|(value, scale)| scale == 0 && (least..=greatest).contains(&&value))
                }
                (Self::Float(float), Cell::Decimal(value, scale)) => {
                    decimal(*value, *scale).is_some_and(|(value, scale)| scale == 0 && float.holds(value))
                        || places(*value) <= float.digits()
                }
                (Self::Float(float), Cell::Double(value)) => (float.nan || !value.is_nan()) && (float.infinite || !value.is_infinite()),
                (Self::Float(float), Cell::Single(value)) => (float.nan || !value.is_nan()) && (float.infinite || !value.is_infinite()),
                (Self::Any | Self::Numeric, Cell::Double(value)) => !value.is_nan(),
                (Self::Any | Self::Numeric, Cell::Single(value)) => !value.is_nan(),
                (Self::Numeric, Cell::Decimal(value, scale)) => decimal(*value, *scale)
                    .is_some_and(|(value, scale)| places(value) <= NUMERIC_DIGITS || scale == 0 && i64::try_from(value).is_ok()),
                (Self::Numeric, Cell::Text(text)) => stays_text(text),
                (Self::Parsed { digits: Some(digits) }, Cell::Text(text)) => fraction(text) <= *digits,
                (Self::Decimal { whole, scale, digits }, Cell::Decimal(value, given)) => {
                    decimal(*value, *given).is_some_and(|(value, used)| {
                        used <= *scale && places(value).saturating_sub(used) <= *whole && places(value) <= *digits
                    })
                }
                (Self::Text { longest: Some(longest) }, Cell::Text(text)) => {
                    u64::try_from(text.len()).is_ok_and(|bytes| bytes <= *longest)
                        || u64::try_from(text.chars().count()).is_ok_and(|found| found <= *longest)
                }
                (Self::Timestamp { digits }, Cell::Timestamp(micros)) => micros % 10_i64.pow(6_u32.saturating_sub(*digits)) == 0,
                _ => true,
            }
    }
}

impl Float {
    /// Decimal digits that come back as they were.
    fn digits(self) -> u32 {
        if self.is_double { 15 } else { 6 }
    }

    fn holds(self, whole: i128) -> bool {
        whole.unsigned_abs() <= 1 << if self.is_double { 53 } else { 24 }
    }
}

/// Without zeros behind the point; nothing for a scale that no decimal has.
fn decimal(value: i128, scale: i8) -> Option<(i128, u32)> {
    let (mut value, mut scale) = match u32::try_from(scale) {
        Ok(scale) => (value, scale),
        Err(_) => (value.checked_mul(10_i128.checked_pow(u32::from(scale.unsigned_abs()))?)?, 0),
    };
    while scale > 0 && value % 10 == 0 {
        (value, scale) = (value / 10, scale - 1);
    }
    Some((value, scale))
}

fn places(value: i128) -> u32 {
    value.unsigned_abs().checked_ilog10().map_or(0, |log| log + 1)
}

/// Digits behind a point, without zeros at their end; of several such, as in a date before a time, the most.
fn fraction(text: &str) -> u32 {
    let digits = |part: &str| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        part.strip_suffix(rest).unwrap_or_default().trim_end_matches('0').len()
    };
    text.split('.').skip(1).map(digits).max().and_then(|most| u32::try_from(most).ok()).unwrap_or(0)
}

/// Whether SQLite's affinity for numbers gives the text back as it was: it is none, or the number's own text.
fn stays_text(text: &str) -> bool {
    let bare = text.trim_matches(|c| matches!(c, ' ' | '\t'..='\r'));
    // Words such as `nan` are texts there.
    let is_written_so = bare.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let Some(number) = bare.parse::<f64>().ok().filter(|_| is_written_so) else { return true };
    let digits = text.trim_start_matches(['-', '0', '.']).bytes().filter(u8::is_ascii_digit).count() as u64;
    bare.parse::<i64>().is_ok_and(|whole| whole.to_string() == text)
        // Smaller ones are shown with an exponent.
        || number.to_string() == text && digits <= u64::from(NUMERIC_DIGITS) && number.abs() >= 1e-4
}

/// `precision` and `scale` of a decimal as SQL has them, where a negative scale means zeros before the point.
pub(crate) fn declared(precision: u8, scale: i8) -> (u32, u32) {
    match u32::try_from(scale) {
        Ok(scale) => (u32::from(precision).max(scale), scale),
        Err(_) => (u32::from(precision) + u32::from(scale.unsigned_abs()), 0),
    }
}

/// Types that no database of ours keeps.
pub(crate) fn refused(column: &str, data_type: &DataType) -> Error {
    Error::invalid_data(format!(
        "Column {column:?} of the rows is of type {data_type}, which no database takes from us: cast it in the job."
    ))
    .code("SINK_COLUMN_TYPE")
}

/// For `create`: [`refused`] where a dialect has no type.
pub(crate) type Created = Result<(String, Slot)>;

#[cfg(test)]
mod tests;
