//! Connections: one for each call, within the connection's timeout, tried again as often as it says.

use domain::{Error, Result};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, Row};

use super::error;
use crate::connection::{Server, TlsMode};
use crate::diagnosis::{CONNECTION_LOST, Diagnosis, TCP_FAILED};
use crate::source::retried::retried;

/// How long the server may wait for a reader that is busy elsewhere. Its own default of a minute cuts off slow readers.
const SLOW_READER_SECONDS: u32 = 3600;

/// An open connection.
pub(crate) struct Session {
    pub connection: MySqlConnection,
    /// The server's number for it.
    pub id: u64,
    server: Server,
}

/// Tries again while the server cannot be reached.
pub(crate) async fn connect(server: &Server) -> Result<Session> {
    retried(server.reach, || connect_once(server)).await
}

pub(crate) async fn connect_once(server: &Server) -> Result<Session> {
    let options = options(server).await?;
    let opened = tokio::time::timeout(server.reach.connect_timeout, open(&options)).await;
    match opened {
        Ok(Ok((connection, id))) => Ok(Session { connection, id, server: server.clone() }),
        Ok(Err(error)) => Err(refused(server, error).await),
        Err(_) => Err(silent(server).await),
    }
}

async fn open(options: &MySqlConnectOptions) -> sqlx::Result<(MySqlConnection, u64)> {
    let mut connection = options.connect().await?;
    // NO_BACKSLASH_ESCAPES: a quoted text in SQL means exactly its characters. Zero dates need no mode to be read, only the
    // absence of those that forbid them.
    let settings = format!(
        "SET SESSION sql_mode = 'PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,NO_UNSIGNED_SUBTRACTION', SESSION net_write_timeout = {SLOW_READER_SECONDS}"
    );
    connection.execute(sqlx::raw_sql(AssertSqlSafe(settings))).await?;
    connection.execute(sqlx::raw_sql("SET SESSION TRANSACTION READ ONLY")).await?;
    let row = sqlx::query("SELECT CONNECTION_ID()").persistent(false).fetch_one(&mut connection).await?;
    let id = row.try_get_unchecked(0)?;
    Ok((connection, id))
}

async fn options(server: &Server) -> Result<MySqlConnectOptions> {
    let mode = match server.tls.mode {
        TlsMode::Disable => MySqlSslMode::Disabled,
        TlsMode::Prefer => MySqlSslMode::Preferred,
        TlsMode::Require => MySqlSslMode::Required,
        TlsMode::VerifyCa => MySqlSslMode::VerifyCa,
        TlsMode::VerifyFull => MySqlSslMode::VerifyIdentity,
    };
    let mut options = MySqlConnectOptions::new()
        .host(&server.host)
        .port(server.port)
        .username(server.user.as_deref().unwrap_or_default())
        .charset("utf8mb4")
        .timezone("+00:00".to_owned())
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .statement_cache_capacity(0)
        .ssl_mode(mode)
        .disable_statement_logging();
    if let Some(password) = &server.password {
        options = options.password(password);
    }
    if let Some(database) = &server.database {
        options = options.database(database);
    }
    if let Some(path) = &server.tls.authority {
        let pem = tokio::fs::read(path).await.map_err(|e| {
            Error::invalid_input(format!("The authority's certificate {} should be a PEM file; it cannot be read.", path.display()))
                .source(e)
        })?;
        options = options.ssl_ca_from_pem(pem);
    }
    Ok(options)
}

/// Tells a name without address from a port where nobody listens, and both from a server that hangs up.
async fn refused(server: &Server, failed: sqlx::Error) -> Error {
    if let sqlx::Error::Io(e) = &failed {
        // What the TLS library dislikes about a certificate arrives as this.
        if e.kind() == std::io::ErrorKind::InvalidData && server.tls.mode != TlsMode::Disable {
            return error::of(server, "Connecting", sqlx::Error::Tls(e.to_string().into()));
        }
        if let Some(unreachable) = Diagnosis::obstacle(server).await {
            return unreachable;
        }
    }
    error::of(server, "Connecting", failed)
}

async fn silent(server: &Server) -> Error {
    if let Some(unreachable) = Diagnosis::obstacle(server).await {
        return unreachable;
    }
    let (host, port, seconds) = (&server.host, server.port, server.reach.connect_timeout.as_secs());
    Error::unavailable(format!("MySQL at {host}:{port} accepted a connection and did not open a session within {seconds} seconds."))
        .code(TCP_FAILED)
}

impl Session {
    /// All rows of a short query. `what` begins the sentence if it fails.
    pub async fn rows(&mut self, what: &str, sql: String) -> Result<Vec<MySqlRow>> {
        let limit = self.server.reach.read_timeout;
        let rows = sqlx::query(AssertSqlSafe(sql)).persistent(false).fetch_all(&mut self.connection);
        match tokio::time::timeout(limit, rows).await {
            Ok(rows) => rows.map_err(|e| error::of(&self.server, what, e)),
            Err(_) => Err(waited(&self.server, what)),
        }
    }

    /// Says goodbye; a connection that is only dropped counts as aborted on the server.
    pub async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "a connection was gone before it was closed");
        }
    }
}

/// No row within the connection's read timeout.
pub(crate) fn waited(server: &Server, what: &str) -> Error {
    let (host, port, seconds) = (&server.host, server.port, server.reach.read_timeout.as_secs());
    Error::unavailable(format!("{what}: MySQL at {host}:{port} sent nothing for {seconds} seconds.")).code(CONNECTION_LOST)
}

/// Whether a failure leaves nothing to end: the server said that its query failed, or the connection broke. After the latter the
/// session's number may be another's, on a server that was restarted or took the place of the first.
pub(crate) fn has_ended(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(_) | sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_))
}

/// Ends what the server still does for a session that nobody reads any more, unless it was told that all is read.
pub(crate) struct EndOnDrop {
    server: Server,
    id: u64,
    pub is_needed: bool,
}

impl EndOnDrop {
    pub fn new(session: &Session) -> Self {
        Self { server: session.server.clone(), id: session.id, is_needed: true }
    }
}

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !self.is_needed {
            return;
        }
        let (server, id) = (self.server.clone(), self.id);
        runtime.spawn(async move {
            let killed = async {
                let mut session = connect_once(&server).await?;
                let sql = AssertSqlSafe(format!("KILL {id}"));
                let outcome = session.connection.execute(sqlx::raw_sql(sql)).await.map_err(|e| error::of(&server, "Ending a query", e));
                session.close().await;
                outcome
            };
            // It is gone already when the server noticed the closed connection first.
            if let Err(error) = killed.await {
                tracing::debug!(%error, "a query that nobody reads was not ended");
            }
        });
    }
}
