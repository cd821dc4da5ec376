//! What the server or the driver says, as an error of ours with a code.

use domain::{Error, ErrorKind};
use sqlx::mysql::MySqlDatabaseError;

use crate::connection::Server;
use crate::diagnosis::{AUTHENTICATION_FAILED, CONNECTION_LOST, DATABASE_UNKNOWN, PERMISSION_DENIED, TABLE_GONE, TLS_FAILED};

/// `what` was being done: a sentence's beginning such as `Table shop.orders`.
pub(crate) fn of(server: &Server, what: &str, error: sqlx::Error) -> Error {
    let place = format!("MySQL at {}:{}", server.host, server.port);
    let told = match &error {
        sqlx::Error::Database(e) => match e.try_downcast_ref::<MySqlDatabaseError>() {
            Some(e) => told(server, &place, what, e),
            None => Error::invalid_data(format!("{what}: {place} refused it.")),
        },
        sqlx::Error::Tls(_) => Error::unavailable(format!("{what}: no encrypted connection with {place}.")).code(TLS_FAILED),
        sqlx::Error::Configuration(_) => {
            Error::invalid_input(format!("{what}: the connection to {place} is not described in a way that can be used."))
        }
        sqlx::Error::Io(_) => Error::unavailable(format!("{what}: the connection to {place} broke.")).code(CONNECTION_LOST),
        sqlx::Error::Protocol(_) => {
            Error::unavailable(format!("{what}: {place} does not speak MySQL's protocol as expected.")).code(CONNECTION_LOST)
        }
        _ => Error::internal(format!("{what}: the answer of {place} was not understood.")),
    };
    told.source(error)
}

/// By the server's own numbers.
fn told(server: &Server, place: &str, what: &str, error: &MySqlDatabaseError) -> Error {
    let user = server.user.as_deref().unwrap_or_default();
    match error.number() {
        // Wrong password, no password, expired, locked.
        1045 | 1698 | 1862 | 1820 | 3118 | 4151 => {
            Error::invalid_input(format!("{place} does not accept the user {user:?} with this password.")).code(AUTHENTICATION_FAILED)
        }
        1049 => {
            let database = server.database.as_deref().unwrap_or_default();
            Error::invalid_input(format!("{what}: {place} has no database {database:?}.")).code(DATABASE_UNKNOWN)
        }
        1044 | 1142 | 1143 | 1227 | 1345 | 1370 => {
            Error::invalid_input(format!("{what}: the user {user:?} may not read it on {place}.")).code(PERMISSION_DENIED)
        }
        1051 | 1109 | 1146 => Error::not_found(format!("{what} on {place}")).code(TABLE_GONE),
        1356 => Error::invalid_data(format!("{what}: its definition on {place} refers to what is not there or may not be used.")),
        // Too many connections, shutting down, host blocked, lock waits.
        1040 | 1053 | 1129 | 1203 | 1205 | 1213 | 1226 => Error::unavailable(format!("{what}: {place} cannot take it now.")),
        1158..=1161 | 1317 | 1927 => Error::unavailable(format!("{what}: {place} ended the query.")).code(CONNECTION_LOST),
        1969 | 3024 => Error::new(ErrorKind::TimedOut, format!("{what}: {place} stopped the query at its own time limit.")),
        _ => Error::invalid_data(format!("{what}: {place} refused the query.")),
    }
}
