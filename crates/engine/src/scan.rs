//! The one leaf that plans of ours have: something that opens streams of batches.

use std::fmt;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use etl::Meter;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

/// What a partition gives.
pub(crate) type Rows = BoxStream<'static, Result<RecordBatch, DataFusionError>>;

/// Opens the partition with this number.
pub(crate) type Open = Arc<dyn Fn(usize) -> Rows + Send + Sync>;

/// Reads something; `label` is what EXPLAIN shows of it.
pub(crate) struct ScanExec {
    label: String,
    open: Open,
    meter: Meter,
    properties: Arc<PlanProperties>,
}

impl ScanExec {
    pub fn new(label: String, schema: SchemaRef, partitions: usize, meter: Meter, open: Open) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { label, open, meter, properties: Arc::new(properties) }
    }
}

impl fmt::Debug for ScanExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

impl DisplayAs for ScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

impl ExecutionPlan for ScanExec {
    fn name(&self) -> &str {
        "ScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(&self, _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>, _: ReplaceChildrenOptions) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (meter, most) = (self.meter.clone(), context.session_config().batch_size());
        let rows = (self.open)(partition).map(move |batch| {
            let batch = batch?;
            meter.add_rows(batch.num_rows() as u64);
            Ok::<_, DataFusionError>(stream::iter(cut(batch, most)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows.try_flatten())))
    }
}

/// Batches as the session wants them. Readers have sizes of their own, and a sort with little memory cannot take a large one. Each piece is
/// a copy: as a slice it would count with all of the memory that it is a part of.
fn cut(batch: RecordBatch, most: usize) -> Box<dyn Iterator<Item = Result<RecordBatch>> + Send> {
    let rows = batch.num_rows();
    if rows <= most || batch.num_columns() == 0 {
        return Box::new(std::iter::once(Ok(batch)));
    }
    Box::new((0..rows).step_by(most).map(move |start| {
        let places = UInt64Array::from_iter_values(start as u64..rows.min(start + most) as u64);
        Ok(take_record_batch(&batch, &places)?)
    }))
}
