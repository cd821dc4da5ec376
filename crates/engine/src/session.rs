//! One query's session: its memory, its spill folder, its SQL dialect.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use etl::Tally;

use crate::files::parquet;
use crate::functions;
use crate::pushdown::PushDown;
use crate::sql_types::Microseconds;

/// What a sort keeps back for merging what it has spilled; DataFusion's default, less where memory is scarce.
const MERGE_RESERVE_BYTES: usize = 10 << 20;
/// Rows that operators hand on at once, fewer where memory is scarce: a sort cannot spill less than a batch.
const BATCH_ROWS: usize = 8192;
const LEAST_BATCH_ROWS: usize = 256;
/// Memory for each row of a batch.
const BYTES_PER_BATCH_ROW: usize = 16 << 10;

/// What one query may use.
pub(crate) struct Means {
    /// Held to by all that can spill; what is on its way between operators comes on top.
    pub memory_bytes: usize,
    /// Gone with the session.
    pub spill_folder: PathBuf,
    pub threads: usize,
}

/// Names keep the case in which they are written, so that `AS USER_ID` gives a column `USER_ID`.
pub(crate) fn open(means: &Means) -> Result<(SessionContext, Arc<PeakPool>)> {
    let pool = Arc::new(PeakPool::new(means.memory_bytes));
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(vec![means.spill_folder.clone()]));
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool.clone()).with_disk_manager_builder(disk).build_arc()?;
    let batch_rows = (means.memory_bytes / BYTES_PER_BATCH_ROW).clamp(LEAST_BATCH_ROWS, BATCH_ROWS);
    let mut config =
        SessionConfig::new().with_batch_size(batch_rows).with_target_partitions(means.threads.max(1)).with_information_schema(false);
    let options = config.options_mut();
    options.sql_parser.enable_ident_normalization = false;
    // Sorting in parts leaves no memory for merging them: the sorts take all there is before the merge begins.
    options.optimizer.repartition_sorts = false;
    options.execution.sort_spill_reservation_bytes = MERGE_RESERVE_BYTES.min(means.memory_bytes / (4 * means.threads.max(1)));
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_default_features()
        .with_type_planner(Arc::new(Microseconds))
        .with_optimizer_rule(Arc::new(PushDown))
        .build();
    let context = SessionContext::new_with_state(state);
    functions::register(&context);
    Ok((context, pool))
}

/// A folder for spilled data that goes away with the value, and with the next run of the same name if the process died.
pub(crate) struct SpillFolder(PathBuf);

impl SpillFolder {
    pub fn create(folder: &Path) -> domain::Result<Self> {
        let unusable = |e| domain::Error::unavailable(format!("The spill folder {} cannot be used.", folder.display())).source(e);
        if folder.exists() {
            std::fs::remove_dir_all(folder).map_err(unusable)?;
        }
        std::fs::create_dir_all(folder).map_err(unusable)?;
        Ok(Self(folder.into()))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SpillFolder {
    fn drop(&mut self) {
        // What stays is removed by the run's next attempt, and holds nothing anybody needs.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A fair pool that remembers how much was held at most, and that lets exchanges between partitions pass.
///
/// In DataFusion 55.2 an exchange (RepartitionExec) that spills may wait for ever: its reader looks at the oldest of two open files
/// only (apache/datafusion issue 24883, mended after that release; met in our own tests). An exchange that is never refused
/// memory never spills. What it holds is on its way: it stops reading while every receiver has something to take.
#[derive(Debug)]
pub(crate) struct PeakPool {
    inner: FairSpillPool,
    peak: AtomicUsize,
}

impl PeakPool {
    fn new(bytes: usize) -> Self {
        Self { inner: FairSpillPool::new(bytes), peak: AtomicUsize::new(0) }
    }

    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    fn note(&self) {
        self.peak.fetch_max(self.inner.reserved(), Ordering::Relaxed);
    }
}

fn is_exchange(consumer: &MemoryConsumer) -> bool {
    consumer.name().starts_with("RepartitionExec")
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
        if !is_exchange(consumer) {
            self.inner.register(consumer);
        }
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        if !is_exchange(consumer) {
            self.inner.unregister(consumer);
        }
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        if !is_exchange(reservation.consumer()) {
            self.inner.grow(reservation, additional);
            self.note();
        }
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        if !is_exchange(reservation.consumer()) {
            self.inner.shrink(reservation, shrink);
        }
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        if !is_exchange(reservation.consumer()) {
            self.inner.try_grow(reservation, additional)?;
            self.note();
        }
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.inner.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.inner.memory_limit()
    }
}

/// What the operators of a finished plan counted.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Counts {
    pub spills: u64,
    pub spilled_bytes: u64,
}

/// Adds up what operators spilled, and gives the tally what came out of Parquet files.
pub(crate) fn counts(plan: &Arc<dyn ExecutionPlan>, tally: &Tally) -> Counts {
    let mut total = Counts::default();
    if let Some(metrics) = plan.metrics() {
        total.spills = metrics.spill_count().unwrap_or_default() as u64;
        total.spilled_bytes = metrics.spilled_bytes().unwrap_or_default() as u64;
        if let Some(table) = parquet::table_of(plan.as_ref()) {
            let meter = tally.table(&table);
            meter.add_rows(metrics.output_rows().unwrap_or_default() as u64);
            meter.add_bytes(metrics.sum_by_name("bytes_scanned").map_or(0, |bytes| bytes.as_usize() as u64));
        }
    }
    for child in plan.children() {
        let below = counts(child, tally);
        total.spills += below.spills;
        total.spilled_bytes += below.spilled_bytes;
    }
    total
}
