//! Where a connection leads: its type and properties, understood.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use domain::{Error, Result};

use super::Connection;
use super::url::{DatabaseUrl, Engine};

/// What a connection leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A SQLite file; relative paths start at the project's folder.
    Sqlite {
        path: String,
    },
    /// An S3-compatible store that is not ours.
    S3 {
        endpoint: Option<String>,
        region: String,
    },
    Postgres(Server),
    Redshift(Server),
    MySql(Server),
    SqlServer(Server),
    Mongo(MongoEndpoint),
    Kafka(KafkaEndpoint),
}

/// A database server and how to come in.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    pub host: String,
    pub port: u16,
    /// PostgreSQL always has one; MySQL may see several.
    pub database: Option<String>,
    pub user: Option<String>,
    pub password: Option<String>,
    pub tls: Tls,
    pub reach: Reach,
}

/// `TLS_MODE`, `CUSTOM_JDBC_CERT` and Glue's older words for them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    pub mode: TlsMode,
    /// PEM of the authority to trust instead of the usual ones.
    pub authority: Option<PathBuf>,
}

/// PostgreSQL's words, for every server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsMode {
    Disable,
    /// Encrypted where the server can, unchecked.
    #[default]
    Prefer,
    /// Encrypted or not at all, unchecked.
    Require,
    VerifyCa,
    VerifyFull,
}

/// `CONNECT_TIMEOUT_SECONDS`, `READ_TIMEOUT_SECONDS`, `CONNECT_RETRIES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// For DNS, TCP, TLS and authentication together, each time.
    pub connect_timeout: Duration,
    /// How long a scan waits for the next rows; nothing waits for ever.
    pub read_timeout: Duration,
    /// Further tries when the server cannot be reached, a second, two, four … apart. Refused passwords are not tried again.
    pub retries: u32,
}

impl Default for Reach {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(10), read_timeout: Duration::from_secs(300), retries: 2 }
    }
}

#[derive(Clone, PartialEq, Eq)]
pub struct MongoEndpoint {
    /// `mongodb://` or `mongodb+srv://`, user and password included.
    pub url: String,
    /// Without password.
    pub shown: String,
    /// Only this database, when the URL names one.
    pub database: Option<String>,
    pub tls: Tls,
    pub reach: Reach,
}

#[derive(Clone, PartialEq, Eq)]
pub struct KafkaEndpoint {
    /// `host:port`, several with commas.
    pub bootstrap_servers: String,
    pub tls: Tls,
    pub sasl: Option<Sasl>,
    pub reach: Reach,
    /// librdkafka settings under their own names: properties `KAFKA_CLIENT_<setting>` with dots (`KAFKA_CLIENT_broker.version.fallback`).
    pub settings: Vec<(String, String)>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Sasl {
    /// `SCRAM-SHA-512`, `SCRAM-SHA-256` or `PLAIN`.
    pub mechanism: String,
    pub user: String,
    pub password: String,
}

/// No timeout is longer, in seconds.
const A_YEAR: u64 = 365 * 86_400;
const TYPES: &str =
    "SQLITE, POSTGRESQL, REDSHIFT, MYSQL, SQLSERVER, MONGODB, KAFKA, S3, or JDBC with a jdbc: URL of one of these databases";

/// Checks the shape without reading references or sealed values.
pub(super) fn check(connection: &Connection) -> Result<()> {
    let mut plain = connection.clone();
    for value in plain.connection_properties.values_mut() {
        if crate::secrets::is_reference(value) || crate::secrets::is_sealed(value) {
            // A reference may stand for anything that the property may hold.
            *value = "1".into();
        }
    }
    for (name, value) in &connection.connection_properties {
        if matches!(name.as_str(), "JDBC_CONNECTION_URL" | "CONNECTION_URL") {
            super::url::check_secrets(value).map_err(|e| e.with("connection", &connection.name))?;
        }
        let whole = matches!(name.as_str(), "JDBC_CONNECTION_URL" | "CONNECTION_URL" | "TLS_MODE" | "KAFKA_SASL_MECHANISM");
        if whole && crate::secrets::is_reference(value) {
            return Ok(());
        }
    }
    of(&plain).map(|_| ())
}

pub(super) fn of(connection: &Connection) -> Result<Endpoint> {
    let read = Read(connection);
    match connection.connection_type.as_str() {
        "SQLITE" => read.sqlite(),
        "S3" => {
            let region = connection.property("REGION")?.unwrap_or_else(|| "us-east-1".into());
            Ok(Endpoint::S3 { endpoint: connection.property("ENDPOINT")?, region })
        }
        "POSTGRESQL" => read.server(Engine::PostgreSql),
        "REDSHIFT" => read.server(Engine::Redshift),
        "MYSQL" => read.server(Engine::MySql),
        "SQLSERVER" => read.server(Engine::SqlServer),
        "MONGODB" | "DOCUMENTDB" => read.mongo(),
        "KAFKA" => read.kafka(),
        "JDBC" => match read.needed("JDBC_CONNECTION_URL")? {
            url if url.starts_with("jdbc:sqlite:") => read.sqlite(),
            url => read.server(DatabaseUrl::engine(&url).map_err(|e| e.with("connection", &connection.name))?),
        },
        other => Err(Error::invalid_input(format!(
            "Connection {:?}: expected one of the connection types {TYPES}; found {other:?}.",
            connection.name
        ))),
    }
}

/// A password inside a URL becomes the property PASSWORD, which is sealed; an explicit PASSWORD wins.
pub(super) fn take_password_out(connection: &mut Connection) {
    for name in ["JDBC_CONNECTION_URL", "CONNECTION_URL"] {
        let Some(url) = connection.connection_properties.get(name) else { continue };
        let Some((safe, password)) = super::url::split_password(url) else { continue };
        connection.connection_properties.insert(name.into(), safe);
        connection.connection_properties.entry("PASSWORD".into()).or_insert(password);
    }
}

struct Read<'a>(&'a Connection);

