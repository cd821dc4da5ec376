//! The first rows of a table made of files, for whoever looks into it.

use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use catalog::profile::Rows;
use catalog::{Catalog, Table};
use datafusion::physical_plan::ExecutionPlanProperties;
use domain::Result;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use crate::failure::ours;
use crate::query::Opening;
use crate::session::{self, Means, Pace};

/// Memory for reading a sample.
const SAMPLE_MEMORY_BYTES: usize = 64 << 20;

/// Reads samples; clone it freely.
#[derive(Debug, Clone)]
pub struct FileRows {
    catalog: Catalog,
}

impl FileRows {
    pub fn new(catalog: Catalog) -> Self {
        Self { catalog }
    }
}

#[async_trait]
impl Rows for FileRows {
    async fn sample(&self, table: &Table, rows: usize) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let means = Means { memory_bytes: SAMPLE_MEMORY_BYTES, spill_folder: std::env::temp_dir(), threads: 1, pace: Pace::Quick };
        let (session, _) = session::open(&means).map_err(|e| ours(&e))?;
        let provider = Opening::new(&self.catalog, &[]).open(table, None).await?;
        let state = session.state();
        let plan = provider.scan(&state, None, &[], Some(rows)).await.map_err(|e| ours(&e))?;
        // One part after the other: a table may have ten thousand files.
        let (parts, context) = (plan.output_partitioning().partition_count(), session.task_ctx());
        let batches = stream::iter(0..parts).map(move |part| plan.execute(part, Arc::clone(&context)));
        Ok(batches.try_flatten().map(|batch| batch.map_err(|e| ours(&e))).boxed())
    }
}
