//! From the connection's settings to a client of the driver.

use std::sync::Arc;
use std::time::Duration;

use domain::{Error, Result};
use mongodb::bson::doc;
use mongodb::options::{ClientOptions, ServerAddress, Tls as DriverTls, TlsOptions};
use mongodb::{Client, error::Result as DriverResult};
use tokio::sync::OnceCell;

use super::error;
use crate::connection::{MongoEndpoint, TlsMode};
use crate::diagnosis::{DNS_FAILED, Diagnosis, Step, TCP_FAILED, TLS_FAILED};

/// Before the second try; doubled before each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const DEFAULT_PORT: u16 = 27017;

/// The way to a server. Its client is made at the first question and kept.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub endpoint: Arc<MongoEndpoint>,
    client: Arc<OnceCell<Client>>,
}

impl Server {
    pub fn new(endpoint: MongoEndpoint) -> Self {
        Self { endpoint: Arc::new(endpoint), client: Arc::default() }
    }

    /// Asks, again and again after a pause while the server cannot be reached and tries are left. One try takes at most the time to
    /// connect and the time to read together.
    pub async fn ask<T, W: Future<Output = DriverResult<T>>>(&self, work: impl Fn(Client) -> W) -> Result<T> {
        let mut pause = FIRST_PAUSE;
        for _ in 0..self.endpoint.reach.retries {
            match self.ask_once(&work).await {
                Err(error) if error::is_unreached(&error) => tokio::time::sleep(pause).await,
                outcome => return outcome,
            }
            pause *= 2;
        }
        self.ask_once(&work).await
    }

