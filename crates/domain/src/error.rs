//! The one error that can reach a user, a client or a run's record.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Shorthand used by every crate above `domain`.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in the few ways a caller can react to. Closed on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The request or a file the user wrote is wrong.
    InvalidInput,
    /// The data (not the request) cannot be used: unreadable file, missing column, too few rows.
    InvalidData,
    NotFound,
    AlreadyExists,
    /// Something else still needs the resource.
    InUse,
    /// The resource changed since it was read.
    Conflict,
    /// The operation does not fit the state the resource is in.
    InvalidState,
    /// As many runs of this as allowed are under way.
    TooManyRuns,
    LimitExceeded,
    /// Who is asking is not known: no or a wrong signature.
    Unauthenticated,
    /// The operation is not one this server knows.
    UnknownOperation,
    /// Somebody asked for it to stop.
    Stopped,
    TimedOut,
    /// Another system did not answer; a later try may succeed.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl ErrorKind {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Unavailable | Self::Internal | Self::Conflict)
    }
}

/// One error for everything that can reach a user or a run record.
///
/// `message` is one sentence: what was expected, what was found, where. `code` is a stable name such as
/// `IMPORT_FIELD_MISSING`, explained in `docs/errors/`.
#[derive(Debug)]
pub struct Error {
    pub kind: ErrorKind,
    pub code: Option<&'static str>,
    pub message: String,
    pub context: Vec<(&'static str, String)>,
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, code: None, message: message.into(), context: Vec::new(), source: None }
    }

    pub fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    pub fn invalid_data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidData, message)
    }

    /// `what` names kind and key, as in `campaign "shop"`.
    pub fn not_found(what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::NotFound, format!("{what} does not exist."))
    }

    /// `what` names kind and key, as in `campaign "shop"`.
    pub fn already_exists(what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::AlreadyExists, format!("{what} already exists."))
    }

    pub fn in_use(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InUse, message)
    }

    pub fn invalid_state(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidState, message)
    }

    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    pub fn stopped() -> Self {
        Self::new(ErrorKind::Stopped, "Stopped on request.")
    }

    #[must_use]
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// Adds a place or a value the message itself does not name; shown after it.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.context.push((key, value.to_string()));
        self
    }

    #[must_use]
    pub fn source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    pub fn is_retryable(&self) -> bool {
        self.kind.is_retryable()
    }
}

impl fmt::Display for Error {
    /// The message, then its context in parentheses, then what the underlying library said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.context.is_empty() {
            let pairs: Vec<String> = self.context.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            write!(f, " ({})", pairs.join(", "))?;
        }
        if let Some(source) = &self.source {
            write!(f, " Cause: {source}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
