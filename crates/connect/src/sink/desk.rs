//! The order in which every sink works, whatever its database: look, plan, fill the temporary table, move it in one transaction.

use arrow::datatypes::{DataType, SchemaRef};
use async_trait::async_trait;
use domain::Result;
use futures::TryStreamExt;

use super::cells::Cells;
use super::plan::{Plan, Table};
use super::slot::Created;
use super::{Incoming, Write};
use crate::source::DEFAULT_BATCH_ROWS;

/// One connection on which one write is carried out. Dropping it ends what the database still does for it, and undoes it.
#[async_trait]
pub(crate) trait Desk: Send {
    /// The table, or nothing where there is none.
    async fn table(&mut self, write: &Write) -> Result<Option<Table>>;

    /// How a column of a new table is declared; nested values come as texts of JSON.
    fn created(&self, plain: &DataType, is_nested: bool, is_key: bool) -> Created;

    /// The count of the write that has this marker already.
    async fn done(&mut self, write: &Write) -> Result<Option<u64>>;

    /// Makes the temporary table.
    async fn stage(&mut self, plan: &Plan) -> Result<()>;

    /// Fills it on. `before` rows are there already.
    async fn load(&mut self, plan: &Plan, cells: Vec<Cells>, rows: usize, before: u64) -> Result<()>;

    /// Moves the rows into the table, in one transaction with the marker. Gives the count of another who was first.
    async fn apply(&mut self, plan: &Plan, rows: u64) -> Result<u64>;

    /// Ends the connection.
    async fn close(self: Box<Self>);
}

pub(crate) async fn carry_out(mut desk: Box<dyn Desk>, write: Write, schema: SchemaRef, mut rows: Incoming) -> Result<u64> {
    if let Some(count) = desk.done(&write).await? {
        desk.close().await;
        return Ok(count);
    }
    let table = desk.table(&write).await?;
    let plan = Plan::new(write, &schema, table, |plain, is_nested, is_key| desk.created(plain, is_nested, is_key))?;
    desk.stage(&plan).await?;
    let mut count = 0;
    while let Some(batch) = rows.try_next().await? {
        for start in (0..batch.num_rows()).step_by(DEFAULT_BATCH_ROWS) {
            let part = batch.slice(start, DEFAULT_BATCH_ROWS.min(batch.num_rows() - start));
            let cells = plan.checked(&part, count)?;
            desk.load(&plan, cells, part.num_rows(), count).await?;
            count += part.num_rows() as u64;
        }
    }
    let written = desk.apply(&plan, count).await?;
    desk.close().await;
    Ok(written)
}
