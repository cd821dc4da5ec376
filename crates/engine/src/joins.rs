//! Joins that fit into any memory: both sides are sorted, which can be done on disk, and merged.

use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{HashJoinExec, SortMergeJoinExec};

/// Makes merge joins of hash joins, which hold the whole of one side.
#[derive(Debug)]
pub(crate) struct SortedJoins;

impl PhysicalOptimizerRule for SortedJoins {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| match plan.downcast_ref::<HashJoinExec>() {
            Some(join) if can_be_sorted(join)? => Ok(Transformed::yes(sorted(join)?)),
            _ => Ok(Transformed::no(plan)),
        })
        .data()
    }

    fn name(&self) -> &str {
        "sorted_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn sorted(join: &HashJoinExec) -> Result<Arc<dyn ExecutionPlan>> {
    let order = vec![SortOptions::default(); join.on().len()];
    let (left, right, on) = (join.left().clone(), join.right().clone(), join.on().to_vec());
    let sorted = SortMergeJoinExec::try_new(left, right, on, join.filter().cloned(), *join.join_type(), order, join.null_equality())?;
    Ok(Arc::new(sorted))
}

/// A NOT IN over a column with nulls has a meaning that merge joins do not know. Of DataFusion's merge join, fractions with a NaN are a
/// panic, and nested values and times with a zone are not implemented.
fn can_be_sorted(join: &HashJoinExec) -> Result<bool> {
    for (left, right) in join.on() {
        if !is_ordered(&left.data_type(&join.left().schema())?) || !is_ordered(&right.data_type(&join.right().schema())?) {
            return Ok(false);
        }
    }
    Ok(!join.null_aware && !join.contains_projection())
}

fn is_ordered(key: &DataType) -> bool {
    use DataType::{Binary, BinaryView, Boolean, Date32, Date64, Decimal128, LargeBinary, LargeUtf8, Timestamp, Utf8, Utf8View};
    let text = matches!(key, Utf8 | LargeUtf8 | Utf8View | Binary | LargeBinary | BinaryView);
    text || key.is_integer() || matches!(key, Boolean | Date32 | Date64 | Decimal128(..) | Timestamp(_, None))
}
