//! Temporary keys, as STS gives them: an access key `ASIA…`, a secret and a token that goes with every request.
//!
//! They are kept in memory: what they are for (a script's run, a client's hour) ends with the process, or asks again.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use domain::{Clock, Error, ErrorKind, Result, Timestamp};

const MAX_SESSIONS: usize = 10_000;
/// So long it is remembered that a key is expired, rather than unknown.
const REMEMBERED_MS: i64 = 3_600_000;
const ACCESS_KEY_CHARS: usize = 16;
const SECRET_CHARS: usize = 40;
const TOKEN_CHARS: usize = 160;

/// What a client needs to sign with for a while.
#[derive(Clone)]
pub struct TemporaryKey {
    pub access_key: String,
    pub secret: String,
    pub token: String,
    pub expires: Timestamp,
}

impl fmt::Debug for TemporaryKey {
    /// Never shows the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemporaryKey").field("access_key", &self.access_key).field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// The sessions of this process; clone it freely.
#[derive(Debug, Clone)]
pub struct SessionKeys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Arc<dyn Clock>,
    draw: fn(usize) -> String,
    open: RwLock<HashMap<String, TemporaryKey>>,
}

impl SessionKeys {
    /// `draw` gives so many letters and digits that nobody can foretell.
    pub fn new(clock: Arc<dyn Clock>, draw: fn(usize) -> String) -> Self {
        Self(Arc::new(Inner { clock, draw, open: RwLock::default() }))
    }

    /// # Errors
    /// `LimitExceeded`
    pub fn open(&self, seconds: u64) -> Result<TemporaryKey> {
        let now = self.0.clock.now();
        let lifetime_ms = i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX / 2);
        let draw = self.0.draw;
        let key = TemporaryKey {
            access_key: format!("ASIA{}", draw(ACCESS_KEY_CHARS).to_ascii_uppercase()),
            secret: draw(SECRET_CHARS),
            token: draw(TOKEN_CHARS),
            expires: now.plus_ms(lifetime_ms),
        };
        let mut open = self.0.open.write().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, key| now.since_ms(key.expires) < REMEMBERED_MS);
        if open.len() >= MAX_SESSIONS {
            let message = format!("At most {MAX_SESSIONS} sessions are open at once; as many are.");
            return Err(Error::new(ErrorKind::LimitExceeded, message));
        }
        open.insert(key.access_key.clone(), key.clone());
        Ok(key)
    }

    /// From now on the key is unknown.
    pub fn close(&self, access_key: &str) {
        self.0.open.write().unwrap_or_else(PoisonError::into_inner).remove(access_key);
    }

    pub(crate) fn find(&self, access_key: &str) -> Option<TemporaryKey> {
        self.0.open.read().unwrap_or_else(PoisonError::into_inner).get(access_key).cloned()
    }

    pub(crate) fn is_expired(&self, key: &TemporaryKey) -> bool {
        self.0.clock.now() >= key.expires
    }
}
