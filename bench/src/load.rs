//! Asking as fast as the answers come, with a fixed number of clients, and what that took.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::client::Connection;

/// Before measuring: connections open, caches warm.
const WARM_UP: Duration = Duration::from_secs(1);

/// What one number of clients measured. Latencies in microseconds, from the first byte sent to the last received.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    pub answers: usize,
    pub failed: usize,
    pub per_second: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub max_us: f64,
}

impl Figures {
    pub fn json(&self) -> Value {
        json!({
            "answers": self.answers,
            "failed": self.failed,
            "perSecond": self.per_second,
            "p50Ms": self.p50_us / 1000.0,
            "p99Ms": self.p99_us / 1000.0,
            "maxMs": self.max_us / 1000.0,
        })
    }

    fn of(mut latencies: Vec<Duration>, failed: usize, wall: Duration) -> Self {
        latencies.sort_unstable();
        Self {
            answers: latencies.len(),
            failed,
            per_second: latencies.len() as f64 / wall.as_secs_f64(),
            p50_us: percentile(&latencies, 50.0),
            p99_us: percentile(&latencies, 99.0),
            max_us: percentile(&latencies, 100.0),
        }
    }
}

/// Nearest rank, in microseconds; `latencies` sorted; NaN when there are none.
fn percentile(latencies: &[Duration], percent: f64) -> f64 {
    let rank = (percent / 100.0 * latencies.len() as f64).ceil() as usize;
    latencies.get(rank.saturating_sub(1)).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e6)
}

/// Closed loop: each client asks again as soon as it is answered. An answer other than 200 counts as failed, not as fast.
pub async fn measure(endpoint: &str, requests: &[Vec<u8>], clients: usize, seconds: Duration) -> Result<Figures> {
    let requests: Arc<[Vec<u8>]> = requests.into();
    let started = now();
    let (from, until) = (started + WARM_UP, started + WARM_UP + seconds);
    let mut tasks = Vec::new();
    for client in 0..clients {
        let first = client * requests.len() / clients;
        tasks.push(tokio::spawn(one_client(endpoint.to_owned(), Arc::clone(&requests), first, from, until)));
    }
    let mut latencies = Vec::new();
    let mut failed = 0;
    for task in tasks {
        let (mine, mine_failed) = task.await.context("a client stopped")??;
        latencies.extend(mine);
        failed += mine_failed;
    }
    Ok(Figures::of(latencies, failed, seconds))
}

async fn one_client(
    endpoint: String,
    requests: Arc<[Vec<u8>]>,
    first: usize,
    from: Instant,
    until: Instant,
) -> Result<(Vec<Duration>, usize)> {
    let mut connection = Connection::open(&endpoint).await?;
    let (mut latencies, mut failed) = (Vec::new(), 0);
    for request in requests.iter().cycle().skip(first) {
        let asked = now();
        if asked >= until {
            break;
        }
        let answer = connection.ask(request).await?;
        let latency = now().duration_since(asked);
        match answer.status {
            _ if asked < from => {}
            200 => latencies.push(latency),
            _ => failed += 1,
        }
    }
    Ok((latencies, failed))
}

#[allow(clippy::disallowed_methods, reason = "measuring time is what this program does")]
fn now() -> Instant {
    Instant::now()
}

/// Now, as signatures write it: `20250131T120000Z`.
#[allow(clippy::disallowed_methods, reason = "a signature carries the time")]
pub fn amz_time() -> String {
    chrono::Utc::now().format("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests;
