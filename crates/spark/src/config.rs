//! What `penchant.yaml` says about the cluster.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The engine `spark`: where it is, and how it reaches the files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SparkConfig {
    /// `sc://host:15002`, with `/;use_ssl=true;token=…` where the cluster asks for it.
    pub endpoint: String,
    #[serde(default)]
    pub files: FileAccess,
    /// Settings of every session, such as `spark.sql.shuffle.partitions`.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// How long a silent endpoint is waited for.
    #[serde(default = "default_connect_seconds")]
    pub connect_seconds: u64,
}

impl SparkConfig {
    /// The endpoint without its parameters, of which the token is a secret.
    pub(crate) fn shown(&self) -> &str {
        self.endpoint.split_once("/;").map_or(&self.endpoint, |(server, _)| server)
    }
}

/// How the cluster reaches the files of buckets and folders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum FileAccess {
    /// By their path on disk: the same machine, or a mount at the same place.
    #[default]
    Local,
    /// By this server's own S3.
    S3a(S3a),
}

/// This server's S3 as the cluster sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3a {
    /// `http://penchant.example:7440`
    pub endpoint: String,
    pub access_key: String,
    pub secret_key: String,
}

fn default_connect_seconds() -> u64 {
    10
}
