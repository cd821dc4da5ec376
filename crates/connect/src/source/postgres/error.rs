//! What the driver and the server say, as ours.

use std::io;

use domain::{Error, ErrorKind};
use sqlx::postgres::PgDatabaseError;

use crate::connection::Server;
use crate::diagnosis::{
    AUTHENTICATION_FAILED, CONNECTION_LOST, DATABASE_UNKNOWN, Diagnosis, PERMISSION_DENIED, Step, TABLE_GONE, TCP_FAILED, TLS_FAILED,
};

/// An error while `what` was done on an open connection: `reading table "shop.public.orders"`.
pub(crate) fn of(server: &Server, what: &str, error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::Database(refused) => match refused.try_downcast::<PgDatabaseError>() {
            Ok(refused) => refusal(server, what, &refused),
            Err(other) => Error::invalid_data(format!("{server:?} refused {what}: {other}.")),
        },
        sqlx::Error::Io(broken) => lost(server, what).source(broken),
        sqlx::Error::WorkerCrashed | sqlx::Error::PoolClosed => lost(server, what),
        other => Error::internal(format!("{server:?} answered in a way that is not understood while {what}.")).source(other),
    }
}

pub(crate) fn lost(server: &Server, what: &str) -> Error {
    Error::unavailable(format!("The connection to {server:?} was lost while {what}.")).code(CONNECTION_LOST)
}

/// Nothing came for as long as the connection's READ_TIMEOUT_SECONDS say.
pub(crate) fn silent(server: &Server, what: &str) -> Error {
    Error::new(
        ErrorKind::TimedOut,
        format!("{server:?} sent nothing for {} seconds while {what} (READ_TIMEOUT_SECONDS).", server.reach.read_timeout.as_secs()),
    )
}

/// By SQLSTATE.
fn refusal(server: &Server, what: &str, refused: &PgDatabaseError) -> Error {
    let state = refused.code();
    let said = refused.message();
    let (kind, code) = match state {
        "28P01" | "28000" => (ErrorKind::InvalidInput, Some(AUTHENTICATION_FAILED)),
        "3D000" => (ErrorKind::InvalidInput, Some(DATABASE_UNKNOWN)),
        "42501" => (ErrorKind::InvalidInput, Some(PERMISSION_DENIED)),
        "42P01" | "3F000" => (ErrorKind::NotFound, Some(TABLE_GONE)),
        // The server ends, or ended this session.
        "57P01" | "57P02" | "57P03" | "57P05" => (ErrorKind::Unavailable, Some(CONNECTION_LOST)),
        _ if state.starts_with("08") => (ErrorKind::Unavailable, Some(CONNECTION_LOST)),
        // Too many connections, out of memory, serialization, deadlock, conflict with a standby's recovery.
        _ if state.starts_with("53") || state.starts_with("40") => (ErrorKind::Unavailable, None),
        "57014" => (ErrorKind::TimedOut, None),
        _ => (ErrorKind::InvalidData, None),
    };
    let error = Error::new(kind, format!("{server:?} refused {what}: {said} (SQLSTATE {state})."));
    match code {
        Some(code) => error.code(code),
        None => error,
    }
}

/// An error while connecting. What happened below the database's own protocol is found out by going the way again.
pub(crate) async fn connecting(server: &Server, error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::Tls(why) => no_tls(server, &why.to_string()),
        sqlx::Error::Io(broken) if broken.kind() == io::ErrorKind::InvalidData => no_tls(server, &broken.to_string()),
        sqlx::Error::Io(broken) => unreached(server, &broken.to_string()).await,
        sqlx::Error::Configuration(why) => Error::invalid_input(format!("{server:?} cannot be used as described: {why}.")),
        other => of(server, "connecting", other),
    }
}

fn no_tls(server: &Server, why: &str) -> Error {
    Error::unavailable(format!("{server:?} and we could not agree on TLS ({:?}): {why}.", server.tls.mode)).code(TLS_FAILED)
}

/// DNS or TCP, or a server that hangs up or keeps silent.
pub(crate) async fn unreached(server: &Server, why: &str) -> Error {
    Diagnosis::obstacle(server).await.unwrap_or_else(|| {
        Error::unavailable(format!("{server:?} takes connections but does not answer as PostgreSQL: {why}.")).code(TCP_FAILED)
    })
}

/// The step at which connecting failed.
pub(crate) fn step(error: &Error) -> Step {
    let steps = [Step::Dns, Step::Tcp, Step::Tls, Step::Authentication, Step::Database, Step::Permission];
    let found = steps.into_iter().find(|step| error.code.is_some() && step.code() == error.code);
    // The server speaks, and will not let us in: too many connections, starting up.
    found.unwrap_or(if error.kind == ErrorKind::InvalidInput { Step::Configuration } else { Step::Authentication })
}
