//! Moments and days as people and programs write them.

use arrow::array::{Date32Array, Int64Array, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, TimeUnit};
use chrono::{NaiveDate, NaiveTime};
use datafusion::logical_expr::ScalarUDF;

use super::rows::of_text;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        of_text!("epoch_seconds", DataType::Int64, Int64Array, epoch_seconds),
        of_text!("parse_timestamp", DataType::Timestamp(TimeUnit::Microsecond, None), TimestampMicrosecondArray, |text| moment(text)
            .and_then(Moment::microseconds)),
        of_text!("parse_date", DataType::Date32, Date32Array, |text| moment(text).and_then(Moment::day)),
    ]
}

const SECONDS_PER_DAY: i64 = 86_400;
/// The years 1 to 9999, which every engine and file format can hold, in seconds since 1970.
const COMMON_ERA: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;

/// A moment since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    seconds: i64,
    /// Of the second that has begun.
    micros: i64,
}

impl Moment {
    fn microseconds(self) -> Option<i64> {
        COMMON_ERA.contains(&self.seconds).then_some(self.seconds * 1_000_000 + self.micros)
    }

    fn day(self) -> Option<i32> {
        COMMON_ERA.contains(&self.seconds).then(|| self.seconds.div_euclid(SECONDS_PER_DAY)).and_then(|day| i32::try_from(day).ok())
    }
}

/// From so many digits on, a number is milliseconds: seconds of so many digits lie after the year 5000.
const MILLISECOND_DIGITS: usize = 12;

/// Seconds since 1970 UTC, of the second that has begun; see [`moment`].
pub(crate) fn epoch_seconds(text: &str) -> Option<i64> {
    moment(text).map(|moment| moment.seconds)
}

/// A moment as people and programs write it; nothing when it cannot be read.
///
/// `2025-03-09T18:30:00Z`, `…+02:00`, `2025-03-09 18:30[:00[.5]]`, `09.03.2025 18:30[:00]`, `03/09/2025 18:30[:00]`, each also
/// as a day alone (midnight); seconds or (12 digits and more) milliseconds since 1970. Without a zone it is UTC.
fn moment(text: &str) -> Option<Moment> {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        let (seconds, millis) =
            if digits.len() >= MILLISECOND_DIGITS { (number.div_euclid(1000), number.rem_euclid(1000)) } else { (number, 0) };
        return Some(Moment { seconds, micros: millis * 1000 });
    }
    let (date, clock) = text.split_once(['T', ' ']).unwrap_or((text, ""));
    let clock = clock.trim_start();
    let (clock, zone) = clock.find(['Z', 'z', '+', '-']).map_or((clock, ""), |at| clock.split_at(at));
    let midnight = day(date)?.and_time(NaiveTime::MIN).and_utc().timestamp();
    let (second, micros) = time_of_day(clock.trim_end())?;
    Some(Moment { seconds: midnight + second - offset(zone)?, micros })
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

/// Seconds and microseconds of `18:30`, `18:30:00` or `18:30:00.75`; nothing is midnight.
fn time_of_day(clock: &str) -> Option<(i64, i64)> {
    if clock.is_empty() {
        return Some((0, 0));
    }
    let mut parts = clock.split(':');
    let (hour, minute) = (number(parts.next()?)?, number(parts.next()?)?);
    let (second, micros) = match parts.next() {
        Some(text) => {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
            (number(whole)?, microseconds(fraction)?)
        }
        None => (0, 0),
    };
    let fits = parts.next().is_none() && hour < 24 && minute < 60 && second < 60;
    fits.then_some((i64::from(hour * 3600 + minute * 60 + second), micros))
}

/// The digits after the point of a second, cut after the sixth.
fn microseconds(fraction: &str) -> Option<i64> {
    let digits = u32::try_from(fraction.len()).ok()?;
    let value = i64::from(number(fraction)?);
    Some(if digits <= 6 { value * 10_i64.pow(6 - digits) } else { value / 10_i64.pow(digits - 6) })
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