impl Read<'_> {
    fn needed(&self, name: &str) -> Result<String> {
        self.0
            .property(name)?
            .ok_or_else(|| Error::invalid_input(format!("Connection {:?} needs the property {name}; found none.", self.0.name)))
    }

    fn number<T: std::str::FromStr>(&self, name: &str, otherwise: T) -> Result<T> {
        let Some(text) = self.0.property(name)? else { return Ok(otherwise) };
        text.trim()
            .parse()
            .map_err(|_| Error::invalid_input(format!("Connection {:?}: {name} is a whole number; found {text:?}.", self.0.name)))
    }

    fn sqlite(&self) -> Result<Endpoint> {
        let url = self.0.property("JDBC_CONNECTION_URL")?;
        let from_url = url.as_deref().and_then(|url| url.strip_prefix("jdbc:sqlite:")).map(str::to_owned);
        match self.0.property("PATH")?.or(from_url) {
            Some(path) if !path.is_empty() => Ok(Endpoint::Sqlite { path }),
            _ => Err(Error::invalid_input(format!(
                "Connection {:?} needs the property PATH (or JDBC_CONNECTION_URL jdbc:sqlite:path); found neither.",
                self.0.name
            ))),
        }
    }

    /// Properties win over what the URL says.
    fn server(&self, engine: Engine) -> Result<Endpoint> {
        let url = match self.0.property("JDBC_CONNECTION_URL")? {
            Some(text) => DatabaseUrl::parse(&text).map_err(|e| e.with("connection", &self.0.name))?,
            None => DatabaseUrl { engine, host: self.needed("HOST")?, port: None, database: None, user: None, password: None },
        };
        if url.engine != engine {
            return Err(Error::invalid_input(format!(
                "Connection {:?} is of type {}; its JDBC_CONNECTION_URL leads to {}.",
                self.0.name,
                self.0.connection_type,
                url.engine.name()
            )));
        }
        let database = self.0.property("DATABASE")?.or(url.database);
        let server = Server {
            host: self.0.property("HOST")?.unwrap_or(url.host),
            port: self.number("PORT", url.port.unwrap_or(engine.default_port()))?,
            user: self.0.property("USERNAME")?.or(url.user),
            password: match self.0.property("PASSWORD")? {
                Some(password) => Some(password),
                None => self.0.property("ENCRYPTED_PASSWORD")?.or(url.password),
            },
            tls: self.tls()?,
            reach: self.reach()?,
            database,
        };
        let needs_database = matches!(engine, Engine::PostgreSql | Engine::Redshift | Engine::SqlServer);
        if needs_database && server.database.is_none() {
            return Err(Error::invalid_input(format!(
                "Connection {:?} needs a database: as DATABASE or in JDBC_CONNECTION_URL ({}).",
                self.0.name,
                engine.example()
            )));
        }
        Ok(match engine {
            Engine::PostgreSql => Endpoint::Postgres(server),
            Engine::Redshift => Endpoint::Redshift(server),
            Engine::MySql => Endpoint::MySql(server),
            Engine::SqlServer => Endpoint::SqlServer(server),
        })
    }

    fn mongo(&self) -> Result<Endpoint> {
        let given = match self.0.property("CONNECTION_URL")? {
            Some(url) => url,
            None => format!("mongodb://{}:{}", self.needed("HOST")?, self.number("PORT", 27017_u16)?),
        };
        let (user, password) = (self.0.property("USERNAME")?, self.0.property("PASSWORD")?);
        let found = super::url::mongo(&given, user.as_deref(), password.as_deref()).map_err(|e| e.with("connection", &self.0.name))?;
        let database = self.0.property("DATABASE")?.or(found.database);
        Ok(Endpoint::Mongo(MongoEndpoint { url: found.url, shown: found.shown, database, tls: self.tls()?, reach: self.reach()? }))
    }

    fn kafka(&self) -> Result<Endpoint> {
        let mechanism = self.0.property("KAFKA_SASL_MECHANISM")?;
        let sasl = match mechanism.as_deref() {
            None => None,
            Some("SCRAM-SHA-512" | "SCRAM-SHA-256") => {
                Some(self.sasl(mechanism, self.needed("KAFKA_SASL_SCRAM_USERNAME")?, self.needed("KAFKA_SASL_SCRAM_PASSWORD")?))
            }
            Some("PLAIN") => {
                Some(self.sasl(mechanism, self.needed("KAFKA_SASL_PLAIN_USERNAME")?, self.needed("KAFKA_SASL_PLAIN_PASSWORD")?))
            }
            Some(other) => {
                return Err(Error::invalid_input(format!(
                    "Connection {:?}: KAFKA_SASL_MECHANISM is SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN; found {other:?}.",
                    self.0.name
                )));
            }
        };
        let mut tls = self.tls()?;
        // As in Glue: on unless it says false, and then checked.
        let asked = self.0.property("KAFKA_SSL_ENABLED")?;
        if self.0.raw("TLS_MODE").is_none() {
            tls.mode = if asked.as_deref().is_some_and(|text| text.eq_ignore_ascii_case("false")) {
                TlsMode::Disable
            } else {
                TlsMode::VerifyFull
            };
        }
        if let Some(path) = self.0.property("KAFKA_CUSTOM_CERT")? {
            tls.authority = Some(path.into());
        }
        let mut settings = Vec::new();
        for name in self.0.connection_properties.keys() {
            if let (Some(setting), Some(value)) = (name.strip_prefix("KAFKA_CLIENT_"), self.0.property(name)?) {
                settings.push((setting.to_owned(), value));
            }
        }
        Ok(Endpoint::Kafka(KafkaEndpoint {
            bootstrap_servers: self.needed("KAFKA_BOOTSTRAP_SERVERS")?,
            settings,
            tls,
            sasl,
            reach: self.reach()?,
        }))
    }

    fn sasl(&self, mechanism: Option<String>, user: String, password: String) -> Sasl {
        Sasl { mechanism: mechanism.unwrap_or_default(), user, password }
    }

    fn tls(&self) -> Result<Tls> {
        let enforced = self.0.property("JDBC_ENFORCE_SSL")?.is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let unchecked = self.0.property("SKIP_CUSTOM_JDBC_CERT_VALIDATION")?.is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let mode = match self.0.property("TLS_MODE")?.as_deref() {
            Some("disable") => TlsMode::Disable,
            Some("prefer") => TlsMode::Prefer,
            Some("require") => TlsMode::Require,
            Some("verify-ca") => TlsMode::VerifyCa,
            Some("verify-full") => TlsMode::VerifyFull,
            Some(other) => {
                return Err(Error::invalid_input(format!(
                    "Connection {:?}: TLS_MODE is disable, prefer, require, verify-ca or verify-full; found {other:?}.",
                    self.0.name
                )));
            }
            None if enforced && unchecked => TlsMode::Require,
            None if enforced => TlsMode::VerifyFull,
            None => TlsMode::Prefer,
        };
        Ok(Tls { mode, authority: self.0.property("CUSTOM_JDBC_CERT")?.map(PathBuf::from) })
    }

    fn reach(&self) -> Result<Reach> {
        let usual = Reach::default();
        Ok(Reach {
            connect_timeout: Duration::from_secs(self.number("CONNECT_TIMEOUT_SECONDS", usual.connect_timeout.as_secs())?.clamp(1, A_YEAR)),
            read_timeout: Duration::from_secs(self.number("READ_TIMEOUT_SECONDS", usual.read_timeout.as_secs())?.clamp(1, A_YEAR)),
            retries: self.number("CONNECT_RETRIES", usual.retries)?,
        })
    }
}

/// Never shows the password.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}/{}", self.user.as_deref().unwrap_or("?"), self.host, self.port, self.database.as_deref().unwrap_or_default())
    }
}

/// Never shows the password.
impl fmt::Debug for MongoEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Never shows the password.
impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as {}", self.mechanism, self.user)
    }
}

impl fmt::Debug for KafkaEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.bootstrap_servers, self.sasl)
    }
}
