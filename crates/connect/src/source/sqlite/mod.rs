//! SQLite files, read only.

mod query;
mod rows;
mod shape;
mod sql;

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use domain::{Error, ErrorKind, Result};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use rusqlite::{Connection, OpenFlags};

use super::{Description, Predicate, Scan, Source, SqlSource, TablePath};
use crate::diagnosis::{Diagnosis, Step};
use shape::Shape;

/// How long to wait for a program that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// What every SQLite file begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Connections kept for the next call: each one opened reads the declarations of all tables.
const IDLE: usize = 8;

/// One SQLite file. The types of a table's columns are found out once and kept for the life of the value. Clones share a few idle
/// connections.
#[derive(Debug, Clone)]
pub struct SqliteSource {
    path: Arc<PathBuf>,
    shapes: Arc<Mutex<HashMap<String, Arc<Shape>>>>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl SqliteSource {
    /// Fails when the file is missing, cannot be read or is no SQLite database.
    pub fn open(path: &Path) -> Result<Self> {
        check_file(path)?;
        Ok(Self { path: Arc::new(path.into()), shapes: Arc::default(), idle: Arc::default() })
    }

    /// One that is idle, or a new one. Blocks.
    fn acquire(&self) -> Result<Connection> {
        if let Some(connection) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(connection);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(self.path.as_ref(), flags).map_err(|e| self.error(e))?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(|e| self.error(e))?;
        Ok(connection)
    }

    /// Gives back a connection whose last answer was read to its end. One on which anything failed is dropped instead.
    fn release(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(connection);
        }
    }

    /// Runs `work` on a connection where blocking does no harm.
    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Self, &Connection) -> Result<T> + Send + 'static) -> Result<T> {
        self.taking(|source, connection| {
            let done = work(source, &connection)?;
            source.release(connection);
            Ok(done)
        })
        .await
    }

    /// The same with a connection that does not come back by itself.
    async fn taking<T: Send + 'static>(&self, work: impl FnOnce(&Self, Connection) -> Result<T> + Send + 'static) -> Result<T> {
        let source = self.clone();
        tokio::task::spawn_blocking(move || work(&source, source.acquire()?))
            .await
            .map_err(|e| Error::internal("Reading a SQLite file ended before its time.").source(e))?
    }

    async fn shape(&self, table: &TablePath) -> Result<Arc<Shape>> {
        let known = self.shapes.lock().unwrap_or_else(PoisonError::into_inner).get(&table.table).cloned();
        if let Some(shape) = known {
            return Ok(shape);
        }
        let name = table.table.clone();
        let shape = Arc::new(self.blocking(move |source, connection| source.find_shape(connection, &name)).await?);
        self.shapes.lock().unwrap_or_else(PoisonError::into_inner).insert(table.table.clone(), shape.clone());
        Ok(shape)
    }

    fn find_shape(&self, connection: &Connection, table: &str) -> Result<Shape> {
        let names = table_names(connection).map_err(|e| self.error(e))?;
        let Some(name) = names.iter().find(|name| name.eq_ignore_ascii_case(table)) else { return Err(self.missing(table, &names)) };
        Shape::of(connection, name).map_err(|e| self.error(e).with("table", name))
    }

    fn missing(&self, table: &str, names: &[String]) -> Error {
        Error::not_found(format!("Table {table:?} in {} (it has: {})", self.path.display(), listed(names)))
    }

    /// All with one connection: each one opened reads the declarations of all tables.
    fn describe_all(&self, connection: &Connection, tables: &[TablePath]) -> Result<Vec<Result<Description>>> {
        let names = table_names(connection).map_err(|e| self.error(e))?;
        let views = view_names(connection).map_err(|e| self.error(e))?;
        let folded: HashMap<String, &String> = names.iter().map(|name| (name.to_ascii_lowercase(), name)).collect();
        let describe = |table: &TablePath| {
            let name = folded.get(&table.table.to_ascii_lowercase()).ok_or_else(|| self.missing(&table.table, &names))?;
            let described = self.describe_one(connection, name).map_err(|e| self.error(e).with("table", name))?;
            Ok(Description { is_view: views.contains(*name), ..described })
        };
        Ok(tables.iter().map(describe).collect())
    }

    fn describe_one(&self, connection: &Connection, table: &str) -> rusqlite::Result<Description> {
        let shape = Arc::new(Shape::of(connection, table)?);
        self.shapes.lock().unwrap_or_else(PoisonError::into_inner).insert(table.to_owned(), shape.clone());
        let rows: i64 = connection.query_row(&format!("SELECT count(*) FROM {}", sql::quote(table)), [], |row| row.get(0))?;
        let mut key = connection.prepare_cached("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk")?;
        let primary_key = key.query_map([table], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        Ok(Description { rows: u64::try_from(rows).ok(), primary_key, ..Description::of(shape.schema()) })
    }

    /// What the library says, as one of ours that names the file.
    fn error(&self, error: rusqlite::Error) -> Error {
        let path = self.path.display();
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => Error::unavailable(format!(
                "The SQLite file {path} is locked by another program; waited {} seconds.",
                BUSY_TIMEOUT.as_secs()
            )),
            Some(rusqlite::ErrorCode::NotADatabase) => not_a_database(&self.path),
            Some(rusqlite::ErrorCode::DatabaseCorrupt) => Error::invalid_data(format!("The SQLite file {path} is damaged.")).source(error),
            Some(rusqlite::ErrorCode::CannotOpen) => {
                Error::new(ErrorKind::InvalidInput, format!("The SQLite file {path} cannot be opened.")).source(error)
            }
            _ => Error::invalid_data(format!("The SQLite file {path} cannot be read as asked.")).source(error),
        }
    }

    async fn start(self, scan: Scan) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let shape = self.shape(&scan.table).await?;
        let plan = sql::plan(&shape, &scan)?;
        let connection = self.taking(|_, connection| Ok(connection)).await?;
        Ok(rows::stream(self, connection, plan).boxed())
    }
}

