//! The system of record over either database, and the transactions in which it changes.

use std::path::Path;
use std::sync::Arc;

use domain::{Clock, Error, Result, Timestamp};
#[cfg(feature = "postgres")]
use sqlx::Postgres;
use sqlx::sqlite::SqlitePool;
use sqlx::{Sqlite, Transaction, pool::PoolConnection};

use crate::resource::{Resource, Stored};
use crate::sql::{Connection, Row, database_error, sql};
use crate::sqlite;
use crate::turnstile::{Pass, Passage, Turnstile};

/// A handle to the metadata; clone it freely.
#[derive(Debug, Clone)]
pub struct Store {
    pools: Pools,
    clock: Arc<dyn Clock>,
    turnstile: Option<Arc<dyn Turnstile>>,
}

#[derive(Debug, Clone)]
pub(crate) enum Pools {
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    #[cfg(feature = "postgres")]
    Postgres(crate::postgres::Server),
}

/// The writing side. Nothing is visible to others until [`Tx::commit`]; dropping it undoes everything.
#[derive(Debug)]
pub struct Tx {
    inner: Held,
    now: Timestamp,
    turnstile: Option<Arc<dyn Turnstile>>,
    _pass: Option<Pass>,
}

#[derive(Debug)]
pub(crate) enum Held {
    Sqlite(Transaction<'static, Sqlite>),
    #[cfg(feature = "postgres")]
    /// In this order: the transaction ends before the next has its turn.
    Postgres(Transaction<'static, Postgres>, Option<tokio::sync::OwnedMutexGuard<()>>),
}

/// The reading side.
#[derive(Debug)]
pub struct Reader {
    inner: Reading,
    _pass: Option<Pass>,
}

#[derive(Debug)]
enum Reading {
    Sqlite(PoolConnection<Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(PoolConnection<Postgres>),
}

impl Reader {
    pub fn connection(&mut self) -> Connection<'_> {
        match &mut self.inner {
            Reading::Sqlite(connection) => Connection::Sqlite(connection),
            #[cfg(feature = "postgres")]
            Reading::Postgres(connection) => Connection::Postgres(connection),
        }
    }
}

impl Store {
    /// Opens the file, creating it and its tables where missing. A file of a newer version is refused.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        Ok(Self { pools: sqlite::open(path).await?, clock, turnstile: None })
    }

    /// Opens a schema of a PostgreSQL database, creating it and its tables where missing. Several processes may have it open and write.
    #[cfg(feature = "postgres")]
    pub async fn open_postgres(url: &str, schema: &str, clock: Arc<dyn Clock>) -> Result<Self> {
        Ok(Self { pools: crate::postgres::open(url, schema).await?, clock, turnstile: None })
    }

    /// Everybody who reads, writes or commits passes the turnstile first: for tests of what becomes of slow and full disks.
    #[must_use]
    pub fn with_turnstile(mut self, turnstile: Arc<dyn Turnstile>) -> Self {
        self.turnstile = Some(turnstile);
        self
    }

    /// The same metadata seen by a process with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Whether other processes may write at the same time.
    pub fn is_shared(&self) -> bool {
        !matches!(self.pools, Pools::Sqlite { .. })
    }

    /// Begins to write; waits for the transaction before it to end, in whatever process that is. What it reads stays as it is until
    /// its end.
    pub async fn begin(&self) -> Result<Tx> {
        self.begin_locked(Lock::Writer).await
    }

    /// Begins to claim runs: one claimer at a time, whoever else writes.
    pub async fn begin_claim(&self) -> Result<Tx> {
        self.begin_locked(Lock::Claims).await
    }

    /// Begins a transaction of single statements that decide by themselves whether they apply, such as a heartbeat. It writes no
    /// notifications: their order is the writers'.
    pub async fn begin_beside(&self) -> Result<Tx> {
        self.begin_locked(Lock::None).await
    }

    async fn begin_locked(&self, lock: Lock) -> Result<Tx> {
        let pass = self.pass(Passage::Write).await?;
        let inner = match &self.pools {
            Pools::Sqlite { writer, .. } => Held::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await.map_err(database_error)?),
            #[cfg(feature = "postgres")]
            Pools::Postgres(server) => {
                let (held, turn) = crate::postgres::begin(server, lock).await?;
                Held::Postgres(held, turn)
            }
        };
        #[cfg(not(feature = "postgres"))]
        let _ = lock;
        Ok(Tx { inner, now: self.clock.now(), turnstile: self.turnstile.clone(), _pass: pass })
    }

    /// A connection to read from; only this crate and `runs` speak SQL.
    pub async fn reader(&self) -> Result<Reader> {
        let pass = self.pass(Passage::Read).await?;
        let inner = match &self.pools {
            Pools::Sqlite { readers, .. } => Reading::Sqlite(readers.acquire().await.map_err(database_error)?),
            #[cfg(feature = "postgres")]
            Pools::Postgres(server) => Reading::Postgres(server.pool.acquire().await.map_err(database_error)?),
        };
        Ok(Reader { inner, _pass: pass })
    }

    async fn pass(&self, passage: Passage) -> Result<Option<Pass>> {
        match &self.turnstile {
            Some(turnstile) => turnstile.pass(passage).await.map(Some),
            None => Ok(None),
        }
    }

    /// The resource, or nothing.
    pub async fn find<R: Resource>(&self, key: &str) -> Result<Option<Stored<R>>> {
        find(self.reader().await?.connection(), key).await
    }

    /// The resource; `NotFound` names kind and key.
    pub async fn get<R: Resource>(&self, key: &str) -> Result<Stored<R>> {
        self.find(key).await?.ok_or_else(|| missing::<R>(key))
    }