    async fn ask_once<T, W: Future<Output = DriverResult<T>>>(&self, work: impl Fn(Client) -> W) -> Result<T> {
        let client = self.client.get_or_try_init(|| self.connect()).await?.clone();
        let reach = self.endpoint.reach;
        match tokio::time::timeout(reach.connect_timeout + reach.read_timeout, work(client)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.explained(error).await),
            Err(_) => Err(self.silent()),
        }
    }

    /// The next piece of an answer, within the time to read. A server that cannot be found again in its midst was lost.
    pub async fn within<T>(&self, piece: impl Future<Output = DriverResult<T>>) -> Result<T> {
        match tokio::time::timeout(self.endpoint.reach.read_timeout, piece).await {
            Ok(outcome) => outcome.map_err(|error| match error::driver(error, &self.endpoint.shown) {
                gone if gone.code == Some(TCP_FAILED) => error::lost(&self.endpoint.shown).source(gone),
                failure => failure,
            }),
            Err(_) => Err(self.silent()),
        }
    }

    fn silent(&self) -> Error {
        let seconds = self.endpoint.reach.read_timeout.as_secs();
        error::lost(&self.endpoint.shown).with("waited", format!("{seconds} seconds for an answer"))
    }

    /// A client nobody has used yet reaches out here, so that what is wrong with the way shows apart from the question.
    async fn connect(&self) -> Result<Client> {
        let client = Client::with_options(self.options().await?).map_err(|error| error::driver(error, &self.endpoint.shown))?;
        match self.first_answer(&client, "ping").await? {
            Ok(()) => Ok(client),
            Err(error) => Err(self.explained(error).await),
        }
    }

    /// The driver waits as long as it takes to connect, twice at most: for a server that it can use and for a connection of its own.
    async fn first_answer(&self, client: &Client, command: &str) -> Result<DriverResult<()>> {
        let limit = self.endpoint.reach.connect_timeout * 2;
        let silent = |_| {
            let place = &self.endpoint.shown;
            Error::unavailable(format!("The MongoDB server at {place} did not answer within {} seconds.", limit.as_secs())).code(TCP_FAILED)
        };
        let answer = tokio::time::timeout(limit, async { client.database("admin").run_command(doc! { command: 1 }).await });
        Ok(answer.await.map_err(silent)?.map(|_| ()))
    }

    async fn options(&self) -> Result<ClientOptions> {
        let reach = self.endpoint.reach;
        let place = &self.endpoint.shown;
        let parsed = tokio::time::timeout(reach.connect_timeout, async { ClientOptions::parse(&self.endpoint.url).await });
        let unresolved =
            || Error::unavailable(format!("The name in {place} was not resolved in {} seconds.", reach.connect_timeout.as_secs()));
        let parsed = parsed.await.map_err(|_| unresolved().code(DNS_FAILED))?;
        let mut options = parsed.map_err(|error| error::driver(error, place))?;
        options.connect_timeout = Some(reach.connect_timeout);
        options.server_selection_timeout = Some(reach.connect_timeout);
        options.app_name.get_or_insert_with(|| "penchant".into());
        self.encrypt(&mut options);
        Ok(options)
    }

    /// MongoDB has no way to ask a server whether it can encrypt: `Prefer` leaves it to the URL (`tls=true`, `mongodb+srv://`).
    /// The driver always compares the host's name too, so `VerifyCa` is `VerifyFull` here.
    fn encrypt(&self, options: &mut ClientOptions) {
        let tls = &self.endpoint.tls;
        if tls.mode == TlsMode::Disable {
            options.tls = Some(DriverTls::Disabled);
            return;
        }
        let mut chosen = match options.tls.take() {
            Some(DriverTls::Enabled(chosen)) => chosen,
            left if tls.mode == TlsMode::Prefer => {
                options.tls = left;
                return;
            }
            _ => TlsOptions::default(),
        };
        if tls.authority.is_some() {
            chosen.ca_file_path.clone_from(&tls.authority);
        }
        match tls.mode {
            TlsMode::Require if tls.authority.is_none() => chosen.allow_invalid_certificates = Some(true),
            TlsMode::VerifyCa | TlsMode::VerifyFull => chosen.allow_invalid_certificates = Some(false),
            _ => {}
        }
        options.tls = Some(DriverTls::Enabled(chosen));
    }

    /// The driver only says that it found no server: goes the way again to see at which step it ends.
    async fn explained(&self, error: mongodb::error::Error) -> Error {
        let ours = error::driver(error, &self.endpoint.shown);
        if ours.code != Some(TCP_FAILED) {
            return ours;
        }
        let Ok(options) = self.options().await else { return ours };
        let Some((host, port)) = options.hosts.first().and_then(address) else { return ours };
        let mut way = Diagnosis::default();
        let reached = way.reach(&host, port, self.endpoint.reach.connect_timeout).await.is_some();
        match way.failure().map(|failure| failure.step) {
            Some(Step::Dns) => ours.code(DNS_FAILED),
            None if reached && is_encrypted(&options) => ours.code(TLS_FAILED),
            _ => ours,
        }
        .with("host", format!("{host}:{port}"))
    }

    /// DNS, TCP, TLS and authentication, each as far as the one before passed.
    pub async fn diagnose(&self, diagnosis: &mut Diagnosis) -> Option<()> {
        let options = match self.options().await {
            Ok(options) => options,
            Err(error) => {
                let step = if error.code == Some(DNS_FAILED) { Step::Dns } else { Step::Configuration };
                return diagnosis.note(step, Err(error), |()| String::new());
            }
        };
        if let Some((host, port)) = options.hosts.first().and_then(address) {
            diagnosis.reach(&host, port, self.endpoint.reach.connect_timeout).await?;
        }
        let user = options.credential.as_ref().and_then(|credential| credential.username.clone());
        let encrypted = is_encrypted(&options);
        let greeted = self.greet(options).await;
        if encrypted || greeted.is_err() {
            diagnosis.note(Step::Tls, greeted, |()| "encrypted".into())?;
        }
        let known = self.ask(async |client: Client| client.database("admin").run_command(doc! { "ping": 1 }).await.map(|_| ())).await;
        diagnosis.note(Step::Authentication, known, |()| user.map_or_else(|| "without a user".into(), |user| format!("as {user}")))
    }

    /// Says hello without a user: that far one comes before one is asked who one is.
    async fn greet(&self, mut options: ClientOptions) -> Result<()> {
        options.credential = None;
        let expected = |error: Error| {
            error.code(TLS_FAILED).with("expected", "the hello of a MongoDB server; does TLS_MODE (or tls= in the URL) fit the server?")
        };
        let client = Client::with_options(options).map_err(|error| expected(error::driver(error, &self.endpoint.shown)))?;
        let hello = self.first_answer(&client, "hello").await.map_err(expected)?;
        hello.map_err(|error| expected(error::driver(error, &self.endpoint.shown)))
    }
}

fn is_encrypted(options: &ClientOptions) -> bool {
    matches!(options.tls, Some(DriverTls::Enabled(_)))
}

fn address(server: &ServerAddress) -> Option<(String, u16)> {
    match server {
        ServerAddress::Tcp { host, port } => Some((host.clone(), port.unwrap_or(DEFAULT_PORT))),
        _ => None,
    }
}
