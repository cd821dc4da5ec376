//! `COPY (SELECT …) TO STDOUT` as a stream of batches: read and decoded by a task of its own, a few batches ahead of whoever
//! takes them. When nobody does, the task waits, and with it the server.

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::util::display::array_value_to_string;
use domain::{Error, Result};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};
use sqlx::postgres::PgConnection;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::connect::Connector;
use super::decode::{Rows, Unfit, skip_head};
use super::error;
use super::types::Kind;
use crate::connection::Server;

/// Batches that may wait for the reader.
const BATCHES_AHEAD: usize = 2;
/// A batch ends here too, so that long values do not make long batches.
const BATCH_BYTES: usize = 8 << 20;

/// A SELECT and how its answer is read.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub select: String,
    pub kinds: Vec<Kind>,
    /// A field of the kind's type for each kind.
    pub schema: SchemaRef,
    /// What the rows are cast to at last, strictly.
    pub target: Option<SchemaRef>,
    /// For messages: `reading table shop.public.orders`.
    pub what: String,
    pub batch_rows: usize,
}

pub(crate) type Batches = mpsc::Sender<Result<RecordBatch>>;

/// Runs `work` as a task whose batches are the stream. Dropping the stream ends the task, and so closes its connection.
pub(crate) fn background<F>(work: impl FnOnce(Batches) -> F) -> BoxStream<'static, Result<RecordBatch>>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
    let (failures, work) = (sender.clone(), work(sender));
    let task = tokio::spawn(async move {
        if let Err(error) = work.await {
            // Nobody is there to be told when the reader is gone.
            let _ = failures.send(Err(error)).await;
        }
    });
    stream::unfold(Reader { batches, task: Some(Task(task)) }, next).boxed()
}

struct Reader {
    batches: mpsc::Receiver<Result<RecordBatch>>,
    task: Option<Task>,
}

struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn next(mut reader: Reader) -> Option<(Result<RecordBatch>, Reader)> {
    if let Some(batch) = reader.batches.recv().await {
        return Some((batch, reader));
    }
    // A task that died would otherwise look like the end of the table.
    match (&mut reader.task.take()?.0).await {
        Ok(()) => None,
        Err(e) => Some((Err(Error::internal("Reading from PostgreSQL ended before its time.").source(e)), reader)),
    }
}

/// The rows of a SELECT. The connection goes back when all were read.
pub(crate) fn stream(connector: Connector, connection: PgConnection, reading: Reading) -> BoxStream<'static, Result<RecordBatch>> {
    background(|batches| read(connector, connection, reading, batches))
}

/// All rows of a SELECT whose answer is short, on a connection that is given back.
pub(crate) async fn collect(connector: &Connector, connection: &mut Option<PgConnection>, reading: Reading) -> Result<Vec<RecordBatch>> {
    let taken = match connection.take() {
        Some(connection) => connection,
        None => connector.acquire().await?,
    };
    let batches = stream(connector.clone(), taken, reading).try_collect().await?;
    Ok(batches)
}

async fn read(connector: Connector, mut connection: PgConnection, reading: Reading, batches: Batches) -> Result<()> {
    let server = &connector.server;
    let failed = |e| error::of(server, &reading.what, e);
    let statement = format!("COPY ({}) TO STDOUT (FORMAT binary)", reading.select);
    let mut messages = patiently(server, &reading.what, connection.copy_out_raw(&statement)).await?.map_err(failed)?;
    let mut rows = reading.rows();
    let mut is_first = true;
    loop {
        // A timer for each row would cost more than the row.
        let message = match messages.next().now_or_never() {
            Some(message) => message,
            None => patiently(server, &reading.what, messages.next()).await?,
        };
        let Some(message) = message.transpose().map_err(failed)? else { break };
        let mut bytes = &message[..];
        if std::mem::take(&mut is_first) {
            skip_head(&mut bytes).map_err(|unfit| reading.unfit(unfit))?;
        }
        while !bytes.is_empty() && rows.push(&mut bytes).map_err(|unfit| reading.unfit(unfit))? {
            if rows.rows >= reading.batch_rows || rows.bytes >= BATCH_BYTES {
                let full = std::mem::replace(&mut rows, reading.rows());
                if batches.send(reading.finish(full)).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
    drop(messages);
    // Before the last batch, so that whoever has seen the end finds the connection.
    connector.release(connection);
    if rows.rows > 0 {
        let _ = batches.send(reading.finish(rows)).await;
    }
    Ok(())
}

/// Waits no longer than the connection's read timeout.
pub(crate) async fn patiently<T>(server: &Server, what: &str, work: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(server.reach.read_timeout, work).await.map_err(|_| error::silent(server, what))
}

impl Reading {
    fn rows(&self) -> Rows {
        Rows::new(self.schema.clone(), &self.kinds, self.batch_rows)
    }

    fn finish(&self, rows: Rows) -> Result<RecordBatch> {
        let batch = rows.finish().map_err(|e| Error::internal(format!("A batch could not be made while {}.", self.what)).source(e))?;
        match &self.target {
            None => Ok(batch),
            Some(target) => cast(&batch, target, &self.what),
        }
    }

    fn unfit(&self, unfit: Unfit) -> Error {
        match unfit {
            Unfit::Value(index, found) => {
                let field = self.schema.field(index);
                unfit_value(field.name(), &field.data_type().to_string(), &self.what, &found)
            }
            Unfit::Shape => Error::invalid_data(format!("The rows do not have the columns that were asked for, while {}.", self.what)),
        }
    }
}

pub(crate) fn unfit_value(column: &str, expected: &str, what: &str, found: &str) -> Error {
    Error::invalid_data(format!("Column {column} holds {expected}, and a value is {found}, while {what}.")).code("SOURCE_VALUE_UNFIT")
}

/// Column by column in their order; a value that does not fit is an error that names its column.
pub(crate) fn cast(batch: &RecordBatch, target: &SchemaRef, what: &str) -> Result<RecordBatch> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let columns = batch.columns().iter().zip(target.fields()).map(|(column, field)| {
        cast_with_options(column, field.data_type(), &strict)
            .map_err(|e| unfit_value(field.name(), &field.data_type().to_string(), what, &misfit(column, field.data_type())).source(e))
    });
    let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(target.clone(), columns, &options)
        .map_err(|e| Error::invalid_data(format!("The rows do not have the schema {target} while {what}.")).source(e))
}

/// The first value that the cast would lose, as messages show it.
fn misfit(column: &ArrayRef, wanted: &DataType) -> String {
    const SHOWN: usize = 80;
    let lost = arrow::compute::cast(column, wanted)
        .ok()
        .and_then(|taken| (0..column.len()).find(|&row| column.is_valid(row) && taken.is_null(row)));
    let text = lost.and_then(|row| array_value_to_string(column, row).ok());
    text.map_or_else(|| format!("of type {}", column.data_type()), |text| text.chars().take(SHOWN).collect())
}