    /// Every resource of the kind, by key.
    pub async fn list<R: Resource>(&self) -> Result<Vec<Stored<R>>> {
        list(self.reader().await?.connection(), None, "", i64::MAX).await
    }

    /// Every resource of the kind under `parent`, by key.
    pub async fn children<R: Resource>(&self, parent: &str) -> Result<Vec<Stored<R>>> {
        list(self.reader().await?.connection(), Some(parent), "", i64::MAX).await
    }

    /// The first `limit` resources of the kind, under `parent` where one is given, whose keys come after `after`; by key.
    pub async fn range<R: Resource>(&self, parent: Option<&str>, after: &str, limit: usize) -> Result<Vec<Stored<R>>> {
        list(self.reader().await?.connection(), parent, after, i64::try_from(limit).unwrap_or(i64::MAX)).await
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

    /// Gives the space of what was deleted back to the file system, some of it at a time.
    pub async fn compact(&self) -> Result<()> {
        match &self.pools {
            Pools::Sqlite { writer, .. } => sqlite::compact(writer).await,
            #[cfg(feature = "postgres")]
            // Its autovacuum does so.
            Pools::Postgres(_) => Ok(()),
        }
    }

    /// Waits for open transactions and closes the connections.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            #[cfg(feature = "postgres")]
            Pools::Postgres(server) => server.pool.close().await,
        }
    }
}

/// Whom a transaction waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lock {
    Writer,
    Claims,
    None,
}

impl Tx {
    /// The time all rows of this transaction carry.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The connection; only this crate and `runs` speak SQL.
    pub fn connection(&mut self) -> Connection<'_> {
        match &mut self.inner {
            Held::Sqlite(held) => Connection::Sqlite(held),
            #[cfg(feature = "postgres")]
            Held::Postgres(held, _) => Connection::Postgres(held),
        }
    }

    pub async fn find<R: Resource>(&mut self, key: &str) -> Result<Option<Stored<R>>> {
        find(self.connection(), key).await
    }

    pub async fn get<R: Resource>(&mut self, key: &str) -> Result<Stored<R>> {
        self.find(key).await?.ok_or_else(|| missing::<R>(key))
    }

    pub async fn children<R: Resource>(&mut self, parent: &str) -> Result<Vec<Stored<R>>> {
        list(self.connection(), Some(parent), "", i64::MAX).await
    }

    /// Fails with `AlreadyExists` when the key is taken.
    pub async fn create<R: Resource>(&mut self, resource: &R) -> Result<()> {
        let key = resource.key();
        let now = self.now.millis();
        let done = sql("INSERT INTO resources (kind, key, parent, body, version, created_ms, updated_ms) VALUES (?, ?, ?, ?, 1, ?, ?)
             ON CONFLICT (kind, key) DO NOTHING")
        .bind(R::KIND)
        .bind(&key)
        .bind(resource.parent())
        .bind(body(resource)?)
        .bind(now)
        .bind(now)
        .execute(self.connection())
        .await?;
        if done == 0 {
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
        sql("UPDATE resources SET parent = ?, body = ?, version = ?, updated_ms = ? WHERE kind = ? AND key = ?")
            .bind(stored.value.parent())
            .bind(body(&stored.value)?)
            .bind(stored.version)
            .bind(stored.updated.millis())
            .bind(R::KIND)
            .bind(key)
            .execute(self.connection())
            .await?;
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
        let done = sql("DELETE FROM resources WHERE kind = ? AND key = ?").bind(R::KIND).bind(key).execute(self.connection()).await?;
        if done == 0 { Err(missing::<R>(key)) } else { Ok(()) }
    }

    pub async fn commit(self) -> Result<()> {
        if let Some(turnstile) = &self.turnstile {
            turnstile.pass(Passage::Commit).await?;
        }
        match self.inner {
            Held::Sqlite(held) => held.commit().await,
            #[cfg(feature = "postgres")]
            Held::Postgres(held, _turn) => held.commit().await,
        }
        .map_err(database_error)
    }
}

const COLUMNS: &str = "SELECT body, version, created_ms, updated_ms FROM resources";

async fn find<R: Resource>(connection: Connection<'_>, key: &str) -> Result<Option<Stored<R>>> {
    let statement = sql(COLUMNS).push(" WHERE kind = ? AND key = ?").bind(R::KIND).bind(key);
    statement.fetch_optional(connection).await?.as_ref().map(read).transpose()
}

/// Every key comes after the empty text.
async fn list<R: Resource>(connection: Connection<'_>, parent: Option<&str>, after: &str, limit: i64) -> Result<Vec<Stored<R>>> {
    let statement = match parent {
        None => sql(COLUMNS).push(" WHERE kind = ?").bind(R::KIND),
        Some(parent) => {
            // Left to itself SQLite walks the whole kind in key order.
            let index = connection.index("resources_by_parent");
            sql(COLUMNS).push(&index).push(" WHERE kind = ? AND parent = ?").bind(R::KIND).bind(parent)
        }
    };
    let statement = statement.push(" AND key > ? ORDER BY key LIMIT ?").bind(after).bind(limit);
    statement.fetch_all(connection).await?.iter().map(read).collect()
}

fn read<R: Resource>(row: &Row) -> Result<Stored<R>> {
    let value =
        serde_json::from_str(&row.text("body")?).map_err(|e| Error::internal(format!("A stored {} cannot be read.", R::KIND)).source(e))?;
    let (created, updated) = (Timestamp(row.integer("created_ms")?), Timestamp(row.integer("updated_ms")?));
    Ok(Stored { value, version: row.integer("version")?, created, updated })
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
