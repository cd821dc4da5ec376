//! What is met in the documents, and the Arrow type that holds all of it.
//!
//! | met | type |
//! |---|---|
//! | `bool` | Boolean |
//! | `int`, `long` | Int64 |
//! | `double`, also with whole numbers up to 2^53 | Float64 |
//! | `decimal`, also with whole numbers | Decimal128(38, the largest scale met); text when that is not enough |
//! | `date` | Timestamp in microseconds, without a zone, in UTC |
//! | `string` (and `symbol`) | Utf8 |
//! | `objectId`, `uuid` | Utf8: hex digits |
//! | `binData` | Binary |
//! | `object` | Struct |
//! | `array` | List of what holds all its items |
//! | anything else, and mixtures of these | Utf8: strings as they are, all else as text (see `text.rs`) |
//!
//! Missing, `null` and `undefined` are null.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{RawBsonRef, RawDocument, raw};

use super::decimal;

/// Documents and arrays that lie deeper than this are JSON text.
pub(crate) const MAX_DEPTH: usize = 32;
/// A document inside a document with more different fields than this is a map: JSON text. See `shape.rs` for collections.
pub(crate) const MAX_FIELDS: usize = 1_000;
/// Beyond it, not every whole number is a double.
pub(crate) const EXACT_IN_DOUBLE: u64 = 1 << 53;
/// Digits of Arrow's Decimal128.
pub(crate) const DECIMAL_DIGITS: u8 = 38;

const BOOLEAN: u16 = 1;
const INTEGER: u16 = 1 << 1;
/// A whole number that is no double.
const BIG: u16 = 1 << 2;
const DOUBLE: u16 = 1 << 3;
const DECIMAL: u16 = 1 << 4;
const DATE: u16 = 1 << 5;
const OBJECT_ID: u16 = 1 << 6;
const UUID: u16 = 1 << 7;
const STRING: u16 = 1 << 8;
const BINARY: u16 = 1 << 9;
const DOCUMENT: u16 = 1 << 10;
const ARRAY: u16 = 1 << 11;
const OTHER: u16 = 1 << 12;

/// How a value is read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Boolean,
    Integer,
    Float,
    /// Digits after the point.
    Decimal(i8),
    Timestamp,
    Text,
    ObjectId,
    Uuid,
    Binary,
    Document(Vec<Column>),
    List(Box<Kind>),
    /// Text that holds everything.
    Mixed,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub name: String,
    pub kind: Kind,
}

impl Kind {
    pub fn data_type(&self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Decimal(scale) => DataType::Decimal128(DECIMAL_DIGITS, *scale),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Text | Self::ObjectId | Self::Uuid | Self::Mixed => DataType::Utf8,
            Self::Binary => DataType::Binary,
            Self::Document(columns) => DataType::Struct(fields(columns)),
            Self::List(items) => DataType::List(Arc::new(Field::new_list_field(items.data_type(), true))),
        }
    }

    /// As MongoDB names it (`$type`), where it is one type.
    pub fn native(&self) -> &'static str {
        match self {
            Self::Boolean => "bool",
            Self::Integer => "long",
            Self::Float => "double",
            Self::Decimal(_) => "decimal",
            Self::Timestamp => "date",
            Self::Text => "string",
            Self::ObjectId => "objectId",
            Self::Uuid => "uuid",
            Self::Binary => "binData",
            Self::Document(_) => "object",
            Self::List(_) => "array",
            Self::Mixed => "mixed",
        }
    }
}

/// The fields of a struct; every one may be null.
pub(crate) fn fields(columns: &[Column]) -> Fields {
    columns.iter().map(|column| Field::new(&column.name, column.kind.data_type(), true)).collect()
}

/// What was met at one place of the documents.
#[derive(Debug, Clone, Default)]
pub(crate) struct Met {
    kinds: u16,
    /// In how many documents the place was there, null or not.
    pub times: u64,
    whole_digits: u8,
    scale: u8,
    fields: FieldsMet,
    items: Option<Box<Met>>,
}

