//! What a request says about its own signature: in the Authorization header or in a presigned query.

use chrono::NaiveDateTime;
use http::request::Parts;
use percent_encoding::percent_decode_str;

use super::Refusal;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";
const MAX_EXPIRES_S: i64 = 7 * 24 * 3600;

/// `AKIA…/20260131/us-east-1/glue/aws4_request`, and the rest of the claim.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub access_key: String,
    pub date: String,
    pub region: String,
    pub service: String,
    /// Lower case, sorted.
    pub signed_headers: Vec<String>,
    pub signature: String,
    /// As sent: `20260131T120000Z`.
    pub time: String,
    /// The same in milliseconds since 1970.
    pub time_ms: i64,
    /// How long a presigned request is good for.
    pub expires_s: Option<i64>,
}

/// The service that the request is signed for, read without checking anything: tells the services on one port apart.
pub(crate) fn service(parts: &Parts) -> Option<String> {
    let header = parts.headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let credential = match header {
        Some(header) => header.split_once("Credential=")?.1.split(',').next()?.to_owned(),
        None => query_value(parts, "X-Amz-Credential")?,
    };
    credential.rsplit('/').nth(1).map(str::to_owned)
}

/// Whether the request claims to be signed at all.
pub(crate) fn is_signed(parts: &Parts) -> bool {
    parts.headers.contains_key(http::header::AUTHORIZATION) || query_value(parts, "X-Amz-Algorithm").is_some()
}

impl Claim {
    pub fn read(parts: &Parts) -> Result<Self, Refusal> {
        let Some(header) = parts.headers.get(http::header::AUTHORIZATION) else {
            return if is_signed(parts) { Self::presigned(parts) } else { Err(Refusal::Missing) };
        };
        let header = header.to_str().map_err(|_| incomplete("The Authorization header is not plain text."))?;
        let fields = header.strip_prefix(ALGORITHM).ok_or_else(|| {
            incomplete(&format!("The Authorization header begins with {ALGORITHM}; found {:?}.", header.split(' ').next().unwrap_or("")))
        })?;
        let field = |name: &str| {
            let found = fields.split(',').filter_map(|field| field.trim().split_once('=')).find(|(key, _)| *key == name);
            found.map(|(_, value)| value).ok_or_else(|| incomplete(&format!("The Authorization header needs {name}; it is missing.")))
        };
        let time = parts.headers.get("x-amz-date").and_then(|value| value.to_str().ok());
        let time = time.ok_or_else(|| incomplete("A signed request needs the header x-amz-date; it is missing."))?;
        Self::new(field("Credential")?, field("SignedHeaders")?, field("Signature")?, time, None)
    }

    fn presigned(parts: &Parts) -> Result<Self, Refusal> {
        let value =
            |name: &str| query_value(parts, name).ok_or_else(|| incomplete(&format!("A presigned request needs {name}; it is missing.")));
        let algorithm = value("X-Amz-Algorithm")?;
        if algorithm != ALGORITHM {
            return Err(incomplete(&format!("X-Amz-Algorithm is {ALGORITHM}; found {algorithm:?}.")));
        }
        let expires = value("X-Amz-Expires")?;
        let seconds = expires.parse().ok().filter(|seconds| (1..=MAX_EXPIRES_S).contains(seconds));
        let seconds = seconds.ok_or_else(|| incomplete(&format!("X-Amz-Expires is 1 to {MAX_EXPIRES_S} seconds; found {expires:?}.")))?;
        Self::new(
            &value("X-Amz-Credential")?,
            &value("X-Amz-SignedHeaders")?,
            &value("X-Amz-Signature")?,
            &value("X-Amz-Date")?,
            Some(seconds),
        )
    }

    fn new(credential: &str, headers: &str, signature: &str, time: &str, expires_s: Option<i64>) -> Result<Self, Refusal> {
        let parts: Vec<&str> = credential.split('/').collect();
        let [access_key, date, region, service, TERMINATOR] = parts[..] else {
            return Err(incomplete(&format!("A credential is key/date/region/service/{TERMINATOR}; found {credential:?}.")));
        };
        let parsed = NaiveDateTime::parse_from_str(time, "%Y%m%dT%H%M%SZ")
            .map_err(|_| incomplete(&format!("A request's time looks like 20260131T120000Z; found {time:?}.")))?;
        if !time.starts_with(date) {
            return Err(Refusal::Invalid(format!("The date of the credential ({date:?}) is not the date of the request ({time:?}).")));
        }
        let mut signed_headers: Vec<String> = headers.split(';').map(str::to_ascii_lowercase).collect();
        signed_headers.sort();
        Ok(Self {
            access_key: access_key.into(),
            date: date.into(),
            region: region.into(),
            service: service.into(),
            signed_headers,
            signature: signature.into(),
            time: time.into(),
            time_ms: parsed.and_utc().timestamp_millis(),
            expires_s,
        })
    }

    /// What stands before the request's hash in the text to sign.
    pub fn scope(&self) -> String {
        format!("{}/{}/{}/{TERMINATOR}", self.date, self.region, self.service)
    }

    pub fn text_to_sign(&self, canonical_hash: &str) -> String {
        format!("{ALGORITHM}\n{}\n{}\n{canonical_hash}", self.time, self.scope())
    }
}

fn query_value(parts: &Parts, name: &str) -> Option<String> {
    let pairs = parts.uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(key, _)| *key == name)?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

fn incomplete(message: &str) -> Refusal {
    Refusal::Incomplete(message.into())
}
