//! Values of MySQL's binary protocol.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate};
use sqlx::mysql::{MySql, MySqlRow, MySqlTypeInfo};
use sqlx::{Column, Decode, Row, Type, TypeInfo, ValueRef};

use crate::source::cells::Cell;

/// How a column's values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// 1, 2, 4 or 8 bytes, little-endian.
    Signed,
    Unsigned,
    Single,
    Double,
    /// Digits.
    Decimal,
    /// A length, then as many of year, month, day, hour, minute, second, microsecond as are not zero.
    Date,
    DateTime,
    Time,
    /// Big-endian bits.
    Bit,
    Text,
    Binary,
}

/// The columns of a row, in order.
pub(crate) fn wires(row: &MySqlRow) -> Vec<Wire> {
    row.columns().iter().map(|column| wire(column.type_info())).collect()
}

fn wire(kind: &MySqlTypeInfo) -> Wire {
    match kind.name() {
        "BIT" => Wire::Bit,
        "FLOAT" => Wire::Single,
        "DOUBLE" => Wire::Double,
        "DECIMAL" => Wire::Decimal,
        "DATE" => Wire::Date,
        "DATETIME" | "TIMESTAMP" => Wire::DateTime,
        "TIME" => Wire::Time,
        "JSON" | "NULL" => Wire::Text,
        // The name hides the sign of a TINYINT(1); the flag is only shown through this.
        _ if <u64 as Type<MySql>>::compatible(kind) => Wire::Unsigned,
        "BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" => Wire::Signed,
        "YEAR" => Wire::Unsigned,
        _ if <str as Type<MySql>>::compatible(kind) => Wire::Text,
        _ => Wire::Binary,
    }
}

/// The value at the index, or why there is none.
pub(crate) fn cell(row: &MySqlRow, index: usize, wire: Wire) -> Result<Cell<'_>, sqlx::Error> {
    let value = row.try_get_raw(index)?;
    if value.is_null() {
        return Ok(Cell::Null);
    }
    let bytes = <&[u8] as Decode<MySql>>::decode(value).map_err(sqlx::Error::Decode)?;
    read(wire, bytes).ok_or_else(|| sqlx::Error::Decode(format!("{bytes:?} is no {wire:?}").into()))
}

pub(crate) fn read(wire: Wire, bytes: &[u8]) -> Option<Cell<'_>> {
    Some(match wire {
        Wire::Signed => Cell::Integer(signed(bytes)?),
        Wire::Unsigned => Cell::Integer(little_endian(bytes)?),
        Wire::Single => Cell::Single(f32::from_le_bytes(bytes.try_into().ok()?)),
        Wire::Double => Cell::Double(f64::from_le_bytes(bytes.try_into().ok()?)),
        Wire::Decimal => Cell::Number(Cow::Borrowed(std::str::from_utf8(bytes).ok()?)),
        Wire::Date => Moment::read(bytes)?.date().map_or(Cell::Null, Cell::Date),
        Wire::DateTime => Moment::read(bytes)?.timestamp().map_or(Cell::Null, Cell::Timestamp),
        Wire::Time => Cell::Text(Cow::Owned(time(bytes)?)),
        // 64 bits have no signed integer to go to.
        Wire::Bit if bytes.len() == 8 => Cell::Binary(bytes),
        Wire::Bit => Cell::Integer(bytes.iter().fold(0, |value, byte| value << 8 | i128::from(*byte))),
        Wire::Text => std::str::from_utf8(bytes).map_or(Cell::Binary(bytes), |text| Cell::Text(Cow::Borrowed(text))),
        Wire::Binary => Cell::Binary(bytes),
    })
}

fn little_endian(bytes: &[u8]) -> Option<i128> {
    (bytes.len() <= 8).then(|| bytes.iter().rev().fold(0, |value, byte| value << 8 | i128::from(*byte)))
}

fn signed(bytes: &[u8]) -> Option<i128> {
    let value = little_endian(bytes)?;
    let bits = 8 * u32::try_from(bytes.len()).ok()?;
    Some(if bits > 0 && value >> (bits - 1) == 1 { value - (1 << bits) } else { value })
}

/// A date and a time of day as the wire has them; the server also stores 0000-00-00 and 2024-00-10.
#[derive(Debug, Default)]
struct Moment {
    year: u16,
    month: u8,
    day: u8,
    seconds: u32,
    micros: u32,
}

impl Moment {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first()?;
        let mut moment = Self::default();
        if *length >= 4 {
            moment.year = u16::from_le_bytes(rest.get(..2)?.try_into().ok()?);
            (moment.month, moment.day) = (*rest.get(2)?, *rest.get(3)?);
        }
        if *length >= 7 {
            moment.seconds = u32::from(*rest.get(4)?) * 3600 + u32::from(*rest.get(5)?) * 60 + u32::from(*rest.get(6)?);
        }
        if *length >= 11 {
            moment.micros = u32::from_le_bytes(rest.get(7..11)?.try_into().ok()?);
        }
        Some(moment)
    }

    /// Nothing when there is no such day.
    fn day(&self) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(i32::from(self.year), u32::from(self.month), u32::from(self.day))
    }

    fn date(&self) -> Option<i32> {
        let days = self.day()?.signed_duration_since(DateTime::UNIX_EPOCH.date_naive()).num_days();
        i32::try_from(days).ok()
    }

    fn timestamp(&self) -> Option<i64> {
        let midnight = self.day()?.and_hms_opt(0, 0, 0)?.and_utc().timestamp();
        Some((midnight + i64::from(self.seconds)) * 1_000_000 + i64::from(self.micros))
    }
}

/// `[-]HH:MM:SS[.ffffff]`, hours up to 838.
fn time(bytes: &[u8]) -> Option<String> {
    let (length, rest) = bytes.split_first()?;
    if *length == 0 {
        return Some("00:00:00".into());
    }
    let sign = if *rest.first()? == 1 { "-" } else { "" };
    let days = u32::from_le_bytes(rest.get(1..5)?.try_into().ok()?);
    let (hours, minutes, seconds) = (u32::from(*rest.get(5)?) + days * 24, *rest.get(6)?, *rest.get(7)?);
    let mut text = format!("{sign}{hours:02}:{minutes:02}:{seconds:02}");
    if *length >= 12 {
        text.push_str(&format!(".{:06}", u32::from_le_bytes(rest.get(8..12)?.try_into().ok()?)));
    }
    Some(text)
}
