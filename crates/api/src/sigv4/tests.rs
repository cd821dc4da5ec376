#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use domain::Clock;
use http::request::Parts;
use serde::Deserialize;
use testkit::ManualClock;

use super::*;
use crate::{Credentials, SessionKeys};

const KEY: &str = "AKIAPENCHANTTEST0000";
const SECRET: &str = "abcdefghijklmnopqrstuvwxyz0123456789+/AB";
/// 2026-01-31T12:00:00Z, when the vectors were signed.
const NOW: i64 = 1_769_860_800_000;

/// Signed by botocore 1.44.5.
#[derive(Deserialize, Clone)]
struct Vector {
    name: String,
    service: String,
    method: String,
    uri: String,
    headers: std::collections::BTreeMap<String, String>,
    body: String,
}

impl Vector {
    fn parts(&self) -> Parts {
        let mut request = http::Request::builder().method(self.method.as_str()).uri(&self.uri);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn header(mut self, name: &str, change: impl Fn(&str) -> String) -> Self {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("{name}"));
        let value = change(value);
        self.headers.insert(name.into(), value);
        self
    }

    fn verify(&self, verifier: &Verifier) -> Result<(), Refusal> {
        verifier.verify(&self.parts(), self.body.as_bytes(), &self.service)
    }
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("vectors.json")).unwrap()
}

fn verifier_at(clock: Arc<dyn Clock>) -> Verifier {
    verifier_of(Credentials::new(KEY, SECRET).unwrap(), clock)
}

fn verifier_of(credentials: Credentials, clock: Arc<dyn Clock>) -> Verifier {
    let sessions = SessionKeys::new(clock.clone(), |count| "x".repeat(count));
    Verifier::new(Keyring { credentials, sessions }, clock)
}

fn verifier() -> Verifier {
    verifier_at(ManualClock::at(NOW))
}

