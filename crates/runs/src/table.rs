//! The SQL of the queue. Every change of state goes through [`move_to`], which refuses illegal moves.

use domain::{Error, Result, RunState, Timestamp};
use serde_json::Value;
use store::{Connection, Row, Tx, sql};

use crate::run::{Level, NewRun, Progress, Run, RunId, Share};

/// Inserts, or finds the run that an equal `dedup` made before.
pub(crate) async fn insert(tx: &mut Tx, new: &NewRun) -> Result<RunId> {
    if let Some(dedup) = &new.dedup
        && let Some(run) = by_dedup(tx.connection(), dedup).await?
    {
        return Ok(run.id);
    }
    let id = format!("{}-{}", new.kind.replace('_', "-"), tx.unique_hex().await?);
    let now = tx.now().millis();
    sql("INSERT INTO runs (id, kind, subject, parent, dedup, input, state, attempt, max_attempts, failed_attempts, lost_leases,
                           not_before_ms, timeout_ms, cancel, done, total, unit, created_ms, priority, resource, resource_limit)
         VALUES (?, ?, ?, ?, ?, ?, 'queued', 0, ?, 0, 0, ?, ?, 0, 0, 0, '', ?, ?, ?, ?)")
    .bind(&id)
    .bind(new.kind)
    .bind(&new.subject)
    .bind(new.parent.as_ref().map_or("", |parent| parent.0.as_str()))
    .bind(new.dedup.as_deref())
    .bind(new.input.to_string())
    .bind(new.max_attempts)
    .bind(now)
    .bind(new.timeout_ms)
    .bind(now)
    .bind(new.priority)
    .bind(new.resource.as_ref().map_or("", |resource| resource.name.as_str()))
    .bind(new.resource.as_ref().map_or(0, |resource| resource.at_once))
    .execute(tx.connection())
    .await?;
    Ok(RunId(id))
}

pub(crate) async fn get(connection: Connection<'_>, id: &RunId) -> Result<Option<Run>> {
    sql("SELECT * FROM runs WHERE id = ?").bind(&id.0).fetch_optional(connection).await?.as_ref().map(read).transpose()
}

pub(crate) async fn by_dedup(connection: Connection<'_>, dedup: &str) -> Result<Option<Run>> {
    sql("SELECT * FROM runs WHERE dedup = ?").bind(dedup).fetch_optional(connection).await?.as_ref().map(read).transpose()
}

/// Whether any run may start now; a read, so that an idle worker writes nothing.
pub(crate) async fn any_startable(connection: Connection<'_>, now: Timestamp) -> Result<bool> {
    let statement = sql("SELECT 1 AS found FROM runs WHERE state = 'queued' AND not_before_ms <= ? LIMIT 1").bind(now.millis());
    Ok(statement.fetch_optional(connection).await?.is_some())
}

/// How many runs are running, by kind and by resource.
pub(crate) async fn running(tx: &mut Tx) -> Result<Vec<(String, String, u32)>> {
    let statement = sql("SELECT kind, resource, count(*) AS runs FROM runs WHERE state = 'running' GROUP BY kind, resource");
    let rows = statement.fetch_all(tx.connection()).await?;
    rows.iter().map(|row| Ok((row.text("kind")?, row.text("resource")?, row.count("runs")?))).collect()
}

/// The words that make SQLite look among the few runs in this state, not among all that ever were about a subject.
pub(crate) fn few(connection: &Connection<'_>, state: RunState) -> String {
    match state {
        RunState::Queued => connection.index("runs_queued"),
        RunState::Running => connection.index("runs_running"),
        _ => String::new(),
    }
}

/// How many runs of the kind about the subject have not ended, as the transaction sees it.
pub(crate) async fn open(tx: &mut Tx, kind: &str, subject: &str) -> Result<u32> {
    let mut open = 0;
    for state in [RunState::Queued, RunState::Running] {
        let connection = tx.connection();
        let text = format!("SELECT count(*) AS runs FROM runs{} WHERE state = '{}'", few(&connection, state), state.as_str());
        let statement = sql(text).push(" AND kind = ? AND subject = ?").bind(kind).bind(subject);
        open += statement.fetch_one(connection).await?.count("runs")?;
    }
    Ok(open)
}

