//! SQL functions of ours, for dirty data.

use std::sync::Arc;

use arrow::array::Int64Array;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chrono::{NaiveDate, NaiveTime};
use datafusion::common::cast::as_string_array;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

/// `epoch_seconds(text) -> BIGINT`: see [`epoch_seconds`].
pub(crate) fn epoch_seconds_function() -> ScalarUDF {
    ScalarUDF::from(EpochSeconds { signature: Signature::uniform(1, vec![DataType::Utf8], Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct EpochSeconds {
    signature: Signature,
}

impl ScalarUDFImpl for EpochSeconds {
    fn name(&self) -> &str {
        "epoch_seconds"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let texts = cast(&ColumnarValue::values_to_arrays(&args.args)?[0], &DataType::Utf8)?;
        let seconds: Int64Array = as_string_array(&texts)?.iter().map(|text| text.and_then(epoch_seconds)).collect();
        Ok(ColumnarValue::Array(Arc::new(seconds)))
    }
}

/// From so many digits on, a number is milliseconds: seconds of so many digits lie after the year 5000.
const MILLISECOND_DIGITS: usize = 12;

/// Seconds since 1970 UTC of a moment as people and programs write it; nothing when it cannot be read.
///
/// `2025-03-09T18:30:00Z`, `…+02:00`, `2025-03-09 18:30[:00[.5]]`, `09.03.2025 18:30[:00]`, `03/09/2025 18:30[:00]`, each also
/// as a day alone (midnight); seconds or (12 digits and more) milliseconds since 1970. Without a zone it is UTC.
pub(crate) fn epoch_seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        return Some(if digits.len() >= MILLISECOND_DIGITS { number.div_euclid(1000) } else { number });
    }
    let (date, clock) = text.split_once(['T', ' ']).unwrap_or((text, ""));
    let clock = clock.trim_start();
    let (clock, zone) = clock.find(['Z', 'z', '+', '-']).map_or((clock, ""), |at| clock.split_at(at));
    let midnight = day(date)?.and_time(NaiveTime::MIN).and_utc().timestamp();
    Some(midnight + seconds_of_day(clock.trim_end())? - offset(zone)?)
}

/// `2025-03-09`, `9.3.2025`, `03/09/2025`: the separator tells the order. Years have four digits, else 25 would be the year 25.
fn day(text: &str) -> Option<NaiveDate> {
    let separator = text.chars().find(|c| !c.is_ascii_digit())?;
    let mut parts = text.split(separator);
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, month, day) = match separator {
        '-' => (a, b, c),
        '.' => (c, b, a),
        '/' => (c, a, b),
        _ => return None,
    };
    if parts.next().is_some() || year.len() != 4 || month.len() > 2 || day.len() > 2 {
        return None;
    }
    NaiveDate::from_ymd_opt(i32::try_from(number(year)?).ok()?, number(month)?, number(day)?)
}

/// `18:30`, `18:30:00` or `18:30:00.75`; nothing is midnight.
fn seconds_of_day(clock: &str) -> Option<i64> {
    if clock.is_empty() {
        return Some(0);
    }
    let mut parts = clock.split(':');
    let (hour, minute) = (number(parts.next()?)?, number(parts.next()?)?);
    let second = match parts.next() {
        Some(text) => {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
            number(fraction).map(|_| whole).and_then(number)?
        }
        None => 0,
    };
    let fits = parts.next().is_none() && hour < 24 && minute < 60 && second < 60;
    fits.then_some(i64::from(hour * 3600 + minute * 60 + second))
}

/// Seconds east of UTC: `Z`, `+02:00`, `+0200`, `+02`; nothing is UTC.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "z") {
        return Some(0);
    }
    let (sign, digits) = if let Some(rest) = zone.strip_prefix('-') { (-1, rest) } else { (1, zone.strip_prefix('+')?) };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 && digits.is_ascii() => digits.split_at(2),
        None => (digits, "0"),
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours <= 14 && minutes < 60).then_some(sign * i64::from(hours * 3600 + minutes * 60))
}

/// Digits alone, at most nine.
fn number(text: &str) -> Option<u32> {
    let fits = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}
