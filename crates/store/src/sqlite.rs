//! The SQLite backend: one writer, several readers, WAL.

use std::path::Path;
use std::sync::Arc;

use domain::{Clock, Error, ErrorKind, Result, Timestamp};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use sqlx::{Row, Sqlite, SqliteConnection, Transaction};

use crate::resource::{Resource, Stored};
use crate::schema::STEPS;

const READERS: u32 = 4;
/// SQLite's word for no LIMIT.
const UNLIMITED: i64 = -1;

/// A handle to the metadata file; clone it freely.
#[derive(Debug, Clone)]
pub struct Store {
    writer: SqlitePool,
    readers: SqlitePool,
    clock: Arc<dyn Clock>,
}

/// The writing side. Nothing is visible to others until [`Tx::commit`]; dropping it undoes everything.
#[derive(Debug)]
pub struct Tx {
    inner: Transaction<'static, Sqlite>,
    now: Timestamp,
}

/// What the database library says, as our error: a busy or full disk may be tried again.
pub fn database_error(error: sqlx::Error) -> Error {
    let kind = match &error {
        sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) => ErrorKind::Unavailable,
        _ => ErrorKind::Internal,
    };
    Error::new(kind, "The metadata database did not do what was asked.").source(error)
}

impl Store {
    /// Opens the file, creating it and its tables where missing. A file of a newer version is refused.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // In WAL mode NORMAL survives a killed process; a power cut may lose the last commits. We promise more: FULL.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(std::time::Duration::from_secs(10));
        let unusable = |e| Error::unavailable(format!("The metadata file {} cannot be opened.", path.display())).source(e);
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await.map_err(unusable)?;
        migrate(&writer).await?;
        let readers =
            SqlitePoolOptions::new().max_connections(READERS).connect_with(options.create_if_missing(false)).await.map_err(unusable)?;
        Ok(Self { writer, readers, clock })
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Begins to write; waits for the transaction before it to end.
    pub async fn begin(&self) -> Result<Tx> {
        let inner = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(database_error)?;
        Ok(Tx { inner, now: self.clock.now() })
    }

    /// A connection to read from; only this crate and `runs` speak SQL.
    pub async fn reader(&self) -> Result<PoolConnection<Sqlite>> {
        self.readers.acquire().await.map_err(database_error)
    }

    /// The resource, or nothing.
    pub async fn find<R: Resource>(&self, key: &str) -> Result<Option<Stored<R>>> {
        find(&mut *self.reader().await?, key).await
    }

    /// The resource; `NotFound` names kind and key.
    pub async fn get<R: Resource>(&self, key: &str) -> Result<Stored<R>> {
        self.find(key).await?.ok_or_else(|| missing::<R>(key))
    }

    /// Every resource of the kind, by key.
    pub async fn list<R: Resource>(&self) -> Result<Vec<Stored<R>>> {
        list(&mut *self.reader().await?, None, "", UNLIMITED).await
    }

    /// Every resource of the kind under `parent`, by key.
    pub async fn children<R: Resource>(&self, parent: &str) -> Result<Vec<Stored<R>>> {
        list(&mut *self.reader().await?, Some(parent), "", UNLIMITED).await
    }

    /// The first `limit` resources of the kind, under `parent` where one is given, whose keys come after `after`; by key.
    pub async fn range<R: Resource>(&self, parent: Option<&str>, after: &str, limit: usize) -> Result<Vec<Stored<R>>> {
        list(&mut *self.reader().await?, parent, after, i64::try_from(limit).unwrap_or(i64::MAX)).await
    }

    /// [`Tx::create`] in a transaction of its own.
    pub async fn create<R: Resource>(&self, resource: &R) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.create(resource).await?;
        tx.commit().await
    }

    /// [`Tx::update`] in a transaction of its own.
    pub async fn update<R: Resource>(&self, key: &str, change: impl FnOnce(&mut R) -> Result<()> + Send) -> Result<Stored<R>> {
        let mut tx = self.begin().await?;
        let updated = tx.update(key, change).await?;
        tx.commit().await?;
        Ok(updated)
    }

    /// [`Tx::delete`] in a transaction of its own.
    pub async fn delete<R: Resource>(&self, key: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.delete::<R>(key).await?;
        tx.commit().await
    }

    /// Waits for open transactions and closes the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

