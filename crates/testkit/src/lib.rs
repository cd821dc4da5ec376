//! For tests only: a clock moved by hand, a whole installation in a temporary folder, real servers.
//!
//! Takes nothing, gives [`ManualClock`], [`Installation`] and [`servers`]. Must not know: any stage.

#![allow(clippy::expect_used, clippy::panic, reason = "a test whose installation cannot be made should end")]

pub mod servers;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use domain::{Clock, Timestamp};
use runs::{Breakpoints, Limits, Registry, Runs, Settings, Worker};
use store::{Artifacts, Buckets, Store};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Starts at `ms` since 1970.
    pub fn at(ms: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(ms)))
    }

    pub fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// Everything a stage needs, in a folder that goes away with the value.
pub struct Installation {
    pub folder: TempDir,
    pub store: Store,
    pub runs: Runs,
    pub buckets: Buckets,
    pub artifacts: Artifacts,
    stop: CancellationToken,
}

impl Installation {
    /// On the machine's clock; leases and polls are short.
    pub async fn new() -> Self {
        Self::with_clock(Arc::new(domain::SystemClock)).await
    }

    pub async fn with_clock(clock: Arc<dyn Clock>) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let store = Store::open(&folder.path().join("metadata.db"), clock).await.expect("a store");
        Self::with_store(folder, store)
    }

    /// Its metadata are in a schema of the server that has not been there before.
    pub async fn on_postgres(server: &servers::Postgres, schema: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let store = Store::open_postgres(&server.url("postgres"), schema, Arc::new(domain::SystemClock)).await.expect("a store");
        Self::with_store(folder, store)
    }

    fn with_store(folder: TempDir, store: Store) -> Self {
        let buckets = Buckets::open(&folder.path().join("buckets"), folder.path()).expect("buckets");
        let artifacts = Artifacts::open(&folder.path().join("artifacts")).expect("artifacts");
        Self { runs: Runs::new(store.clone()), store, buckets, artifacts, folder, stop: CancellationToken::new() }
    }

    /// Starts a worker with these executors; it ends with the installation, or as a killed process when it is aborted.
    pub fn work(&self, registry: Registry) -> JoinHandle<()> {
        let settings = Settings { poll_ms: 20, heartbeat_ms: 20, ..Settings::default() };
        let limits = Limits { job_memory_bytes: 256 << 20, spill_folder: self.folder.path().join("spill"), threads: 2 };
        let worker = Worker::new(self.runs.clone(), registry, settings, limits, Breakpoints::none());
        let stop = self.stop.clone();
        tokio::spawn(async move {
            worker.recover().await.expect("recovery");
            worker.work(stop).await;
        })
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
