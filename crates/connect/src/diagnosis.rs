//! Why a connection does not work: the steps of reaching a source, and the first that failed.

use std::net::SocketAddr;
use std::time::Duration;

use domain::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

/// Codes of errors, one per step that can fail; explained in `docs/errors/`.
pub const DNS_FAILED: &str = "CONNECTION_DNS_FAILED";
pub const TCP_FAILED: &str = "CONNECTION_TCP_FAILED";
pub const TLS_FAILED: &str = "CONNECTION_TLS_FAILED";
pub const AUTHENTICATION_FAILED: &str = "CONNECTION_AUTHENTICATION_FAILED";
pub const DATABASE_UNKNOWN: &str = "CONNECTION_DATABASE_UNKNOWN";
pub const PERMISSION_DENIED: &str = "CONNECTION_PERMISSION_DENIED";
/// The connection broke while it was in use.
pub const CONNECTION_LOST: &str = "CONNECTION_LOST";
/// The table was there when the catalogue was made.
pub const TABLE_GONE: &str = "SOURCE_TABLE_GONE";

/// A step on the way to a source, in the order in which they are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// The connection's properties make sense, and what they refer to is there.
    Configuration,
    /// The file is there and is what it should be (sources that are files).
    File,
    Dns,
    Tcp,
    Tls,
    Authentication,
    /// The database (bucket, topic's cluster) exists.
    Database,
    /// The user may see at least one table, or list what there is.
    Permission,
}

impl Step {
    /// As a person reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::File => "file",
            Self::Dns => "DNS",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Authentication => "authentication",
            Self::Database => "database",
            Self::Permission => "permission",
        }
    }

    /// The code that an error of this step has.
    pub fn code(self) -> Option<&'static str> {
        match self {
            Self::Configuration | Self::File => None,
            Self::Dns => Some(DNS_FAILED),
            Self::Tcp => Some(TCP_FAILED),
            Self::Tls => Some(TLS_FAILED),
            Self::Authentication => Some(AUTHENTICATION_FAILED),
            Self::Database => Some(DATABASE_UNKNOWN),
            Self::Permission => Some(PERMISSION_DENIED),
        }
    }
}

/// How one step went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    pub step: Step,
    pub passed: bool,
    /// What was found: an address, a version, a user; or why it failed.
    pub detail: String,
}

/// How far the way to a source leads. All steps but the last passed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    pub steps: Vec<StepReport>,
}

impl Diagnosis {
    /// Adds a step. Gives its outcome on, so that `?` leaves at the first failure.
    pub fn note<T>(&mut self, step: Step, outcome: Result<T>, detail: impl FnOnce(&T) -> String) -> Option<T> {
        let (passed, detail) = match &outcome {
            Ok(value) => (true, detail(value)),
            Err(error) => (false, error.to_string()),
        };
        self.steps.push(StepReport { step, passed, detail });
        outcome.ok()
    }

    /// DNS and TCP, as for every server. `None` when a step failed.
    pub async fn reach(&mut self, host: &str, port: u16, timeout: Duration) -> Option<SocketAddr> {
        let addresses = self.note(Step::Dns, resolve(host, port, timeout).await, |found| {
            found.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>().join(", ")
        })?;
        self.note(Step::Tcp, connect(&addresses, host, port, timeout).await, ToString::to_string)
    }

    /// Why nobody answers at the server's address, as an error; nothing when DNS and TCP pass.
    #[cfg(any(feature = "postgres", feature = "mysql", feature = "mssql"))]
    pub(crate) async fn obstacle(server: &crate::connection::Server) -> Option<Error> {
        let mut diagnosis = Self::default();
        diagnosis.reach(&server.host, server.port, server.reach.connect_timeout).await;
        let failed = diagnosis.failure()?;
        Some(Error::unavailable(failed.detail.clone()).code(failed.step.code().unwrap_or(TCP_FAILED)))
    }

