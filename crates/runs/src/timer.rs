//! How the queue waits: for real, or as a simulation has it.

use std::fmt::Debug;
use std::pin::Pin;
use std::time::Duration;

/// What ends when the time has passed.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Waits. All waiting of the queue and its workers goes through one of these, so that a simulated year needs no year.
pub trait Timer: Send + Sync + Debug {
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// Real time.
#[derive(Debug)]
pub(crate) struct RealTime;

impl Timer for RealTime {
    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}
