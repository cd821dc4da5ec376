//! Names as Personalize allows them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// 1 to 63 characters: a letter or digit first, then letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

const MAX_CHARS: usize = 63;

impl Name {
    /// Fails with what a name may be and what was found instead.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        let mut chars = text.chars();
        let first_fits = chars.next().is_some_and(|c| c.is_ascii_alphanumeric());
        let rest_fits = chars.all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if first_fits && rest_fits && text.len() <= MAX_CHARS {
            return Ok(Self(text));
        }
        Err(Error::invalid_input(format!(
            "A name has 1 to {MAX_CHARS} characters, a letter or digit first, then letters, digits, '-' or '_'; found {text:?} ({} characters).",
            text.chars().count()
        )))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        Self::new(text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