    /// The steps up to a session, and the session. Opening it takes the encryption, the user and the database in one go; which of them
    /// failed its error's code tells.
    #[cfg(any(feature = "mysql", feature = "mssql"))]
    pub(crate) async fn open<S>(&mut self, server: &crate::connection::Server, opening: impl Future<Output = Result<S>>) -> Option<S> {
        self.reach(&server.host, server.port, server.reach.connect_timeout).await?;
        let opened = opening.await;
        let code = opened.as_ref().err().and_then(|error| error.code);
        let failed = match code {
            Some(TLS_FAILED) => Step::Tls,
            Some(DATABASE_UNKNOWN) => Step::Database,
            Some(PERMISSION_DENIED) => Step::Permission,
            _ => Step::Authentication,
        };
        let is_known = matches!(failed, Step::Database | Step::Permission);
        let is_told_by_server = opened.is_ok() || is_known || code == Some(AUTHENTICATION_FAILED);
        if server.tls.mode != crate::connection::TlsMode::Disable && is_told_by_server {
            self.note(Step::Tls, Ok(()), |()| format!("mode {:?}", server.tls.mode));
        }
        let user = format!("as {:?}", server.user.as_deref().unwrap_or_default());
        if is_known {
            self.note(Step::Authentication, Ok(()), |()| user.clone());
        }
        let session = self.note(failed, opened, |_| user)?;
        let database = server.database.clone().unwrap_or_else(|| "none named: all that may be seen".into());
        self.note(Step::Database, Ok(()), |()| database);
        Some(session)
    }

    /// The step that failed, if one did.
    pub fn failure(&self) -> Option<&StepReport> {
        self.steps.iter().find(|step| !step.passed)
    }

    /// The failure as an error that names the connection and the step.
    pub fn verdict(&self, connection: &str) -> Result<()> {
        let Some(failed) = self.failure() else { return Ok(()) };
        let kind = match failed.step {
            Step::Dns | Step::Tcp | Step::Tls => ErrorKind::Unavailable,
            _ => ErrorKind::InvalidInput,
        };
        let passed: Vec<&str> = self.steps.iter().filter(|step| step.passed).map(|step| step.step.name()).collect();
        let before = if passed.is_empty() { String::new() } else { format!("passed: {}; ", passed.join(", ")) };
        let error = Error::new(kind, format!("Connection {connection:?}: {before}failed at {}: {}", failed.step.name(), failed.detail));
        Err(match failed.step.code() {
            Some(code) => error.code(code),
            None => error,
        })
    }
}

async fn resolve(host: &str, port: u16, timeout: Duration) -> Result<Vec<SocketAddr>> {
    let failed = |why: String| Error::unavailable(format!("The host name {host:?} has no address: {why}.")).code(DNS_FAILED);
    let found = tokio::time::timeout(timeout, tokio::net::lookup_host((host, port)))
        .await
        .map_err(|_| failed(format!("no answer within {} seconds", timeout.as_secs())))?
        .map_err(|e| failed(e.to_string()))?;
    let found: Vec<SocketAddr> = found.collect();
    if found.is_empty() { Err(failed("the answer was empty".into())) } else { Ok(found) }
}

async fn connect(addresses: &[SocketAddr], host: &str, port: u16, timeout: Duration) -> Result<SocketAddr> {
    let failed = |why: String| Error::unavailable(format!("Nobody answers at {host}:{port}: {why}.")).code(TCP_FAILED);
    let mut why = String::new();
    for address in addresses {
        match tokio::time::timeout(timeout, TcpStream::connect(address)).await {
            Ok(Ok(_)) => return Ok(*address),
            Ok(Err(error)) => why = error.to_string(),
            Err(_) => why = format!("no answer within {} seconds", timeout.as_secs()),
        }
    }
    Err(failed(why))
}

#[cfg(all(test, any(feature = "mysql", feature = "mssql")))]
mod tests;
