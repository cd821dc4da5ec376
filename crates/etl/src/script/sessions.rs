//! By what right a script calls this server.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use domain::Result;
use runs::RunId;

/// Opens sessions; the composition root gives one where this process listens.
pub trait Sessions: Send + Sync {
    /// The run's way to this server, good for at most `lifetime`.
    fn open(&self, run: &RunId, lifetime: Duration) -> Result<Session>;
}

/// A script's endpoint and keys. Dropped, the keys are worth nothing.
pub struct Session {
    /// `AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID` and so on.
    pub environment: BTreeMap<String, String>,
    _keys: Box<dyn Send + Sync>,
}

impl Session {
    /// `keys` closes the session when it is dropped.
    pub fn new(environment: BTreeMap<String, String>, keys: impl Send + Sync + 'static) -> Self {
        Self { environment, _keys: Box::new(keys) }
    }
}

impl fmt::Debug for Session {
    /// Never shows a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.environment.keys()).finish()
    }
}
