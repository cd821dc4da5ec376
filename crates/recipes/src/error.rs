//! What can go wrong in a recipe; the training stage turns it into the house's error.

use std::fmt;

/// Why a recipe could not be made, fitted, saved or loaded. `Display` is one sentence: what was expected, what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipeError {
    /// A parameter or an input value is outside its range.
    InvalidParameter { name: String, expected: String, found: String },
    /// There is too little data to do what was asked.
    NotEnoughData { expected: String, found: String },
    /// The caller asked to stop.
    Stopped,
    /// A saved model could not be written or read.
    Artifact(String),
}

impl RecipeError {
    pub(crate) fn invalid(name: &str, expected: impl Into<String>, found: impl fmt::Display) -> Self {
        Self::InvalidParameter { name: name.to_owned(), expected: expected.into(), found: found.to_string() }
    }
}

impl fmt::Display for RecipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidParameter { name, expected, found } => write!(f, "{name} must be {expected}, found {found}."),
            Self::NotEnoughData { expected, found } => write!(f, "There is not enough data: expected {expected}, found {found}."),
            Self::Stopped => write!(f, "Training was stopped on request."),
            Self::Artifact(reason) => write!(f, "The model file cannot be used: {reason}."),
        }
    }
}

impl std::error::Error for RecipeError {}
