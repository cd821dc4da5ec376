//! One query's session: its memory, its spill folder, its SQL dialect.
//!
//! A query is tried `Pace::Quick` first, with hash joins on all cores. What that needs cannot all be put on disk; so a query that runs out
//! of memory begins anew as `Pace::Frugal`: one partition, small batches, joins that sort both sides (`joins.rs`), and a part of
//! the memory that only the merges of sorts may take.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use etl::Tally;

use crate::files::parquet;
use crate::functions;
use crate::joins::SortedJoins;
use crate::pool::PeakPool;
use crate::pushdown::PushDown;
use crate::sql_types::Microseconds;

/// What a sort keeps back for merging what it has spilled; DataFusion's default, less where memory is scarce.
const MERGE_RESERVE_BYTES: usize = 10 << 20;
/// Rows that operators hand on at once, fewer where memory is scarce: a sort cannot spill less than a batch.
const BATCH_ROWS: usize = 8192;
const LEAST_BATCH_ROWS: usize = 256;
/// Memory for each row of a batch.
const BYTES_PER_BATCH_ROW: usize = 16 << 10;
/// The same of a frugal query: a merge reads a batch of every spilled file at once.
const LEAST_FRUGAL_ROWS: usize = 16;
const BYTES_PER_FRUGAL_ROW: usize = 512 << 10;

/// What one query may use.
#[derive(Debug, Clone)]
pub(crate) struct Means {
    /// Held to by all that can spill; what is on its way between operators comes on top.
    pub memory_bytes: usize,
    /// Gone with the session.
    pub spill_folder: PathBuf,
    pub threads: usize,
    pub pace: Pace,
}

/// How a query is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    Quick,
    /// Slower, within little memory.
    Frugal,
}

/// Names keep the case in which they are written, so that `AS USER_ID` gives a column `USER_ID`.
pub(crate) fn open(means: &Means) -> Result<(SessionContext, Arc<PeakPool>)> {
    let frugal = means.pace == Pace::Frugal;
    let pool = Arc::new(PeakPool::new(means.memory_bytes, frugal));
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(vec![means.spill_folder.clone()]));
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool.clone()).with_disk_manager_builder(disk).build_arc()?;
    let threads = if frugal { 1 } else { means.threads.max(1) };
    let batch_rows = if frugal {
        (means.memory_bytes / BYTES_PER_FRUGAL_ROW).clamp(LEAST_FRUGAL_ROWS, BATCH_ROWS)
    } else {
        (means.memory_bytes / BYTES_PER_BATCH_ROW).clamp(LEAST_BATCH_ROWS, BATCH_ROWS)
    };
    let mut config = SessionConfig::new().with_batch_size(batch_rows).with_target_partitions(threads).with_information_schema(false);
    let options = config.options_mut();
    options.sql_parser.enable_ident_normalization = false;
    // Sorting in parts leaves no memory for merging them: the sorts take all there is before the merge begins.
    options.optimizer.repartition_sorts = false;
    // A frugal sort has its part of the pool for that.
    let reserve = if frugal { 0 } else { MERGE_RESERVE_BYTES.min(means.memory_bytes / (4 * threads)) };
    options.execution.sort_spill_reservation_bytes = reserve;
    if frugal {
        // Each piece of what is sorted in one place would count with all the texts that it is a view of.
        options.execution.sort_in_place_threshold_bytes = 0;
    }
    let mut state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_default_features()
        .with_type_planner(Arc::new(Microseconds))
        .with_optimizer_rule(Arc::new(PushDown));
    if frugal {
        // First of all, so that the sorts which the joins ask for are planned with the others.
        let mut rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> = vec![Arc::new(SortedJoins)];
        rules.extend(PhysicalOptimizer::new().rules);
        state = state.with_physical_optimizer_rules(rules);
    }
    let state = state.build();
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
}

impl Drop for SpillFolder {
    fn drop(&mut self) {
        // What stays is removed by the run's next attempt, and holds nothing anybody needs.
        let _ = std::fs::remove_dir_all(&self.0);
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
