//! Hive types, as the catalog writes them, to and from Arrow.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use domain::{Error, Result};

use crate::table::Column;

/// How deeply types may be nested.
const MAX_DEPTH: usize = 32;

/// The columns of an Arrow schema.
pub fn columns(schema: &Schema) -> Vec<Column> {
    schema.fields().iter().map(|field| Column::new(field.name(), from_arrow(field.data_type()))).collect()
}

/// The Arrow schema of columns; everything may be null. Fails on a type that is not Hive's, naming the column.
pub fn schema(columns: &[Column]) -> Result<SchemaRef> {
    let field = |column: &Column| -> Result<Field> {
        let data_type = to_arrow(&column.data_type).map_err(|e| e.with("column", &column.name))?;
        Ok(Field::new(&column.name, data_type, true))
    };
    let fields: Vec<Field> = columns.iter().map(field).collect::<Result<_>>()?;
    Ok(Arc::new(Schema::new(fields)))
}

/// The Hive type that holds the values of the Arrow type. What Hive has no type for (times of day, intervals) becomes `string`.
pub fn from_arrow(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "boolean".into(),
        DataType::Int8 => "tinyint".into(),
        DataType::Int16 | DataType::UInt8 => "smallint".into(),
        DataType::Int32 | DataType::UInt16 => "int".into(),
        DataType::Int64 | DataType::UInt32 => "bigint".into(),
        DataType::UInt64 => "decimal(20,0)".into(),
        DataType::Float16 | DataType::Float32 => "float".into(),
        DataType::Float64 => "double".into(),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "binary".into(),
        DataType::Date32 | DataType::Date64 => "date".into(),
        DataType::Timestamp(_, _) => "timestamp".into(),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) | DataType::ListView(item) => {
            format!("array<{}>", from_arrow(item.data_type()))
        }
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|field| format!("{}:{}", quoted(field.name()), from_arrow(field.data_type())));
            format!("struct<{}>", fields.collect::<Vec<_>>().join(","))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => {
                format!("map<{},{}>", from_arrow(pair[0].data_type()), from_arrow(pair[1].data_type()))
            }
            _ => "string".into(),
        },
        DataType::Dictionary(_, values) => from_arrow(values),
        _ => "string".into(),
    }
}

/// The Arrow type for a Hive type, in either case. Timestamps are microseconds without a zone.
pub fn to_arrow(hive: &str) -> Result<DataType> {
    let mut parser = Parser { text: hive, at: 0 };
    let parsed = parser.data_type(0).filter(|_| parser.rest().trim().is_empty());
    parsed.ok_or_else(|| Error::invalid_input(format!("Expected a Hive type such as bigint, string or array<string>; found {hive:?}.")))
}

/// Field names with characters that the type's own syntax uses stand in backticks, as Spark writes them.
fn quoted(name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '$' | '@'));
    if plain { name.to_owned() } else { format!("`{}`", name.replace('`', "``")) }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn take(&mut self, token: char) -> Option<()> {
        let spaces = self.rest().len() - self.rest().trim_start().len();
        self.rest().trim_start().starts_with(token).then(|| self.at += spaces + token.len_utf8())
    }

    fn word(&mut self) -> String {
        let spaces = self.rest().len() - self.rest().trim_start().len();
        self.at += spaces;
        let length = self.rest().find(['<', '>', '(', ')', ',', ':']).unwrap_or(self.rest().len());
        let word = self.rest()[..length].trim_end().to_owned();
        self.at += length;
        word
    }

    /// A struct field's name, with or without backticks.
    fn name(&mut self) -> Option<String> {
        if self.take('`').is_none() {
            return Some(self.word()).filter(|word| !word.is_empty());
        }
        let mut name = String::new();
        loop {
            let c = self.rest().chars().next()?;
            self.at += c.len_utf8();
            if c != '`' {
                name.push(c);
            } else if self.rest().starts_with('`') {
                self.at += 1;
                name.push('`');
            } else {
                return Some(name);
            }
        }
    }

    fn data_type(&mut self, depth: usize) -> Option<DataType> {
        if depth > MAX_DEPTH {
            return None;
        }
        let word = self.word().to_ascii_lowercase();
        match word.as_str() {
            "array" => {
                self.take('<')?;
                let item = self.data_type(depth + 1)?;
                self.take('>')?;
                Some(DataType::List(Arc::new(Field::new("item", item, true))))
            }
            "map" => {
                self.take('<')?;
                let key = self.data_type(depth + 1)?;
                self.take(',')?;
                let value = self.data_type(depth + 1)?;
                self.take('>')?;
                Some(map(key, value))
            }
            "struct" => self.fields(depth).map(DataType::Struct),
            "decimal" | "numeric" => self.decimal(),
            "char" | "varchar" => {
                self.take('(')?;
                self.word().parse::<u32>().ok()?;
                self.take(')')?;
                Some(DataType::Utf8)
            }
            simple => scalar(simple),
        }
    }

    fn fields(&mut self, depth: usize) -> Option<Fields> {
        self.take('<')?;
        let mut fields = Vec::new();
        if self.take('>').is_some() {
            return Some(Fields::empty());
        }
        loop {
            let name = self.name()?;
            self.take(':')?;
            fields.push(Field::new(name, self.data_type(depth + 1)?, true));
            if self.take(',').is_none() {
                self.take('>')?;
                return Some(fields.into());
            }
        }
    }

    fn decimal(&mut self) -> Option<DataType> {
        if self.take('(').is_none() {
            return Some(DataType::Decimal128(10, 0));
        }
        let precision: u8 = self.word().parse().ok()?;
        let scale: i8 = if self.take(',').is_some() { self.word().parse().ok()? } else { 0 };
        self.take(')')?;
        let fits = (1..=38).contains(&precision) && scale >= 0 && scale as u8 <= precision;
        fits.then_some(DataType::Decimal128(precision, scale))
    }
}

fn scalar(name: &str) -> Option<DataType> {
    Some(match name {
        "boolean" => DataType::Boolean,
        "tinyint" | "byte" => DataType::Int8,
        "smallint" | "short" => DataType::Int16,
        "int" | "integer" => DataType::Int32,
        "bigint" | "long" => DataType::Int64,
        "float" | "real" => DataType::Float32,
        "double" | "double precision" => DataType::Float64,
        "string" | "char" | "varchar" => DataType::Utf8,
        "binary" => DataType::Binary,
        "date" => DataType::Date32,
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        _ => return None,
    })
}

fn map(key: DataType, value: DataType) -> DataType {
    let entries = Fields::from(vec![Field::new("key", key, false), Field::new("value", value, true)]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
}
