//! Into SQLite files.
//!
//! The temporary table is in a file of its own, so that other programs may write until the rows are moved; that needs the one lock
//! there is. SQLite has few types: decimals of up to 15 digits become its numbers, longer ones have a place in TEXT columns only.

mod catalog;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::datatypes::{DataType, SchemaRef};
use async_trait::async_trait;
use domain::{Error, ErrorKind, Result};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, InterruptHandle, OpenFlags, OptionalExtension, ToSql};

use super::cells::{Cell, Cells};
use super::desk::{Desk, carry_out};
use super::plan::{Plan, Table};
use super::slot::{Created, Slot, declared};
use super::{CONSTRAINT, DISK_FULL, Incoming, MARKERS, MARKERS_KEPT, Mode, ORDINAL, STAGING, Sink, TABLE_LOCKED, TABLE_MISSING, Write};
use crate::diagnosis::PERMISSION_DENIED;
use crate::source::Dialect;

/// How long to wait for other programs.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// One SQLite file that takes rows.
#[derive(Debug, Clone)]
pub struct SqliteSink {
    path: Arc<PathBuf>,
    busy_timeout: Duration,
}

impl SqliteSink {
    /// Looks at nothing yet; the file is made when a table may be.
    pub fn new(path: &Path) -> Self {
        Self { path: Arc::new(path.into()), busy_timeout: BUSY_TIMEOUT }
    }

    fn open(&self, create: bool) -> Result<Connection> {
        if !create && !self.path.exists() {
            return Err(Error::not_found(format!("The SQLite file {}", self.path.display())).code(TABLE_MISSING));
        }
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
        let connection = Connection::open_with_flags(self.path.as_ref(), flags).map_err(|e| self.error(e))?;
        connection.busy_timeout(self.busy_timeout).map_err(|e| self.error(e))?;
        connection.pragma_update(None, "temp_store", "FILE").map_err(|e| self.error(e))?;
        Ok(connection)
    }

    fn error(&self, error: rusqlite::Error) -> Error {
        use rusqlite::ErrorCode as Code;
        let path = self.path.display();
        match error.sqlite_error_code() {
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Error::unavailable(format!(
                "The SQLite file {path} was locked by another program for {} seconds; nothing was written.",
                self.busy_timeout.as_secs()
            ))
            .code(TABLE_LOCKED),
            Some(Code::DiskFull) => {
                Error::unavailable(format!("There is no room for the rows in {path}; nothing was written.")).code(DISK_FULL)
            }
            Some(Code::ReadOnly | Code::PermissionDenied) => {
                Error::invalid_input(format!("The SQLite file {path} may not be written to.")).code(PERMISSION_DENIED)
            }
            Some(Code::ConstraintViolation) => {
                return Error::invalid_data(format!("The rows break a rule of the table in {path}: {error}; nothing was written."))
                    .code(CONSTRAINT);
            }
            Some(Code::CannotOpen) => Error::new(ErrorKind::InvalidInput, format!("The SQLite file {path} cannot be opened to write.")),
            Some(Code::OperationInterrupted) => Error::stopped(),
            _ => Error::invalid_data(format!("The SQLite file {path} cannot be written to as asked; nothing was written.")),
        }
        .source(error)
    }
}

#[async_trait]
impl Sink for SqliteSink {
    async fn write(&self, write: Write, schema: SchemaRef, rows: Incoming) -> Result<u64> {
        let (sink, create) = (self.clone(), write.create);
        let connection = blocking(move || sink.open(create)).await?;
        let interrupt = connection.get_interrupt_handle();
        let desk = SqliteDesk { sink: self.clone(), connection: Some(connection), leaving: Leaving { interrupt, left: Arc::default() } };
        carry_out(Box::new(desk), write, schema, rows).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|e| Error::internal("Writing a SQLite file ended before its time.").source(e))?
}

/// Stops what still runs for a write that nobody waits for.
struct Leaving {
    interrupt: InterruptHandle,
    left: Arc<AtomicBool>,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.left.store(true, Ordering::SeqCst);
        self.interrupt.interrupt();
    }
}

struct SqliteDesk {
    sink: SqliteSink,
    /// Away while it works.
    connection: Option<Connection>,
    leaving: Leaving,
}

