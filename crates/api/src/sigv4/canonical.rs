//! The texts that a signature is over, as AWS's Signature Version 4 lays them down.

use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// RFC 3986's unreserved characters stay, all others are encoded.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// The query parameter that carries the signature of a presigned request; it is not part of what is signed.
const SIGNATURE: &str = "X-Amz-Signature";

/// Method, path, query, headers, their names, payload hash: one a line. `signed` is sorted, in lower case.
pub(super) fn request(parts: &Parts, signed: &[&str], payload: &str) -> String {
    let mut text = String::with_capacity(512);
    text.push_str(parts.method.as_str());
    text.push('\n');
    // All services but S3 encode the path once more, as it was sent.
    text.extend(utf8_percent_encode(parts.uri.path(), PATH));
    text.push('\n');
    query(parts.uri.query().unwrap_or(""), &mut text);
    text.push('\n');
    for name in signed {
        text.push_str(name);
        text.push(':');
        header(parts, name, &mut text);
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&signed.join(";"));
    text.push('\n');
    text.push_str(payload);
    text
}

/// Parameters in the order of their encoded names, then values.
fn query(raw: &str, text: &mut String) {
    if raw.is_empty() {
        return;
    }
    let encode = |part: &str| utf8_percent_encode(&percent_decode_str(part).decode_utf8_lossy(), UNRESERVED).to_string();
    let mut pairs: Vec<(String, String)> = raw
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(|(name, _)| *name != SIGNATURE)
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    pairs.sort();
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
}

/// All values of a header, joined by commas, spaces trimmed and runs of them as one.
fn header(parts: &Parts, name: &str, text: &mut String) {
    for (index, value) in parts.headers.get_all(name).iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        let value = String::from_utf8_lossy(value.as_bytes());
        for (index, word) in value.split_ascii_whitespace().enumerate() {
            if index > 0 {
                text.push(' ');
            }
            text.push_str(word);
        }
    }
}
