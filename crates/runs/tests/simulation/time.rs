//! Time that passes when the driver says so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use domain::{Clock, Timestamp};
use runs::{Sleep, Timer};
use tokio::sync::oneshot;

/// Any day will do.
const BEGINNING: i64 = 1_700_000_000_000;

#[derive(Debug, Default)]
pub struct VirtualTime {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    now_ms: i64,
    sleepers: BTreeMap<(i64, u64), oneshot::Sender<()>>,
    counter: u64,
}

impl VirtualTime {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub fn now_ms(&self) -> i64 {
        self.inner().now_ms
    }

    /// Grows with every sleep that begins: whether anybody has done anything.
    pub fn activity(&self) -> u64 {
        self.inner().counter
    }

    /// Goes to the moment at which the next sleeper wakes, and wakes it; no further than `limit`.
    pub fn advance(&self, limit: Option<i64>) {
        let mut inner = self.inner();
        loop {
            let next = inner.sleepers.first_key_value().map(|(key, _)| *key);
            if let Some(limit) = limit.filter(|limit| next.is_none_or(|(at, _)| *limit < at)) {
                inner.now_ms = inner.now_ms.max(limit);
                return;
            }
            let ((at, _), sleeper) = inner.sleepers.pop_first().expect("somebody who sleeps: else the history hangs");
            // One whose task has gone has nobody to wake.
            if sleeper.send(()).is_ok() {
                inner.now_ms = inner.now_ms.max(at);
                return;
            }
        }
    }
}

impl Timer for VirtualTime {
    fn sleep(&self, duration: Duration) -> Sleep {
        let (send, receive) = oneshot::channel();
        let mut inner = self.inner();
        inner.counter += 1;
        let key = (inner.now_ms + i64::try_from(duration.as_millis()).unwrap(), inner.counter);
        inner.sleepers.insert(key, send);
        Box::pin(async move {
            receive.await.unwrap();
        })
    }
}

/// A node's clock: right at first, then as far off as its jumps have taken it.
#[derive(Debug)]
pub struct JumpingClock {
    time: Arc<VirtualTime>,
    skew_ms: AtomicI64,
}

impl JumpingClock {
    pub fn new(time: Arc<VirtualTime>) -> Arc<Self> {
        Arc::new(Self { time, skew_ms: AtomicI64::new(0) })
    }

    pub fn jump(&self, ms: i64) {
        self.skew_ms.store(ms, Ordering::SeqCst);
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        Timestamp(BEGINNING + self.time.now_ms() + self.skew_ms.load(Ordering::SeqCst))
    }

    fn steady_ms(&self) -> i64 {
        self.time.now_ms()
    }
}
