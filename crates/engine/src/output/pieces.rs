//! Where one file ends and the next begins: at another value of a partition key, at the limit of rows.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{SortOptions, partition};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use domain::{Error, ErrorKind, Result};
use etl::{FileOutput, TARGET_TOO_MANY_PARTITIONS};

use crate::failure::ours;

/// Folders that one result may have.
const MAX_PARTITIONS: u64 = 10_000;
/// What file systems take as a name.
const MAX_NAME_BYTES: usize = 255;
/// What Hive writes for null, and for an empty text, which no folder could be called.
const NULL_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";
/// Rows that are written at once where files have a limit of bytes, which is looked at in between.
const ROWS_BETWEEN_LOOKS: usize = 1024;

/// Rows of one file, one after the other.
pub(super) struct Piece {
    /// `key=value/key=value`, or nothing.
    pub folder: Arc<str>,
    /// Without the keys.
    pub rows: RecordBatch,
    /// The file has as many rows now as it may have.
    pub is_last: bool,
}

/// Sorts rows by the keys, and within the same keys as they were sorted before.
pub(crate) fn sorted(plan: Arc<dyn ExecutionPlan>, keys: &[String]) -> Result<Arc<dyn ExecutionPlan>> {
    let options = SortOptions { descending: false, nulls_first: true };
    let order = keys.iter().map(|key| Ok(PhysicalSortExpr::new(col(key, &plan.schema())?, options)));
    let mut order: Vec<PhysicalSortExpr> = order.collect::<datafusion::error::Result<_>>().map_err(|e| ours(&e))?;
    if order.is_empty() {
        return Ok(plan);
    }
    if let Some(before) = plan.output_ordering() {
        order.extend(before.iter().cloned());
    }
    let several = plan.output_partitioning().partition_count() > 1;
    let plan: Arc<dyn ExecutionPlan> = if several { Arc::new(CoalescePartitionsExec::new(plan)) } else { plan };
    Ok(match LexOrdering::new(order) {
        Some(order) => Arc::new(SortExec::new(order, plan)),
        None => plan,
    })
}

/// Cuts batches, which come in the order of the keys.
pub(super) struct Cutter {
    keys: Vec<(usize, String)>,
    others: Vec<usize>,
    schema: SchemaRef,
    max_rows: usize,
    step: usize,
    folder: Arc<str>,
    folders: u64,
    /// Of the file that is open.
    rows: usize,
}

impl Cutter {
    pub fn new(schema: &Schema, spec: &FileOutput) -> Result<Self> {
        let key = |name: &String| schema.index_of(name).map(|index| (index, name.clone()));
        let keys: Vec<(usize, String)> = spec.partition_keys.iter().map(key).collect::<Result<_, _>>().map_err(unformatted)?;
        let others: Vec<usize> = (0..schema.fields().len()).filter(|index| keys.iter().all(|(key, _)| key != index)).collect();
        let limit = |limit: Option<u64>| limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        Ok(Self {
            schema: Arc::new(schema.project(&others).map_err(unformatted)?),
            keys,
            others,
            max_rows: limit(spec.max_file_rows),
            step: if spec.max_file_bytes.is_some() { ROWS_BETWEEN_LOOKS } else { usize::MAX },
            folder: "".into(),
            folders: 0,
            rows: 0,
        })
    }

    /// The columns inside the files.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    pub fn cut(&mut self, batch: &RecordBatch) -> Result<Vec<Piece>> {
        let mut pieces = Vec::new();
        if batch.num_rows() == 0 {
            return Ok(pieces);
        }
        let rows = batch.project(&self.others).map_err(unformatted)?;
        if self.keys.is_empty() {
            self.slice(&rows, 0, rows.num_rows(), &mut pieces);
            return Ok(pieces);
        }
        let keys: Vec<_> = self.keys.iter().map(|(index, _)| batch.column(*index).clone()).collect();
        for range in partition(&keys).map_err(unformatted)?.ranges() {
            let folder = self.folder_of(batch, range.start)?;
            if *folder != *self.folder {
                self.folders += 1;
                self.rows = 0;
                self.folder = folder.into();
            }
            if self.folders > MAX_PARTITIONS {
                let keys: Vec<&str> = self.keys.iter().map(|(_, name)| name.as_str()).collect();
                return Err(Error::new(
                    ErrorKind::LimitExceeded,
                    format!("The result has more than {MAX_PARTITIONS} partitions by {}; choose keys with fewer values.", keys.join(", ")),
                )
                .code(TARGET_TOO_MANY_PARTITIONS));
            }
            self.slice(&rows, range.start, range.end, &mut pieces);
        }
        Ok(pieces)
    }

    fn slice(&mut self, rows: &RecordBatch, mut from: usize, to: usize, pieces: &mut Vec<Piece>) {
        while from < to {
            let count = (to - from).min(self.step).min(self.max_rows - self.rows);
            self.rows += count;
            let is_last = self.rows == self.max_rows;
            if is_last {
                self.rows = 0;
            }
            pieces.push(Piece { folder: self.folder.clone(), rows: rows.slice(from, count), is_last });
            from += count;
        }
    }

    fn folder_of(&self, batch: &RecordBatch, row: usize) -> Result<String> {
        let mut folder = String::new();
        for (index, key) in &self.keys {
            let column = batch.column(*index);
            let formatter = ArrayFormatter::try_new(column.as_ref(), &FormatOptions::new().with_null("")).map_err(unformatted)?;
            let text = formatter.value(row).to_string();
            let start = folder.len() + usize::from(!folder.is_empty());
            if !folder.is_empty() {
                folder.push('/');
            }
            escape(key, &mut folder);
            folder.push('=');
            escape(if text.is_empty() { NULL_VALUE } else { &text }, &mut folder);
            if folder.len() - start > MAX_NAME_BYTES {
                let shown: String = text.chars().take(40).collect();
                return Err(Error::invalid_data(format!(
                    "A value of the partition key {key:?} is too long for a folder's name ({MAX_NAME_BYTES} bytes); it begins {shown:?}."
                )));
            }
        }
        Ok(folder)
    }
}

/// As Hive and Spark write it: what a path cannot hold is `%` and two hex digits of its byte.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        let escaped = c.is_ascii_control() || "\"#%'*/:=?\\{[]^".contains(c);
        if escaped { out.push_str(&format!("%{:02X}", u32::from(c))) } else { out.push(c) }
    }
}

fn unformatted(error: arrow::error::ArrowError) -> Error {
    Error::internal("Rows of the result cannot be put into files.").source(error)
}
