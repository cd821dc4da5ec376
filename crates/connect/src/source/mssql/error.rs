//! What the server or the driver says, as an error of ours with a code.

use domain::{Error, ErrorKind};
use tiberius::error::Error as Failure;

use crate::connection::Server;
use crate::diagnosis::{AUTHENTICATION_FAILED, CONNECTION_LOST, DATABASE_UNKNOWN, PERMISSION_DENIED, TABLE_GONE, TLS_FAILED};

/// `what` was being done: a sentence's beginning such as `Table shop.dbo.orders`.
pub(crate) fn of(server: &Server, what: &str, failed: Failure) -> Error {
    let place = format!("SQL Server at {}:{}", server.host, server.port);
    let told = match &failed {
        Failure::Server(told) => by_number(server, &place, what, told.code()),
        Failure::Tls(_) => Error::unavailable(format!("{what}: no encrypted connection with {place}.")).code(TLS_FAILED),
        Failure::Io { .. } => Error::unavailable(format!("{what}: the connection to {place} broke.")).code(CONNECTION_LOST),
        Failure::Protocol(_) | Failure::Encoding(_) | Failure::Routing { .. } => {
            Error::unavailable(format!("{what}: {place} does not speak SQL Server's protocol as expected.")).code(CONNECTION_LOST)
        }
        _ => Error::invalid_data(format!("{what}: an answer of {place} cannot be read.")),
    };
    told.source(failed)
}

/// By the server's own numbers.
pub(crate) fn by_number(server: &Server, place: &str, what: &str, number: u32) -> Error {
    let user = server.user.as_deref().unwrap_or_default();
    match number {
        // Refused, no such login, expired, locked, to be changed.
        18456 | 18452 | 18486..=18488 => {
            Error::invalid_input(format!("{place} does not accept the user {user:?} with this password.")).code(AUTHENTICATION_FAILED)
        }
        4060 | 911 => {
            let database = server.database.as_deref().unwrap_or_default();
            Error::invalid_input(format!("{what}: {place} has no database {database:?}, or the user {user:?} may not open it."))
                .code(DATABASE_UNKNOWN)
        }
        229 | 230 | 300 | 916 => {
            Error::invalid_input(format!("{what}: the user {user:?} may not read it on {place}.")).code(PERMISSION_DENIED)
        }
        208 => Error::not_found(format!("{what} on {place}")).code(TABLE_GONE),
        // A view that does not fit its tables any more.
        4413 | 4502 => Error::invalid_data(format!("{what}: its definition on {place} refers to what is not there any more.")),
        // Deadlock, lock waits, no resources, shutting down, not yet there.
        1204 | 1205 | 1222 | 701 | 6005 | 10928 | 10929 | 40197 | 40501 | 40613 | 49918..=49920 => {
            Error::unavailable(format!("{what}: {place} cannot take it now."))
        }
        596 => Error::unavailable(format!("{what}: {place} ended the session.")).code(CONNECTION_LOST),
        3617 => Error::new(ErrorKind::TimedOut, format!("{what}: {place} was told to stop.")),
        _ => Error::invalid_data(format!("{what}: {place} refused the query.")),
    }
}
