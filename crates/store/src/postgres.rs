//! The database on a server: several processes read and write it.
//!
//! Writers wait for each other as they do with SQLite, by an advisory lock that ends with the transaction: code that reads and then
//! writes is as safe here as there, and notifications become visible in the order of their ids. Claims of runs have a lock of their
//! own, and heartbeats none, so that a long transaction costs nobody his lease.

use std::sync::Arc;
use std::time::Duration;

use domain::{Error, Result};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{PgConnection, Postgres, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::schema::{STEPS, for_postgres, newer};
use crate::sql::database_error;
use crate::store::{Lock, Pools};

const CONNECTIONS: u32 = 8;
/// Who gets no connection for so long is told that there is none.
const PATIENCE: Duration = Duration::from_secs(10);
/// First half of the advisory locks' keys; the second half is the schema's own number.
const WRITER: i32 = 0x70_65_6e_01;
const CLAIMS: i32 = 0x70_65_6e_02;

pub(crate) async fn open(url: &str, schema: &str) -> Result<Pools> {
    let plain = schema.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !plain || schema.is_empty() || schema.len() > 63 {
        return Err(Error::invalid_input(format!(
            "The schema of the metadata database has 1 to 63 lower-case letters, digits and underscores; found {schema:?}."
        )));
    }
    let unreadable = || Error::invalid_input("The URL of the metadata database is not like postgres://user:password@host:5432/database.");
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(unreadable());
    }
    let options: PgConnectOptions = url.parse().map_err(|e| unreadable().source(e))?;
    let server = format!("{}:{}", options.get_host(), options.get_port());
    // A node that is cut off must not keep the others waiting: the server gives up its transactions, and the locks with them.
    let options = options.application_name("penchant").options([
        ("search_path", schema),
        ("idle_in_transaction_session_timeout", "30000"),
        ("lock_timeout", "60000"),
        ("tcp_keepalives_idle", "5"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "2"),
    ]);
    let unusable = |e: sqlx::Error| Error::unavailable(format!("The metadata database on {server} cannot be opened.")).source(e);
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE).connect_with(options).await.map_err(unusable)?;
    migrate(&pool, schema).await?;
    Ok(Pools::Postgres(Server { pool, writers: Arc::default(), claimers: Arc::default() }))
}

/// The server's connections. Who waits for a lock of the server waits here first, without a connection: else a few waiting writers would
/// hold all of them, and heartbeats and readers had none.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub pool: PgPool,
    writers: Arc<Mutex<()>>,
    claimers: Arc<Mutex<()>>,
}

/// A transaction, and the turn that goes with it.
pub(crate) type Begun = (Transaction<'static, Postgres>, Option<OwnedMutexGuard<()>>);

pub(crate) async fn begin(server: &Server, lock: Lock) -> Result<Begun> {
    let (turns, key) = match lock {
        Lock::Writer => (&server.writers, WRITER),
        Lock::Claims => (&server.claimers, CLAIMS),
        Lock::None => return Ok((server.pool.begin().await.map_err(database_error)?, None)),
    };
    let turn = Arc::clone(turns).lock_owned().await;
    let mut transaction = server.pool.begin().await.map_err(database_error)?;
    take(&mut transaction, key).await?;
    Ok((transaction, Some(turn)))
}

async fn take(connection: &mut PgConnection, key: i32) -> Result<()> {
    sqlx::query("SELECT pg_advisory_xact_lock($1, hashtext(current_schema()))")
        .bind(key)
        .execute(connection)
        .await
        .map(|_| ())
        .map_err(database_error)
}

async fn migrate(pool: &PgPool, schema: &str) -> Result<()> {
    let mut transaction = pool.begin().await.map_err(database_error)?;
    let connection = &mut *transaction;
    // The schema may not be there yet, so the lock is named after nothing.
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(i64::from(WRITER)).execute(&mut *connection).await.map_err(database_error)?;
    let create = format!(
        "CREATE SCHEMA IF NOT EXISTS {schema};
         CREATE TABLE IF NOT EXISTS metadata_version (version BIGINT NOT NULL);
         INSERT INTO metadata_version SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM metadata_version)"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&mut *connection).await.map_err(database_error)?;
    let found: i64 =
        sqlx::query_scalar("SELECT version FROM metadata_version").fetch_one(&mut *connection).await.map_err(database_error)?;
    let found = usize::try_from(found).unwrap_or(usize::MAX);
    if found > STEPS.len() {
        return Err(newer(found));
    }
    for step in &STEPS[found..] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(for_postgres(step))).execute(&mut *connection).await.map_err(database_error)?;
    }
    let version = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    sqlx::query("UPDATE metadata_version SET version = $1").bind(version).execute(&mut *connection).await.map_err(database_error)?;
    transaction.commit().await.map_err(database_error)
}
