//! The engine as jobs see it.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use catalog::Catalog;
use datafusion::physical_plan::{displayable, execute_stream};
use datafusion::prelude::SessionContext;
use domain::{Error, Result};
use etl::{ColumnsRead, Engine, FileOutput, Means, Rows, SqlOutcome, SqlQuery};
use futures::{StreamExt, stream};
use runs::{Level, RunContext};
use tokio::sync::{mpsc, oneshot};

use crate::failure::ours;
use crate::lineage;
use crate::output::{self, Output, Written};
use crate::query::understand;
use crate::session::{self, Counts, PeakPool, SpillFolder};
use crate::threads::Threads;

/// Memory for planning a query that is not carried out.
const EXPLAIN_MEMORY_BYTES: usize = 64 << 20;

/// Batches computed ahead of whoever takes them.
const AHEAD: usize = 2;

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
        let query = SqlQuery { database: database.map(Into::into), ..SqlQuery::new(query) };
        let plan = understand(&self.catalog, &session, &query).await?.plan().await?;
        Ok(displayable(plan.as_ref()).indent(false).to_string())
    }

    /// What planning alone needs.
    fn little(&self) -> session::Means {
        session::Means { memory_bytes: EXPLAIN_MEMORY_BYTES, spill_folder: std::env::temp_dir(), threads: self.partitions }
    }

    /// A session within the means, and the folder that it spills to.
    fn session(&self, means: &Means) -> Result<(SessionContext, Arc<PeakPool>, SpillFolder)> {
        let spill = SpillFolder::create(&means.spill_folder)?;
        let means = session::Means { memory_bytes: means.memory_bytes, spill_folder: spill.path().into(), threads: self.partitions };
        let (session, pool) = session::open(&means).map_err(|e| ours(&e))?;
        Ok((session, pool, spill))
    }
}

#[async_trait]
impl Engine for DataFusionEngine {
    fn name(&self) -> &'static str {
        "embedded"
    }

    async fn write(&self, query: SqlQuery, output: FileOutput, context: &RunContext) -> Result<SqlOutcome> {
        let (session, pool, _spill) = self.session(&Means::of(context))?;
        let (store, folder) = self.catalog.sources().files(&output.folder, None)?;
        let output = Output { store, folder, spec: output, threads: self.partitions };
        let work = write(self.catalog.clone(), session, pool, query, output, context.clone());
        let outcome = tokio::select! {
            outcome = self.threads.run(work) => outcome?,
            () = context.cancel().cancelled() => return Err(Error::stopped()),
        };
        context.info(summary(&outcome));
        Ok(outcome)
    }

    async fn rows(&self, query: SqlQuery, means: Means) -> Result<Rows> {
        let (session, _, spill) = self.session(&means)?;
        let (catalog, cancel) = (self.catalog.clone(), means.cancel);
        let (sender, mut receiver) = mpsc::channel(AHEAD);
        let (describe, described) = oneshot::channel();
        let work = async move {
            let query = understand(&catalog, &session, &query).await?;
            let tally = query.tally.clone();
            let plan = query.plan().await?;
            let schema = plan.schema();
            let mut rows = execute_stream(plan.clone(), session.task_ctx()).map_err(|e| ours(&e))?;
            // Whoever dropped the receivers does not want to know.
            let _ = describe.send((schema, tally.clone()));
            while let Some(batch) = rows.next().await {
                if sender.send(batch.map_err(|e| ours(&e))?).await.is_err() {
                    break;
                }
            }
            session::counts(&plan, &tally);
            drop(spill);
            Ok(())
        };
        let mut task = self.threads.spawn(async move {
            tokio::select! {
                outcome = work => outcome,
                () = cancel.cancelled() => Err(Error::stopped()),
            }
        })?;
        match described.await {
            Ok((schema, tally)) => {
                let batches = stream::poll_fn(move |context| receiver.poll_recv(context)).map(Ok);
                let end =
                    stream::once(async move { task.outcome().await }).filter_map(|outcome| std::future::ready(outcome.err().map(Err)));
                Ok(Rows { schema, batches: batches.chain(end).boxed(), tally })
            }
            Err(_) => Err(task.outcome().await.err().unwrap_or_else(Error::stopped)),
        }
    }

    async fn columns(&self, query: &SqlQuery) -> Result<SchemaRef> {
        let (session, _) = session::open(&self.little()).map_err(|e| ours(&e))?;
        let (frame, _) = lineage::without_rows(&self.catalog, &session, query).await?;
        // Types are brought together when the plan is made.
        Ok(frame.into_optimized_plan().map_err(|e| ours(&e))?.schema().inner().clone())
    }

    async fn columns_read(&self, query: &SqlQuery) -> Result<Vec<ColumnsRead>> {
        let (session, _) = session::open(&self.little()).map_err(|e| ours(&e))?;
        lineage::columns_read(&self.catalog, &session, query).await
    }
}

async fn write(
    catalog: Catalog,
    session: SessionContext,
    pool: Arc<PeakPool>,
    query: SqlQuery,
    output: Output,
    context: RunContext,
) -> Result<SqlOutcome> {
    let query = understand(&catalog, &session, &query).await?;
    output::check(query.schema(), &output.spec)?;
    let (tally, problems) = (query.tally.clone(), query.problems.clone());
    let plan = output::sorted(query.plan().await?, &output.spec.partition_keys)?;
    let rows = execute_stream(plan.clone(), session.task_ctx()).map_err(|e| ours(&e))?;
    let written = output::write(rows, &output, &|rows| context.progress(rows, 0, "rows")).await;
    for problem in problems.sentences() {
        context.log(Level::Warn, problem);
    }
    let Written { rows: rows_written, bytes: bytes_written, files } = written?;
    let Counts { spills, spilled_bytes } = session::counts(&plan, &tally);
    Ok(SqlOutcome { rows_written, bytes_written, files, read: tally.read(), peak_memory_bytes: pool.peak() as u64, spills, spilled_bytes })
}

fn summary(outcome: &SqlOutcome) -> String {
    let tables: Vec<&str> = outcome.read.iter().map(|read| read.table.as_str()).collect();
    let mut text = format!(
        "Read {} rows of {}, wrote {}; at most {} KiB of memory were held",
        outcome.rows_read(),
        if tables.is_empty() { "no table".into() } else { tables.join(", ") },
        outcome.rows_written,
        outcome.peak_memory_bytes >> 10
    );
    if outcome.spills > 0 {
        text.push_str(&format!(", {} KiB went to disk in {} spills", outcome.spilled_bytes >> 10, outcome.spills));
    }
    text.push('.');
    text
}
