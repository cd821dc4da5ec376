//! The SQL of the queue. Every change of state goes through [`move_to`], which refuses illegal moves.

use domain::{Error, Result, RunState, Timestamp};
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use store::{Tx, database_error};

use crate::run::{NewRun, Progress, Run, RunId};

/// Inserts, or finds the run that an equal `dedup` made before.
pub(crate) async fn insert(tx: &mut Tx, new: &NewRun) -> Result<RunId> {
    if let Some(dedup) = &new.dedup
        && let Some(run) = by_dedup(tx.connection(), dedup).await?
    {
        return Ok(run.id);
    }
    let id = format!("{}-{}", new.kind.replace('_', "-"), tx.unique_hex().await?);
    let now = tx.now().millis();
    sqlx::query(
        "INSERT INTO runs (id, kind, subject, parent, dedup, input, state, attempt, max_attempts, failed_attempts, lost_leases,
                           not_before_ms, timeout_ms, cancel, done, total, unit, created_ms)
         VALUES (?, ?, ?, ?, ?, ?, 'queued', 0, ?, 0, 0, ?, ?, 0, 0, 0, '', ?)",
    )
    .bind(&id)
    .bind(new.kind)
    .bind(&new.subject)
    .bind(new.parent.as_ref().map_or("", |parent| parent.0.as_str()))
    .bind(&new.dedup)
    .bind(new.input.to_string())
    .bind(new.max_attempts)
    .bind(now)
    .bind(new.timeout_ms)
    .bind(now)
    .execute(tx.connection())
    .await
    .map_err(database_error)?;
    Ok(RunId(id))
}

pub(crate) async fn get(connection: &mut SqliteConnection, id: &RunId) -> Result<Option<Run>> {
    let row = sqlx::query("SELECT * FROM runs WHERE id = ?").bind(&id.0).fetch_optional(connection).await.map_err(database_error)?;
    row.as_ref().map(read).transpose()
}

pub(crate) async fn by_dedup(connection: &mut SqliteConnection, dedup: &str) -> Result<Option<Run>> {
    let row = sqlx::query("SELECT * FROM runs WHERE dedup = ?").bind(dedup).fetch_optional(connection).await.map_err(database_error)?;
    row.as_ref().map(read).transpose()
}

/// The oldest runs that may start now, at most `limit`.
pub(crate) async fn startable(connection: &mut SqliteConnection, now: Timestamp, limit: i64) -> Result<Vec<Run>> {
    let rows = sqlx::query("SELECT * FROM runs WHERE state = 'queued' AND not_before_ms <= ? ORDER BY not_before_ms, seq LIMIT ?")
        .bind(now.millis())
        .bind(limit)
        .fetch_all(connection)
        .await
        .map_err(database_error)?;
    rows.iter().map(read).collect()
}

/// Runs whose worker has not been heard of in time; all running ones when `everything`.
pub(crate) async fn abandoned(tx: &mut Tx, everything: bool) -> Result<Vec<Run>> {
    let now = if everything { i64::MAX } else { tx.now().millis() };
    let rows = sqlx::query("SELECT * FROM runs WHERE state = 'running' AND lease_until_ms < ?")
        .bind(now)
        .fetch_all(tx.connection())
        .await
        .map_err(database_error)?;
    rows.iter().map(read).collect()
}

/// Queued to running, as the next attempt; false when somebody else was faster.
pub(crate) async fn claim(tx: &mut Tx, run: &Run, lease_ms: i64) -> Result<bool> {
    run.state.check_move(RunState::Running)?;
    let now = tx.now();
    let done = sqlx::query(
        "UPDATE runs SET state = 'running', attempt = attempt + 1, started_ms = COALESCE(started_ms, ?), lease_until_ms = ?
         WHERE id = ? AND state = 'queued' AND attempt = ?",
    )
    .bind(now.millis())
    .bind(now.plus_ms(lease_ms).millis())
    .bind(&run.id.0)
    .bind(run.attempt)
    .execute(tx.connection())
    .await
    .map_err(database_error)?;
    Ok(done.rows_affected() == 1)
}

