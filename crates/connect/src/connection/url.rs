//! URLs of databases: JDBC's, in the four spellings of Glue's connections, and MongoDB's.

use domain::{Error, Result};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

/// The databases that a `jdbc:` URL may lead to, SQLite apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    PostgreSql,
    Redshift,
    MySql,
    SqlServer,
}

impl Engine {
    pub fn name(self) -> &'static str {
        match self {
            Self::PostgreSql => "PostgreSQL",
            Self::Redshift => "Amazon Redshift",
            Self::MySql => "MySQL",
            Self::SqlServer => "SQL Server",
        }
    }

    pub fn default_port(self) -> u16 {
        match self {
            Self::PostgreSql => 5432,
            Self::Redshift => 5439,
            Self::MySql => 3306,
            Self::SqlServer => 1433,
        }
    }

    pub fn example(self) -> &'static str {
        match self {
            Self::PostgreSql => "jdbc:postgresql://host:5432/database",
            Self::Redshift => "jdbc:redshift://host:5439/database",
            Self::MySql => "jdbc:mysql://host:3306/database",
            Self::SqlServer => "jdbc:sqlserver://host:1433;databaseName=database",
        }
    }
}

/// What a `jdbc:` URL says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DatabaseUrl {
    pub engine: Engine,
    pub host: String,
    pub port: Option<u16>,
    pub database: Option<String>,
    pub user: Option<String>,
    pub password: Option<String>,
}

impl DatabaseUrl {
    /// Which database the URL is of.
    pub fn engine(text: &str) -> Result<Engine> {
        let rest = text.strip_prefix("jdbc:").unwrap_or_default();
        match rest.split(':').next().unwrap_or_default() {
            "postgresql" => Ok(Engine::PostgreSql),
            "redshift" => Ok(Engine::Redshift),
            "mysql" | "mariadb" => Ok(Engine::MySql),
            "sqlserver" => Ok(Engine::SqlServer),
            _ => Err(Error::invalid_input(format!(
                "JDBC_CONNECTION_URL begins with jdbc:postgresql:, jdbc:redshift:, jdbc:mysql:, jdbc:mariadb:, jdbc:sqlserver: or jdbc:sqlite:; found {:?}.",
                shown(text)
            ))),
        }
    }

    pub fn parse(text: &str) -> Result<Self> {
        let engine = Self::engine(text)?;
        let unusable =
            || Error::invalid_input(format!("Expected a URL like {} in JDBC_CONNECTION_URL; found {:?}.", engine.example(), shown(text)));
        let rest = text.split_once("://").ok_or_else(unusable)?.1;
        if engine == Engine::SqlServer {
            return Self::sql_server(rest)?.ok_or_else(unusable);
        }
        let url = Url::parse(&format!("db://{rest}")).map_err(|_| unusable())?;
        url.query_pairs().try_for_each(|(name, _)| refuse_tls_option(&name))?;
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let option =
            |names: &[&str]| url.query_pairs().find(|(name, _)| names.contains(&name.as_ref())).map(|(_, value)| value.into_owned());
        let database = url.path().trim_matches('/');
        Ok(Self {
            engine,
            host: url
                .host_str()
                .filter(|host| !host.is_empty())
                .map(|host| host.trim_matches(['[', ']']).to_owned())
                .ok_or_else(unusable)?,
            port: url.port(),
            database: (!database.is_empty()).then(|| decoded(database)),
            user: Some(decoded(url.username())).filter(|user| !user.is_empty()).or_else(|| option(&["user", "UID"])),
            password: url.password().map(decoded).or_else(|| option(&["password", "PWD"])),
        })
    }

    /// `host[\instance][:port][;name=value]…`
    fn sql_server(rest: &str) -> Result<Option<Self>> {
        let mut parts = options(rest).into_iter();
        let place = parts.next().unwrap_or_default();
        let (host, port) = match place.split_once(':') {
            Some((host, port)) => match port.trim_end_matches('/').parse() {
                Ok(port) => (host, Some(port)),
                Err(_) => return Ok(None),
            },
            None => (place.trim_end_matches('/'), None),
        };
        let mut found = Self { engine: Engine::SqlServer, host: host.to_owned(), port, database: None, user: None, password: None };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = unbraced(value).to_owned();
            match name.trim().to_lowercase().as_str() {
                "databasename" | "database" => found.database = Some(value),
                "user" | "username" | "userid" => found.user = Some(value),
                "password" => found.password = Some(value),
                name => refuse_tls_option(name)?,
            }
        }
        Ok((!found.host.is_empty()).then_some(found))
    }
}

/// A URL that asks for TLS in a driver's own words is not one to connect with less.
fn refuse_tls_option(name: &str) -> Result<()> {
    const NAMES: &[&str] =
        &["sslmode", "ssl", "usessl", "requiressl", "verifyservercertificate", "tls", "encrypt", "trustservercertificate"];
    if NAMES.contains(&name.to_lowercase().as_str()) {
        return Err(Error::invalid_input(format!(
            "JDBC_CONNECTION_URL: expected the property TLS_MODE (disable, prefer, require, verify-ca, verify-full) instead of the option {name}, which is not read here."
        )));
    }
    Ok(())
}

/// The parts between semicolons that stand outside of braces.
fn options(text: &str) -> Vec<&str> {
    let mut inside = false;
    text.split(|c| {
        match c {
            '{' => inside = true,
            '}' => inside = false,
            _ => {}
        }
        c == ';' && !inside
    })
    .collect()
}

fn unbraced(value: &str) -> &str {
    value.strip_prefix('{').and_then(|value| value.strip_suffix('}')).unwrap_or(value)
}

pub(super) struct MongoUrl {
    pub url: String,
    pub shown: String,
    pub database: Option<String>,
}