impl Tx {
    /// The time all rows of this transaction carry.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The raw connection; only this crate and `runs` speak SQL.
    pub fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.inner
    }

    pub async fn find<R: Resource>(&mut self, key: &str) -> Result<Option<Stored<R>>> {
        find(&mut self.inner, key).await
    }

    pub async fn get<R: Resource>(&mut self, key: &str) -> Result<Stored<R>> {
        self.find(key).await?.ok_or_else(|| missing::<R>(key))
    }

    pub async fn children<R: Resource>(&mut self, parent: &str) -> Result<Vec<Stored<R>>> {
        list(&mut self.inner, Some(parent), "", UNLIMITED).await
    }

    /// Fails with `AlreadyExists` when the key is taken.
    pub async fn create<R: Resource>(&mut self, resource: &R) -> Result<()> {
        let key = resource.key();
        let now = self.now.millis();
        let done = sqlx::query(
            "INSERT INTO resources (kind, key, parent, body, version, created_ms, updated_ms) VALUES (?, ?, ?, ?, 1, ?, ?)
             ON CONFLICT (kind, key) DO NOTHING",
        )
        .bind(R::KIND)
        .bind(&key)
        .bind(resource.parent())
        .bind(body(resource)?)
        .bind(now)
        .bind(now)
        .execute(&mut *self.inner)
        .await
        .map_err(database_error)?;
        if done.rows_affected() == 0 {
            return Err(Error::already_exists(describe::<R>(&key)));
        }
        Ok(())
    }

    /// Reads, changes and writes back. The key must stay what it was.
    pub async fn update<R: Resource>(&mut self, key: &str, change: impl FnOnce(&mut R) -> Result<()> + Send) -> Result<Stored<R>> {
        let mut stored = self.get::<R>(key).await?;
        change(&mut stored.value)?;
        if stored.value.key() != key {
            return Err(Error::internal(format!("An update of {} changed its key to {:?}.", describe::<R>(key), stored.value.key())));
        }
        stored.version += 1;
        stored.updated = self.now;
        sqlx::query("UPDATE resources SET parent = ?, body = ?, version = ?, updated_ms = ? WHERE kind = ? AND key = ?")
            .bind(stored.value.parent())
            .bind(body(&stored.value)?)
            .bind(stored.version)
            .bind(stored.updated.millis())
            .bind(R::KIND)
            .bind(key)
            .execute(&mut *self.inner)
            .await
            .map_err(database_error)?;
        Ok(stored)
    }

    /// Creates the resource or replaces what is there.
    pub async fn put<R: Resource>(&mut self, resource: R) -> Result<()> {
        let key = resource.key();
        if self.find::<R>(&key).await?.is_none() {
            return self.create(&resource).await;
        }
        self.update(&key, |old| {
            *old = resource;
            Ok(())
        })
        .await
        .map(|_| ())
    }

    /// Fails with `NotFound` when there is nothing to delete.
    pub async fn delete<R: Resource>(&mut self, key: &str) -> Result<()> {
        let done = sqlx::query("DELETE FROM resources WHERE kind = ? AND key = ?")
            .bind(R::KIND)
            .bind(key)
            .execute(&mut *self.inner)
            .await
            .map_err(database_error)?;
        if done.rows_affected() == 0 { Err(missing::<R>(key)) } else { Ok(()) }
    }

    pub async fn commit(self) -> Result<()> {
        self.inner.commit().await.map_err(database_error)
    }
}

async fn migrate(writer: &SqlitePool) -> Result<()> {
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(writer).await.map_err(database_error)?;
    if usize::try_from(found) == Ok(STEPS.len()) {
        return Ok(());
    }
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(database_error)?;
    // Read again: another process may have done it meanwhile.
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *tx).await.map_err(database_error)?;
    let found = usize::try_from(found).unwrap_or(usize::MAX);
    if found > STEPS.len() {
        return Err(Error::invalid_state(format!(
            "This penchant knows metadata version {}, the file has {found}: use the newer penchant that wrote it.",
            STEPS.len()
        )));
    }
    for step in &STEPS[found..] {
        sqlx::raw_sql(*step).execute(&mut *tx).await.map_err(database_error)?;
    }
    let version = format!("PRAGMA user_version = {}", STEPS.len());
    sqlx::query(sqlx::AssertSqlSafe(version)).execute(&mut *tx).await.map_err(database_error)?;
    tx.commit().await.map_err(database_error)
}

async fn find<R: Resource>(connection: &mut SqliteConnection, key: &str) -> Result<Option<Stored<R>>> {
    let row = sqlx::query("SELECT body, version, created_ms, updated_ms FROM resources WHERE kind = ? AND key = ?")
        .bind(R::KIND)
        .bind(key)
        .fetch_optional(connection)
        .await
        .map_err(database_error)?;
    row.as_ref().map(read).transpose()
}

/// Every key comes after the empty text.
async fn list<R: Resource>(connection: &mut SqliteConnection, parent: Option<&str>, after: &str, limit: i64) -> Result<Vec<Stored<R>>> {
    let query = match parent {
        None => sqlx::query("SELECT body, version, created_ms, updated_ms FROM resources WHERE kind = ? AND key > ? ORDER BY key LIMIT ?")
            .bind(R::KIND),
        Some(parent) => sqlx::query(
            // Left to itself SQLite walks the whole kind in key order.
            "SELECT body, version, created_ms, updated_ms FROM resources INDEXED BY resources_by_parent
             WHERE kind = ? AND parent = ? AND key > ? ORDER BY key LIMIT ?",
        )
        .bind(R::KIND)
        .bind(parent),
    };
    query.bind(after).bind(limit).fetch_all(connection).await.map_err(database_error)?.iter().map(read).collect()
}

fn read<R: Resource>(row: &SqliteRow) -> Result<Stored<R>> {
    let value =
        serde_json::from_str(row.get("body")).map_err(|e| Error::internal(format!("A stored {} cannot be read.", R::KIND)).source(e))?;
    Ok(Stored { value, version: row.get("version"), created: Timestamp(row.get("created_ms")), updated: Timestamp(row.get("updated_ms")) })
}

fn body<R: Resource>(resource: &R) -> Result<String> {
    serde_json::to_string(resource).map_err(|e| Error::internal(format!("A {} cannot be written.", R::KIND)).source(e))
}

fn describe<R: Resource>(key: &str) -> String {
    format!("{} {key:?}", R::KIND.replace('_', " "))
}

fn missing<R: Resource>(key: &str) -> Error {
    Error::not_found(describe::<R>(key))
}
