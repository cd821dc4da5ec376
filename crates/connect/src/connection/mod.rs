//! Connections: how to reach a source, in Glue's shape.

mod endpoint;
mod url;

use std::collections::BTreeMap;
use std::fmt;

use domain::{Error, Result};
use serde::{Deserialize, Serialize};
use store::Resource;

use crate::secrets::{self, Secrets};
pub use endpoint::{Endpoint, KafkaEndpoint, MongoEndpoint, Reach, Sasl, Server, Tls, TlsMode};

/// Properties whose values are never shown, and stored sealed.
const SECRET_PROPERTIES: &[&str] =
    &["PASSWORD", "ENCRYPTED_PASSWORD", "SECRET", "SECRET_KEY", "KAFKA_SASL_SCRAM_PASSWORD", "KAFKA_SASL_PLAIN_PASSWORD"];

/// Glue's `ConnectionInput`. Values may be `${env:NAME}` or `${file:path}`: what they stand for is read at use.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
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

impl Resource for Connection {
    const KIND: &'static str = "connection";
    fn key(&self) -> String {
        self.name.clone()
    }
}

impl Connection {
    /// A connection of a type with properties.
    pub fn new<const N: usize>(name: impl Into<String>, connection_type: &str, properties: [(&str, String); N]) -> Self {
        let connection_properties = properties.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Self { name: name.into(), connection_type: connection_type.into(), connection_properties, ..Self::default() }
    }

    /// A connection to a SQLite file.
    pub fn sqlite(name: impl Into<String>, path: impl Into<String>) -> Self {
        Self::new(name, "SQLITE", [("PATH", path.into())])
    }

    /// Checks what can be checked without reaching out and without reading secrets.
    pub fn validate(&self) -> Result<()> {
        if self.name.is_empty() || self.name.chars().count() > 255 {
            return Err(Error::invalid_input(format!("A connection's name has 1 to 255 characters; found {:?}.", self.name)));
        }
        endpoint::check(self)
    }

    /// Where it leads, its references read. Sealed values must have been unsealed before ([`Connection::unsealed`]).
    pub fn endpoint(&self) -> Result<Endpoint> {
        endpoint::of(self)
    }

    /// The property with its `${…}` read, or nothing.
    pub fn property(&self, name: &str) -> Result<Option<String>> {
        self.raw(name).map(|value| secrets::resolve(value).map_err(|e| e.with("connection", &self.name).with("property", name))).transpose()
    }

    /// The same with the values of secret properties taken out; references such as `${env:NAME}` stay, they tell nothing.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let mut shown = self.clone();
        shown.connection_properties.retain(|name, value| !is_secret(name) || secrets::is_reference(value));
        for value in shown.connection_properties.values_mut() {
            if let Some(safe) = url::without_password(value) {
                *value = safe;
            }
        }
        shown
    }

    /// The same with secrets sealed, as it is stored. A password inside a URL is moved to PASSWORD first.
    pub fn sealed(&self, secrets: &Secrets) -> Result<Self> {
        let mut sealed = self.clone();
        endpoint::take_password_out(&mut sealed);
        for (name, value) in &mut sealed.connection_properties {
            if is_secret(name) && !value.is_empty() && !secrets::is_reference(value) && !secrets::is_sealed(value) {
                *value = secrets.seal(value)?;
            }
        }
        Ok(sealed)
    }

    /// The same with sealed secrets readable, to be used at once and never stored.
    pub fn unsealed(&self, secrets: &Secrets) -> Result<Self> {
        let mut open = self.clone();
        for (name, value) in &mut open.connection_properties {
            if secrets::is_sealed(value) {
                *value = secrets.unseal(value).map_err(|e| e.with("connection", &self.name).with("property", name))?;
            }
        }
        Ok(open)
    }

    fn raw(&self, name: &str) -> Option<&str> {
        self.connection_properties.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Settings of Kafka's client may be secrets too, under the library's names.
fn is_secret(property: &str) -> bool {
    const WORDS: &[&str] = &["password", "secret", "key.pem", "jaas", "oauthbearer.config"];
    let of_client = |setting: &str| WORDS.iter().any(|word| setting.to_ascii_lowercase().contains(word));
    SECRET_PROPERTIES.contains(&property) || property.strip_prefix("KAFKA_CLIENT_").is_some_and(of_client)
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

#[cfg(test)]
mod tests;
