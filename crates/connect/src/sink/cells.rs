//! Arrow's many types as the few that are written.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int64Array, RecordBatch,
    StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float32Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use arrow::json::writer::{EncoderOptions, make_encoder};
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta};
use domain::{Error, Result};

use super::slot;

/// One value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Boolean(bool),
    Single(f32),
    Double(f64),
    /// A whole number too, with scale 0.
    Decimal(i128, i8),
    Text(&'a str),
    Binary(&'a [u8]),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since then, in UTC.
    Timestamp(i64),
}

/// As a message shows it, and as databases read it, but for texts and bytes.
impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 80;
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Single(value) => write!(f, "{value:?}"),
            Self::Double(value) => write!(f, "{value:?}"),
            Self::Decimal(value, scale) => decimal(f, *value, *scale),
            Self::Text(text) => write!(f, "{:?}", text.chars().take(SHOWN).collect::<String>()),
            Self::Binary(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Date(days) => match day(*days) {
                Some(day) => write!(f, "{}", day.format("%Y-%m-%d")),
                None => write!(f, "{days} days after 1970-01-01"),
            },
            Self::Timestamp(micros) => match time(*micros) {
                Some(time) => write!(f, "{}", time.format("%Y-%m-%d %H:%M:%S%.6f")),
                None => write!(f, "{micros} microseconds after 1970-01-01"),
            },
        }
    }
}

fn decimal(f: &mut fmt::Formatter<'_>, value: i128, scale: i8) -> fmt::Result {
    let digits = value.unsigned_abs().to_string();
    let sign = if value < 0 { "-" } else { "" };
    match usize::try_from(scale) {
        Ok(0) => write!(f, "{sign}{digits}"),
        Ok(scale) => {
            let padded = format!("{digits:0>width$}", width = scale + 1);
            let (whole, fraction) = padded.split_at(padded.len() - scale);
            write!(f, "{sign}{whole}.{fraction}")
        }
        Err(_) if value == 0 => f.write_str("0"),
        Err(_) => write!(f, "{sign}{digits}{}", "0".repeat(usize::from(scale.unsigned_abs()))),
    }
}

fn day(days: i32) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(TimeDelta::try_days(i64::from(days))?)
}

fn time(micros: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros).map(|time| time.naive_utc())
}

/// The type that a column of this type is written as; nested ones are texts of JSON, times of day texts.
pub(crate) fn plain_type(field: &Field) -> Result<DataType> {
    use DataType as T;
    Ok(match field.data_type() {
        T::Null => T::Null,
        T::Boolean => T::Boolean,
        T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::UInt8 | T::UInt16 | T::UInt32 => T::Int64,
        T::UInt64 => T::Decimal128(20, 0),
        T::Float16 | T::Float32 => T::Float32,
        T::Float64 => T::Float64,
        T::Decimal32(precision, scale) | T::Decimal64(precision, scale) | T::Decimal128(precision, scale) => {
            T::Decimal128(*precision, *scale)
        }
        T::Decimal256(precision, scale) => T::Decimal128((*precision).min(38), *scale),
        T::Utf8 | T::LargeUtf8 | T::Utf8View | T::Time32(_) | T::Time64(_) => T::Utf8,
        T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => T::Binary,
        T::Date32 | T::Date64 => T::Date32,
        T::Timestamp(..) => T::Timestamp(TimeUnit::Microsecond, None),
        T::Dictionary(_, value) => plain_type(&Field::new(field.name(), value.as_ref().clone(), true))?,
        T::RunEndEncoded(_, value) => plain_type(&Field::new(field.name(), value.data_type().clone(), true))?,
        nested if is_nested(nested) => T::Utf8,
        other => return Err(slot::refused(field.name(), other)),
    })
}

pub(crate) fn is_nested(data_type: &DataType) -> bool {
    use DataType as T;
    matches!(
        data_type,
        T::List(_) | T::LargeList(_) | T::FixedSizeList(..) | T::ListView(_) | T::LargeListView(_) | T::Struct(_) | T::Map(..)
    )
}

/// A column as it is read, value by value.
#[derive(Debug)]
pub(crate) enum Cells {
    Nulls,
    Booleans(BooleanArray),
    Integers(Int64Array),
    Singles(Float32Array),
    Doubles(Float64Array),
    Decimals(Decimal128Array, i8),
    Texts(StringArray),
    Bytes(BinaryArray),
    Dates(Date32Array),
    Timestamps(TimestampMicrosecondArray),
}

