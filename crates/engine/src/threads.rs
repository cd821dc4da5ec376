//! Threads for queries alone, so that those which answer requests are never kept waiting by a long one.

use std::future::Future;

use domain::{Error, Result};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// A runtime that may be dropped anywhere.
pub(crate) struct Threads(Option<Runtime>);

impl Threads {
    pub fn start(count: usize) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(count.max(1)).thread_name("query").enable_all().build();
        runtime.map(|runtime| Self(Some(runtime))).map_err(|e| Error::internal("Threads for queries cannot be started.").source(e))
    }

    /// Does the work there; dropping the task given back aborts it.
    pub fn spawn<T: Send + 'static>(&self, work: impl Future<Output = Result<T>> + Send + 'static) -> Result<Task<T>> {
        let Some(runtime) = &self.0 else { return Err(Error::internal("The threads for queries are gone.")) };
        Ok(Task(runtime.spawn(work)))
    }

    /// Does the work there and waits for it; dropping the future given back aborts it.
    pub async fn run<T: Send + 'static>(&self, work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        self.spawn(work)?.outcome().await
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Work under way.
pub(crate) struct Task<T>(JoinHandle<Result<T>>);

impl<T> Task<T> {
    pub async fn outcome(&mut self) -> Result<T> {
        (&mut self.0).await.map_err(|e| Error::internal("The query ended before its time.").source(e))?
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