/// How a run leaves the state it is in.
pub(crate) struct Ending<'a> {
    pub state: RunState,
    pub code: Option<&'a str>,
    pub message: Option<&'a str>,
    pub result: Option<&'a Value>,
}

/// Moves the run on if it is still the attempt we hold; fails with `Stopped` when the lease was lost.
pub(crate) async fn end(tx: &mut Tx, run: &Run, ending: Ending<'_>) -> Result<()> {
    run.state.check_move(ending.state)?;
    let now = tx.now().millis();
    let done = sqlx::query(
        "UPDATE runs SET state = ?, code = ?, message = ?, result = ?, ended_ms = ?, lease_until_ms = NULL
         WHERE id = ? AND state = ? AND attempt = ?",
    )
    .bind(ending.state.as_str())
    .bind(ending.code)
    .bind(ending.message)
    .bind(ending.result.map(Value::to_string))
    .bind(now)
    .bind(&run.id.0)
    .bind(run.state.as_str())
    .bind(run.attempt)
    .execute(tx.connection())
    .await
    .map_err(database_error)?;
    if done.rows_affected() == 0 {
        return Err(lost(run));
    }
    let detail = serde_json::json!({"run": run.id, "kind": run.kind, "state": ending.state, "message": ending.message});
    tx.notify("run.ended", &run.subject, &detail).await
}

/// Why a running run goes back into the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Back {
    /// The attempt failed in a way that may pass.
    Failed,
    /// Its process is gone.
    LostLease,
    /// Its process is about to go.
    Shutdown,
}

/// Running back to queued.
pub(crate) async fn requeue(tx: &mut Tx, run: &Run, not_before: Timestamp, back: Back) -> Result<()> {
    run.state.check_move(RunState::Queued)?;
    let done = sqlx::query(
        "UPDATE runs SET state = 'queued', not_before_ms = ?, lease_until_ms = NULL, failed_attempts = failed_attempts + ?,
                         lost_leases = lost_leases + ?, done = 0, total = 0
         WHERE id = ? AND state = 'running' AND attempt = ?",
    )
    .bind(not_before.millis())
    .bind(i64::from(back == Back::Failed))
    .bind(i64::from(back == Back::LostLease))
    .bind(&run.id.0)
    .bind(run.attempt)
    .execute(tx.connection())
    .await
    .map_err(database_error)?;
    if done.rows_affected() == 0 { Err(lost(run)) } else { Ok(()) }
}

/// Extends the lease and writes how far we are; gives whether somebody asked to stop.
pub(crate) async fn heartbeat(tx: &mut Tx, run: &Run, lease_ms: i64, progress: &Progress) -> Result<bool> {
    let until = tx.now().plus_ms(lease_ms).millis();
    let stopping: Option<i64> = sqlx::query_scalar(
        "UPDATE runs SET lease_until_ms = ?, done = ?, total = ?, unit = ?
         WHERE id = ? AND state = 'running' AND attempt = ? RETURNING cancel",
    )
    .bind(until)
    .bind(progress.done as i64)
    .bind(progress.total as i64)
    .bind(&progress.unit)
    .bind(&run.id.0)
    .bind(run.attempt)
    .fetch_optional(tx.connection())
    .await
    .map_err(database_error)?;
    stopping.map(|flag| flag != 0).ok_or_else(|| lost(run))
}

/// Ends what is queued and asks what is running to stop: the run's descendants, and with `itself` the run too.
pub(crate) async fn stop_tree(tx: &mut Tx, id: &RunId, itself: bool) -> Result<()> {
    let rows = sqlx::query(
        "WITH RECURSIVE tree (id) AS (SELECT ? UNION SELECT runs.id FROM runs JOIN tree ON runs.parent = tree.id)
         SELECT runs.* FROM runs JOIN tree USING (id) WHERE runs.state IN ('queued', 'running') AND (runs.id <> ? OR ?)",
    )
    .bind(&id.0)
    .bind(&id.0)
    .bind(itself)
    .fetch_all(tx.connection())
    .await
    .map_err(database_error)?;
    for run in rows.iter().map(read).collect::<Result<Vec<Run>>>()? {
        if run.state == RunState::Queued {
            let ending = Ending { state: RunState::Stopped, code: None, message: Some("Stopped before it started."), result: None };
            end(tx, &run, ending).await?;
        } else {
            ask_to_stop(tx, &run.id).await?;
        }
    }
    Ok(())
}

