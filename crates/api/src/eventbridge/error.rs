//! EventBridge's exceptions.

use domain::{Error, ErrorKind};

use crate::errors::Exception;

pub(crate) fn exception(error: &Error) -> Exception {
    if error.code == Some("EVENT_PATTERN_INVALID") {
        return ("InvalidEventPatternException", 400);
    }
    match error.kind {
        ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::InvalidState | ErrorKind::InUse => ("ValidationException", 400),
        ErrorKind::NotFound => ("ResourceNotFoundException", 400),
        ErrorKind::AlreadyExists => ("ResourceAlreadyExistsException", 400),
        ErrorKind::Conflict => ("ConcurrentModificationException", 400),
        ErrorKind::TooManyRuns | ErrorKind::LimitExceeded => ("LimitExceededException", 400),
        ErrorKind::Unauthenticated => ("AccessDeniedException", 400),
        ErrorKind::UnknownOperation => ("UnknownOperationException", 400),
        ErrorKind::Stopped | ErrorKind::TimedOut | ErrorKind::Unavailable => ("ServiceUnavailableException", 503),
        ErrorKind::Internal => ("InternalException", 500),
    }
}
