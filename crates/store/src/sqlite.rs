//! The database in a file: one writer, several readers, WAL.

use std::path::Path;

use domain::{Error, Result};
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use crate::schema::{STEPS, newer};
use crate::sql::database_error;
use crate::store::Pools;

const READERS: u32 = 4;

pub(crate) async fn open(path: &Path) -> Result<Pools> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // In WAL mode NORMAL survives a killed process; a power cut may lose the last commits. We promise more: FULL.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(std::time::Duration::from_secs(10));
    let unusable = |e| Error::unavailable(format!("The metadata file {} cannot be opened.", path.display())).source(e);
    if !path.exists() {
        // Said of an empty file only: said of another it waits for whoever writes, even where a reader says it.
        let fresh = options.clone().auto_vacuum(SqliteAutoVacuum::Incremental);
        fresh.connect().await.map_err(unusable)?.close().await.map_err(unusable)?;
    }
    let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await.map_err(unusable)?;
    migrate(&writer).await?;
    let readers =
        SqlitePoolOptions::new().max_connections(READERS).connect_with(options.create_if_missing(false)).await.map_err(unusable)?;
    Ok(Pools::Sqlite { writer, readers })
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
        return Err(newer(found));
    }
    for step in &STEPS[found..] {
        sqlx::raw_sql(*step).execute(&mut *tx).await.map_err(database_error)?;
    }
    let version = format!("PRAGMA user_version = {}", STEPS.len());
    sqlx::query(sqlx::AssertSqlSafe(version)).execute(&mut *tx).await.map_err(database_error)?;
    tx.commit().await.map_err(database_error)
}

/// Pages given back at once: 4 MiB.
const PAGES: &str = "PRAGMA incremental_vacuum(1000)";

/// Files that were made before pages could be given back keep them for what comes.
pub(crate) async fn compact(writer: &SqlitePool) -> Result<()> {
    sqlx::raw_sql(PAGES).execute(writer).await.map_err(database_error)?;
    sqlx::raw_sql("PRAGMA optimize").execute(writer).await.map_err(database_error)?;
    Ok(())
}