/// Queued runs of these kinds, none of them about a resource that is `full`: first by priority, then by age. What another transaction
/// is changing is left out.
pub(crate) async fn startable(tx: &mut Tx, kinds: &[&str], full: &[String], limit: usize) -> Result<Vec<Run>> {
    let now = tx.now().millis();
    let connection = tx.connection();
    let locking = connection.skip_locked();
    let mut statement = sql("SELECT * FROM runs WHERE state = 'queued' AND not_before_ms <= ? AND kind IN (")
        .bind(now)
        .push_list(kinds.iter().copied())
        .push(")");
    if !full.is_empty() {
        statement = statement.push(" AND resource NOT IN (").push_list(full).push(")");
    }
    let statement = statement.push(" ORDER BY priority DESC, not_before_ms, seq LIMIT ?").bind(limit as i64).push(locking);
    statement.fetch_all(connection).await?.iter().map(read).collect()
}

/// The running runs whose worker has not been heard of in time; all running ones when `everything`.
pub(crate) async fn abandoned(tx: &mut Tx, everything: bool) -> Result<Vec<Run>> {
    let before = if everything { i64::MAX } else { tx.now().millis() };
    let connection = tx.connection();
    let keep = connection.keep();
    let statement = sql("SELECT * FROM runs WHERE state = 'running' AND lease_until_ms < ? ORDER BY seq").bind(before).push(keep);
    statement.fetch_all(connection).await?.iter().map(read).collect()
}

