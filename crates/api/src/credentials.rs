//! The one access key of an installation, and the file it is kept in.

use std::fmt;
use std::fs;
use std::io::Write;
use std::path::Path;

use domain::{Error, Result};

const SECRET_CHARS: usize = 40;
const PROFILE: &str = "default";

/// Who may call. The composition root draws them at the first start (it owns randomness); AWS's shapes are kept, so that
/// every SDK takes them.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    access_key: String,
    secret: String,
}

impl Credentials {
    /// `access_key` has 16 to 128 letters and digits, `secret` exactly 40 letters, digits, `+` and `/`.
    pub fn new(access_key: impl Into<String>, secret: impl Into<String>) -> Result<Self> {
        let (access_key, secret) = (access_key.into(), secret.into());
        let key_fits = (16..=128).contains(&access_key.len()) && access_key.bytes().all(|b| b.is_ascii_alphanumeric());
        if !key_fits {
            return Err(Error::invalid_input(format!(
                "An access key has 16 to 128 letters and digits; found {} characters.",
                access_key.len()
            )));
        }
        let secret_fits = secret.len() == SECRET_CHARS && secret.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
        if !secret_fits {
            return Err(Error::invalid_input(format!(
                "A secret key has {SECRET_CHARS} letters, digits, '+' and '/'; found {} characters.",
                secret.len()
            )));
        }
        Ok(Self { access_key, secret })
    }

    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Reads the profile `default` of a file in AWS's format; nothing when there is no such file.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::unavailable(format!("The credentials file {} cannot be read.", path.display())).source(e)),
        };
        Self::parse(&text).map(Some).map_err(|e| e.with("file", path.display()))
    }

    /// Writes the file for its owner's eyes only.
    pub fn write(&self, path: &Path) -> Result<()> {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let write = || {
            let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
            // An existing file keeps its mode when it is opened.
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
            file.write_all(self.profile().as_bytes())?;
            file.sync_all()
        };
        write().map_err(|e| Error::unavailable(format!("The credentials file {} cannot be written.", path.display())).source(e))
    }

    /// The file's text.
    pub fn profile(&self) -> String {
        format!("[{PROFILE}]\naws_access_key_id = {}\naws_secret_access_key = {}\n", self.access_key, self.secret)
    }

    fn parse(text: &str) -> Result<Self> {
        let (mut section, mut key, mut secret) = (String::new(), None, None);
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = name.trim().into();
            } else if section == PROFILE
                && let Some((name, value)) = line.split_once('=')
            {
                match name.trim() {
                    "aws_access_key_id" => key = Some(value.trim()),
                    "aws_secret_access_key" => secret = Some(value.trim()),
                    _ => {}
                }
            }
        }
        match (key, secret) {
            (Some(key), Some(secret)) => Self::new(key, secret),
            _ => {
                Err(Error::invalid_input(format!("A credentials file has aws_access_key_id and aws_secret_access_key under [{PROFILE}].")))
            }
        }
    }
}

impl fmt::Debug for Credentials {
    /// Never shows the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
