//! Types of casts, in Spark's words, and Spark's types for columns.

use arrow::datatypes::DataType as Arrow;
use domain::{Error, Result};
use sqlparser::ast::{ArrayElemTypeDef, DataType, ExactNumberInfo};

use super::text::name;

/// Spark's name of a type of Penchant's SQL; nothing for one that neither has.
pub(super) fn spark_type(data_type: &DataType) -> Option<String> {
    Some(
        match data_type {
            DataType::Boolean | DataType::Bool => "BOOLEAN",
            DataType::TinyInt(_) => "TINYINT",
            DataType::SmallInt(_) | DataType::Int2(_) | DataType::TinyIntUnsigned(_) => "SMALLINT",
            DataType::Int(_) | DataType::Integer(_) | DataType::Int4(_) | DataType::SmallIntUnsigned(_) => "INT",
            DataType::BigInt(_) | DataType::Int8(_) | DataType::IntUnsigned(_) | DataType::IntegerUnsigned(_) => "BIGINT",
            DataType::Float(_) | DataType::Real | DataType::Float4 => "FLOAT",
            DataType::Double(_) | DataType::DoublePrecision | DataType::Float8 => "DOUBLE",
            DataType::Decimal(info) | DataType::Numeric(info) => return Some(decimal(info)),
            DataType::Varchar(_) | DataType::Char(_) | DataType::Text | DataType::String(_) | DataType::CharVarying(_) => "STRING",
            DataType::Character(_) | DataType::CharacterVarying(_) | DataType::Nvarchar(_) => "STRING",
            DataType::Bytea | DataType::Binary(_) | DataType::Varbinary(_) | DataType::Blob(_) => "BINARY",
            DataType::Date => "DATE",
            DataType::Timestamp(..) | DataType::Datetime(_) => "TIMESTAMP",
            DataType::Array(ArrayElemTypeDef::AngleBracket(item) | ArrayElemTypeDef::SquareBracket(item, _)) => {
                return spark_type(item).map(|item| format!("ARRAY<{item}>"));
            }
            _ => return None,
        }
        .to_owned(),
    )
}

fn decimal(info: &ExactNumberInfo) -> String {
    match info {
        // Arrow's widest, with DataFusion's scale.
        ExactNumberInfo::None => "DECIMAL(38,10)".into(),
        ExactNumberInfo::Precision(precision) => format!("DECIMAL({precision},0)"),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => format!("DECIMAL({precision},{scale})"),
    }
}

/// Spark's name for the type of a column of the catalogue. `moment` is the word for timestamps.
///
/// # Errors
/// `InvalidInput` for a type that Hive does not have.
pub(crate) fn column_type(data_type: &Arrow, moment: &str) -> Result<String> {
    Ok(match data_type {
        Arrow::Boolean => "BOOLEAN".into(),
        Arrow::Int8 => "TINYINT".into(),
        Arrow::Int16 | Arrow::UInt8 => "SMALLINT".into(),
        Arrow::Int32 | Arrow::UInt16 => "INT".into(),
        Arrow::Int64 | Arrow::UInt32 => "BIGINT".into(),
        Arrow::UInt64 => "DECIMAL(20,0)".into(),
        Arrow::Float16 | Arrow::Float32 => "FLOAT".into(),
        Arrow::Float64 => "DOUBLE".into(),
        Arrow::Decimal128(precision, scale) => format!("DECIMAL({precision},{scale})"),
        Arrow::Utf8 | Arrow::LargeUtf8 | Arrow::Utf8View => "STRING".into(),
        Arrow::Binary | Arrow::LargeBinary | Arrow::BinaryView => "BINARY".into(),
        Arrow::Date32 => "DATE".into(),
        Arrow::Timestamp(..) => moment.into(),
        Arrow::List(item) | Arrow::LargeList(item) => format!("ARRAY<{}>", column_type(item.data_type(), moment)?),
        Arrow::Struct(fields) => {
            let member = |field: &std::sync::Arc<arrow::datatypes::Field>| -> Result<String> {
                Ok(format!("{}: {}", name(field.name()), column_type(field.data_type(), moment)?))
            };
            format!("STRUCT<{}>", fields.iter().map(member).collect::<Result<Vec<_>>>()?.join(", "))
        }
        Arrow::Map(entries, _) => {
            let Arrow::Struct(pair) = entries.data_type() else { return Err(unknown(data_type)) };
            let [key, value] = pair.as_ref() else { return Err(unknown(data_type)) };
            format!("MAP<{}, {}>", column_type(key.data_type(), moment)?, column_type(value.data_type(), moment)?)
        }
        _ => return Err(unknown(data_type)),
    })
}

fn unknown(data_type: &Arrow) -> Error {
    Error::invalid_input(format!("Spark has no type for values of Arrow's type {data_type}."))
}