impl Met {
    /// `depth` is 1 for the fields of the document itself.
    pub fn note(&mut self, value: RawBsonRef<'_>, depth: usize) -> raw::Result<()> {
        self.kinds |= match value {
            RawBsonRef::Null | RawBsonRef::Undefined => 0,
            RawBsonRef::Boolean(_) => BOOLEAN,
            RawBsonRef::Int32(value) => self.integer(value.into()),
            RawBsonRef::Int64(value) => self.integer(value),
            RawBsonRef::Double(_) => DOUBLE,
            RawBsonRef::Decimal128(value) => match decimal::plain(value) {
                Some(value) => {
                    self.whole_digits = self.whole_digits.max(value.whole_digits());
                    self.scale = self.scale.max(value.scale);
                    DECIMAL
                }
                None => OTHER,
            },
            RawBsonRef::DateTime(value) if value.timestamp_millis().checked_mul(1000).is_some() => DATE,
            RawBsonRef::ObjectId(_) => OBJECT_ID,
            RawBsonRef::String(_) | RawBsonRef::Symbol(_) => STRING,
            RawBsonRef::Binary(value) if is_uuid(value.subtype, value.bytes) => UUID,
            RawBsonRef::Binary(_) => BINARY,
            RawBsonRef::Document(_) | RawBsonRef::Array(_) if depth > MAX_DEPTH => OTHER,
            RawBsonRef::Document(document) => {
                self.fields.note(document, depth + 1, MAX_FIELDS)?;
                DOCUMENT
            }
            RawBsonRef::Array(array) => {
                let items = self.items.get_or_insert_default();
                for item in array {
                    items.note(item?, depth + 1)?;
                }
                ARRAY
            }
            _ => OTHER,
        };
        Ok(())
    }

    fn integer(&mut self, value: i64) -> u16 {
        self.whole_digits = self.whole_digits.max(decimal::digits(value.unsigned_abs().into()));
        if value.unsigned_abs() > EXACT_IN_DOUBLE { INTEGER | BIG } else { INTEGER }
    }

    /// The narrowest kind that holds everything met.
    pub fn kind(&self) -> Kind {
        let only = |kinds: u16| self.kinds & !kinds == 0;
        match self.kinds {
            0 => Kind::Mixed,
            BOOLEAN => Kind::Boolean,
            DATE => Kind::Timestamp,
            OBJECT_ID => Kind::ObjectId,
            UUID => Kind::Uuid,
            STRING => Kind::Text,
            BINARY => Kind::Binary,
            DOCUMENT if !self.fields.too_many && !self.fields.met.is_empty() => {
                let column = |(name, met): &(String, Self)| Column { name: name.clone(), kind: met.kind() };
                Kind::Document(self.fields.met.iter().map(column).collect())
            }
            ARRAY => Kind::List(Box::new(self.items.as_deref().map_or(Kind::Mixed, Self::kind))),
            _ if only(INTEGER | BIG) => Kind::Integer,
            _ if only(INTEGER | DOUBLE) => Kind::Float,
            _ if only(INTEGER | BIG | DECIMAL) && self.whole_digits + self.scale <= DECIMAL_DIGITS => Kind::Decimal(self.scale as i8),
            _ => Kind::Mixed,
        }
    }

    /// Adds what was met elsewhere.
    fn merge(&mut self, other: Self, most: usize) {
        self.kinds |= other.kinds;
        self.times += other.times;
        self.whole_digits = self.whole_digits.max(other.whole_digits);
        self.scale = self.scale.max(other.scale);
        self.fields.merge(other.fields, most);
        if let Some(items) = other.items {
            self.items.get_or_insert_default().merge(*items, most);
        }
    }
}

/// What was met in the fields of documents, in the order in which they were met first.
#[derive(Debug, Clone, Default)]
pub(crate) struct FieldsMet {
    places: HashMap<String, usize>,
    pub met: Vec<(String, Met)>,
    /// There were more different fields than are kept.
    pub too_many: bool,
}

impl FieldsMet {
    /// Of fields not met before, only so many are kept that there are at most `most`.
    pub fn note(&mut self, document: &RawDocument, depth: usize, most: usize) -> raw::Result<()> {
        for element in document {
            let (name, value) = element?;
            if let Some(met) = self.place(name, most) {
                met.times += 1;
                met.note(value, depth)?;
            }
        }
        Ok(())
    }

    /// Adds what was met elsewhere; new fields come last, by name.
    pub fn merge(&mut self, other: Self, most: usize) {
        self.too_many |= other.too_many;
        let mut others = other.met;
        others.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, met) in others {
            if let Some(place) = self.place(&name, most) {
                place.merge(met, MAX_FIELDS);
            }
        }
    }

    fn place(&mut self, name: &str, most: usize) -> Option<&mut Met> {
        let index = match self.places.get(name) {
            Some(index) => *index,
            None if self.met.len() == most => {
                self.too_many = true;
                return None;
            }
            None => {
                self.places.insert(name.to_owned(), self.met.len());
                self.met.push((name.to_owned(), Met::default()));
                self.met.len() - 1
            }
        };
        self.met.get_mut(index).map(|(_, met)| met)
    }
}

pub(crate) fn is_uuid(subtype: BinarySubtype, bytes: &[u8]) -> bool {
    subtype == BinarySubtype::Uuid && bytes.len() == 16
}
