//! SQL Server's types in Arrow's.

use std::collections::HashMap;

use arrow::datatypes::{DataType, Field, TimeUnit};

use crate::source::{COMMENT, NATIVE_TYPE};

/// A column as `sys.columns` has it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Declared {
    pub name: String,
    /// The type's own name under any alias: `nvarchar`.
    pub type_name: String,
    /// In bytes; -1 for `max`.
    pub length: i16,
    pub precision: u8,
    pub scale: u8,
    pub comment: Option<String>,
}

impl Declared {
    pub fn field(&self) -> Field {
        let mut metadata = HashMap::from([(NATIVE_TYPE.to_owned(), self.native())]);
        if let Some(comment) = self.comment.as_ref().filter(|text| !text.is_empty()) {
            metadata.insert(COMMENT.to_owned(), comment.clone());
        }
        Field::new(&self.name, self.arrow(), true).with_metadata(metadata)
    }

    /// As it is written in SQL: `nvarchar(20)`, `decimal(12,2)`, `datetime2(7)`.
    fn native(&self) -> String {
        let name = &self.type_name;
        let length = |bytes: i16| if self.length < 0 { "max".to_owned() } else { (self.length / bytes).to_string() };
        match name.as_str() {
            "nchar" | "nvarchar" => format!("{name}({})", length(2)),
            "char" | "varchar" | "binary" | "varbinary" => format!("{name}({})", length(1)),
            "decimal" | "numeric" => format!("{name}({},{})", self.precision, self.scale),
            "datetime2" | "datetimeoffset" | "time" => format!("{name}({})", self.scale),
            _ => name.clone(),
        }
    }

    /// `tinyint` is unsigned there. What is not known here is read as text.
    fn arrow(&self) -> DataType {
        match self.type_name.as_str() {
            "bit" => DataType::Boolean,
            "tinyint" | "smallint" => DataType::Int16,
            "int" => DataType::Int32,
            "bigint" => DataType::Int64,
            "real" => DataType::Float32,
            "float" => DataType::Float64,
            "decimal" | "numeric" => DataType::Decimal128(self.precision.clamp(1, 38), i8::try_from(self.scale).unwrap_or(0)),
            "money" => DataType::Decimal128(19, 4),
            "smallmoney" => DataType::Decimal128(10, 4),
            "date" => DataType::Date32,
            "datetime" | "datetime2" | "smalldatetime" | "datetimeoffset" => DataType::Timestamp(TimeUnit::Microsecond, None),
            "binary" | "varbinary" | "image" | "timestamp" | "rowversion" | "geometry" | "geography" | "hierarchyid" => DataType::Binary,
            _ => DataType::Utf8,
        }
    }
}
