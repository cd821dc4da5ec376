//! Connections: one for each call, within the connection's timeout, tried again as often as it says.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use domain::{Error, Result};
use futures::io::{AsyncRead, AsyncWrite};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, Row};
use tokio::io::ReadBuf;
use tokio::net::TcpStream;

use super::error;
use crate::connection::{Server, TlsMode};
use crate::diagnosis::{CONNECTION_LOST, Diagnosis, TCP_FAILED};
use crate::source::retried::retried;

/// What drivers for ODBC set, and whole values of the large types.
const SETTINGS: &str = "SET ANSI_NULLS, ANSI_PADDING, ANSI_WARNINGS, ARITHABORT, CONCAT_NULL_YIELDS_NULL, QUOTED_IDENTIFIER ON; \
     SET NUMERIC_ROUNDABORT OFF; SET TEXTSIZE 2147483647;";
/// Clusters and hosted servers may send a client on to another address, once.
const MAX_ADDRESSES: usize = 2;

/// An open connection.
pub(crate) struct Session {
    pub client: Client<Wire>,
    server: Server,
}

/// Tries again while the server cannot be reached.
pub(crate) async fn connect(server: &Server) -> Result<Session> {
    retried(server.reach, || connect_once(server)).await
}

pub(crate) async fn connect_once(server: &Server) -> Result<Session> {
    let config = config(server).await?;
    match tokio::time::timeout(server.reach.connect_timeout, open(server, config)).await {
        Ok(Ok(client)) => Ok(Session { client, server: server.clone() }),
        Ok(Err(failed)) => Err(refused(server, failed).await),
        Err(_) => Err(silent(server).await),
    }
}

async fn open(server: &Server, config: Config) -> tiberius::Result<Client<Wire>> {
    let (mut host, mut port) = (server.host.clone(), server.port);
    for _ in 0..MAX_ADDRESSES {
        let stream = TcpStream::connect((host.as_str(), port)).await?;
        stream.set_nodelay(true)?;
        match Client::connect(config.clone(), Wire(stream)).await {
            Err(tiberius::error::Error::Routing { host: other, port: other_port }) => (host, port) = (other, other_port),
            Err(failed) => return Err(failed),
            Ok(mut client) => {
                client.simple_query(SETTINGS).await?.into_results().await?;
                return Ok(client);
            }
        }
    }
    Err(tiberius::error::Error::Routing { host, port })
}

pub(crate) async fn config(server: &Server) -> Result<Config> {
    let mut config = Config::new();
    config.host(&server.host);
    config.port(server.port);
    if let Some(database) = &server.database {
        config.database(database);
    }
    config.application_name("penchant");
    let password = server.password.as_deref().unwrap_or_default();
    config.authentication(AuthMethod::sql_server(server.user.as_deref().unwrap_or_default(), password));
    config.encryption(match server.tls.mode {
        TlsMode::Disable => EncryptionLevel::NotSupported,
        TlsMode::Prefer => EncryptionLevel::On,
        TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => EncryptionLevel::Required,
    });
    // The driver panics on an authority beside a certificate that is trusted anyway.
    match (&server.tls.authority, server.tls.mode) {
        (_, TlsMode::Disable | TlsMode::Prefer | TlsMode::Require) => config.trust_cert(),
        (None, _) => {}
        (Some(path), _) => {
            let pem = tokio::fs::read(path).await.map_err(|e| {
                Error::invalid_input(format!("The authority's certificate {} should be a PEM file; it cannot be read.", path.display()))
                    .source(e)
            })?;
            config.trust_cert_ca_bundle(pem);
        }
    }
    Ok(config)
}

/// Tells a name without address from a port where nobody listens, and both from a server that hangs up.
async fn refused(server: &Server, failed: tiberius::error::Error) -> Error {
    if matches!(failed, tiberius::error::Error::Io { .. })
        && let Some(unreachable) = Diagnosis::obstacle(server).await
    {
        return unreachable;
    }
    error::of(server, "Connecting", failed)
}

async fn silent(server: &Server) -> Error {
    if let Some(unreachable) = Diagnosis::obstacle(server).await {
        return unreachable;
    }
    let (host, port, seconds) = (&server.host, server.port, server.reach.connect_timeout.as_secs());
    Error::unavailable(format!("SQL Server at {host}:{port} accepted a connection and did not open a session within {seconds} seconds."))
        .code(TCP_FAILED)
}

impl Session {
    /// All rows of a short query. `what` begins the sentence if it fails.
    pub async fn rows(&mut self, what: &str, sql: String) -> Result<Vec<Row>> {
        let answer = async { self.client.simple_query(sql).await?.into_first_result().await };
        match tokio::time::timeout(self.server.reach.read_timeout, answer).await {
            Ok(rows) => rows.map_err(|e| error::of(&self.server, what, e)),
            Err(_) => Err(waited(&self.server, what)),
        }
    }

    pub async fn close(self) {
        if let Err(error) = self.client.close().await {
            tracing::debug!(%error, "a connection was gone before it was closed");
        }
    }
}

/// No row within the connection's read timeout.
pub(crate) fn waited(server: &Server, what: &str) -> Error {
    let (host, port, seconds) = (&server.host, server.port, server.reach.read_timeout.as_secs());
    Error::unavailable(format!("{what}: SQL Server at {host}:{port} sent nothing for {seconds} seconds.")).code(CONNECTION_LOST)
}

/// Tokio's stream under the names that the driver knows.
#[derive(Debug)]
pub(crate) struct Wire(TcpStream);

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        let read = tokio::io::AsyncRead::poll_read(Pin::new(&mut self.0), context, &mut buffer);
        read.map_ok(|()| buffer.filled().len())
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        tokio::io::AsyncWrite::poll_write(Pin::new(&mut self.0), context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        tokio::io::AsyncWrite::poll_flush(Pin::new(&mut self.0), context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        tokio::io::AsyncWrite::poll_shutdown(Pin::new(&mut self.0), context)
    }
}