/// The URL with user and password put in where it has none. Hosts may be several, so it is no [`Url`].
pub(super) fn mongo(text: &str, user: Option<&str>, password: Option<&str>) -> Result<MongoUrl> {
    let unusable =
        || Error::invalid_input(format!("CONNECTION_URL begins with mongodb:// or mongodb+srv:// and a host; found {:?}.", shown(text)));
    let (scheme, rest) = text.split_once("://").filter(|(scheme, _)| matches!(*scheme, "mongodb" | "mongodb+srv")).ok_or_else(unusable)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if path.split('?').next().is_some_and(|path| path.contains('@')) {
        // Not quoted: what stands before the @ is a password.
        return Err(Error::invalid_input("CONNECTION_URL: a / in a user's name or password is written %2F; found one before an @."));
    }
    let (login, hosts) = authority.rsplit_once('@').map_or((None, authority), |(login, hosts)| (Some(login), hosts));
    if hosts.is_empty() {
        return Err(unusable());
    }
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let (own_user, own_password) = login.map_or((None, None), |login| match login.split_once(':') {
        Some((user, password)) => (Some(user.to_owned()), Some(password.to_owned())),
        None => (Some(login.to_owned()), None),
    });
    let login = match (user.map(encode).or(own_user), password.map(encode).or(own_password)) {
        (Some(user), Some(password)) => format!("{user}:{password}@"),
        (Some(user), None) => format!("{user}@"),
        (None, _) => String::new(),
    };
    let name = path.trim_start_matches('/').split('?').next().unwrap_or_default();
    let path = if path.starts_with('?') { format!("/{path}") } else { path.to_owned() };
    Ok(MongoUrl {
        url: format!("{scheme}://{login}{hosts}{path}"),
        shown: hidden_options(&format!("{scheme}://{hosts}{path}")),
        database: (!name.is_empty()).then(|| percent_decode_str(name).decode_utf8_lossy().into_owned()),
    })
}

/// The URL without its password, and the password; nothing where there is none.
pub(super) fn split_password(text: &str) -> Option<(String, String)> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    if let Some((scheme, rest)) = text.split_once("://") {
        let ends: &[char] = if scheme.ends_with("sqlserver") { &['/', '?', ';'] } else { &['/', '?'] };
        let end = rest.find(ends).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if let Some((login, hosts)) = authority.rsplit_once('@')
            && let Some((user, password)) = login.split_once(':')
        {
            return Some((format!("{scheme}://{user}@{hosts}{path}"), decoded(password)));
        }
    }
    let Options { start, parts, separator } = Options::of(text)?;
    let at = parts.iter().position(|part| part.split_once('=').is_some_and(|(name, _)| is_password(name)))?;
    let password = parts[at].split_once('=').map(|(_, value)| value)?;
    let kept: Vec<&str> = parts.iter().enumerate().filter(|(index, _)| *index != at).map(|(_, part)| *part).collect();
    let mut safe = format!("{start}{}", kept.join(separator));
    safe.truncate(safe.trim_end_matches(['?', ';']).len());
    Some((safe, if separator == "&" { decoded(password) } else { unbraced(password).to_owned() }))
}

/// The options behind `?` (with `&` between them) or, in SQL Server's URLs, behind the first `;`.
struct Options<'a> {
    start: &'a str,
    parts: Vec<&'a str>,
    separator: &'static str,
}

impl<'a> Options<'a> {
    fn of(text: &'a str) -> Option<Self> {
        if text.starts_with("jdbc:sqlserver:") {
            let (start, rest) = text.split_at(text.find(';')? + 1);
            return Some(Self { start, parts: options(rest), separator: ";" });
        }
        let (start, rest) = text.split_at(text.find('?')? + 1);
        Some(Self { start, parts: rest.split('&').collect(), separator: "&" })
    }
}

/// The password of the login, which becomes a property of its own.
fn is_password(name: &str) -> bool {
    matches!(name.trim().to_lowercase().as_str(), "password" | "pwd")
}

/// Other secrets that drivers take in URLs (of key files and stores): they cannot be sealed there, so they are refused.
fn is_other_secret(name: &str) -> bool {
    let name = name.trim().to_lowercase();
    name.ends_with("password") || name == "pwd" || name.contains("secret")
}

/// Fails when the URL holds a secret that is not the login's password.
pub(super) fn check_secrets(text: &str) -> Result<()> {
    let text = split_password(text).map_or_else(|| text.to_owned(), |(safe, _)| safe);
    let Some(Options { parts, .. }) = Options::of(&text) else { return Ok(()) };
    let found = parts.iter().filter_map(|part| part.split_once('=')).find(|(name, _)| is_other_secret(name));
    found.map_or(Ok(()), |(name, _)| {
        Err(Error::invalid_input(format!(
            "The connection's URL holds {name}, a secret that could not be kept safe there: give it as a property."
        )))
    })
}

/// The text without its password, when it had one.
pub(super) fn without_password(text: &str) -> Option<String> {
    if !text.contains("://") {
        return None;
    }
    let safe = hidden_options(&split_password(text).map_or_else(|| text.to_owned(), |(safe, _)| safe));
    (safe != text).then_some(safe)
}

/// With the values of secret options left out.
fn hidden_options(text: &str) -> String {
    let Some(Options { start, parts, separator }) = Options::of(text) else { return text.to_owned() };
    let hide = |part: &&str| match part.split_once('=') {
        Some((name, _)) if is_other_secret(name) => format!("{name}=…"),
        _ => (*part).to_owned(),
    };
    format!("{start}{}", parts.iter().map(hide).collect::<Vec<_>>().join(separator))
}

fn shown(text: &str) -> String {
    without_password(text).unwrap_or_else(|| text.to_owned())
}