#[async_trait]
impl Source for SqliteSource {
    fn classification(&self) -> &'static str {
        "sqlite"
    }

    async fn tables(&self) -> Result<Vec<TablePath>> {
        let names = self.blocking(|source, connection| table_names(connection).map_err(|e| source.error(e))).await?;
        Ok(names.into_iter().map(TablePath::table).collect())
    }

    async fn describe(&self, tables: &[TablePath]) -> Result<Vec<Result<Description>>> {
        let tables = tables.to_vec();
        self.blocking(move |source, connection| source.describe_all(connection, &tables)).await
    }

    async fn count(&self, table: &TablePath) -> Result<Option<u64>> {
        let name = self.shape(table).await?.table.clone();
        let count: i64 = self
            .blocking(move |source, connection| {
                let sql = format!("SELECT count(*) FROM {}", sql::quote(&name));
                connection.query_row(&sql, [], |row| row.get(0)).map_err(|e| source.error(e))
            })
            .await?;
        Ok(u64::try_from(count).ok())
    }

    fn accepts(&self, predicate: &Predicate, schema: &SchemaRef) -> bool {
        sql::accepts(predicate, schema)
    }

    fn scan(&self, scan: Scan) -> BoxStream<'static, Result<RecordBatch>> {
        let source = self.clone();
        stream::once(async move { source.start(scan).await }).try_flatten().boxed()
    }

    async fn diagnose(&self) -> Diagnosis {
        let mut diagnosis = Diagnosis::default();
        let checked = check_file(&self.path);
        if diagnosis.note(Step::File, checked, |()| self.path.display().to_string()).is_some() {
            diagnosis.note(Step::Permission, self.tables().await, |tables| format!("{} tables", tables.len()));
        }
        diagnosis
    }

    fn sql(&self) -> Option<&dyn SqlSource> {
        Some(self)
    }
}

/// Tables and views that are not SQLite's own.
fn table_names(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

fn view_names(connection: &Connection) -> rusqlite::Result<HashSet<String>> {
    connection.prepare("SELECT name FROM sqlite_master WHERE type = 'view'")?.query_map([], |row| row.get(0))?.collect()
}

/// The first names, so that a message stays a sentence.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut text = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(", …");
    }
    if text.is_empty() { "no tables".into() } else { text }
}

fn check_file(path: &Path) -> Result<()> {
    if !path.exists() {
        return Err(Error::not_found(format!("The SQLite file {}", path.display())));
    }
    if path.is_dir() {
        return Err(Error::invalid_input(format!("Expected a SQLite file at {}; found a folder.", path.display())));
    }
    let mut head = [0_u8; 16];
    let mut file = std::fs::File::open(path)
        .map_err(|e| Error::invalid_input(format!("The SQLite file {} cannot be opened.", path.display())).source(e))?;
    match file.read_exact(&mut head) {
        Ok(()) if &head == MAGIC => Ok(()),
        Err(e) if e.kind() != std::io::ErrorKind::UnexpectedEof => {
            Err(Error::unavailable(format!("The SQLite file {} cannot be read.", path.display())).source(e))
        }
        _ => Err(not_a_database(path)),
    }
}

fn not_a_database(path: &Path) -> Error {
    Error::invalid_data(format!("Expected a SQLite database at {}; the file begins differently (or is encrypted).", path.display()))
}

#[cfg(test)]
mod tests;
