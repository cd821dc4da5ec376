//! Values as the driver hands them over.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta};
use tiberius::ColumnData;

use crate::source::cells::Cell;

const SECONDS_PER_DAY: i64 = 86_400;

/// Nothing when the value is none that the types here can mean.
pub(crate) fn cell<'a>(data: &'a ColumnData<'static>) -> Option<Cell<'a>> {
    let found = match data {
        ColumnData::Bit(value) => value.map(Cell::Boolean),
        ColumnData::U8(value) => value.map(|value| Cell::Integer(value.into())),
        ColumnData::I16(value) => value.map(|value| Cell::Integer(value.into())),
        ColumnData::I32(value) => value.map(|value| Cell::Integer(value.into())),
        ColumnData::I64(value) => value.map(|value| Cell::Integer(value.into())),
        ColumnData::F32(value) => value.map(Cell::Single),
        ColumnData::F64(value) => value.map(Cell::Double),
        ColumnData::Numeric(value) => value.map(|value| Cell::Number(Cow::Owned(digits(value.value(), value.scale())))),
        ColumnData::String(value) => value.as_deref().map(|text| Cell::Text(Cow::Borrowed(text))),
        ColumnData::Xml(value) => value.as_ref().map(|xml| Cell::Text(Cow::Owned(xml.to_string()))),
        // As the server writes it.
        ColumnData::Guid(value) => value.map(|id| Cell::Text(Cow::Owned(id.to_string().to_uppercase()))),
        ColumnData::Binary(value) => value.as_deref().map(Cell::Binary),
        ColumnData::Date(Some(date)) => Some(Cell::Date(day(i64::from(date.days()), 1)?)),
        ColumnData::Time(Some(time)) => Some(Cell::Text(Cow::Owned(time_of_day(time.increments(), time.scale())?))),
        ColumnData::DateTime2(Some(at)) => {
            let micros = micros(at.time().increments(), at.time().scale())?;
            Some(Cell::Timestamp(timestamp(i64::from(at.date().days()), 1, micros)?))
        }
        // Three-hundredths of a second, which the server shows as milliseconds: .003, .007, .010.
        ColumnData::DateTime(Some(at)) => {
            let millis = (i64::from(at.seconds_fragments()) * 10 + 1) / 3;
            Some(Cell::Timestamp(timestamp(i64::from(at.days()), 1900, millis * 1000)?))
        }
        ColumnData::SmallDateTime(Some(at)) => {
            let micros = i64::from(at.seconds_fragments()) * 60 * 1_000_000;
            Some(Cell::Timestamp(timestamp(i64::from(at.days()), 1900, micros)?))
        }
        // Whether date and time are those of the zone or of UTC is told differently; scans ask for UTC, where it is the same.
        ColumnData::DateTimeOffset(Some(at)) if at.offset() == 0 => {
            let (date, time) = (at.datetime2().date(), at.datetime2().time());
            Some(Cell::Timestamp(timestamp(i64::from(date.days()), 1, micros(time.increments(), time.scale())?)?))
        }
        ColumnData::DateTimeOffset(Some(_)) => return None,
        ColumnData::Date(None)
        | ColumnData::Time(None)
        | ColumnData::DateTime2(None)
        | ColumnData::DateTime(None)
        | ColumnData::SmallDateTime(None)
        | ColumnData::DateTimeOffset(None) => None,
    };
    Some(found.unwrap_or(Cell::Null))
}

/// `value` / 10^`scale`, written out.
pub(crate) fn digits(value: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if value < 0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Parts of a second beyond microseconds are cut off.
fn micros(increments: u64, scale: u8) -> Option<i64> {
    let increments = i128::from(increments) * 1_000_000;
    i64::try_from(increments / 10_i128.checked_pow(u32::from(scale))?).ok()
}

/// `HH:MM:SS`, with as many places as the column has.
fn time_of_day(increments: u64, scale: u8) -> Option<String> {
    let unit = 10_u64.checked_pow(u32::from(scale))?;
    let (seconds, fraction) = (increments / unit, increments % unit);
    let text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    Some(if scale == 0 { text } else { format!("{text}.{fraction:0>width$}", width = usize::from(scale)) })
}

fn midnight(days: i64, first_year: i32) -> Option<NaiveDateTime> {
    NaiveDate::from_ymd_opt(first_year, 1, 1)?.checked_add_signed(TimeDelta::try_days(days)?)?.and_hms_opt(0, 0, 0)
}

fn day(days: i64, first_year: i32) -> Option<i32> {
    let seconds = midnight(days, first_year)?.signed_duration_since(DateTime::UNIX_EPOCH.naive_utc()).num_seconds();
    i32::try_from(seconds / SECONDS_PER_DAY).ok()
}

fn timestamp(days: i64, first_year: i32, micros: i64) -> Option<i64> {
    midnight(days, first_year)?.checked_add_signed(TimeDelta::microseconds(micros)).map(|at| at.and_utc().timestamp_micros())
}
