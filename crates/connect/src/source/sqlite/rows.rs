//! Rows to record batches, on a thread that may block, through a short channel.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryBuilder, Float64Builder, Int64Builder, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{Field, Schema, SchemaRef};
use domain::{Error, Result};
use futures::stream::{self, Stream};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, InterruptHandle, params_from_iter};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::SqliteSource;
use super::shape::{Kind, ShapeColumn};
use super::sql::{LARGEST_EXACT, Plan};

/// Batches that may wait for the reader.
const BATCHES_AHEAD: usize = 2;
/// A batch of large values ends early.
const BATCH_BYTES: usize = 16 << 20;

/// Stops a query that nobody reads any more, even one that has not found a row yet.
struct Interrupt(InterruptHandle);

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.0.interrupt();
    }
}

/// While the query is under way: the thread, and what stops it. The connection comes back from it when all was read.
struct Work {
    thread: JoinHandle<Option<Connection>>,
    interrupt: Interrupt,
}

struct Reader {
    source: SqliteSource,
    batches: mpsc::Receiver<Result<RecordBatch>>,
    work: Option<Work>,
}

/// The rows of the plan. Dropping the stream ends the query. The connection goes back when the stream has ended by itself.
pub(crate) fn stream(source: SqliteSource, connection: Connection, plan: Plan) -> impl Stream<Item = Result<RecordBatch>> {
    let interrupt = Interrupt(connection.get_interrupt_handle());
    let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
    let reads = source.clone();
    let thread = tokio::task::spawn_blocking(move || match read(&reads, &connection, &plan, &sender) {
        Ok(()) => Some(connection),
        Err(error) => {
            // Nobody is there to be told when the reader is gone.
            let _ = sender.blocking_send(Err(error));
            None
        }
    });
    stream::unfold(Reader { source, batches, work: Some(Work { thread, interrupt }) }, next)
}

async fn next(mut reader: Reader) -> Option<(Result<RecordBatch>, Reader)> {
    if let Some(batch) = reader.batches.recv().await {
        return Some((batch, reader));
    }
    let Work { mut thread, interrupt } = reader.work.take()?;
    // Dropped while this waits, both go. A thread that died would otherwise look like the end of the table.
    match (&mut thread).await {
        Ok(connection) => {
            // Before anybody else may have the connection: what comes late would stop their query.
            drop(interrupt);
            connection.into_iter().for_each(|connection| reader.source.release(connection));
            None
        }
        Err(e) => Some((Err(Error::internal("Reading a SQLite file ended before its time.").source(e)), reader)),
    }
}

fn read(source: &SqliteSource, connection: &Connection, plan: &Plan, sender: &mpsc::Sender<Result<RecordBatch>>) -> Result<()> {
    let failed = |e| source.error(e).with("table", &plan.table);
    let mut statement = connection.prepare(&plan.sql).map_err(failed)?;
    let mut rows = statement.query(params_from_iter(&plan.values)).map_err(failed)?;
    let mut batch = Batch::new(plan);
    while let Some(row) = rows.next().map_err(failed)? {
        for (index, builder) in batch.builders.iter_mut().enumerate() {
            let value = row.get_ref(index).map_err(failed)?;
            if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = value {
                batch.bytes += bytes.len();
            }
            builder.push(value).map_err(|kind| unfit(source, plan, &plan.columns[index], kind, value))?;
        }
        batch.rows += 1;
        if batch.rows == plan.batch_rows || batch.bytes >= BATCH_BYTES {
            let full = std::mem::replace(&mut batch, Batch::new(plan));
            if sender.blocking_send(full.finish(plan)).is_err() {
                return Ok(());
            }
        }
    }
    if batch.rows > 0 {
        let _ = sender.blocking_send(batch.finish(plan));
    }
    Ok(())
}

struct Batch {
    schema: SchemaRef,
    builders: Vec<Builder>,
    rows: usize,
    /// Of texts and blobs.
    bytes: usize,
}

