//! Checks AWS Signature Version 4 of the JSON and query services. (S3's own is checked by s3s.)
//!
//! Start reading at [`Verifier::verify`].

mod canonical;
mod claim;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::Clock;
use hmac::{Hmac, KeyInit, Mac};
use http::request::Parts;
use sha2::{Digest, Sha256};

use crate::keyring::Keyring;
use claim::Claim;
pub(crate) use claim::{is_signed, service};

/// How far the client's clock may be from ours, either way.
const SKEW_MS: i64 = 15 * 60 * 1000;
/// Signing keys remembered: one per access key, day, region and service in use. Deriving one costs four HMACs.
const KEYS: usize = 64;
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

type Key = [u8; 32];

/// Why a request is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not signed at all.
    Missing,
    /// Signed in a way that cannot be read.
    Incomplete(String),
    /// The access key is not ours.
    UnknownKey,
    /// A temporary key without its token, or a token with a key that has none.
    ForeignToken,
    /// The temporary key's time is over.
    ExpiredToken,
    /// The signature is not right, or no longer.
    Invalid(String),
}

/// Knows the keys, so knows what a right signature is.
#[derive(Debug)]
pub(crate) struct Verifier {
    keyring: Keyring,
    clock: Arc<dyn Clock>,
    keys: Mutex<HashMap<[String; 4], Key>>,
}

impl Verifier {
    pub fn new(keyring: Keyring, clock: Arc<dyn Clock>) -> Self {
        Self { keyring, clock, keys: Mutex::default() }
    }

    /// Whether the request is signed with a temporary key; nothing is checked.
    pub fn is_temporary(&self, parts: &Parts) -> bool {
        Claim::read(parts).is_ok_and(|claim| self.keyring.is_temporary(&claim.access_key))
    }

    /// Passes only a request whose every signed part is as its signer left it, for the service that will serve it.
    pub fn verify(&self, parts: &Parts, body: &[u8], service: &str) -> Result<(), Refusal> {
        let claim = Claim::read(parts)?;
        let secret = self.keyring.secret(&claim.access_key)?;
        self.keyring.check_token(&claim.access_key, &parts.headers, &parts.uri)?;
        if claim.service != service {
            return Err(Refusal::Invalid(format!(
                "Credential should be scoped to correct service: '{service}'; found '{}'.",
                claim.service
            )));
        }
        self.check_time(&claim)?;
        check_signed_headers(parts, &claim)?;
        let payload = payload_hash(parts, body)?;
        let signed: Vec<&str> = claim.signed_headers.iter().map(String::as_str).collect();
        let canonical = hex::encode(Sha256::digest(canonical::request(parts, &signed, &payload)));
        self.check_signature(&claim, &secret, &claim.text_to_sign(&canonical))
    }

    fn check_time(&self, claim: &Claim) -> Result<(), Refusal> {
        let now = self.clock.now().millis();
        let (earliest, latest) = (claim.time_ms - SKEW_MS, claim.time_ms + claim.expires_s.map_or(SKEW_MS, |s| s * 1000));
        if now < earliest {
            return Err(Refusal::Invalid(format!(
                "Signature not yet current: {} is still later than {} (+ 15 min.)",
                claim.time,
                written(now)
            )));
        }
        if now > latest {
            let allowed = if claim.expires_s.is_some() { "its X-Amz-Expires" } else { "15 min." };
            return Err(Refusal::Invalid(format!("Signature expired: {} is now earlier than {} (- {allowed})", claim.time, written(now))));
        }
        Ok(())
    }

    fn check_signature(&self, claim: &Claim, secret: &str, text: &str) -> Result<(), Refusal> {
        let wrong = || {
            Refusal::Invalid(
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.".into(),
            )
        };
        let scope = [&claim.access_key, &claim.date, &claim.region, &claim.service].map(String::clone);
        let known = self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(&scope).copied();
        let key = known.unwrap_or_else(|| signing_key(claim, secret));
        let signature = hex::decode(&claim.signature).map_err(|_| wrong())?;
        // `verify_slice` compares in constant time.
        hmac(&key, text.as_bytes()).verify_slice(&signature).map_err(|_| wrong())?;
        if known.is_none() {
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            if keys.len() >= KEYS {
                keys.clear();
            }
            keys.insert(scope, key);
        }
        Ok(())
    }
}

fn signing_key(claim: &Claim, secret: &str) -> Key {
    let secret = format!("AWS4{secret}");
    let steps = [claim.date.as_str(), &claim.region, &claim.service, "aws4_request"];
    let first = hmac(secret.as_bytes(), steps[0].as_bytes()).finalize().into_bytes().into();
    steps[1..].iter().fold(first, |key: Key, step| hmac(&key, step.as_bytes()).finalize().into_bytes().into())
}

/// A key of at most a block (64 bytes): all of ours are, the longest is `AWS4` and the secret.
fn hmac(key: &[u8], text: &[u8]) -> Hmac<Sha256> {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(text);
    mac
}

/// The host, and everything of AWS's that changes what the request does, must be under the signature.
fn check_signed_headers(parts: &Parts, claim: &Claim) -> Result<(), Refusal> {
    let signed = |name: &str| claim.signed_headers.iter().any(|signed| signed == name);
    // Browsers' SDKs leave their own name out.
    let matters = |name: &str| name == "host" || (name.starts_with("x-amz-") && name != "x-amz-user-agent");
    if let Some(name) = parts.headers.keys().map(http::HeaderName::as_str).find(|name| matters(name) && !signed(name)) {
        return Err(Refusal::Invalid(format!("The header {name} must be signed; it is not among SignedHeaders.")));
    }
    if !signed("host") {
        return Err(Refusal::Invalid("The header host must be signed; it is not among SignedHeaders.".into()));
    }
    if let Some(name) = claim.signed_headers.iter().find(|name| !parts.headers.contains_key(name.as_str())) {
        return Err(Refusal::Invalid(format!("The header {name} is among SignedHeaders, but the request does not have it.")));
    }
    Ok(())
}

/// The hash that the signature covers: of the body as it arrived, whatever the request says it was.
fn payload_hash(parts: &Parts, body: &[u8]) -> Result<String, Refusal> {
    let claimed = parts.headers.get("x-amz-content-sha256").and_then(|value| value.to_str().ok());
    if claimed == Some(UNSIGNED_PAYLOAD) {
        return Ok(UNSIGNED_PAYLOAD.into());
    }
    let found = hex::encode(Sha256::digest(body));
    match claimed {
        Some(claimed) if claimed != found => {
            Err(Refusal::Invalid("The body is not the one that x-amz-content-sha256 was computed of.".into()))
        }
        _ => Ok(found),
    }
}

fn written(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms).map_or_else(|| ms.to_string(), |time| time.format("%Y%m%dT%H%M%SZ").to_string())
}
