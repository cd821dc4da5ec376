//! Webhooks: CloudEvents as JSON by HTTP POST, signed after the Standard Webhooks scheme.
//!
//! A receiver verifies `webhook-signature` so: take the text `{webhook-id}.{webhook-timestamp}.{body}` with the body's bytes as
//! they came, compute HMAC-SHA-256 with the secret (for `whsec_…` with what the base64 after the prefix stands for), write it in
//! base64, and look for `v1,` followed by it among the header's words, comparing in constant time. Refuse timestamps (seconds
//! since 1970) more than five minutes away, and treat a `webhook-id` that came before as a repetition: an event may come twice.
//! [`verify_signature`] does the first part.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use domain::{Error, Result, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER, USER_AGENT};
use reqwest::{Client, StatusCode, Url, redirect};
use sha2::Sha256;

use super::{Failure, Message};
use crate::secret;

/// So much of a refusal's body is kept.
const ANSWER_BYTES: usize = 300;

/// Redirects are not followed: what was configured is what gets the event.
pub(super) fn client() -> Result<Client> {
    let client = Client::builder().redirect(redirect::Policy::none()).connect_timeout(Duration::from_secs(10)).build();
    client.map_err(|e| Error::internal("The HTTP client cannot be made.").source(e))
}

/// 2xx is success; 410 says that there is nothing any more.
pub(super) async fn post(client: &Client, url: Url, message: &Message<'_>) -> Result<(), Failure> {
    let body = message.cloud_event()?.to_string();
    let id = &message.event.id;
    let seconds = message.now.seconds();
    let mut request = client
        .post(url.clone())
        .header(CONTENT_TYPE, "application/cloudevents+json; charset=UTF-8")
        .header(USER_AGENT, concat!("penchant/", env!("CARGO_PKG_VERSION")))
        .header("webhook-id", id)
        .header("webhook-timestamp", seconds);
    if let Some(reference) = &message.target.signing_secret {
        let secret = secret::resolve("SigningSecret", reference)?;
        request = request.header("webhook-signature", signature(&secret, id, seconds, body.as_bytes())?);
    }
    // The place without its query, which may hold a token.
    let place = format!("{}{}", url.origin().ascii_serialization(), url.path());
    let unreachable = |e: reqwest::Error| Failure::new(format!("POST {place} was not answered: {}.", cause(&e.without_url())));
    let response = request.body(body).send().await.map_err(unreachable)?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let retry_after = retry_after(response.headers(), message.now);
    let said = beginning(response).await;
    let message = format!("POST {place} was answered with {status}, 2xx was expected{said}.");
    Err(Failure { message, retry_after, is_final: status == StatusCode::GONE })
}

/// `v1,` and the signature in base64.
fn signature(secret: &str, id: &str, seconds: i64, body: &[u8]) -> Result<String> {
    Ok(format!("v1,{}", STANDARD.encode(mac(secret, id, seconds, body)?.finalize().into_bytes())))
}

/// Whether one of the words of `webhook-signature` is this body's. The timestamp's age is the caller's to judge.
pub fn verify_signature(secret: &str, id: &str, seconds: i64, body: &[u8], header: &str) -> bool {
    let Ok(mac) = mac(secret, id, seconds, body) else { return false };
    let mut given = header.split(' ').filter_map(|word| STANDARD.decode(word.strip_prefix("v1,")?).ok());
    given.any(|signature| mac.clone().verify_slice(&signature).is_ok())
}

fn mac(secret: &str, id: &str, seconds: i64, body: &[u8]) -> Result<Hmac<Sha256>> {
    let key = match secret.strip_prefix("whsec_") {
        Some(encoded) => {
            STANDARD.decode(encoded).map_err(|_| Error::invalid_input("A signing secret whsec_… goes on in base64; it does not."))?
        }
        None => secret.as_bytes().to_vec(),
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| Error::internal("The signing secret has a wrong length."))?;
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    Ok(mac)
}

/// Seconds, or an HTTP date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTime::parse_from_rfc2822(text).ok()?.timestamp_millis();
    Some(Duration::from_millis(u64::try_from(at - now.millis()).unwrap_or(0)))
}

/// What the answer begins with, for the dead-letter list.
async fn beginning(mut response: reqwest::Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER_BYTES {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            // The status has been told; a body that breaks off adds nothing.
            Ok(None) | Err(_) => break,
        }
    }
    bytes.truncate(ANSWER_BYTES);
    let text = String::from_utf8_lossy(&bytes);
    if text.trim().is_empty() { String::new() } else { format!("; it said {:?}", text.trim()) }
}

/// The innermost reason: the outer ones say only that sending failed.
fn cause(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}
