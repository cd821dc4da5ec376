//! Connections: made within the connection's timeout, tried again, set up the same way whatever the server's own settings are.

use std::sync::{Arc, Mutex, PoisonError};

use domain::{Error, Result};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions, Connection, Executor};

use super::error;
use crate::connection::{Server, TlsMode};
use crate::diagnosis::{Diagnosis, Step};
use crate::source::retried::retried;

/// Connections kept for the next call.
const IDLE: usize = 8;
/// From this version on a server can look whether its client is still there while it computes.
const WATCHES_CLIENT: u32 = 140_000;

/// What speaks PostgreSQL's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    PostgreSql,
    Redshift,
}

impl Flavour {
    /// Texts, literals and times mean one thing, and nothing can be written.
    fn settings(self) -> &'static str {
        match self {
            Self::PostgreSql => {
                "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres'; SET bytea_output = 'hex';
                 SET extra_float_digits = 1; SET standard_conforming_strings = on; SET xmloption = 'content'; SET default_transaction_read_only = on"
            }
            Self::Redshift => "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET extra_float_digits = 2",
        }
    }
}

/// Makes connections to one server; clone it freely.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    pub server: Arc<Server>,
    flavour: Flavour,
    idle: Arc<Mutex<Vec<PgConnection>>>,
}

impl Connector {
    pub(crate) fn new(server: Server, flavour: Flavour) -> Self {
        Self { server: Arc::new(server), flavour, idle: Arc::default() }
    }

    /// The database that the connection leads to.
    pub(crate) fn database(&self) -> &str {
        self.server.database.as_deref().unwrap_or_default()
    }

    /// One that is idle and still answers, or a new one.
    pub(crate) async fn acquire(&self) -> Result<PgConnection> {
        while let Some(mut connection) = self.pop() {
            let answer = tokio::time::timeout(self.server.reach.connect_timeout, connection.ping()).await;
            if matches!(answer, Ok(Ok(()))) {
                return Ok(connection);
            }
        }
        self.fresh().await
    }

    /// A new one, tried as often as the connection says.
    pub(crate) async fn fresh(&self) -> Result<PgConnection> {
        retried(self.server.reach, || self.connect()).await
    }

    fn pop(&self) -> Option<PgConnection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Gives back a connection whose last answer was read to its end. One on which anything failed is dropped instead.
    pub(crate) fn release(&self, connection: PgConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(connection);
        }
    }

    /// A new one, tried once.
    pub(crate) async fn connect(&self) -> Result<PgConnection> {
        let options = options(&self.server)?;
        let connected = tokio::time::timeout(self.server.reach.connect_timeout, self.open(&options)).await;
        match connected {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(refused)) => Err(error::connecting(&self.server, refused).await),
            Err(_) => {
                let why = format!("no answer within {} seconds", self.server.reach.connect_timeout.as_secs());
                Err(error::unreached(&self.server, &why).await)
            }
        }
    }

    async fn open(&self, options: &PgConnectOptions) -> sqlx::Result<PgConnection> {
        let mut connection = PgConnection::connect_with(options).await?;
        connection.execute(sqlx::raw_sql(self.flavour.settings())).await?;
        let watches =
            self.flavour == Flavour::PostgreSql && connection.server_version_num().is_some_and(|version| version >= WATCHES_CLIENT);
        // A query that has no rows yet ends too when its stream is dropped. Not every operating system can.
        if watches && let Err(error) = connection.execute("SET client_connection_check_interval = '1s'").await {
            tracing::debug!(server = ?self.server, %error, "the server cannot watch its clients");
        }
        Ok(connection)
    }

    /// The steps up to a connection, and the connection.
    pub(crate) async fn diagnose(&self, diagnosis: &mut Diagnosis) -> Option<PgConnection> {
        let server = &self.server;
        diagnosis.note(Step::Configuration, options(server), |_| format!("{server:?}"))?;
        diagnosis.reach(&server.host, server.port, server.reach.connect_timeout).await?;
        let connected = self.connect().await;
        let failed = connected.as_ref().err().map(error::step);
        let encrypted = format!("{:?}", server.tls.mode);
        for (step, detail) in [
            (Step::Tls, encrypted),
            (Step::Authentication, server.user.clone().unwrap_or_default()),
            (Step::Database, self.database().to_owned()),
        ] {
            if failed.is_some_and(|failed| order(failed) <= order(step)) {
                break;
            }
            diagnosis.note(step, Ok(detail), Clone::clone);
        }
        match connected {
            Ok(connection) => Some(connection),
            Err(error) => diagnosis.note(failed.unwrap_or(Step::Authentication), Err::<PgConnection, _>(error), |_| String::new()),
        }
    }
}

/// The way into PostgreSQL: who it is comes before which database.
fn order(step: Step) -> u8 {
    match step {
        Step::Configuration | Step::File | Step::Dns | Step::Tcp => 0,
        Step::Tls => 1,
        Step::Authentication => 2,
        Step::Database => 3,
        Step::Permission => 4,
    }
}

/// The authority is trusted beside the usual ones, not instead of them: the driver knows no other way.
fn options(server: &Server) -> Result<PgConnectOptions> {
    let user = server.user.as_deref().ok_or_else(|| Error::invalid_input(format!("{server:?} needs a user (USERNAME); found none.")))?;
    let mode = match server.tls.mode {
        TlsMode::Disable => PgSslMode::Disable,
        TlsMode::Prefer => PgSslMode::Prefer,
        TlsMode::Require => PgSslMode::Require,
        TlsMode::VerifyCa => PgSslMode::VerifyCa,
        TlsMode::VerifyFull => PgSslMode::VerifyFull,
    };
    let mut options = PgConnectOptions::new_without_pgpass()
        .host(&server.host)
        .port(server.port)
        .username(user)
        .password(server.password.as_deref().unwrap_or_default())
        .ssl_mode(mode)
        .application_name("penchant")
        .disable_statement_logging();
    if let Some(database) = &server.database {
        options = options.database(database);
    }
    if let Some(authority) = &server.tls.authority {
        std::fs::metadata(authority).map_err(|e| {
            Error::invalid_input(format!("The certificate {} (CUSTOM_JDBC_CERT) cannot be read.", authority.display())).source(e)
        })?;
        options = options.ssl_root_cert(authority);
    }
    Ok(options)
}
