//! One call as bytes: length of the body, CRC-32 of the body, body (JSON). Both numbers are little-endian, four bytes.

use domain::{Error, Result};
use flate2::Crc;

use crate::call::LoggedCall;

const HEAD_BYTES: usize = 8;

/// Longer bodies are no calls but garbage.
const MAX_BODY_BYTES: usize = 1 << 20;

pub(crate) fn append(call: &LoggedCall, out: &mut Vec<u8>) -> Result<()> {
    let body = serde_json::to_vec(call).map_err(|e| Error::internal("An event cannot be written.").source(e))?;
    if body.len() > MAX_BODY_BYTES {
        return Err(Error::invalid_input(format!("A call may have {MAX_BODY_BYTES} bytes; found {}.", body.len())));
    }
    out.extend_from_slice(&(body.len() as u32).to_le_bytes());
    out.extend_from_slice(&checksum(&body).to_le_bytes());
    out.extend_from_slice(&body);
    Ok(())
}

/// The whole and sound frames from the start of `bytes`, and where they end.
pub(crate) fn read(bytes: &[u8]) -> (Vec<LoggedCall>, usize) {
    let mut calls = Vec::new();
    let mut at = 0;
    while let Some((call, len)) = read_one(&bytes[at..]) {
        calls.push(call);
        at += len;
    }
    (calls, at)
}

fn read_one(bytes: &[u8]) -> Option<(LoggedCall, usize)> {
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let (len, expected) = (number(0)? as usize, number(4)?);
    if len > MAX_BODY_BYTES {
        return None;
    }
    let body = bytes.get(HEAD_BYTES..HEAD_BYTES + len)?;
    if checksum(body) != expected {
        return None;
    }
    Some((serde_json::from_slice(body).ok()?, HEAD_BYTES + len))
}

fn checksum(body: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(body);
    crc.sum()
}
