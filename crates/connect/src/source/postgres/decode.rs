//! COPY's binary rows into Arrow, one pass over the bytes and nothing allocated per value.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Decimal128Builder, Float32Builder, Float64Builder, Int16Builder, Int32Builder, Int64Builder,
    ListArray, PrimitiveBuilder, RecordBatch, RecordBatchOptions, StringBuilder,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Date32Type, Field, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;

use super::numeric;
use super::types::Kind;

/// 2000-01-01, from which PostgreSQL counts, as days and as microseconds since 1970-01-01.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// Rows to make room for at once, whatever batch is asked for.
const MOST_RESERVED: usize = 65_536;
/// What every binary COPY begins with.
const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

/// Why a row could not be taken.
#[derive(Debug, PartialEq)]
pub(crate) enum Unfit {
    /// The value of the column with this index; what was found instead.
    Value(usize, String),
    /// The bytes are no row of these columns.
    Shape,
}

/// The rows of a batch as they grow.
pub(crate) struct Rows {
    schema: SchemaRef,
    builders: Vec<Builder>,
    pub rows: usize,
    /// What they took on the wire.
    pub bytes: usize,
}

impl Rows {
    /// `schema` has a field of [`Kind::data_type`] for each kind.
    pub(crate) fn new(schema: SchemaRef, kinds: &[Kind], rows: usize) -> Self {
        let builders = kinds.iter().map(|kind| Builder::new(kind, rows.min(MOST_RESERVED))).collect();
        Self { schema, builders, rows: 0, bytes: 0 }
    }

    /// Takes one row off the front; false at the end of the table.
    #[inline]
    pub(crate) fn push(&mut self, message: &mut &[u8]) -> Result<bool, Unfit> {
        let before = message.len();
        let fields = i16::from_be_bytes(take(message)?);
        if fields == -1 {
            return Ok(false);
        }
        if usize::try_from(fields).ok() != Some(self.builders.len()) {
            return Err(Unfit::Shape);
        }
        for (index, builder) in self.builders.iter_mut().enumerate() {
            let value = field(message)?;
            builder.push(value).map_err(|found| Unfit::Value(index, found))?;
        }
        self.rows += 1;
        self.bytes += before - message.len();
        Ok(true)
    }

    pub(crate) fn finish(self) -> Result<RecordBatch, ArrowError> {
        let arrays = self.builders.into_iter().zip(self.schema.fields()).map(|(builder, field)| builder.finish(field.data_type()));
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays.collect::<Result<_, _>>()?, &options)
    }
}

/// Takes the head off the first message.
pub(crate) fn skip_head(message: &mut &[u8]) -> Result<(), Unfit> {
    if take::<11>(message)? != *SIGNATURE {
        return Err(Unfit::Shape);
    }
    take::<4>(message)?;
    let extension = usize::try_from(i32::from_be_bytes(take(message)?)).map_err(|_| Unfit::Shape)?;
    *message = message.get(extension..).ok_or(Unfit::Shape)?;
    Ok(())
}

#[inline]
fn take<const N: usize>(message: &mut &[u8]) -> Result<[u8; N], Unfit> {
    let (head, rest) = message.split_first_chunk::<N>().ok_or(Unfit::Shape)?;
    *message = rest;
    Ok(*head)
}

/// A length and so many bytes; -1 is null.
#[inline]
fn field<'a>(message: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Unfit> {
    let length = i32::from_be_bytes(take(message)?);
    if length == -1 {
        return Ok(None);
    }
    let length = usize::try_from(length).map_err(|_| Unfit::Shape)?;
    let (value, rest) = message.split_at_checked(length).ok_or(Unfit::Shape)?;
    *message = rest;
    Ok(Some(value))
}

