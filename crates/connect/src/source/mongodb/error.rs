//! What the driver and the server say, as errors of ours.

use domain::{Error, ErrorKind};
use mongodb::error::{CommandError, Error as DriverError, ErrorKind as DriverErrorKind};

use super::decode::{Failure, Unfit};
use crate::diagnosis::{AUTHENTICATION_FAILED, CONNECTION_LOST, DNS_FAILED, PERMISSION_DENIED, Step, TABLE_GONE, TCP_FAILED, TLS_FAILED};

const VALUE_UNFIT: &str = "SOURCE_VALUE_UNFIT";
/// Characters of a value that an error shows.
const SHOWN_CHARACTERS: usize = 100;

/// Codes of the server.
const UNAUTHORIZED: i32 = 13;
const SERVER_AUTHENTICATION_FAILED: i32 = 18;
const NAMESPACE_NOT_FOUND: i32 = 26;
pub(crate) const OPTION_NOT_SUPPORTED_ON_VIEW: i32 = 167;
/// Also when the collection is dropped while it is read.
const QUERY_PLAN_KILLED: i32 = 175;

/// `place` is the connection's URL without its password.
pub(crate) fn driver(error: DriverError, place: &str) -> Error {
    let unavailable = |text: String, code| Error::unavailable(text).code(code);
    let ours = match error.kind.as_ref() {
        DriverErrorKind::Authentication { .. } => refused(place),
        DriverErrorKind::Command(command) => server(command, place),
        DriverErrorKind::DnsResolve { .. } => unavailable(format!("The host name in {place} has no address."), DNS_FAILED),
        DriverErrorKind::ServerSelection { .. } => unavailable(format!("No MongoDB server answers at {place}."), TCP_FAILED),
        DriverErrorKind::Io(_) | DriverErrorKind::ConnectionPoolCleared { .. } | DriverErrorKind::Shutdown => lost(place),
        DriverErrorKind::InvalidTlsConfig { .. } => {
            Error::invalid_input(format!("The TLS options of the connection to {place} cannot be used.")).code(TLS_FAILED)
        }
        DriverErrorKind::InvalidArgument { .. } => Error::invalid_input(format!("The options of {place} cannot be used.")),
        _ => Error::invalid_data(format!("MongoDB at {place} gave an answer that cannot be read.")),
    };
    ours.source(error)
}

fn server(command: &CommandError, place: &str) -> Error {
    match command.code {
        SERVER_AUTHENTICATION_FAILED => refused(place),
        UNAUTHORIZED => Error::invalid_input(format!("The user of the connection to {place} lacks a permission that is needed here."))
            .code(PERMISSION_DENIED),
        NAMESPACE_NOT_FOUND | QUERY_PLAN_KILLED => {
            Error::new(ErrorKind::NotFound, format!("A collection in {place} went away while it was read.")).code(TABLE_GONE)
        }
        code => Error::invalid_data(format!("MongoDB at {place} refused a request with {} ({code}).", command.code_name)),
    }
}

fn refused(place: &str) -> Error {
    Error::invalid_input(format!("MongoDB at {place} refused the user or the password.")).code(AUTHENTICATION_FAILED)
}

pub(crate) fn lost(place: &str) -> Error {
    Error::unavailable(format!("The connection to MongoDB at {place} was lost.")).code(CONNECTION_LOST)
}

/// The server's code, where it answered with one.
pub(crate) fn server_code(error: &DriverError) -> Option<i32> {
    match error.kind.as_ref() {
        DriverErrorKind::Command(command) => Some(command.code),
        _ => None,
    }
}

/// Whether the server was not reached, so that another try may help.
pub(crate) fn is_unreached(error: &Error) -> bool {
    matches!(error.code, Some(DNS_FAILED | TCP_FAILED | CONNECTION_LOST))
}

/// Whether every other question to the source would fail like this one.
pub(crate) fn is_of_the_source(error: &Error) -> bool {
    let steps = [Step::Dns, Step::Tcp, Step::Tls, Step::Authentication];
    error.code.is_some_and(|code| code == CONNECTION_LOST || steps.iter().any(|step| step.code() == Some(code)))
}

/// The same once more: errors cannot be cloned.
pub(crate) fn again(error: &Error) -> Error {
    let mut again = Error::new(error.kind, error.to_string());
    again.code = error.code;
    again
}

pub(crate) fn gone(table: &str, place: &str) -> Error {
    Error::not_found(format!("Collection {table} in {place}")).code(TABLE_GONE)
}

/// A document that cannot be put into its columns; `id` is its `_id` as text.
pub(crate) fn decoding(failure: Failure, table: &str, id: &str) -> Error {
    match failure {
        Failure::Unfit(Unfit { path, expected, found }) => {
            let mut shown: String = found.chars().take(SHOWN_CHARACTERS).collect();
            if shown.len() < found.len() {
                shown.push('…');
            }
            Error::invalid_data(format!(
                "Field {path:?} of collection {table} was found to hold {expected} in the documents sampled; the document with _id {id} holds {shown:?}."
            ))
            .code(VALUE_UNFIT)
        }
        Failure::Malformed(error) => {
            Error::invalid_data(format!("The document with _id {id} of collection {table} is no valid BSON.")).source(error)
        }
    }
}