/// Queued to running, as the next attempt.
pub(crate) async fn claim(tx: &mut Tx, run: &Run, node: &str, lease_ms: i64) -> Result<Run> {
    run.state.check_move(RunState::Running)?;
    let now = tx.now();
    let statement =
        sql("UPDATE runs SET state = 'running', attempt = attempt + 1, started_ms = COALESCE(started_ms, ?), lease_until_ms = ?,
                                         node = ?
         WHERE id = ? AND state = 'queued' AND attempt = ? RETURNING *")
        .bind(now.millis())
        .bind(now.plus_ms(lease_ms).millis())
        .bind(node)
        .bind(&run.id.0)
        .bind(run.attempt);
    statement.fetch_optional(tx.connection()).await?.as_ref().map(read).unwrap_or_else(|| Err(lost(run)))
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
    let done = sql("UPDATE runs SET state = ?, code = ?, message = ?, result = ?, ended_ms = ?, lease_until_ms = NULL
         WHERE id = ? AND state = ? AND attempt = ?")
    .bind(ending.state.as_str())
    .bind(ending.code)
    .bind(ending.message)
    .bind(ending.result.map(Value::to_string))
    .bind(now)
    .bind(&run.id.0)
    .bind(run.state.as_str())
    .bind(run.attempt)
    .execute(tx.connection())
    .await?;
    if done == 0 {
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
    let done = sql("UPDATE runs SET state = 'queued', not_before_ms = ?, lease_until_ms = NULL, failed_attempts = failed_attempts + ?,
                         lost_leases = lost_leases + ?, done = 0, total = 0
         WHERE id = ? AND state = 'running' AND attempt = ?")
    .bind(not_before.millis())
    .bind(i64::from(back == Back::Failed))
    .bind(i64::from(back == Back::LostLease))
    .bind(&run.id.0)
    .bind(run.attempt)
    .execute(tx.connection())
    .await?;
    if done == 0 { Err(lost(run)) } else { Ok(()) }
}

/// Extends the lease and writes how far we are; gives whether somebody asked to stop.
pub(crate) async fn heartbeat(tx: &mut Tx, run: &Run, lease_ms: i64, progress: &Progress) -> Result<bool> {
    let until = tx.now().plus_ms(lease_ms).millis();
    let row = sql("UPDATE runs SET lease_until_ms = ?, done = ?, total = ?, unit = ?
         WHERE id = ? AND state = 'running' AND attempt = ? RETURNING cancel")
    .bind(until)
    .bind(progress.done as i64)
    .bind(progress.total as i64)
    .bind(&progress.unit)
    .bind(&run.id.0)
    .bind(run.attempt)
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.ok_or_else(|| lost(run))?.integer("cancel")? != 0)
}

/// Ends what is queued and asks what is running to stop: the run's descendants, and with `itself` the run too.
pub(crate) async fn stop_tree(tx: &mut Tx, id: &RunId, itself: bool) -> Result<()> {
    let connection = tx.connection();
    // A child that another node is claiming is left as the claim makes it, and then asked to stop.
    let keep = connection.keep();
    let rows = sql(
        "WITH RECURSIVE tree (id) AS (SELECT id FROM runs WHERE id = ? UNION SELECT runs.id FROM runs JOIN tree ON runs.parent = tree.id)
         SELECT runs.* FROM runs JOIN tree ON runs.id = tree.id WHERE runs.state IN ('queued', 'running')",
    )
    .bind(&id.0)
    .push(keep)
    .fetch_all(connection)
    .await?;
    let runs = rows.iter().map(read).collect::<Result<Vec<Run>>>()?;
    for run in runs.into_iter().filter(|run| itself || run.id != *id) {
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
    sql("UPDATE runs SET cancel = 1 WHERE id = ? AND state = 'running'").bind(&id.0).execute(tx.connection()).await?;
    Ok(())
}

/// Makes a run the child of another, if it is nobody's yet.
pub(crate) async fn adopt(tx: &mut Tx, child: &RunId, parent: &RunId) -> Result<()> {
    sql("UPDATE runs SET parent = ? WHERE id = ? AND parent = ''").bind(&parent.0).bind(&child.0).execute(tx.connection()).await?;
    Ok(())
}

pub(crate) async fn is_stopping(connection: Connection<'_>, id: &RunId) -> Result<bool> {
    let row = sql("SELECT cancel FROM runs WHERE id = ?").bind(&id.0).fetch_optional(connection).await?;
    Ok(row.map_or(Ok(0), |row| row.integer("cancel"))? != 0)
}

/// A line of a log on its way.
pub(crate) type Line = (Level, String, Timestamp);

/// Lines written by one statement.
const LINES: usize = 200;

pub(crate) async fn add_log(tx: &mut Tx, run: &RunId, lines: &[Line]) -> Result<()> {
    for lines in lines.chunks(LINES) {
        let rows = vec!["(?, ?, ?, ?)"; lines.len()].join(", ");
        let mut statement = sql(format!("INSERT INTO run_logs (run, level, line, created_ms) VALUES {rows}"));
        for (level, line, at) in lines {
            statement = statement.bind(&run.0).bind(level.as_str()).bind(line).bind(at.millis());
        }
        statement.execute(tx.connection()).await?;
    }
    Ok(())
}

fn lost(run: &Run) -> Error {
    Error::new(domain::ErrorKind::Stopped, format!("Run {} is no longer ours: its lease was lost in attempt {}.", run.id, run.attempt))
}

pub(crate) fn read(row: &Row) -> Result<Run> {
    let json = |text: &str| serde_json::from_str::<Value>(text).map_err(|e| Error::internal("A stored run is not readable.").source(e));
    let time = |name: &str| Ok::<_, Error>(row.optional_integer(name)?.map(Timestamp));
    let parent = row.text("parent")?;
    Ok(Run {
        id: RunId(row.text("id")?),
        kind: row.text("kind")?,
        subject: row.text("subject")?,
        parent: (!parent.is_empty()).then_some(RunId(parent)),
        input: json(&row.text("input")?)?,
        priority: row.integer("priority")?,
        resource: Some(Share { name: row.text("resource")?, at_once: row.count("resource_limit")? }).filter(|share| !share.name.is_empty()),
        node: row.text("node")?,
        state: RunState::parse(&row.text("state")?)?,
        attempt: row.count("attempt")?,
        max_attempts: row.count("max_attempts")?,
        failed_attempts: row.count("failed_attempts")?,
        lost_leases: row.count("lost_leases")?,
        timeout_ms: row.optional_integer("timeout_ms")?,
        stopping: row.integer("cancel")? != 0,
        progress: Progress { done: row.integer("done")? as u64, total: row.integer("total")? as u64, unit: row.text("unit")? },
        code: row.optional_text("code")?,
        message: row.optional_text("message")?,
        result: row.optional_text("result")?.as_deref().map(json).transpose()?,
        created: Timestamp(row.integer("created_ms")?),
        started: time("started_ms")?,
        ended: time("ended_ms")?,
    })
}

/// How many running runs have an expired lease; a read, so that an idle worker writes nothing.
pub(crate) async fn expired(connection: Connection<'_>, now: Timestamp) -> Result<u32> {
    let statement = sql("SELECT count(*) AS runs FROM runs WHERE state = 'running' AND lease_until_ms < ?").bind(now.millis());
    statement.fetch_one(connection).await?.count("runs")
}
