//! Documents to record batches.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::builder::NullBufferBuilder;
use arrow::array::{
    Array, ArrayBuilder, ArrayRef, BinaryBuilder, BooleanBuilder, Decimal128Builder, Float64Builder, Int64Builder, ListArray, RecordBatch,
    RecordBatchOptions, StringBuilder, StructArray, TimestampMicrosecondBuilder,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{Field, Fields, SchemaRef};
use arrow::error::ArrowError;
use mongodb::bson::{Bson, Document, RawBsonRef, RawDocument, raw};

use super::decimal::{self, Plain};
use super::shape::Selected;
use super::text::{hyphenated, json, text};
use super::types::{Column, EXACT_IN_DOUBLE, Kind, fields, is_uuid};

/// A value that its column does not hold.
#[derive(Debug)]
pub(crate) struct Unfit {
    /// Names of fields from the outermost to the innermost, `[]` for the items of an array.
    pub path: String,
    pub expected: String,
    pub found: String,
}

#[derive(Debug)]
pub(crate) enum Failure {
    Unfit(Unfit),
    /// The bytes are no document.
    Malformed(raw::Error),
}

impl From<raw::Error> for Failure {
    fn from(error: raw::Error) -> Self {
        Self::Malformed(error)
    }
}

/// Rows of one batch to be.
pub(crate) struct Rows {
    schema: SchemaRef,
    columns: Vec<Builder>,
    places: HashMap<String, usize>,
    /// Where the column of other fields is, and which fields it does not hold.
    rest: Option<(usize, Arc<HashSet<String>>)>,
    pub rows: usize,
    /// Of the documents taken.
    pub bytes: usize,
}

impl Rows {
    /// `schema` has a field for each of the columns selected; `known` are the fields that are columns.
    pub fn new(schema: SchemaRef, selected: &[Selected], known: &Arc<HashSet<String>>) -> Self {
        let mut rows = Self { schema, columns: Vec::new(), places: HashMap::new(), rest: None, rows: 0, bytes: 0 };
        for (index, selected) in selected.iter().enumerate() {
            match selected {
                Selected::Column(column) => {
                    rows.places.insert(column.name.clone(), index);
                    rows.columns.push(Builder::new(&column.kind));
                }
                Selected::Rest(_) => {
                    rows.rest = Some((index, known.clone()));
                    rows.columns.push(Builder::Text(StringBuilder::new()));
                }
            }
        }
        rows
    }

    pub fn push(&mut self, document: &RawDocument) -> Result<(), Failure> {
        push_fields(&mut self.columns, &self.places, document, self.rows)?;
        if let Some((index, known)) = &self.rest
            && let Some(Builder::Text(builder)) = self.columns.get_mut(*index)
        {
            builder.append_option(other_fields(document, known)?);
        }
        for column in &mut self.columns {
            if column.len() == self.rows {
                column.push_null();
            }
        }
        self.rows += 1;
        self.bytes += document.as_bytes().len();
        Ok(())
    }

    pub fn finish(self) -> Result<RecordBatch, ArrowError> {
        let arrays = self.columns.into_iter().map(Builder::finish).collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        RecordBatch::try_new_with_options(self.schema, arrays, &options)
    }
}

/// Puts the fields that have a column at `row`. Of a field that is there twice, as BSON allows, the first counts.
fn push_fields(columns: &mut [Builder], places: &HashMap<String, usize>, document: &RawDocument, row: usize) -> Result<(), Failure> {
    for element in document {
        let (name, value) = element?;
        let Some(column) = places.get(name).and_then(|index| columns.get_mut(*index)) else { continue };
        if column.len() == row {
            column.push(value).map_err(|failure| within(name, failure))?;
        }
    }
    Ok(())
}

fn within(name: &str, failure: Failure) -> Failure {
    match failure {
        Failure::Unfit(mut unfit) => {
            let separator = if unfit.path.is_empty() || unfit.path.starts_with('[') { "" } else { "." };
            unfit.path = format!("{name}{separator}{}", unfit.path);
            Failure::Unfit(unfit)
        }
        malformed => malformed,
    }
}

fn other_fields(document: &RawDocument, known: &HashSet<String>) -> raw::Result<Option<String>> {
    let mut others = Document::new();
    for element in document {
        let (name, value) = element?;
        if !known.contains(name) {
            others.insert(name, Bson::try_from(value)?);
        }
    }
    Ok((!others.is_empty()).then(|| json(Bson::Document(others))))
}

enum Builder {
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Float(Float64Builder),
    Decimal(Decimal128Builder, i8),
    Timestamp(TimestampMicrosecondBuilder),
    Text(StringBuilder),
    ObjectId(StringBuilder),
    Uuid(StringBuilder),
    Binary(BinaryBuilder),
    Mixed(StringBuilder),
    Document { fields: Fields, columns: Vec<Self>, places: HashMap<String, usize>, valid: NullBufferBuilder },
    List { items: Box<Self>, ends: Vec<i32>, valid: NullBufferBuilder },
}

impl Builder {
    fn new(kind: &Kind) -> Self {
        match kind {
            Kind::Boolean => Self::Boolean(BooleanBuilder::new()),
            Kind::Integer => Self::Integer(Int64Builder::new()),
            Kind::Float => Self::Float(Float64Builder::new()),
            Kind::Decimal(scale) => Self::Decimal(Decimal128Builder::new().with_data_type(kind.data_type()), *scale),
            Kind::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::new()),
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::ObjectId => Self::ObjectId(StringBuilder::new()),
            Kind::Uuid => Self::Uuid(StringBuilder::new()),
            Kind::Binary => Self::Binary(BinaryBuilder::new()),
            Kind::Mixed => Self::Mixed(StringBuilder::new()),
            Kind::Document(columns) => Self::Document {
                fields: fields(columns),
                columns: columns.iter().map(|column| Self::new(&column.kind)).collect(),
                places: columns.iter().enumerate().map(|(index, Column { name, .. })| (name.clone(), index)).collect(),
                valid: NullBufferBuilder::new(0),
            },
            Kind::List(items) => Self::List { items: Box::new(Self::new(items)), ends: vec![0], valid: NullBufferBuilder::new(0) },
        }
    }

    fn push(&mut self, value: RawBsonRef<'_>) -> Result<(), Failure> {
        match (&mut *self, value) {
            (_, RawBsonRef::Null | RawBsonRef::Undefined) => self.push_null(),
            (Self::Boolean(builder), RawBsonRef::Boolean(value)) => builder.append_value(value),
            (Self::Text(builder), RawBsonRef::String(value) | RawBsonRef::Symbol(value)) => builder.append_value(value),
            (Self::ObjectId(builder), RawBsonRef::ObjectId(value)) => builder.append_value(value.to_hex()),
            (Self::Binary(builder), RawBsonRef::Binary(value)) => builder.append_value(value.bytes),
            (Self::Mixed(builder), value) => builder.append_value(text(value)?),
            (Self::Uuid(builder), RawBsonRef::Binary(value)) if is_uuid(value.subtype, value.bytes) => {
                builder.append_value(hyphenated(value.bytes));
            }
            (Self::Document { columns, places, valid, .. }, RawBsonRef::Document(document)) => {
                let row = valid.len();
                push_fields(columns, places, document, row)?;
                columns.iter_mut().filter(|column| column.len() == row).for_each(Self::push_null);
                valid.append_non_null();
            }
            (Self::List { items, ends, valid }, RawBsonRef::Array(array)) => {
                for item in array {
                    items.push(item?).map_err(|failure| within("[]", failure))?;
                }
                ends.push(i32::try_from(items.len()).map_err(|_| unfit("arrays".to_owned(), value))?);
                valid.append_non_null();
            }
            (Self::Integer(builder), value) => match whole(value) {
                Some(value) => builder.append_value(value),
                None => return Err(self.unfit(value)),
            },
            (Self::Float(builder), value) => match real(value) {
                Some(value) => builder.append_value(value),
                None => return Err(self.unfit(value)),
            },
            (Self::Decimal(builder, scale), value) => match plain(value).and_then(|plain| plain.rescaled(*scale as u8)) {
                Some(value) => builder.append_value(value),
                None => return Err(self.unfit(value)),
            },
            (Self::Timestamp(builder), RawBsonRef::DateTime(date)) => match date.timestamp_millis().checked_mul(1000) {
                Some(micros) => builder.append_value(micros),
                None => return Err(self.unfit(value)),
            },
            _ => return Err(self.unfit(value)),
        }
        Ok(())
    }

    fn push_null(&mut self) {
        match self {
            Self::Boolean(builder) => builder.append_null(),
            Self::Integer(builder) => builder.append_null(),
            Self::Float(builder) => builder.append_null(),
            Self::Decimal(builder, _) => builder.append_null(),
            Self::Timestamp(builder) => builder.append_null(),
            Self::Binary(builder) => builder.append_null(),
            Self::Text(builder) | Self::ObjectId(builder) | Self::Uuid(builder) | Self::Mixed(builder) => builder.append_null(),
            Self::Document { columns, valid, .. } => {
                columns.iter_mut().for_each(Self::push_null);
                valid.append_null();
            }
            Self::List { ends, valid, .. } => {
                ends.push(ends.last().copied().unwrap_or(0));
                valid.append_null();
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Boolean(builder) => builder.len(),
            Self::Integer(builder) => builder.len(),
            Self::Float(builder) => builder.len(),
            Self::Decimal(builder, _) => builder.len(),
            Self::Timestamp(builder) => builder.len(),
            Self::Binary(builder) => builder.len(),
            Self::Text(builder) | Self::ObjectId(builder) | Self::Uuid(builder) | Self::Mixed(builder) => builder.len(),
            Self::Document { valid, .. } | Self::List { valid, .. } => valid.len(),
        }
    }

    fn finish(self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Boolean(mut builder) => Arc::new(builder.finish()),
            Self::Integer(mut builder) => Arc::new(builder.finish()),
            Self::Float(mut builder) => Arc::new(builder.finish()),
            Self::Decimal(mut builder, _) => Arc::new(builder.finish()),
            Self::Timestamp(mut builder) => Arc::new(builder.finish()),
            Self::Binary(mut builder) => Arc::new(builder.finish()),
            Self::Text(mut builder) | Self::ObjectId(mut builder) | Self::Uuid(mut builder) | Self::Mixed(mut builder) => {
                Arc::new(builder.finish())
            }
            Self::Document { fields, columns, mut valid, .. } => {
                let arrays = columns.into_iter().map(Self::finish).collect::<Result<Vec<_>, _>>()?;
                Arc::new(StructArray::try_new(fields, arrays, valid.finish())?)
            }
            Self::List { items, ends, mut valid } => {
                let items = items.finish()?;
                let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
                Arc::new(ListArray::try_new(field, OffsetBuffer::new(ends.into()), items, valid.finish())?)
            }
        })
    }

    fn unfit(&self, value: RawBsonRef<'_>) -> Failure {
        unfit(self.expected(), value)
    }

    fn expected(&self) -> String {
        let expected = match self {
            Self::Boolean(_) => "true or false",
            Self::Integer(_) => "whole numbers of 64 bits",
            Self::Float(_) => "numbers that a double holds",
            Self::Decimal(_, scale) => return format!("decimals of at most {scale} digits after the point"),
            Self::Timestamp(_) => "dates",
            Self::Text(_) => "strings",
            Self::ObjectId(_) => "ObjectIds",
            Self::Uuid(_) => "UUIDs",
            Self::Binary(_) => "binary data",
            Self::Mixed(_) => "anything",
            Self::Document { .. } => "documents",
            Self::List { .. } => "arrays",
        };
        expected.to_owned()
    }
}