enum Builder {
    Boolean(BooleanBuilder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Oid(Int64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Decimal(Decimal128Builder, u8, u8),
    Text(StringBuilder),
    Jsonb(StringBuilder),
    Uuid(StringBuilder),
    Binary(BinaryBuilder),
    Date(PrimitiveBuilder<Date32Type>),
    Timestamp(PrimitiveBuilder<TimestampMicrosecondType>),
    List(Box<Lists>),
}

struct Lists {
    items: Builder,
    offsets: Vec<i32>,
    valid: Vec<bool>,
}

impl Builder {
    fn new(kind: &Kind, rows: usize) -> Self {
        let text = || StringBuilder::with_capacity(rows, 16 * rows);
        match kind {
            Kind::Boolean => Self::Boolean(BooleanBuilder::with_capacity(rows)),
            Kind::Int16 => Self::Int16(Int16Builder::with_capacity(rows)),
            Kind::Int32 => Self::Int32(Int32Builder::with_capacity(rows)),
            Kind::Int64 => Self::Int64(Int64Builder::with_capacity(rows)),
            Kind::Oid => Self::Oid(Int64Builder::with_capacity(rows)),
            Kind::Float32 => Self::Float32(Float32Builder::with_capacity(rows)),
            Kind::Float64 => Self::Float64(Float64Builder::with_capacity(rows)),
            Kind::Decimal { precision, scale } => Self::Decimal(Decimal128Builder::with_capacity(rows), *precision, *scale),
            Kind::Text | Kind::Label | Kind::Padded | Kind::Other => Self::Text(text()),
            Kind::Jsonb => Self::Jsonb(text()),
            Kind::Uuid => Self::Uuid(StringBuilder::with_capacity(rows, 36 * rows)),
            Kind::Binary => Self::Binary(BinaryBuilder::with_capacity(rows, 16 * rows)),
            Kind::Date => Self::Date(PrimitiveBuilder::with_capacity(rows)),
            Kind::Timestamp { .. } => Self::Timestamp(PrimitiveBuilder::with_capacity(rows)),
            Kind::List(item) => {
                Self::List(Box::new(Lists { items: Self::new(item, rows), offsets: vec![0], valid: Vec::with_capacity(rows) }))
            }
        }
    }

    /// Fails with what was found.
    #[inline]
    fn push(&mut self, value: Option<&[u8]>) -> Result<(), String> {
        let Some(value) = value else {
            self.null();
            return Ok(());
        };
        match self {
            Self::Boolean(builder) => builder.append_value(fixed::<1>(value)? != [0]),
            Self::Int16(builder) => builder.append_value(i16::from_be_bytes(fixed(value)?)),
            Self::Int32(builder) => builder.append_value(i32::from_be_bytes(fixed(value)?)),
            Self::Int64(builder) => builder.append_value(i64::from_be_bytes(fixed(value)?)),
            Self::Oid(builder) => builder.append_value(i64::from(u32::from_be_bytes(fixed(value)?))),
            Self::Float32(builder) => builder.append_value(one_nan(f32::from_be_bytes(fixed(value)?), f32::NAN)),
            Self::Float64(builder) => builder.append_value(one_nan(f64::from_be_bytes(fixed(value)?), f64::NAN)),
            Self::Decimal(builder, precision, scale) => builder.append_value(numeric::unscaled(value, *precision, *scale)?),
            Self::Text(builder) => builder.append_value(utf8(value)?),
            Self::Jsonb(builder) => match value.split_first() {
                Some((1, text)) => builder.append_value(utf8(text)?),
                _ => return Err("jsonb of a version that is not known".into()),
            },
            Self::Uuid(builder) => builder.append_value(utf8(&hyphenated(fixed(value)?))?),
            Self::Binary(builder) => builder.append_value(value),
            Self::Date(builder) => match i32::from_be_bytes(fixed(value)?) {
                i32::MIN | i32::MAX => builder.append_null(),
                days => builder.append_value(days.checked_add(EPOCH_DAYS).ok_or("a date too far away")?),
            },
            Self::Timestamp(builder) => match i64::from_be_bytes(fixed(value)?) {
                i64::MIN | i64::MAX => builder.append_null(),
                micros => builder.append_value(micros.checked_add(EPOCH_MICROS).ok_or("a timestamp after the year 294246")?),
            },
            Self::List(lists) => lists.push(value)?,
        }
        Ok(())
    }

    fn null(&mut self) {
        match self {
            Self::Boolean(builder) => builder.append_null(),
            Self::Int16(builder) => builder.append_null(),
            Self::Int32(builder) => builder.append_null(),
            Self::Int64(builder) | Self::Oid(builder) => builder.append_null(),
            Self::Float32(builder) => builder.append_null(),
            Self::Float64(builder) => builder.append_null(),
            Self::Decimal(builder, ..) => builder.append_null(),
            Self::Text(builder) | Self::Jsonb(builder) | Self::Uuid(builder) => builder.append_null(),
            Self::Binary(builder) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Timestamp(builder) => builder.append_null(),
            Self::List(lists) => lists.end(false),
        }
    }

    fn length(&self) -> usize {
        use arrow::array::ArrayBuilder;
        match self {
            Self::Boolean(builder) => builder.len(),
            Self::Int16(builder) => builder.len(),
            Self::Int32(builder) => builder.len(),
            Self::Int64(builder) | Self::Oid(builder) => builder.len(),
            Self::Float32(builder) => builder.len(),
            Self::Float64(builder) => builder.len(),
            Self::Decimal(builder, ..) => builder.len(),
            Self::Text(builder) | Self::Jsonb(builder) | Self::Uuid(builder) => builder.len(),
            Self::Binary(builder) => builder.len(),
            Self::Date(builder) => builder.len(),
            Self::Timestamp(builder) => builder.len(),
            Self::List(lists) => lists.valid.len(),
        }
    }

    fn finish(self, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Boolean(mut builder) => Arc::new(builder.finish()),
            Self::Int16(mut builder) => Arc::new(builder.finish()),
            Self::Int32(mut builder) => Arc::new(builder.finish()),
            Self::Int64(mut builder) | Self::Oid(mut builder) => Arc::new(builder.finish()),
            Self::Float32(mut builder) => Arc::new(builder.finish()),
            Self::Float64(mut builder) => Arc::new(builder.finish()),
            Self::Decimal(mut builder, precision, scale) => {
                Arc::new(builder.finish().with_precision_and_scale(precision, scale.cast_signed())?)
            }
            Self::Text(mut builder) | Self::Jsonb(mut builder) | Self::Uuid(mut builder) => Arc::new(builder.finish()),
            Self::Binary(mut builder) => Arc::new(builder.finish()),
            Self::Date(mut builder) => Arc::new(builder.finish()),
            Self::Timestamp(mut builder) => Arc::new(builder.finish()),
            Self::List(lists) => {
                let DataType::List(item) = data_type else {
                    return Err(ArrowError::SchemaError(format!("expected a list, found {data_type}")));
                };
                lists.finish(item.clone())?
            }
        })
    }
}

