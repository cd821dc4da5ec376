//! The columns of what is judged.

use domain::{Error, Result, near};

/// A column, as far as rules need to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
}

impl Column {
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind }
    }
}

/// What may be asked of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// Whole numbers, floating point and decimals.
    Number,
    Boolean,
    Date,
    Timestamp,
    /// Lists, structs, bytes: only whether they are there.
    Other,
}

impl Kind {
    /// In a sentence: `column "x" holds …`.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "numbers",
            Self::Boolean => "true or false",
            Self::Date => "dates",
            Self::Timestamp => "timestamps",
            Self::Other => "nested or binary values",
        }
    }
}

/// The column of that name, in its exact case.
pub(crate) fn find<'a>(columns: &'a [Column], name: &str, place: &str) -> Result<&'a Column> {
    columns.iter().find(|column| column.name == name).ok_or_else(|| {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        Error::invalid_input(format!("{place}: expected a column of the input, found \"{name}\"; {}", near::hint(name, &names)))
    })
}
