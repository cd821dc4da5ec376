//! PostgreSQL's types: how their values travel in COPY's binary format, and what they become in Arrow.
//!
//! | PostgreSQL | Arrow |
//! |---|---|
//! | bool, int2, int4, int8, float4, float8, bytea, date | their like |
//! | oid | Int64 |
//! | numeric(p, s) with p up to 38 | Decimal128(p, s) |
//! | numeric without precision, or with more than 38 digits | Utf8, every digit of it: no decimal of fixed scale holds them all |
//! | timestamp, timestamptz | Timestamp(Microsecond, None), timestamptz in UTC |
//! | text, varchar, bpchar (with its padding), name, enums, json, jsonb, uuid | Utf8 |
//! | arrays of one dimension | List of the element's type |
//! | everything else (time, interval, ranges, inet, xml, money, composites, geometry, arrays of arrays …) | Utf8, as `::text` writes it |
//!
//! A domain is what it is a domain of. `infinity` in dates and timestamps is null; NaN in a numeric(p, s) has no place in a
//! decimal and is an error.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};

/// Digits that a Decimal128 holds.
pub(crate) const MAX_PRECISION: u8 = 38;

mod oid {
    pub const BOOL: u32 = 16;
    pub const BYTEA: u32 = 17;
    pub const NAME: u32 = 19;
    pub const INT8: u32 = 20;
    pub const INT2: u32 = 21;
    pub const INT4: u32 = 23;
    pub const TEXT: u32 = 25;
    pub const OID: u32 = 26;
    pub const JSON: u32 = 114;
    pub const FLOAT4: u32 = 700;
    pub const FLOAT8: u32 = 701;
    pub const BPCHAR: u32 = 1042;
    pub const VARCHAR: u32 = 1043;
    pub const DATE: u32 = 1082;
    pub const TIMESTAMP: u32 = 1114;
    pub const TIMESTAMPTZ: u32 = 1184;
    pub const NUMERIC: u32 = 1700;
    pub const UUID: u32 = 2950;
    pub const JSONB: u32 = 3802;
}

/// What a column's values are on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    Int16,
    Int32,
    Int64,
    Oid,
    Float32,
    Float64,
    Decimal {
        precision: u8,
        scale: u8,
    },
    /// text and varchar: compared as they are where their collation is deterministic.
    Text,
    /// Text on the wire, but compared by rules of its own: name, enums, json.
    Label,
    /// character(n): compared without its padding.
    Padded,
    Jsonb,
    Uuid,
    Binary,
    Date,
    Timestamp {
        zoned: bool,
    },
    List(Box<Kind>),
    /// Selected as text.
    Other,
}

impl Kind {
    /// A type that is neither a domain nor an array. `typmod` is -1 where nothing was declared.
    pub(crate) fn scalar(oid: u32, typmod: i32, is_enum: bool) -> Self {
        match oid {
            oid::BOOL => Self::Boolean,
            oid::BYTEA => Self::Binary,
            oid::INT8 => Self::Int64,
            oid::INT2 => Self::Int16,
            oid::INT4 => Self::Int32,
            oid::TEXT | oid::VARCHAR => Self::Text,
            oid::NAME | oid::JSON => Self::Label,
            oid::BPCHAR => Self::Padded,
            oid::OID => Self::Oid,
            oid::FLOAT4 => Self::Float32,
            oid::FLOAT8 => Self::Float64,
            oid::DATE => Self::Date,
            oid::TIMESTAMP => Self::Timestamp { zoned: false },
            oid::TIMESTAMPTZ => Self::Timestamp { zoned: true },
            oid::NUMERIC => numeric(typmod),
            oid::UUID => Self::Uuid,
            oid::JSONB => Self::Jsonb,
            _ if is_enum => Self::Label,
            _ => Self::Other,
        }
    }

    /// An array of a scalar kind.
    pub(crate) fn list(item: Self) -> Self {
        Self::List(Box::new(item))
    }

    pub(crate) fn is_numeric(oid: u32) -> bool {
        oid == oid::NUMERIC
    }

    pub(crate) fn data_type(&self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 | Self::Oid => DataType::Int64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Decimal { precision, scale } => DataType::Decimal128(*precision, scale.cast_signed()),
            Self::Text | Self::Label | Self::Padded | Self::Jsonb | Self::Uuid | Self::Other => DataType::Utf8,
            Self::Binary => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::Timestamp { .. } => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::List(item) => DataType::List(Arc::new(Field::new_list_field(item.data_type(), true))),
        }
    }

    /// What is selected, so that the wire carries what the decoder expects; `column` is quoted.
    pub(crate) fn selected(&self, column: &str) -> String {
        match self {
            Self::Other => format!("{column}::text"),
            Self::List(item) if **item == Self::Other => format!("{column}::text[]"),
            _ => column.to_owned(),
        }
    }
}

/// The typmod holds precision and scale; since PostgreSQL 15 the scale may be negative or above the precision.
fn numeric(typmod: i32) -> Kind {
    if typmod < 4 {
        return Kind::Other;
    }
    let packed = typmod - 4;
    let (precision, scale) = ((packed >> 16) & 0xffff, ((packed & 0x7ff) ^ 1024) - 1024);
    // numeric(3, -2) is a whole number of five digits, numeric(2, 4) one behind the point of four.
    let (precision, scale) = if scale < 0 { (precision - scale, 0) } else { (precision.max(scale), scale) };
    match (u8::try_from(precision), u8::try_from(scale)) {
        (Ok(precision), Ok(scale)) if precision <= MAX_PRECISION => Kind::Decimal { precision, scale },
        _ => Kind::Other,
    }
}
