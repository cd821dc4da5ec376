//! Connections: how to reach a source, in Glue's shape.

use std::collections::BTreeMap;
use std::fmt;

use domain::{Error, Result};
use serde::{Deserialize, Serialize};
use store::Resource;

use crate::secret;

/// Properties whose values are never shown.
const SECRET_PROPERTIES: &[&str] = &["PASSWORD", "ENCRYPTED_PASSWORD", "SECRET", "SECRET_KEY"];

/// Glue's `ConnectionInput`. Values may be `${env:NAME}` or `${file:path}`: what they stand for is read at use.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Connection {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub connection_type: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_criteria: Vec<String>,
    #[serde(default)]
    pub connection_properties: BTreeMap<String, String>,
}

/// What a connection leads to, its secrets still unread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A SQLite file; relative paths start at the project's folder.
    Sqlite { path: String },
    /// An S3-compatible store that is not ours.
    S3 { endpoint: Option<String>, region: String },
}

impl Resource for Connection {
    const KIND: &'static str = "connection";
    fn key(&self) -> String {
        self.name.clone()
    }
}

impl Connection {
    /// A connection to a SQLite file.
    pub fn sqlite(name: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: None,
            connection_type: "SQLITE".into(),
            match_criteria: Vec::new(),
            connection_properties: BTreeMap::from([("PATH".into(), path.into())]),
        }
    }

    /// Checks what can be checked without reaching out.
    pub fn validate(&self) -> Result<()> {
        if self.name.is_empty() || self.name.chars().count() > 255 {
            return Err(Error::invalid_input(format!("A connection's name has 1 to 255 characters; found {:?}.", self.name)));
        }
        self.endpoint().map(|_| ())
    }

    /// Where it leads. JDBC connections are told apart by their URL.
    pub fn endpoint(&self) -> Result<Endpoint> {
        match self.connection_type.as_str() {
            "SQLITE" => self.sqlite_path().map(|path| Endpoint::Sqlite { path }),
            "JDBC" if self.raw("JDBC_CONNECTION_URL").is_some_and(|url| url.starts_with("jdbc:sqlite:")) => {
                self.sqlite_path().map(|path| Endpoint::Sqlite { path })
            }
            "JDBC" => Err(Error::invalid_input(format!(
                "Connection {:?}: of the JDBC sources this version reaches jdbc:sqlite:path; found {:?} in JDBC_CONNECTION_URL.",
                self.name,
                self.raw("JDBC_CONNECTION_URL").unwrap_or_default()
            ))),
            "S3" => {
                let region = self.property("REGION")?.unwrap_or_else(|| "us-east-1".into());
                Ok(Endpoint::S3 { endpoint: self.property("ENDPOINT")?, region })
            }
            other => Err(Error::invalid_input(format!(
                "Connection {:?}: the connection types this version reaches are SQLITE, JDBC (jdbc:sqlite:path) and S3; found {other:?}.",
                self.name
            ))),
        }
    }

    /// The property with its `${…}` read, or nothing.
    pub fn property(&self, name: &str) -> Result<Option<String>> {
        self.raw(name).map(|value| secret::resolve(value).map_err(|e| e.with("connection", &self.name).with("property", name))).transpose()
    }

    /// The same with the values of secret properties taken out; references such as `${env:NAME}` stay, they tell nothing.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let mut shown = self.clone();
        shown.connection_properties.retain(|name, value| !is_secret(name) || secret::is_reference(value));
        shown
    }

    fn raw(&self, name: &str) -> Option<&str> {
        self.connection_properties.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn sqlite_path(&self) -> Result<String> {
        let url = self.property("JDBC_CONNECTION_URL")?;
        let from_url = url.as_deref().and_then(|url| url.strip_prefix("jdbc:sqlite:")).map(str::to_owned);
        match self.property("PATH")?.or(from_url) {
            Some(path) if !path.is_empty() => Ok(path),
            _ => Err(Error::invalid_input(format!(
                "Connection {:?} needs the property PATH (or JDBC_CONNECTION_URL jdbc:sqlite:path); found neither.",
                self.name
            ))),
        }
    }
}

fn is_secret(property: &str) -> bool {
    SECRET_PROPERTIES.contains(&property)
}

/// Never shows a secret.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("name", &self.name)
            .field("connection_type", &self.connection_type)
            .field("properties", &self.without_secrets().connection_properties)
            .finish()
    }
}
