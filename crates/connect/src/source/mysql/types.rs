//! MySQL's types in Arrow's.

use std::collections::HashMap;

use arrow::datatypes::{DataType, Field, TimeUnit};

use crate::source::{COMMENT, NATIVE_TYPE};

/// A column as `information_schema.columns` has it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Declared {
    pub name: String,
    /// `decimal`
    pub data_type: String,
    /// `decimal(12,2) unsigned`
    pub column_type: String,
    pub precision: Option<u64>,
    pub scale: Option<u64>,
    pub comment: String,
}

impl Declared {
    /// Always nullable: dates that are none become null whatever the column says.
    pub fn field(&self) -> Field {
        let mut metadata = HashMap::from([(NATIVE_TYPE.to_owned(), self.column_type.clone())]);
        if !self.comment.is_empty() {
            metadata.insert(COMMENT.to_owned(), self.comment.clone());
        }
        Field::new(&self.name, self.arrow(), true).with_metadata(metadata)
    }

    /// `tinyint(1)` and `bit(1)` are what MySQL has for booleans; any value but 0 is true. Unsigned integers take the next
    /// wider signed type. Times of day are texts because MySQL's reach from -838 to 838 hours; types not known here (uuid,
    /// inet6) arrive as texts.
    fn arrow(&self) -> DataType {
        let unsigned = self.column_type.contains("unsigned");
        match self.data_type.as_str() {
            "tinyint" if self.column_type.starts_with("tinyint(1)") => DataType::Boolean,
            "tinyint" if !unsigned => DataType::Int8,
            "tinyint" => DataType::Int16,
            "smallint" if !unsigned => DataType::Int16,
            "smallint" => DataType::Int32,
            "mediumint" | "int" | "integer" if !unsigned => DataType::Int32,
            "mediumint" | "int" | "integer" => DataType::Int64,
            "bigint" if !unsigned => DataType::Int64,
            "bigint" => DataType::Decimal128(20, 0),
            "bit" => match self.precision {
                Some(1) => DataType::Boolean,
                Some(2..=63) => DataType::Int64,
                _ => DataType::Binary,
            },
            "decimal" | "numeric" => self.decimal(),
            "float" => DataType::Float32,
            "double" | "real" => DataType::Float64,
            "date" => DataType::Date32,
            "datetime" | "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
            "year" => DataType::Int32,
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "vector" => DataType::Binary,
            "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon" | "geometrycollection"
            | "geomcollection" => DataType::Binary,
            _ => DataType::Utf8,
        }
    }

    /// MySQL's decimals have up to 65 digits; those that Arrow's 38 do not hold are texts.
    fn decimal(&self) -> DataType {
        let digits = (self.precision.and_then(|digits| u8::try_from(digits).ok()), self.scale.and_then(|scale| i8::try_from(scale).ok()));
        match digits {
            (Some(precision @ 1..=38), Some(scale)) => DataType::Decimal128(precision, scale),
            _ => DataType::Utf8,
        }
    }
}
