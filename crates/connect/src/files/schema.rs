//! Comparing and joining the schemas of several files.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use super::{Encoding, Format, Inspection};

/// From this share of common columns on, two files belong to one table.
pub const SIMILAR: f64 = 0.7;

/// How much two files have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Similarity {
    /// Another format, delimiter, header, compression or encoding, or a column that is nested here and plain there.
    Incompatible,
    /// Columns in both, as a share of the columns in either.
    Common(f64),
}

impl Similarity {
    pub fn is_enough(self) -> bool {
        matches!(self, Self::Common(share) if share >= SIMILAR)
    }
}

/// Whether two files could be read as one table, and how alike they are.
pub fn similarity(a: &Inspection, b: &Inspection) -> Similarity {
    if a.compression != b.compression || !same_dialect(a, b) {
        return Similarity::Incompatible;
    }
    let headless = matches!(&a.format, Format::Csv(dialect) if !dialect.has_header || dialect.by_position);
    let columns = |schema: &SchemaRef| -> BTreeSet<String> { schema.fields().iter().map(|f| f.name().to_lowercase()).collect() };
    let (left, right) = (columns(&a.schema), columns(&b.schema));
    if headless && left.len() != right.len() {
        return Similarity::Incompatible;
    }
    let clashes = a.schema.fields().iter().any(|field| {
        let other = b.schema.fields().iter().find(|other| other.name() == field.name());
        other.is_some_and(|other| clash(field.data_type(), other.data_type()))
    });
    if clashes {
        return Similarity::Incompatible;
    }
    let either = left.union(&right).count();
    Similarity::Common(if either == 0 { 1.0 } else { left.intersection(&right).count() as f64 / either as f64 })
}

/// No type holds both.
fn clash(a: &DataType, b: &DataType) -> bool {
    let unknown = matches!(a, DataType::Null) || matches!(b, DataType::Null);
    a.is_nested() != b.is_nested() && !unknown
}

/// Quotes may be met in one file and not in the next. ASCII goes with every encoding.
fn same_dialect(a: &Inspection, b: &Inspection) -> bool {
    match (&a.format, &b.format) {
        (Format::Csv(x), Format::Csv(y)) => {
            let encoding =
                x.encoding == y.encoding || (a.is_ascii && x.encoding == Encoding::Utf8) || (b.is_ascii && y.encoding == Encoding::Utf8);
            x.delimiter == y.delimiter && x.has_header == y.has_header && encoding
        }
        (x, y) => x == y,
    }
}

/// The schema that holds both; columns in the order of `a`, then what `b` adds.
pub fn merge(a: &Schema, b: &Schema) -> Schema {
    Schema::new(merge_fields(a.fields(), b.fields()))
}

/// Names that differ in case alone are one column, spelt as in `a`: Hive does not tell them apart.
fn merge_fields(a: &Fields, b: &Fields) -> Fields {
    let find = |fields: &Fields, name: &str| {
        let exact = fields.iter().position(|field| field.name() == name);
        exact.or_else(|| fields.iter().position(|field| field.name().to_lowercase() == name.to_lowercase()))
    };
    let mut merged: Vec<Field> = a
        .iter()
        .map(|field| match find(b, field.name()) {
            Some(at) => Field::new(field.name(), widen(field.data_type(), b[at].data_type()), true),
            None => field.as_ref().clone(),
        })
        .collect();
    merged.extend(b.iter().filter(|field| find(a, field.name()).is_none()).map(|field| field.as_ref().clone()));
    merged.into()
}

/// The type that holds the values of both; text where nothing else does.
fn widen(a: &DataType, b: &DataType) -> DataType {
    use DataType::{Date32, Decimal128, Float32, Float64, List, Struct, Timestamp, Utf8};
    if a == b {
        return a.clone();
    }
    let micro = Timestamp(TimeUnit::Microsecond, None);
    match (a, b) {
        (List(x), List(y)) => List(Arc::new(Field::new("item", widen(x.data_type(), y.data_type()), true))),
        (Struct(x), Struct(y)) => Struct(merge_fields(x, y)),
        (DataType::Null, known) | (known, DataType::Null) => known.clone(),
        (Timestamp(..), Timestamp(..) | Date32) | (Date32, Timestamp(..)) => micro,
        (Float32, Float64) | (Float64, Float32) => Float64,
        (Decimal128(p, s), Decimal128(q, t)) => {
            let scale = *s.max(t);
            let whole = (i16::from(*p) - i16::from(*s)).max(i16::from(*q) - i16::from(*t));
            let precision = (whole + i16::from(scale)).clamp(1, 38);
            Decimal128(precision as u8, scale)
        }
        (x, y) if x.is_integer() && y.is_integer() => wider_integer(x, y),
        (x, y) if x.is_numeric() && y.is_numeric() => Float64,
        _ => Utf8,
    }
}

fn wider_integer(a: &DataType, b: &DataType) -> DataType {
    let bits = |data_type: &DataType| match data_type {
        DataType::Int8 => 8,
        DataType::Int16 | DataType::UInt8 => 16,
        DataType::Int32 | DataType::UInt16 => 32,
        DataType::Int64 | DataType::UInt32 => 64,
        _ => 128,
    };
    match bits(a).max(bits(b)) {
        16 => DataType::Int16,
        32 => DataType::Int32,
        64 => DataType::Int64,
        _ => DataType::Decimal128(20, 0),
    }
}

/// The type without how it is packed (dictionaries, large or viewed texts) and without notes on its fields.
pub(super) fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            DataType::List(Arc::new(Field::new("item", plain(item.data_type()), true)))
        }
        DataType::Struct(fields) => {
            let fields: Fields = fields.iter().map(|field| Field::new(field.name(), plain(field.data_type()), true)).collect();
            DataType::Struct(fields)
        }
        other => other.clone(),
    }
}