/// What a piece of work has in hand.
struct Hand<'a> {
    sink: &'a SqliteSink,
    connection: &'a mut Connection,
    left: &'a AtomicBool,
}

impl SqliteDesk {
    async fn with<T: Send + 'static>(&mut self, work: impl FnOnce(&mut Hand<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        let mut connection =
            self.connection.take().ok_or_else(|| Error::internal("A SQLite connection was lost in an earlier failure."))?;
        let (sink, left) = (self.sink.clone(), self.leaving.left.clone());
        let (connection, done) = blocking(move || {
            let done = work(&mut Hand { sink: &sink, connection: &mut connection, left: &left });
            Ok((connection, done))
        })
        .await?;
        self.connection = Some(connection);
        done
    }
}

#[async_trait]
impl Desk for SqliteDesk {
    async fn table(&mut self, write: &Write) -> Result<Option<Table>> {
        let table = write.table.table.clone();
        self.with(move |hand| catalog::table(hand.connection, &table).map_err(|e| hand.sink.error(e))).await
    }

    fn created(&self, plain: &DataType, is_nested: bool, _: bool) -> Created {
        let native = match plain {
            _ if is_nested => "TEXT".into(),
            DataType::Boolean => "BOOLEAN".into(),
            DataType::Int64 => "BIGINT".into(),
            DataType::Float32 | DataType::Float64 => "DOUBLE".into(),
            DataType::Decimal128(precision, scale) => match declared(*precision, *scale) {
                (precision @ ..=15, scale) => format!("NUMERIC({precision},{scale})"),
                _ => "TEXT".into(),
            },
            DataType::Binary => "BLOB".into(),
            DataType::Date32 => "DATE".into(),
            DataType::Timestamp(..) => "TIMESTAMP".into(),
            _ => "TEXT".to_owned(),
        };
        let slot = catalog::slot(&native);
        Ok((native, slot))
    }

    async fn done(&mut self, write: &Write) -> Result<Option<u64>> {
        let Some(marker) = write.marker.clone() else { return Ok(None) };
        self.with(move |hand| earlier(hand.connection, marker.as_str()).map_err(|e| hand.sink.error(e))).await
    }

    async fn stage(&mut self, plan: &Plan) -> Result<()> {
        // SQLite's own number of a row has names that a column of the rows may have too.
        let sql = format!("CREATE TEMPORARY TABLE {STAGING} ({} INTEGER PRIMARY KEY, {})", quote(ORDINAL), plan.list("", quote));
        self.with(move |hand| hand.connection.execute_batch(&sql).map_err(|e| hand.sink.error(e))).await
    }

    async fn load(&mut self, plan: &Plan, cells: Vec<Cells>, rows: usize, _: u64) -> Result<()> {
        let marks = vec!["?"; plan.targets.len()].join(", ");
        let sql = format!("INSERT INTO temp.{STAGING} ({}) VALUES ({marks})", plan.list("", quote));
        let slots: Vec<Slot> = plan.targets.iter().map(|target| target.column.slot.clone()).collect();
        self.with(move |hand| fill(hand.connection, &sql, &cells, &slots, rows).map_err(|e| hand.sink.error(e))).await
    }

    async fn apply(&mut self, plan: &Plan, rows: u64) -> Result<u64> {
        let (marker, statements) = (plan.write.marker.clone(), statements(plan));
        self.with(move |hand| {
            let left = hand.left;
            let applied = move_rows(hand.connection, marker.as_ref().map(super::RunMarker::as_str), &statements, rows, left);
            applied.map_err(|e| hand.sink.error(e))
        })
        .await
    }

    async fn close(self: Box<Self>) {}
}