async fn ask_to_stop(tx: &mut Tx, id: &RunId) -> Result<()> {
    sqlx::query("UPDATE runs SET cancel = 1 WHERE id = ? AND state = 'running'")
        .bind(&id.0)
        .execute(tx.connection())
        .await
        .map_err(database_error)?;
    Ok(())
}

/// Makes a run the child of another, if it is nobody's yet.
pub(crate) async fn adopt(tx: &mut Tx, child: &RunId, parent: &RunId) -> Result<()> {
    sqlx::query("UPDATE runs SET parent = ? WHERE id = ? AND parent = ''")
        .bind(&parent.0)
        .bind(&child.0)
        .execute(tx.connection())
        .await
        .map_err(database_error)?;
    Ok(())
}

pub(crate) async fn is_stopping(connection: &mut SqliteConnection, id: &RunId) -> Result<bool> {
    let flag: Option<i64> =
        sqlx::query_scalar("SELECT cancel FROM runs WHERE id = ?").bind(&id.0).fetch_optional(connection).await.map_err(database_error)?;
    Ok(flag.unwrap_or(0) != 0)
}

pub(crate) async fn add_log(tx: &mut Tx, run: &RunId, level: &str, line: &str, at: Timestamp) -> Result<()> {
    sqlx::query("INSERT INTO run_logs (run, level, line, created_ms) VALUES (?, ?, ?, ?)")
        .bind(&run.0)
        .bind(level)
        .bind(line)
        .bind(at.millis())
        .execute(tx.connection())
        .await
        .map_err(database_error)?;
    Ok(())
}

fn lost(run: &Run) -> Error {
    Error::new(domain::ErrorKind::Stopped, format!("Run {} is no longer ours: its lease was lost in attempt {}.", run.id, run.attempt))
}

pub(crate) fn read(row: &SqliteRow) -> Result<Run> {
    let json = |text: &str| serde_json::from_str::<Value>(text).map_err(|e| Error::internal("A stored run is not readable.").source(e));
    let parent: String = row.get("parent");
    let input: String = row.get("input");
    let result: Option<String> = row.get("result");
    Ok(Run {
        id: RunId(row.get("id")),
        kind: row.get("kind"),
        subject: row.get("subject"),
        parent: (!parent.is_empty()).then_some(RunId(parent)),
        input: json(&input)?,
        state: RunState::parse(row.get("state"))?,
        attempt: row.get("attempt"),
        max_attempts: row.get("max_attempts"),
        failed_attempts: row.get("failed_attempts"),
        lost_leases: row.get("lost_leases"),
        timeout_ms: row.get("timeout_ms"),
        stopping: row.get::<i64, _>("cancel") != 0,
        progress: Progress { done: row.get::<i64, _>("done") as u64, total: row.get::<i64, _>("total") as u64, unit: row.get("unit") },
        code: row.get("code"),
        message: row.get("message"),
        result: result.as_deref().map(json).transpose()?,
        created: Timestamp(row.get("created_ms")),
        started: row.get::<Option<i64>, _>("started_ms").map(Timestamp),
        ended: row.get::<Option<i64>, _>("ended_ms").map(Timestamp),
    })
}

/// How many running runs have an expired lease; a read, so that an idle worker writes nothing.
pub(crate) async fn expired(connection: &mut SqliteConnection, now: Timestamp) -> Result<i64> {
    sqlx::query_scalar("SELECT count(*) FROM runs WHERE state = 'running' AND lease_until_ms < ?")
        .bind(now.millis())
        .fetch_one(connection)
        .await
        .map_err(database_error)
}
