//! Secrets: references that are read at use (`${env:NAME}`, `${file:path}`), and values sealed with the installation's key
//! (`${sealed:…}`).

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use domain::{Error, Result};
use hmac::{Hmac, Mac};
use sha2::Sha256;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// The installation's key. Clone it freely; it is never shown.
///
/// Sealing is XChaCha20-Poly1305 with a nonce made from the value itself (HMAC-SHA-256 under the key, cut to 24 bytes): a value is
/// sealed the same way each time, so that an unchanged secret is told from a changed one without opening it.
#[derive(Clone, Default)]
pub struct Secrets(Option<Arc<[u8; KEY_BYTES]>>);

impl Secrets {
    /// Without a key: nothing can be sealed or unsealed.
    pub fn none() -> Self {
        Self(None)
    }

    pub fn with_key(key: [u8; KEY_BYTES]) -> Self {
        Self(Some(Arc::new(key)))
    }

    /// Reads the key file: 64 hex digits.
    pub fn read(path: &Path) -> Result<Self> {
        let unusable = |found: String| {
            Error::invalid_input(format!(
                "The key file {} should hold 64 hex digits; {found}. Without it sealed secrets cannot be read.",
                path.display()
            ))
        };
        let text = std::fs::read_to_string(path).map_err(|e| unusable(e.to_string()))?;
        let text = text.trim();
        let mut key = [0; KEY_BYTES];
        if text.len() != 2 * KEY_BYTES || !text.is_ascii() {
            return Err(unusable(format!("found {} characters", text.chars().count())));
        }
        for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).unwrap_or_default();
            *byte = u8::from_str_radix(digits, 16).map_err(|_| unusable(format!("found {digits:?} among them")))?;
        }
        Ok(Self::with_key(key))
    }

    pub(crate) fn seal(&self, value: &str) -> Result<String> {
        let key = self.key()?;
        let nonce = nonce(key, value.as_bytes())?;
        let sealed = XChaCha20Poly1305::new(key.into())
            .encrypt(&XNonce::from(nonce), value.as_bytes())
            .map_err(|_| Error::internal("A secret could not be sealed."))?;
        Ok(format!("${{sealed:{}}}", STANDARD_NO_PAD.encode([&nonce[..], &sealed].concat())))
    }

    pub(crate) fn unseal(&self, text: &str) -> Result<String> {
        let wrong = || Error::invalid_data("A sealed secret cannot be opened with this installation's key file: set the secret again.");
        let packed = inside(text, "sealed").and_then(|packed| STANDARD_NO_PAD.decode(packed).ok()).ok_or_else(wrong)?;
        let (nonce, sealed) = packed.split_at_checked(NONCE_BYTES).ok_or_else(wrong)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| wrong())?;
        let open = XChaCha20Poly1305::new(self.key()?.into()).decrypt(&XNonce::from(nonce), sealed).map_err(|_| wrong())?;
        String::from_utf8(open).map_err(|_| wrong())
    }

    fn key(&self) -> Result<&[u8; KEY_BYTES]> {
        self.0.as_deref().ok_or_else(|| Error::internal("This installation was opened without its key file."))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Secrets(key)" } else { "Secrets(none)" })
    }
}

fn nonce(key: &[u8; KEY_BYTES], value: &[u8]) -> Result<[u8; NONCE_BYTES]> {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).map_err(|_| Error::internal("The key has a wrong length."))?;
    mac.update(b"penchant secret nonce\0");
    mac.update(value);
    let mut nonce = [0; NONCE_BYTES];
    nonce.copy_from_slice(&mac.finalize().into_bytes()[..NONCE_BYTES]);
    Ok(nonce)
}

/// Whether the text is `${env:NAME}` or `${file:path}` as a whole.
pub(crate) fn is_reference(text: &str) -> bool {
    inside(text, "env").or_else(|| inside(text, "file")).is_some()
}

pub(crate) fn is_sealed(text: &str) -> bool {
    inside(text, "sealed").is_some()
}

/// What the text stands for: itself, unless it is a reference. Errors never hold the secret.
pub(crate) fn resolve(text: &str) -> Result<String> {
    if let Some(name) = inside(text, "env") {
        return std::env::var(name)
            .map_err(|_| Error::invalid_input(format!("The environment variable {name} should hold a value; it is not set.")));
    }
    if let Some(path) = inside(text, "file") {
        return std::fs::read_to_string(path)
            .map(|value| value.trim_end_matches(['\r', '\n']).to_owned())
            .map_err(|e| Error::invalid_input(format!("The file {path} should hold a value; it cannot be read.")).source(e));
    }
    if is_sealed(text) {
        return Err(Error::internal("A sealed secret was used before it was opened."));
    }
    Ok(text.to_owned())
}

fn inside<'a>(text: &'a str, kind: &str) -> Option<&'a str> {
    let inside = text.strip_prefix("${")?.strip_suffix('}')?;
    inside.strip_prefix(kind)?.strip_prefix(':').filter(|rest| !rest.is_empty())
}