fn statements(plan: &Plan) -> Vec<String> {
    let (table, columns) = (format!("main.{}", quote(&plan.write.table.table)), plan.list("", quote));
    let keys = plan.keys.iter().map(|key| quote(key)).collect::<Vec<_>>().join(", ");
    let mut statements = Vec::new();
    if plan.creates {
        let null = |is_key: bool| if is_key { " NOT NULL" } else { "" };
        let mut parts: Vec<String> = plan
            .targets
            .iter()
            .map(|target| format!("{} {}{}", quote(&target.column.name), target.column.native, null(target.is_key)))
            .collect();
        if !plan.keys.is_empty() {
            parts.push(format!("PRIMARY KEY ({keys})"));
        }
        statements.push(format!("CREATE TABLE {table} ({})", parts.join(", ")));
    }
    if plan.write.mode == Mode::Overwrite {
        statements.push(format!("DELETE FROM {table}"));
    }
    let mut insert = format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM temp.{STAGING} WHERE true ORDER BY {}", quote(ORDINAL));
    if matches!(plan.write.mode, Mode::Upsert { .. }) {
        // Row by row: of those with one key the last wins.
        let changes: Vec<String> = plan.changed().map(|name| format!("{0} = excluded.{0}", quote(name))).collect();
        let change = if changes.is_empty() { "NOTHING".into() } else { format!("UPDATE SET {}", changes.join(", ")) };
        insert.push_str(&format!(" ON CONFLICT ({keys}) DO {change}"));
    }
    statements.push(insert);
    statements
}

fn earlier(connection: &Connection, marker: &str) -> rusqlite::Result<Option<u64>> {
    if !connection.table_exists(Some("main"), MARKERS)? {
        return Ok(None);
    }
    let sql = format!("SELECT rows FROM main.{MARKERS} WHERE run = ?");
    let count: Option<i64> = connection.query_row(&sql, [marker], |row| row.get(0)).optional()?;
    Ok(count.map(i64::unsigned_abs))
}

fn fill(connection: &mut Connection, sql: &str, cells: &[Cells], slots: &[Slot], rows: usize) -> rusqlite::Result<()> {
    // Only the temporary file takes part in it: no other program is locked out.
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare_cached(sql)?;
        for row in 0..rows {
            for (index, (cells, slot)) in cells.iter().zip(slots).enumerate() {
                insert.raw_bind_parameter(index + 1, Bound(cells.get(row), slot))?;
            }
            insert.raw_execute()?;
        }
    }
    transaction.commit()
}

fn move_rows(
    connection: &mut Connection,
    marker: Option<&str>,
    statements: &[String],
    rows: u64,
    left: &AtomicBool,
) -> rusqlite::Result<u64> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    if let Some(marker) = marker {
        transaction.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS main.{MARKERS} (run TEXT PRIMARY KEY, rows BIGINT NOT NULL, written_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)"
        ))?;
        if let Some(count) = earlier(&transaction, marker)? {
            return Ok(count);
        }
        transaction.execute(&format!("INSERT INTO main.{MARKERS} (run, rows) VALUES (?, ?)"), (marker, rows.cast_signed()))?;
        transaction.execute_batch(&format!(
            "DELETE FROM main.{MARKERS} WHERE rowid <= (SELECT rowid FROM main.{MARKERS} ORDER BY rowid DESC LIMIT 1 OFFSET {MARKERS_KEPT})"
        ))?;
    }
    for statement in statements {
        transaction.execute_batch(statement)?;
    }
    if left.load(Ordering::SeqCst) {
        let stopped = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT);
        return Err(rusqlite::Error::SqliteFailure(stopped, None));
    }
    transaction.commit()?;
    Ok(rows)
}

/// A value as its column keeps it.
struct Bound<'a>(Cell<'a>, &'a Slot);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let is_text = matches!(self.1, Slot::Text { .. });
        Ok(match self.0 {
            Cell::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Cell::Boolean(value) if !is_text => ToSqlOutput::Borrowed(ValueRef::Integer(i64::from(value))),
            Cell::Single(value) if !is_text => ToSqlOutput::Borrowed(ValueRef::Real(f64::from(value))),
            Cell::Double(value) if !is_text => ToSqlOutput::Borrowed(ValueRef::Real(value)),
            Cell::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Cell::Binary(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            // Whole numbers as such; what has a fraction as digits, which the column's affinity makes a number of.
            Cell::Decimal(value, 0) if !is_text => match i64::try_from(value) {
                Ok(value) => ToSqlOutput::Borrowed(ValueRef::Integer(value)),
                Err(_) => ToSqlOutput::from(value.to_string()),
            },
            cell => ToSqlOutput::from(cell.to_string()),
        })
    }
}

fn quote(name: &str) -> String {
    Dialect::Sqlite.quote(name)
}

#[cfg(test)]
mod tests;
