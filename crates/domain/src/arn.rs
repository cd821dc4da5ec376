//! ARNs: how every resource is named on the wire.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Where this installation pretends to be: the region and account that its ARNs carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    pub region: String,
    pub account: String,
}

impl Default for Partition {
    fn default() -> Self {
        Self { region: "us-east-1".into(), account: "123456789012".into() }
    }
}

impl Partition {
    /// `arn:aws:personalize:<region>:<account>:<kind>/<id>`
    pub fn personalize(&self, kind: &str, id: impl fmt::Display) -> Arn {
        Arn(format!("arn:aws:personalize:{}:{}:{kind}/{id}", self.region, self.account))
    }

    /// `arn:aws:glue:<region>:<account>:<kind>/<id>`
    pub fn glue(&self, kind: &str, id: impl fmt::Display) -> Arn {
        Arn(format!("arn:aws:glue:{}:{}:{kind}/{id}", self.region, self.account))
    }
}

/// An ARN in full. Built-in recipes have neither region nor account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Arn(String);

const MAX_CHARS: usize = 256;

impl Arn {
    /// Accepts any text of the shape `arn:partition:service:region:account:resource`.
    pub fn parse(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        let parts = text.splitn(6, ':').count();
        if parts == 6 && text.starts_with("arn:") && text.len() <= MAX_CHARS && !text.ends_with(':') {
            return Ok(Self(text));
        }
        Err(Error::invalid_input(format!("An ARN looks like arn:aws:personalize:us-east-1:123456789012:campaign/name; found {text:?}.")))
    }

    /// `arn:aws:personalize:::recipe/<name>`
    pub fn recipe(name: &str) -> Self {
        Self(format!("arn:aws:personalize:::recipe/{name}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the account: `campaign/shop`.
    pub fn resource(&self) -> &str {
        self.0.splitn(6, ':').nth(5).unwrap_or("")
    }

    /// The part after the first slash: `shop` of `campaign/shop`, `shop/INTERACTIONS` of `dataset/shop/INTERACTIONS`.
    pub fn id(&self) -> &str {
        self.resource().split_once('/').map_or("", |(_, id)| id)
    }

    /// The part before the first slash: `campaign`.
    pub fn kind(&self) -> &str {
        self.resource().split_once('/').map_or("", |(kind, _)| kind)
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
