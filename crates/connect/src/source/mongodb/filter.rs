//! Predicates as MongoDB's filters, where both mean the same.
//!
//! MongoDB compares like with like: `{a: {$gt: 5}}` is true of numbers only, whatever else the field holds. A column was sampled to
//! hold one type, so the filter finds what Arrow would find on the batches; a value of another type is an error when it is read and
//! is not met when it is filtered out. Not sent: comparisons with a double zero (Arrow tells -0.0 from 0.0), texts of a collation,
//! fields of mixed types, decimals, whether an array is null, and fields whose name is no path (`a.b`, `$a`).

use arrow::datatypes::SchemaRef;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document, doc};

use super::types::EXACT_IN_DOUBLE;
use crate::source::{Comparison, Literal, NATIVE_TYPE, Predicate};

/// Values in one list; longer lists are left to the reader.
const MAX_IN_VALUES: usize = 1000;

/// The filter, or nothing where MongoDB would not find exactly the same rows.
pub(crate) fn filter(predicate: &Predicate, schema: &SchemaRef) -> Option<Document> {
    match predicate {
        Predicate::Compare { column, comparison, value } => compare(column, *comparison, value, schema),
        Predicate::IsNull(column) => nullable(column, schema).map(|name| doc! { name: Bson::Null }),
        Predicate::IsNotNull(column) => nullable(column, schema).map(|name| doc! { name: { "$ne": Bson::Null } }),
        Predicate::In { column, values } if values.len() <= MAX_IN_VALUES => {
            let (name, native) = compared(column, schema)?;
            let values = values.iter().map(|value| constant(&native, value)).collect::<Option<Vec<Bson>>>()?;
            Some(doc! { name: { "$in": values } })
        }
        Predicate::In { .. } => None,
        Predicate::And(all) if all.is_empty() => Some(doc! {}),
        Predicate::Or(all) if all.is_empty() => Some(doc! { "_id": { "$in": [] } }),
        Predicate::And(all) => Some(doc! { "$and": every(all, schema)? }),
        Predicate::Or(all) => Some(doc! { "$or": every(all, schema)? }),
    }
}

fn every(all: &[Predicate], schema: &SchemaRef) -> Option<Vec<Document>> {
    all.iter().map(|one| filter(one, schema)).collect()
}

fn compare(column: &str, comparison: Comparison, value: &Literal, schema: &SchemaRef) -> Option<Document> {
    let (name, native) = compared(column, schema)?;
    let value = constant(&native, value)?;
    // To Arrow not-a-number is greater than every number; to MongoDB it is neither greater nor less.
    let nan_is_greater = native == "double";
    let ordered = |operator: &str, greater: bool| {
        let found = doc! { &name: { operator: &value } };
        if greater && nan_is_greater {
            doc! { "$or": [found, { &name: f64::NAN }] }
        } else {
            found
        }
    };
    Some(match comparison {
        Comparison::Equal => ordered("$eq", false),
        Comparison::NotEqual => doc! { &name: { "$nin": [&value, Bson::Null] } },
        Comparison::Less => ordered("$lt", false),
        Comparison::LessOrEqual => ordered("$lte", false),
        Comparison::Greater => ordered("$gt", true),
        Comparison::GreaterOrEqual => ordered("$gte", true),
    })
}

/// The constant as a value of the field, where the field holds such values.
fn constant(native: &str, value: &Literal) -> Option<Bson> {
    match (native, value) {
        ("bool", Literal::Boolean(value)) => Some(Bson::Boolean(*value)),
        ("long", Literal::Integer(value)) => Some(Bson::Int64(*value)),
        ("double", Literal::Integer(value)) if *value != 0 && value.unsigned_abs() <= EXACT_IN_DOUBLE => Some(Bson::Int64(*value)),
        ("double", Literal::Float(value)) if *value != 0.0 && value.is_finite() => Some(Bson::Double(*value)),
        ("string", Literal::Text(value)) => Some(Bson::String(value.clone())),
        // Hex digits are in the order of the bytes that they stand for, as long as all are.
        ("objectId", Literal::Text(value)) => ObjectId::parse_str(value).ok().filter(|id| id.to_hex() == *value).map(Bson::ObjectId),
        ("date", Literal::Timestamp(micros)) if micros % 1000 == 0 => Some(Bson::DateTime(DateTime::from_millis(micros / 1000))),
        _ => None,
    }
}

/// The field's name and native type, where its values can be compared by name.
fn compared(column: &str, schema: &SchemaRef) -> Option<(String, String)> {
    let fields = schema.fields();
    let field = fields
        .iter()
        .find(|field| field.name() == column)
        .or_else(|| fields.iter().find(|field| field.name().eq_ignore_ascii_case(column)))?;
    let native = field.metadata().get(NATIVE_TYPE)?;
    is_path(field.name()).then(|| (field.name().clone(), native.clone()))
}

/// The field's name, where being null is no question of what is inside it.
fn nullable(column: &str, schema: &SchemaRef) -> Option<String> {
    let (name, native) = compared(column, schema)?;
    (!matches!(native.as_str(), "array" | "mixed" | "json")).then_some(name)
}

/// Whether the name means this one field where MongoDB expects a path.
pub(crate) fn is_path(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('$') && !name.contains('.') && !name.contains('\0')
}