impl Batch {
    fn new(plan: &Plan) -> Self {
        let fields: Vec<Field> = plan.columns.iter().map(|c| Field::new(&c.name, c.kind.data_type(), true)).collect();
        let builders = plan.columns.iter().map(|column| Builder::new(column.kind, plan.batch_rows)).collect();
        Self { schema: Arc::new(Schema::new(fields)), builders, rows: 0, bytes: 0 }
    }

    fn finish(self, plan: &Plan) -> Result<RecordBatch> {
        let columns = self.builders.into_iter().zip(&plan.columns);
        let arrays: Vec<ArrayRef> = columns.map(|(builder, column)| builder.finish(&plan.table, column)).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        RecordBatch::try_new_with_options(self.schema, arrays, &options)
            .map_err(|e| Error::internal(format!("A batch of table {} could not be made.", plan.table)).source(e))
    }
}

enum Builder {
    Integer(Int64Builder),
    Real(Float64Builder),
    Text(StringBuilder),
    Blob(BinaryBuilder),
}

/// The value has a type that the column was not found to hold.
struct Unfit;

impl Builder {
    fn new(kind: Kind, rows: usize) -> Self {
        match kind {
            Kind::Integer => Self::Integer(Int64Builder::with_capacity(rows)),
            Kind::Real => Self::Real(Float64Builder::with_capacity(rows)),
            Kind::Text | Kind::Mixed | Kind::Date | Kind::Timestamp => Self::Text(StringBuilder::new()),
            Kind::Blob => Self::Blob(BinaryBuilder::new()),
        }
    }

    fn push(&mut self, value: ValueRef<'_>) -> std::result::Result<(), Unfit> {
        match (self, value) {
            (Self::Integer(builder), ValueRef::Null) => builder.append_null(),
            (Self::Integer(builder), ValueRef::Integer(value)) => builder.append_value(value),
            (Self::Real(builder), ValueRef::Null) => builder.append_null(),
            (Self::Real(builder), ValueRef::Real(value)) => builder.append_value(value),
            (Self::Real(builder), ValueRef::Integer(value)) if value.unsigned_abs() <= LARGEST_EXACT => builder.append_value(value as f64),
            (Self::Text(builder), ValueRef::Null) => builder.append_null(),
            // Bytes that are no UTF-8 become U+FFFD: Arrow text must be UTF-8 and the rest of the value is still worth having.
            (Self::Text(builder), ValueRef::Text(value)) => builder.append_value(String::from_utf8_lossy(value)),
            (Self::Blob(builder), ValueRef::Null) => builder.append_null(),
            (Self::Blob(builder), ValueRef::Blob(value) | ValueRef::Text(value)) => builder.append_value(value),
            _ => return Err(Unfit),
        }
        Ok(())
    }

    fn finish(self, table: &str, column: &ShapeColumn) -> Result<ArrayRef> {
        let array: ArrayRef = match self {
            Self::Integer(mut builder) => Arc::new(builder.finish()),
            Self::Real(mut builder) => Arc::new(builder.finish()),
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Blob(mut builder) => Arc::new(builder.finish()),
        };
        if !matches!(column.kind, Kind::Date | Kind::Timestamp) {
            return Ok(array);
        }
        let options = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(&array, &column.kind.data_type(), &options).map_err(|e| {
            Error::invalid_data(format!("Column {} of table {table} was found to hold ISO dates; a value is none.", column.name)).source(e)
        })
    }
}

fn unfit(source: &SqliteSource, plan: &Plan, column: &ShapeColumn, _: Unfit, value: ValueRef<'_>) -> Error {
    Error::invalid_data(format!(
        "Column {} of table {} in {} was found to hold {} in its first {} rows; further down it holds {}.",
        column.name,
        plan.table,
        source.path.display(),
        column.kind.data_type(),
        super::shape::TYPE_SAMPLE_ROWS,
        value.data_type(),
    ))
    .code("SOURCE_VALUE_UNFIT")
}
