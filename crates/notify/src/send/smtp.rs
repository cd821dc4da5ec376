//! Where mail goes out.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The settings of an SMTP server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    pub host: String,
    /// 25, 587 or 465 where it is left out, as `tls` says.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub port: Option<u16>,
    #[serde(default)]
    pub tls: SmtpTls,
    /// PEM; besides the well-known authorities.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ca_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user: Option<String>,
    /// `${env:NAME}` or `${file:path}`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub password: Option<String>,
    /// `Penchant <penchant@example.org>`
    pub from: String,
}

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpTls {
    None,
    /// Begins in clear; refused where the server does not offer TLS.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Implicit,
}
