//! The schema of a dataset: one flat Avro record.

use domain::{Error, Result};
use serde_json::Value;

use crate::resources::{DatasetType, Domain};
use crate::schema_rules;

/// Named limit: longer schema texts are refused, as AWS does.
const MAX_SCHEMA_CHARS: usize = 20_000;

/// Named limit: how many violations one error lists.
const MAX_LISTED: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    Text,
    Int,
    Long,
    Float,
    Double,
    Boolean,
}

impl FieldType {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::Text,
            "int" => Self::Int,
            "long" => Self::Long,
            "float" => Self::Float,
            "double" => Self::Double,
            "boolean" => Self::Boolean,
            _ => return None,
        })
    }

    /// Avro's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Boolean => "boolean",
        }
    }
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// As the schema spells it.
    pub name: String,
    pub field_type: FieldType,
    pub nullable: bool,
    /// Values are split by `|`.
    pub categorical: bool,
    /// Free text.
    pub textual: bool,
}

impl Field {
    /// Whether a column or field of this name is this one.
    pub fn is_named(&self, name: &str) -> bool {
        same_name(&self.name, name)
    }
}

/// A schema that was read and found to be a flat record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvroSchema {
    /// Which dataset the record's name says it is for.
    pub dataset_type: DatasetType,
    pub fields: Vec<Field>,
}

/// Names are compared without case and underscore: `userId` is `USER_ID`.
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    let plain = |name: &str| -> Vec<u8> { name.bytes().filter(|b| *b != b'_').map(|b| b.to_ascii_lowercase()).collect() };
    plain(a) == plain(b)
}

impl AvroSchema {
    /// Reads the text and checks it for its dataset type and `domain`. One error lists every violation, each with the
    /// field, what was expected and what was found; code `SCHEMA_INVALID`.
    pub fn parse(text: &str, domain: Option<Domain>) -> Result<Self> {
        let mut violations = Vec::new();
        let schema = read(text, &mut violations);
        if let Some(schema) = &schema {
            schema_rules::check(schema, domain, &mut violations);
        }
        match schema {
            Some(schema) if violations.is_empty() => Ok(schema),
            _ => Err(refuse(&violations)),
        }
    }

    /// Reads a schema that was checked when it was created.
    pub fn stored(text: &str) -> Result<Self> {
        let mut violations = Vec::new();
        read(text, &mut violations).ok_or_else(|| Error::internal(format!("A stored schema cannot be read: {}", violations.join(" "))))
    }

    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.is_named(name))
    }
}

fn refuse(violations: &[String]) -> Error {
    let listed = violations[..violations.len().min(MAX_LISTED)].join(" ");
    let more = match violations.len().saturating_sub(MAX_LISTED) {
        0 => String::new(),
        more => format!(" And {more} more."),
    };
    let count = match violations.len() {
        1 => "one problem".to_owned(),
        n => format!("{n} problems"),
    };
    Error::invalid_input(format!("The schema has {count}: {listed}{more}")).code("SCHEMA_INVALID")
}

/// Gives nothing only when there is no point in looking further.
fn read(text: &str, violations: &mut Vec<String>) -> Option<AvroSchema> {
    if text.len() > MAX_SCHEMA_CHARS {
        violations.push(format!("The text may have {MAX_SCHEMA_CHARS} characters; found {}.", text.len()));
        return None;
    }
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(e) => {
            violations.push(format!("Expected an Avro record in JSON; found text that is not JSON: {e}."));
            return None;
        }
    };
    if value.get("type").and_then(Value::as_str) != Some("record") {
        violations.push(format!("type: expected \"record\", found {}.", shown(value.get("type"))));
    }
    let dataset_type = read_name(&value, violations);
    let Some(fields) = value.get("fields").and_then(Value::as_array) else {
        violations.push(format!("fields: expected a list of fields, found {}.", shown(value.get("fields"))));
        return None;
    };
    let mut read: Vec<Field> = Vec::with_capacity(fields.len());
    for (at, field) in fields.iter().enumerate() {
        let Some(field) = read_field(at, field, violations) else { continue };
        if let Some(earlier) = read.iter().find(|earlier| earlier.is_named(&field.name)) {
            violations.push(format!(
                "{}: expected names that differ in more than case and underscores, found {} before it.",
                field.name, earlier.name
            ));
        }
        read.push(field);
    }
    Some(AvroSchema { dataset_type: dataset_type?, fields: read })
}

fn read_name(value: &Value, violations: &mut Vec<String>) -> Option<DatasetType> {
    let found = value.get("name").and_then(Value::as_str).and_then(|name| DatasetType::parse(name).ok());
    if found.is_none() {
        violations.push(format!("name: expected \"Interactions\", \"Items\" or \"Users\", found {}.", shown(value.get("name"))));
    }
    found
}

fn read_field(at: usize, value: &Value, violations: &mut Vec<String>) -> Option<Field> {
    let Some(name) = value.get("name").and_then(Value::as_str) else {
        violations.push(format!("Field {}: expected a name, found {}.", at + 1, shown(value.get("name"))));
        return None;
    };
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        violations.push(format!("{name:?}: expected a name of letters, digits and underscores."));
    }
    let Some((field_type, nullable)) = read_type(value.get("type")) else {
        violations.push(format!(
            "{name}: expected string, int, long, float, double, boolean or a union of one of them with null, found {}.",
            shown(value.get("type"))
        ));
        return None;
    };
    let flag = |key: &str, violations: &mut Vec<String>| match value.get(key) {
        None => false,
        Some(Value::Bool(on)) => *on,
        Some(other) => {
            violations.push(format!("{name}: expected true or false for {key:?}, found {other}."));
            false
        }
    };
    let categorical = flag("categorical", violations);
    let textual = flag("textual", violations);
    if (categorical || textual) && field_type != FieldType::Text {
        let word = if categorical { "categorical" } else { "textual" };
        violations.push(format!("{name}: expected type string for a {word} field, found {}.", field_type.as_str()));
    }
    if categorical && textual {
        violations.push(format!("{name}: expected categorical or textual, found both."));
    }
    Some(Field { name: name.into(), field_type, nullable, categorical, textual })
}

/// `"string"`, `["string"]`, `["null", "string"]` or `["string", "null"]`.
fn read_type(value: Option<&Value>) -> Option<(FieldType, bool)> {
    match value? {
        Value::String(name) => Some((FieldType::parse(name)?, false)),
        Value::Array(members) => {
            let names: Vec<&str> = members.iter().map(Value::as_str).collect::<Option<_>>()?;
            match names.as_slice() {
                [one] => Some((FieldType::parse(one)?, false)),
                ["null", one] | [one, "null"] => Some((FieldType::parse(one)?, true)),
                _ => None,
            }
        }
        _ => None,
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".into(), Value::to_string)
}
