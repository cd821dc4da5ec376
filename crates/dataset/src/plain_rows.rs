//! Rows of a dataset as plain values, for those who need a few columns of it and not a training.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use domain::{Arn, Error, Result};
use store::Artifacts;

use crate::append::SESSION_COLUMN;
use crate::datasets::Datasets;
use crate::part_file;
use crate::resources::DatasetType;
use crate::schema::same_name;
use crate::snapshot::{Snapshot, SnapshotDataset};

/// One value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    Null,
    Text(&'a str),
    Number(f64),
    Truth(bool),
}

/// The name by which [`SnapshotDataset::rows_from`] gives the visitor's session, which only events that were put have.
pub const SESSION: &str = SESSION_COLUMN;

impl SnapshotDataset {
    /// Hands every row from number `first` on, in the order of arrival, to `take`, with the columns that are asked for (by any
    /// spelling) in their order; null where a part has no such column. Blocking.
    pub fn rows_from(&self, artifacts: &Artifacts, first: u64, columns: &[&str], mut take: impl FnMut(&[Cell<'_>])) -> Result<()> {
        let mut before = 0;
        for part in &self.parts {
            let mut at = before;
            before += part.rows;
            if before <= first {
                continue;
            }
            let wanted = |name: &str| columns.iter().any(|column| is(name, column));
            part_file::read(&artifacts.path(&part.name), wanted, |batch| {
                let skipped = usize::try_from(first.saturating_sub(at)).unwrap_or(usize::MAX).min(batch.num_rows());
                at += batch.num_rows() as u64;
                hand_over(&batch, skipped, columns, &mut take)
            })?;
        }
        Ok(())
    }
}

pub(crate) fn is(name: &str, wanted: &str) -> bool {
    if wanted == SESSION_COLUMN || name == SESSION_COLUMN { name == wanted } else { same_name(name, wanted) }
}

/// A column whose type is one of three.
enum Plain {
    Absent,
    Texts(StringArray),
    Numbers(Float64Array),
    Truths(BooleanArray),
}

impl Plain {
    fn of(column: Option<&ArrayRef>) -> Result<Self> {
        let Some(column) = column else { return Ok(Self::Absent) };
        let target = match column.data_type() {
            DataType::Boolean => return Ok(Self::Truths(column.as_boolean().clone())),
            number if number.is_numeric() => DataType::Float64,
            _ => DataType::Utf8,
        };
        let plain = cast(column, &target).map_err(|e| Error::internal("A stored column has the wrong type.").source(e))?;
        Ok(match target {
            DataType::Float64 => Self::Numbers(plain.as_primitive::<Float64Type>().clone()),
            _ => Self::Texts(plain.as_string::<i32>().clone()),
        })
    }

    fn cell(&self, at: usize) -> Cell<'_> {
        match self {
            Self::Texts(texts) if texts.is_valid(at) => Cell::Text(texts.value(at)),
            Self::Numbers(numbers) if numbers.is_valid(at) => Cell::Number(numbers.value(at)),
            Self::Truths(truths) if truths.is_valid(at) => Cell::Truth(truths.value(at)),
            Self::Absent | Self::Texts(_) | Self::Numbers(_) | Self::Truths(_) => Cell::Null,
        }
    }
}

fn hand_over(batch: &RecordBatch, skipped: usize, columns: &[&str], take: &mut impl FnMut(&[Cell<'_>])) -> Result<()> {
    let schema = batch.schema();
    let column = |wanted: &&str| {
        let at = schema.fields().iter().position(|field| is(field.name(), wanted));
        Plain::of(at.map(|at| batch.column(at)))
    };
    let plain = columns.iter().map(column).collect::<Result<Vec<Plain>>>()?;
    let mut row = Vec::with_capacity(plain.len());
    for at in skipped..batch.num_rows() {
        row.clear();
        row.extend(plain.iter().map(|column| column.cell(at)));
        take(&row);
    }
    Ok(())
}

impl Datasets {
    /// The group as it is now. Nobody is told that its files are being read: after the next change of a dataset they may be gone,
    /// and whoever reads them then begins anew.
    pub async fn snapshot_now(&self, group_arn: &Arn) -> Result<Snapshot> {
        let domain = self.get_dataset_group(group_arn).await?.domain;
        let (mut interactions, mut items, mut users) = (None, None, None);
        let mut events_through = 0;
        for dataset in self.list_datasets(Some(group_arn)).await? {
            let schema = self.get_schema(&dataset.schema_arn).await?.value.schema;
            let contents = self.contents(&dataset.dataset_arn).await?;
            events_through = events_through.max(contents.events_through);
            let slot = match dataset.dataset_type {
                DatasetType::Interactions => &mut interactions,
                DatasetType::Items => &mut items,
                DatasetType::Users => &mut users,
            };
            *slot = Some(SnapshotDataset {
                dataset_arn: dataset.dataset_arn.clone(),
                schema,
                parts: contents.parts,
                deletions: contents.deletions,
            });
        }
        Ok(Snapshot { dataset_group_arn: group_arn.clone(), domain, interactions, items, users, events_through })
    }
}
