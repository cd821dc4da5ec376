//! Connecting again while a server cannot be reached.

use std::time::Duration;

use domain::{ErrorKind, Result};

use crate::connection::Reach;
use crate::diagnosis::TLS_FAILED;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Tries once, and then as often as `CONNECT_RETRIES` says while the server is unavailable, after one second, two, four, at most 30.
/// What is refused (a password, a certificate) would be refused again and is not tried again.
pub(crate) async fn retried<T, W: Future<Output = Result<T>>>(reach: Reach, connect: impl Fn() -> W) -> Result<T> {
    let mut pause = FIRST_PAUSE;
    for _ in 0..reach.retries {
        match connect().await {
            Err(error) if error.kind == ErrorKind::Unavailable && error.code != Some(TLS_FAILED) => {
                tracing::debug!(%error, "no connection yet");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            outcome => return outcome,
        }
    }
    connect().await
}

#[cfg(test)]
mod tests;
