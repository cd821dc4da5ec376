//! Signature Version 4, written from AWS's public description, for requests with a known body.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

const REGION: &str = "us-east-1";

pub struct Credentials {
    access_key: String,
    secret_key: String,
}

impl Credentials {
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading credentials from {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("in {}", path.display()))
    }

    /// The first profile of the file.
    fn parse(text: &str) -> Result<Self> {
        let value = |wanted: &str| {
            let pair = text.lines().filter_map(|line| line.split_once('=')).find(|(name, _)| name.trim() == wanted);
            pair.map(|(_, value)| value.trim().to_owned()).ok_or_else(|| anyhow!("expected a line {wanted} = ..., found none"))
        };
        Ok(Self { access_key: value("aws_access_key_id")?, secret_key: value("aws_secret_access_key")? })
    }

    /// All bytes of a POST of JSON, ready to send. `time` as in `20250131T120000Z`.
    pub fn signed_post(&self, host: &str, path: &str, service: &str, time: &str, body: &str) -> Result<Vec<u8>> {
        let headers = [("content-type", "application/json"), ("host", host), ("x-amz-date", time)];
        let authorization = self.authorization("POST", path, service, &headers, body)?;
        let mut request = format!("POST {path} HTTP/1.1\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("authorization: {authorization}\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
        Ok(request.into_bytes())
    }

    /// `headers` sorted by name, in small letters, `x-amz-date` among them; `path` already encoded, without a query.
    fn authorization(&self, method: &str, path: &str, service: &str, headers: &[(&str, &str)], body: &str) -> Result<String> {
        let time = headers.iter().find(|(name, _)| *name == "x-amz-date").map(|(_, value)| *value).context("x-amz-date is not there")?;
        let date = time.get(..8).context("x-amz-date is too short")?;
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical = format!("{method}\n{path}\n\n{lines}\n{names}\n{}", hex::encode(Sha256::digest(body)));
        let scope = format!("{date}/{REGION}/{service}/aws4_request");
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
        let mut key = format!("AWS4{}", self.secret_key).into_bytes();
        for part in [date, REGION, service, "aws4_request"] {
            key = keyed_hash(&key, part)?;
        }
        let signature = hex::encode(keyed_hash(&key, &to_sign)?);
        Ok(format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", self.access_key))
    }
}

fn keyed_hash(key: &[u8], text: &str) -> Result<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|error| anyhow!("making a key: {error}"))?;
    mac.update(text.as_bytes());
    Ok(mac.finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests;