fn unfit(expected: String, value: RawBsonRef<'_>) -> Failure {
    match text(value) {
        Ok(found) => Failure::Unfit(Unfit { path: String::new(), expected, found }),
        Err(malformed) => malformed.into(),
    }
}

/// Doubles are whole numbers too where they are exactly one: the older shells write 5 as 5.0.
fn whole(value: RawBsonRef<'_>) -> Option<i64> {
    match value {
        RawBsonRef::Int32(value) => Some(value.into()),
        RawBsonRef::Int64(value) => Some(value),
        RawBsonRef::Double(value) if value.fract() == 0.0 && value.abs() <= EXACT_IN_DOUBLE as f64 => Some(value as i64),
        _ => None,
    }
}

/// There is one not-a-number, as in MongoDB; Arrow orders its signs and payloads.
fn real(value: RawBsonRef<'_>) -> Option<f64> {
    match value {
        RawBsonRef::Double(value) => Some(if value.is_nan() { f64::NAN } else { value }),
        RawBsonRef::Int32(value) => Some(value.into()),
        RawBsonRef::Int64(value) if value.unsigned_abs() <= EXACT_IN_DOUBLE => Some(value as f64),
        _ => None,
    }
}

fn plain(value: RawBsonRef<'_>) -> Option<Plain> {
    match value {
        RawBsonRef::Decimal128(value) => decimal::plain(value),
        RawBsonRef::Int32(value) => Some(Plain { unscaled: value.into(), scale: 0 }),
        RawBsonRef::Int64(value) => Some(Plain { unscaled: value.into(), scale: 0 }),
        _ => None,
    }
}