impl Lists {
    /// Dimensions, a flag for nulls, the element's type; for each dimension its length and first index; the elements.
    fn push(&mut self, mut value: &[u8]) -> Result<(), String> {
        let broken = |_| "an array of a form that is not known".to_owned();
        let dimensions = i32::from_be_bytes(take(&mut value).map_err(broken)?);
        take::<8>(&mut value).map_err(broken)?;
        if dimensions > 1 {
            return Err(format!("an array of {dimensions} dimensions, and the column says one"));
        }
        if dimensions == 1 {
            let length = i32::from_be_bytes(take(&mut value).map_err(broken)?);
            take::<4>(&mut value).map_err(broken)?;
            for _ in 0..length {
                self.items.push(field(&mut value).map_err(broken)?)?;
            }
        }
        self.end(true);
        Ok(())
    }

    fn end(&mut self, valid: bool) {
        // A batch holds far fewer bytes than this has room for elements.
        self.offsets.push(i32::try_from(self.items.length()).unwrap_or(i32::MAX));
        self.valid.push(valid);
    }

    fn finish(self, item: Arc<Field>) -> Result<ArrayRef, ArrowError> {
        let items = self.items.finish(item.data_type())?;
        let offsets = OffsetBuffer::new(self.offsets.into());
        let valid = NullBuffer::from(self.valid);
        Ok(Arc::new(ListArray::try_new(item, offsets, items, Some(valid))?))
    }
}

#[inline]
fn fixed<const N: usize>(value: &[u8]) -> Result<[u8; N], String> {
    value.try_into().map_err(|_| format!("{} bytes where {N} were expected", value.len()))
}

/// Arrow tells NaNs apart by their bits and sign, PostgreSQL does not.
#[inline]
fn one_nan<T: PartialEq>(value: T, nan: T) -> T {
    #[allow(clippy::eq_op, reason = "only NaN is not equal to itself")]
    if value == value { value } else { nan }
}

#[inline]
fn utf8(value: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(value)
        .map_err(|_| format!("bytes that are no UTF-8: {}", value.escape_ascii().to_string().chars().take(40).collect::<String>()))
}

/// As `::text` writes a uuid.
fn hyphenated(bytes: [u8; 16]) -> [u8; 36] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = DIGITS[usize::from(byte >> 4)];
        text[at + 1] = DIGITS[usize::from(byte & 15)];
        at += 2;
    }
    text
}
