//! The memory of one query, shared among its operators.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};

/// A fair pool that remembers how much was held at most, lets exchanges between partitions pass, and in a frugal query keeps a part for the
/// merges of sorts.
///
/// In DataFusion 55.2 an exchange (RepartitionExec) that spills may wait for ever: its reader looks at the oldest of two open files
/// only (apache/datafusion issue 24883, mended after that release; met in our own tests). An exchange that is never refused
/// memory never spills. What it holds is on its way: it stops reading while every receiver has something to take.
#[derive(Debug)]
pub(crate) struct PeakPool {
    inner: FairSpillPool,
    merges: Option<Merges>,
    peak: AtomicUsize,
}

/// What the merges of sorts share, the same for each. A merge takes what it can get and keeps it until its last row has left; with
/// another sort above or beside it, that sort would find nothing left to begin with.
#[derive(Debug)]
struct Merges {
    bytes: usize,
    count: AtomicUsize,
    held: AtomicUsize,
}

/// Whose a piece of memory is.
enum Part<'a> {
    Exchange,
    Merge(&'a Merges),
    Other,
}

impl PeakPool {
    /// Two thirds of a frugal query's memory are for merges: one of batches in memory holds copies of all that its sort may hold, and
    /// keys besides.
    pub fn new(bytes: usize, frugal: bool) -> Self {
        let merges = frugal.then(|| Merges { bytes: bytes / 3 * 2, count: AtomicUsize::new(0), held: AtomicUsize::new(0) });
        let others = bytes - merges.as_ref().map_or(0, |merges| merges.bytes);
        Self { inner: FairSpillPool::new(others), merges, peak: AtomicUsize::new(0) }
    }

    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    fn part(&self, consumer: &MemoryConsumer) -> Part<'_> {
        match &self.merges {
            _ if consumer.name().starts_with("RepartitionExec") => Part::Exchange,
            Some(merges) if consumer.name().starts_with("ExternalSorterMerge") => Part::Merge(merges),
            _ => Part::Other,
        }
    }

    fn note(&self) {
        self.peak.fetch_max(self.reserved(), Ordering::Relaxed);
    }
}

impl fmt::Display for PeakPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl MemoryPool for PeakPool {
    fn name(&self) -> &str {
        "peak"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        match self.part(consumer) {
            Part::Exchange => {}
            Part::Merge(merges) => {
                merges.count.fetch_add(1, Ordering::Relaxed);
            }
            Part::Other => self.inner.register(consumer),
        }
    }

    /// A merge that is over leaves its share to nobody: what others hold was measured by the number of all.
    fn unregister(&self, consumer: &MemoryConsumer) {
        if let Part::Other = self.part(consumer) {
            self.inner.unregister(consumer);
        }
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        match self.part(reservation.consumer()) {
            Part::Exchange => return,
            Part::Merge(merges) => {
                merges.held.fetch_add(additional, Ordering::Relaxed);
            }
            Part::Other => self.inner.grow(reservation, additional),
        }
        self.note();
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        match self.part(reservation.consumer()) {
            Part::Exchange => {}
            Part::Merge(merges) => {
                merges.held.fetch_sub(shrink, Ordering::Relaxed);
            }
            Part::Other => self.inner.shrink(reservation, shrink),
        }
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        match self.part(reservation.consumer()) {
            Part::Exchange => return Ok(()),
            Part::Merge(merges) => {
                let share = merges.bytes / merges.count.load(Ordering::Relaxed).max(1);
                let (name, held) = (reservation.consumer().name(), reservation.size());
                if held + additional > share {
                    return Err(DataFusionError::ResourcesExhausted(format!(
                        "{name} holds {held} bytes and asks for {additional} more; its share is {share}"
                    )));
                }
                merges.held.fetch_add(additional, Ordering::Relaxed);
            }
            Part::Other => self.inner.try_grow(reservation, additional)?,
        }
        self.note();
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.inner.reserved() + self.merges.as_ref().map_or(0, |merges| merges.held.load(Ordering::Relaxed))
    }

    fn memory_limit(&self) -> MemoryLimit {
        match self.inner.memory_limit() {
            MemoryLimit::Finite(others) => MemoryLimit::Finite(others + self.merges.as_ref().map_or(0, |merges| merges.bytes)),
            other => other,
        }
    }
}