fn message(result: Result<(), Refusal>) -> String {
    match result {
        Err(Refusal::Invalid(message) | Refusal::Incomplete(message)) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_botocore_signs_is_taken_twice() {
    let verifier = verifier();
    for vector in vectors() {
        assert_eq!(vector.verify(&verifier), Ok(()), "{}", vector.name);
        // The second time with the remembered key.
        assert_eq!(vector.verify(&verifier), Ok(()), "{}", vector.name);
    }
    assert_eq!(verifier.keys.lock().unwrap().len(), 4, "one key per region and service");
}

#[test]
fn every_tampered_part_is_refused() {
    let verifier = verifier();
    let glue = || vectors().remove(0);
    glue().verify(&verifier).unwrap();
    let mut tampered: Vec<(&str, Vector)> = vec![
        ("target", glue().header("X-Amz-Target", |_| "AWSGlue.DeleteTable".into())),
        ("content type", glue().header("Content-Type", |_| "text/plain".into())),
        ("host", glue().header("host", |_| "evil.example".into())),
        ("region", glue().header("Authorization", |a| a.replace("us-east-1", "us-east-2"))),
        ("signature", glue().header("Authorization", |a| a.replace("8f534f53", "8f534f54"))),
        ("short signature", glue().header("Authorization", |a| a[..a.len() - 2].into())),
        ("no signature", glue().header("Authorization", |a| format!("{}Signature=", a.split("Signature=").next().unwrap()))),
        ("body", Vector { body: "{\"DatabaseName\":\"shop\"}".into(), ..glue() }),
        ("method", Vector { method: "PUT".into(), ..glue() }),
        ("path", Vector { uri: "/x".into(), ..glue() }),
        ("query", Vector { uri: "/?a=1".into(), ..glue() }),
        ("time", glue().header("X-Amz-Date", |_| "20260131T120001Z".into())),
        ("date", glue().header("X-Amz-Date", |_| "20260130T120000Z".into())),
        ("unsigned target", glue().header("Authorization", |a| a.replace(";x-amz-target", ""))),
        ("unsigned host", glue().header("Authorization", |a| a.replace("host;", ""))),
    ];
    let mut presigned = vectors().remove(4);
    presigned.uri = presigned.uri.replace("3600", "3601");
    tampered.push(("expiry", presigned));
    let mut odd = vectors().remove(3);
    odd.uri = odd.uri.replace("a=2", "a=3");
    tampered.push(("query value", odd));
    for (what, vector) in tampered {
        assert!(matches!(vector.verify(&verifier), Err(Refusal::Invalid(_))), "{what}: {:?}", vector.verify(&verifier));
    }
}

#[test]
fn a_wrong_secret_an_unknown_key_and_no_signature_differ() {
    let other = verifier_of(Credentials::new(KEY, SECRET.replace('a', "b")).unwrap(), ManualClock::at(NOW));
    assert!(message(vectors()[0].verify(&other)).contains("does not match the signature you provided"));
    let other = verifier_of(Credentials::new("AKIASOMEBODYELSE0000", SECRET).unwrap(), ManualClock::at(NOW));
    assert_eq!(vectors()[0].verify(&other), Err(Refusal::UnknownKey));
    let mut unsigned = vectors().remove(0);
    unsigned.headers.remove("Authorization");
    assert_eq!(unsigned.verify(&verifier()), Err(Refusal::Missing));
    assert!(
        message(verifier().verify(&vectors()[0].parts(), vectors()[0].body.as_bytes(), "personalize"))
            .contains("scoped to correct service")
    );
}

#[test]
fn what_cannot_be_read_says_what_is_missing() {
    let verifier = verifier();
    let glue = || vectors().remove(0);
    let mut undated = glue();
    undated.headers.remove("X-Amz-Date");
    assert!(message(undated.verify(&verifier)).contains("x-amz-date"));
    let cases = [
        (glue().header("Authorization", |_| "Bearer x".into()), "AWS4-HMAC-SHA256"),
        (glue().header("Authorization", |a| a.replace("SignedHeaders", "Signed")), "SignedHeaders"),
        (glue().header("Authorization", |a| a.replace("/aws4_request", "")), "key/date/region/service"),
        (glue().header("X-Amz-Date", |_| "yesterday".into()), "yesterday"),
    ];
    for (vector, expected) in cases {
        let message = message(vector.verify(&verifier));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn old_and_early_requests_name_both_times() {
    let clock = ManualClock::at(NOW);
    let verifier = verifier_at(clock.clone());
    clock.advance(SKEW_MS);
    vectors()[0].verify(&verifier).unwrap();
    clock.advance(1000);
    let message_ = message(vectors()[0].verify(&verifier));
    assert!(message_.starts_with("Signature expired: 20260131T120000Z is now earlier than 20260131T121501Z"), "{message_}");
    // A presigned one lives as long as it says.
    vectors()[4].verify(&verifier).unwrap();
    clock.advance(3600 * 1000);
    assert!(message(vectors()[4].verify(&verifier)).contains("X-Amz-Expires"));
    let early = verifier_at(ManualClock::at(NOW - SKEW_MS - 1000));
    assert!(message(vectors()[0].verify(&early)).starts_with("Signature not yet current"));
}

#[test]
fn the_payload_hash_is_of_the_body_or_left_out_openly() {
    // UNSIGNED-PAYLOAD must itself be under the signature, so a stranger cannot add it.
    let mut vector = vectors().remove(0);
    vector.headers.insert("x-amz-content-sha256".into(), "UNSIGNED-PAYLOAD".into());
    assert!(message(vector.verify(&verifier())).contains("x-amz-content-sha256 must be signed"));
    let mut vector = vectors().remove(5);
    assert_eq!(vector.name, "unsigned-payload");
    vector.body = "another".into();
    vector.verify(&verifier()).unwrap();
    let mut vector = vectors().remove(6);
    assert_eq!(vector.name, "hashed-payload");
    vector.verify(&verifier()).unwrap();
    vector.body = "another".into();
    assert!(message(vector.verify(&verifier())).contains("x-amz-content-sha256"));
}

#[test]
fn the_service_is_read_from_the_scope() {
    let services: Vec<_> = vectors().iter().map(|vector| service(&vector.parts()).unwrap()).collect();
    assert_eq!(services[..5], ["glue", "personalize", "personalize", "personalize", "sts"]);
}
