//! The engine as jobs see it.

use std::sync::Arc;

use async_trait::async_trait;
use catalog::{Catalog, Table};
use datafusion::physical_plan::{displayable, execute_stream};
use datafusion::prelude::SessionContext;
use domain::{Error, Result};
use etl::{ColumnsRead, Engine, SqlOutcome, SqlRequest};
use runs::{Level, RunContext};

use crate::failure::ours;
use crate::lineage;
use crate::output::{self, Output};
use crate::query::understand;
use crate::session::{self, Counts, Means, PeakPool, SpillFolder};
use crate::threads::Threads;

/// Memory for planning a query that is not carried out.
const EXPLAIN_MEMORY_BYTES: usize = 64 << 20;

/// DataFusion in this process, over the tables of the catalogue.
pub struct DataFusionEngine {
    catalog: Catalog,
    threads: Threads,
    partitions: usize,
}

impl DataFusionEngine {
    /// `threads` for queries alone; as many pieces of one query are worked on at once.
    pub fn new(catalog: Catalog, threads: usize) -> Result<Self> {
        Ok(Self { catalog, threads: Threads::start(threads)?, partitions: threads.max(1) })
    }

    /// The plan of a query as EXPLAIN shows it, without carrying it out.
    ///
    /// # Errors
    /// As for running it.
    pub async fn explain(&self, query: &str, database: Option<&str>) -> Result<String> {
        let (session, _) = session::open(&self.little()).map_err(|e| ours(&e))?;
        let plan = understand(&self.catalog, &session, query, database).await?.plan().await?;
        Ok(displayable(plan.as_ref()).indent(false).to_string())
    }

    /// What planning alone needs.
    fn little(&self) -> Means {
        Means { memory_bytes: EXPLAIN_MEMORY_BYTES, spill_folder: std::env::temp_dir(), threads: self.partitions }
    }

    fn output(&self, request: &SqlRequest) -> Result<Output> {
        let (store, path) = self.catalog.sources().files(&request.output, None)?;
        Ok(Output { store, path, format: request.format, compression: request.compression })
    }
}

#[async_trait]
impl Engine for DataFusionEngine {
    async fn run_sql(&self, request: SqlRequest, context: &RunContext) -> Result<SqlOutcome> {
        let limits = context.limits();
        let spill = SpillFolder::create(&limits.spill_folder, &context.id().0)?;
        let means = Means { memory_bytes: limits.job_memory_bytes, spill_folder: spill.path().into(), threads: self.partitions };
        let (session, pool) = session::open(&means).map_err(|e| ours(&e))?;
        let output = self.output(&request)?;
        let work = carry_out(self.catalog.clone(), session, pool, request, output, context.clone());
        let outcome = tokio::select! {
            outcome = self.threads.run(work) => outcome?,
            () = context.cancel().cancelled() => return Err(Error::stopped()),
        };
        context.info(summary(&outcome));
        Ok(outcome)
    }

    async fn columns_read(&self, query: &str, database: Option<&str>, instead: &[Table]) -> Result<Vec<ColumnsRead>> {
        let (session, _) = session::open(&self.little()).map_err(|e| ours(&e))?;
        lineage::columns_read(&self.catalog, &session, query, database, instead).await
    }
}

async fn carry_out(
    catalog: Catalog,
    session: SessionContext,
    pool: Arc<PeakPool>,
    request: SqlRequest,
    output: Output,
    context: RunContext,
) -> Result<SqlOutcome> {
    let query = understand(&catalog, &session, &request.query, request.database.as_deref()).await?;
    output::check(query.schema(), &request)?;
    let (tables, meter, problems) = (query.tables.clone(), query.meter.clone(), query.problems.clone());
    let plan = query.plan().await?;
    let rows = execute_stream(plan.clone(), session.task_ctx()).map_err(|e| ours(&e))?;
    let written = output::write(rows, &output, &|rows| context.progress(rows, 0, "rows")).await;
    for problem in problems.sentences() {
        context.log(Level::Warn, problem);
    }
    let (rows_written, bytes_written) = written?;
    let Counts { spills, spilled_bytes, file_rows } = session::counts(&plan);
    Ok(SqlOutcome {
        rows_written,
        bytes_written,
        rows_read: meter.rows() + file_rows,
        tables,
        peak_memory_bytes: pool.peak() as u64,
        spills,
        spilled_bytes,
    })
}

fn summary(outcome: &SqlOutcome) -> String {
    let mut text = format!(
        "Read {} rows of {}, wrote {}; at most {} KiB of memory were held",
        outcome.rows_read,
        if outcome.tables.is_empty() { "no table".into() } else { outcome.tables.join(", ") },
        outcome.rows_written,
        outcome.peak_memory_bytes >> 10
    );
    if outcome.spills > 0 {
        text.push_str(&format!(", {} KiB went to disk in {} spills", outcome.spilled_bytes >> 10, outcome.spills));
    }
    text.push('.');
    text
}
