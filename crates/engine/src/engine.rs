//! The engine as jobs see it.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use catalog::Catalog;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::{displayable, execute_stream};
use datafusion::prelude::SessionContext;
use domain::{Error, Result};
use etl::{BEGINS_ANEW, ColumnsRead, Engine, FileOutput, Finish, MEMORY_EXCEEDED, Means, Rows, SqlOutcome, SqlQuery, Tally};
use futures::{StreamExt, stream};
use runs::{Level, RunContext};
use tokio::sync::{mpsc, oneshot};

use crate::failure::ours;
use crate::lineage;
use crate::output::{self, Output, Written};
use crate::pool::PeakPool;
use crate::query::understand;
use crate::session::{self, Counts, Pace, SpillFolder};
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
        let plan = understand(&self.catalog, &session, &query, &Tally::default()).await?.plan().await?;
        Ok(displayable(plan.as_ref()).indent(false).to_string())
    }

    /// What planning alone needs.
    fn little(&self) -> session::Means {
        let spill_folder = std::env::temp_dir();
        session::Means { memory_bytes: EXPLAIN_MEMORY_BYTES, spill_folder, threads: self.partitions, pace: Pace::Quick }
    }

    /// One attempt to write the files.
    async fn written(&self, query: SqlQuery, output: Arc<Output>, means: session::Means, context: &RunContext) -> Result<SqlOutcome> {
        let work = write(self.catalog.clone(), means, query, output, context.clone());
        tokio::select! {
            outcome = self.threads.run(work) => outcome,
            () = context.cancel().cancelled() => Err(Error::stopped()),
        }
    }
}

#[async_trait]
impl Engine for DataFusionEngine {
    fn name(&self) -> &'static str {
        "embedded"
    }

    async fn write(&self, query: SqlQuery, output: FileOutput, context: &RunContext) -> Result<SqlOutcome> {
        let Means { memory_bytes, spill_folder, .. } = Means::of(context);
        let (store, folder) = self.catalog.sources().files(&output.folder, None)?;
        let kept_bytes = output::kept_back(&output, memory_bytes);
        let output = Arc::new(Output { store, folder, spec: output, threads: self.partitions, kept_bytes });
        let mut means =
            session::Means { memory_bytes: memory_bytes - kept_bytes, spill_folder, threads: self.partitions, pace: Pace::Quick };
        let mut outcome = self.written(query.clone(), output.clone(), means.clone(), context).await;
        if outcome.as_ref().is_err_and(is_over_memory) {
            context.info(BEGINS_ANEW);
            output.clear().await?;
            means.pace = Pace::Frugal;
            outcome = self.written(query, output, means, context).await;
        }
        let outcome = outcome?;
        context.info(summary(&outcome));
        Ok(outcome)
    }

    async fn rows(&self, query: SqlQuery, means: Means) -> Result<Rows> {
        let Means { memory_bytes, spill_folder, cancel, frugal } = means;
        let pace = if frugal { Pace::Frugal } else { Pace::Quick };
        let means = session::Means { memory_bytes, spill_folder, threads: self.partitions, pace };
        let (sender, mut receiver) = mpsc::channel(AHEAD);
        let (describe, described) = oneshot::channel();
        let tally = Tally::default();
        let giving =
            Giving { catalog: self.catalog.clone(), query, means, tally: tally.clone(), describe: Some(describe), sender, given: 0 };
        let mut task = self.threads.spawn(async move {
            tokio::select! {
                outcome = giving.give() => outcome,
                () = cancel.cancelled() => Err(Error::stopped()),
            }
        })?;
        match described.await {
            Ok(schema) => {
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

async fn write(catalog: Catalog, means: session::Means, query: SqlQuery, output: Arc<Output>, context: RunContext) -> Result<SqlOutcome> {
    let Session { session, pool, spill: _spill } = Session::open(&means)?;
    let tally = Tally::default();
    let query = understand(&catalog, &session, &query, &tally).await?;
    output::check(query.schema(), &output.spec)?;
    let problems = query.problems.clone();
    let plan = output::sorted(query.plan().await?, &output.spec.partition_keys)?;
    let rows = execute_stream(plan.clone(), session.task_ctx()).map_err(|e| ours(&e))?;
    let written = output::write(rows, &output, &|rows| context.progress(rows, 0, "rows")).await;
    if !(means.pace == Pace::Quick && written.as_ref().is_err_and(is_over_memory)) {
        for problem in problems.sentences() {
            context.log(Level::Warn, problem);
        }
    }
    let Written { rows: rows_written, bytes: bytes_written, files, held } = written?;
    let Counts { spills, spilled_bytes } = session::counts(&plan, &tally);
    let peak_memory_bytes = (pool.peak() + held) as u64;
    Ok(SqlOutcome { rows_written, bytes_written, files, read: tally.read(), peak_memory_bytes, spills, spilled_bytes })
}

/// A session within its means, and the folder that it spills to.
struct Session {
    session: SessionContext,
    pool: Arc<PeakPool>,
    spill: SpillFolder,
}

impl Session {
    fn open(means: &session::Means) -> Result<Self> {
        let spill = SpillFolder::create(&means.spill_folder)?;
        let (session, pool) = session::open(means).map_err(|e| ours(&e))?;
        Ok(Self { session, pool, spill })
    }
}

/// Rows on their way to whoever asked for them.
struct Giving {
    catalog: Catalog,
    query: SqlQuery,
    means: session::Means,
    tally: Tally,
    /// Hears of the columns, once they are known.
    describe: Option<oneshot::Sender<SchemaRef>>,
    sender: mpsc::Sender<RecordBatch>,
    given: u64,
}

impl Giving {
    /// Begins anew where the memory is too little and nobody has seen a row yet. Whoever can throw away what it has seen asks again.
    async fn give(mut self) -> Result<()> {
        match self.attempt().await {
            Err(error) if self.given == 0 && self.means.pace == Pace::Quick && is_over_memory(&error) => {
                self.tally.clear();
                self.means.pace = Pace::Frugal;
                self.attempt().await
            }
            outcome => outcome,
        }
    }

    async fn attempt(&mut self) -> Result<()> {
        let Session { session, pool, spill: _spill } = Session::open(&self.means)?;
        let query = understand(&self.catalog, &session, &self.query, &self.tally).await?;
        let problems = query.problems.clone();
        let plan = query.plan().await?;
        let rows = execute_stream(plan.clone(), session.task_ctx()).map_err(|e| ours(&e))?;
        if let Some(describe) = self.describe.take() {
            // Whoever dropped the receivers does not want to know.
            let _ = describe.send(plan.schema());
        }
        let outcome = self.send(rows).await;
        let Counts { spills, spilled_bytes } = session::counts(&plan, &self.tally);
        let (peak_memory_bytes, problems) = (pool.peak() as u64, problems.sentences());
        self.tally.finish(Finish { peak_memory_bytes, spills, spilled_bytes, problems });
        outcome
    }

    async fn send(&mut self, mut rows: SendableRecordBatchStream) -> Result<()> {
        while let Some(batch) = rows.next().await {
            if self.sender.send(batch.map_err(|e| ours(&e))?).await.is_err() {
                break;
            }
            self.given += 1;
        }
        Ok(())
    }
}

fn is_over_memory(error: &Error) -> bool {
    error.code == Some(MEMORY_EXCEEDED)
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