impl Cells {
    /// The column at `index`.
    pub(crate) fn of(batch: &RecordBatch, index: usize) -> Result<Self> {
        let schema = batch.schema_ref();
        let (Some(field), Some(column)) = (schema.fields().get(index), batch.columns().get(index)) else {
            return Err(Error::internal(format!("Rows came with {} columns where column {index} was expected.", batch.num_columns())));
        };
        let plain = plain_type(field)?;
        let strange = |e| Error::invalid_data(format!("Column {:?} of the rows cannot be read as {plain}.", field.name())).source(e);
        let column: ArrayRef = if is_nested(field.data_type()) {
            Arc::new(json(field, column.as_ref()).map_err(strange)?)
        } else {
            // A zone says how a time is shown; the time itself is in UTC already.
            let strict = CastOptions { safe: false, ..CastOptions::default() };
            match (column.data_type(), &plain) {
                (DataType::Timestamp(unit, Some(_)), _) => {
                    let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()));
                    let moved = if *unit == TimeUnit::Microsecond {
                        column.clone()
                    } else {
                        cast_with_options(column, &zoned, &strict).map_err(strange)?
                    };
                    Arc::new(moved.as_primitive::<TimestampMicrosecondType>().clone().with_timezone_opt(None::<Arc<str>>))
                }
                _ => cast_with_options(column, &plain, &strict).map_err(strange)?,
            }
        };
        Ok(match plain {
            DataType::Boolean => Self::Booleans(column.as_boolean().clone()),
            DataType::Int64 => Self::Integers(column.as_primitive::<Int64Type>().clone()),
            DataType::Float32 => Self::Singles(column.as_primitive::<Float32Type>().clone()),
            DataType::Float64 => Self::Doubles(column.as_primitive::<Float64Type>().clone()),
            DataType::Decimal128(_, scale) => Self::Decimals(column.as_primitive::<Decimal128Type>().clone(), scale),
            DataType::Utf8 => Self::Texts(column.as_string::<i32>().clone()),
            DataType::Binary => Self::Bytes(column.as_binary::<i32>().clone()),
            DataType::Date32 => Self::Dates(column.as_primitive::<Date32Type>().clone()),
            DataType::Timestamp(..) => Self::Timestamps(column.as_primitive::<TimestampMicrosecondType>().clone()),
            _ => Self::Nulls,
        })
    }

    pub(crate) fn get(&self, row: usize) -> Cell<'_> {
        fn at<'a, A: Array>(array: &'a A, row: usize, value: impl FnOnce(&'a A) -> Cell<'a>) -> Cell<'a> {
            if array.is_null(row) { Cell::Null } else { value(array) }
        }
        match self {
            Self::Nulls => Cell::Null,
            Self::Booleans(array) => at(array, row, |array| Cell::Boolean(array.value(row))),
            Self::Integers(array) => at(array, row, |array| Cell::Decimal(i128::from(array.value(row)), 0)),
            Self::Singles(array) => at(array, row, |array| Cell::Single(array.value(row))),
            Self::Doubles(array) => at(array, row, |array| Cell::Double(array.value(row))),
            Self::Decimals(array, scale) => at(array, row, |array| Cell::Decimal(array.value(row), *scale)),
            Self::Texts(array) => at(array, row, |array| Cell::Text(array.value(row))),
            Self::Bytes(array) => at(array, row, |array| Cell::Binary(array.value(row))),
            Self::Dates(array) => at(array, row, |array| Cell::Date(array.value(row))),
            Self::Timestamps(array) => at(array, row, |array| Cell::Timestamp(array.value(row))),
        }
    }
}

/// Lists, structs and maps as JSON, member by member, nulls written out.
fn json(field: &Arc<Field>, column: &dyn Array) -> arrow::error::Result<StringArray> {
    let options = EncoderOptions::default().with_explicit_nulls(true);
    let mut encoder = make_encoder(field, column, &options)?;
    let mut texts = StringBuilder::new();
    let mut text = Vec::new();
    for row in 0..column.len() {
        if column.is_null(row) {
            texts.append_null();
            continue;
        }
        text.clear();
        encoder.encode(row, &mut text);
        texts.append_value(String::from_utf8_lossy(&text));
    }
    Ok(texts.finish())
}

#[cfg(test)]
mod tests;
