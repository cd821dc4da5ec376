//! Every key that requests may be signed with: the installation's own, and those of sessions.

use domain::Result;
use http::{HeaderMap, Uri};
use percent_encoding::percent_decode_str;

use crate::Credentials;
use crate::sessions::SessionKeys;
use crate::sigv4::Refusal;

const TOKEN_HEADER: &str = "x-amz-security-token";
const TOKEN_PARAMETER: &str = "X-Amz-Security-Token";

#[derive(Debug, Clone)]
pub(crate) struct Keyring {
    pub credentials: Credentials,
    pub sessions: SessionKeys,
}

impl Keyring {
    /// The secret of a key that is good now.
    pub fn secret(&self, access_key: &str) -> Result<String, Refusal> {
        if access_key == self.credentials.access_key() {
            return Ok(self.credentials.secret().to_owned());
        }
        let key = self.sessions.find(access_key).ok_or(Refusal::UnknownKey)?;
        if self.sessions.is_expired(&key) { Err(Refusal::ExpiredToken) } else { Ok(key.secret) }
    }

    /// A session's key comes with the session's token, the installation's own comes with none.
    pub fn check_token(&self, access_key: &str, headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
        let found = token(headers, uri);
        let expected = self.sessions.find(access_key).map(|key| key.token);
        if found == expected { Ok(()) } else { Err(Refusal::ForeignToken) }
    }

    /// Whether the key is a session's.
    pub fn is_temporary(&self, access_key: &str) -> bool {
        self.sessions.find(access_key).is_some()
    }
}

/// In a header, or in the query of a presigned request.
fn token(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    if let Some(value) = headers.get(TOKEN_HEADER) {
        return Some(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    let mut pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == TOKEN_PARAMETER)?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}
