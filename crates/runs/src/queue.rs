//! The queue as everybody but the worker sees it.

use std::sync::Arc;
use std::time::Duration;

use domain::{Error, Result, RunState, Timestamp};
use sqlx::{QueryBuilder, Row, Sqlite};
use store::{Store, Tx, database_error};
use tokio::sync::Notify;

use crate::run::{LogLine, NewRun, Run, RunId};
use crate::table;

/// How often a waiter looks again although nothing woke it: other processes may work on the same queue.
const WAIT_POLL: Duration = Duration::from_millis(100);

/// The durable run queue; clone it freely.
#[derive(Debug, Clone)]
pub struct Runs {
    store: Store,
    /// Wakes the worker when there is something to do.
    pub(crate) wake: Arc<Notify>,
    /// Wakes waiters when some run has ended.
    pub(crate) ended: Arc<Notify>,
}

/// Which runs to list; empty means all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub kind: Option<String>,
    pub subject: Option<String>,
    pub parent: Option<RunId>,
    pub state: Option<RunState>,
    /// Only those made before this one: the next part of a list, newest first.
    pub before: Option<RunId>,
}

/// How the children of a run are told apart.
pub(crate) fn child_dedup(parent: &RunId, step: &str) -> String {
    format!("{parent}/{step}")
}

impl Runs {
    pub fn new(store: Store) -> Self {
        Self { store, wake: Arc::new(Notify::new()), ended: Arc::new(Notify::new()) }
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Queues a run in a transaction of its own.
    pub async fn submit(&self, new: NewRun) -> Result<RunId> {
        let mut tx = self.store.begin().await?;
        let id = self.submit_in(&mut tx, &new).await?;
        tx.commit().await?;
        self.wake();
        Ok(id)
    }

    /// Queues a run together with what else happens in `tx`. Call [`Runs::wake`] after the commit, else the worker
    /// notices at its next look.
    pub async fn submit_in(&self, tx: &mut Tx, new: &NewRun) -> Result<RunId> {
        table::insert(tx, new).await
    }

    /// Tells the worker that there may be something to do.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    pub async fn find(&self, id: &RunId) -> Result<Option<Run>> {
        table::get(&mut *self.store.reader().await?, id).await
    }

    pub async fn get(&self, id: &RunId) -> Result<Run> {
        self.find(id).await?.ok_or_else(|| Error::not_found(format!("run {:?}", id.0)))
    }

    /// The newest run of the kind about the subject.
    pub async fn latest(&self, kind: &str, subject: &str) -> Result<Option<Run>> {
        let filter = Filter { kind: Some(kind.into()), subject: Some(subject.into()), ..Filter::default() };
        Ok(self.list(&filter, 1).await?.into_iter().next())
    }

    /// At most `limit` runs, newest first.
    pub async fn list(&self, filter: &Filter, limit: i64) -> Result<Vec<Run>> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM runs WHERE 1 = 1");
        let conditions = [
            (" AND kind = ", filter.kind.clone()),
            (" AND subject = ", filter.subject.clone()),
            (" AND parent = ", filter.parent.as_ref().map(|id| id.0.clone())),
            (" AND state = ", filter.state.map(|state| state.as_str().to_owned())),
        ];
        for (condition, value) in conditions {
            if let Some(value) = value {
                query.push(condition).push_bind(value);
            }
        }
        if let Some(id) = &filter.before {
            query.push(" AND seq < (SELECT seq FROM runs WHERE id = ").push_bind(id.0.clone()).push(")");
        }
        query.push(" ORDER BY seq DESC LIMIT ").push_bind(limit.max(0));
        let rows = query.build().fetch_all(&mut *self.store.reader().await?).await.map_err(database_error)?;
        rows.iter().map(table::read).collect()
    }

    /// Ends a queued run at once and asks a running one to stop, with everything it asked for; what has ended is left alone.
    pub async fn stop(&self, id: &RunId) -> Result<()> {
        let mut tx = self.store.begin().await?;
        if table::get(tx.connection(), id).await?.is_none() {
            return Err(Error::not_found(format!("run {:?}", id.0)));
        }
        table::stop_tree(&mut tx, id, true).await?;
        tx.commit().await?;
        self.wake();
        self.ended.notify_waiters();
        Ok(())
    }

    /// Waits until the run has ended, however long that takes.
    pub async fn wait(&self, id: &RunId) -> Result<Run> {
        loop {
            let ended = self.ended.notified();
            let run = self.get(id).await?;
            if run.state.is_final() {
                return Ok(run);
            }
            // Either is a reason to look again.
            let _ = tokio::time::timeout(WAIT_POLL, ended).await;
        }
    }

    /// Returns when some run has ended, or after a short while: another process may have ended one.
    pub async fn something_ended(&self) {
        // Either is a reason to look again.
        let _ = tokio::time::timeout(WAIT_POLL, self.ended.notified()).await;
    }

    /// The child that [`crate::RunContext::submit_child`] made for this step, if it did.
    pub async fn child(&self, parent: &RunId, step: &str) -> Result<Option<Run>> {
        table::by_dedup(&mut *self.store.reader().await?, &child_dedup(parent, step)).await
    }

    /// Up to `limit` lines of the run's log with an id above `after`.
    pub async fn logs(&self, id: &RunId, after: i64, limit: i64) -> Result<Vec<LogLine>> {
        let rows = sqlx::query("SELECT id, level, line, created_ms FROM run_logs WHERE run = ? AND id > ? ORDER BY id LIMIT ?")
            .bind(&id.0)
            .bind(after)
            .bind(limit)
            .fetch_all(&mut *self.store.reader().await?)
            .await
            .map_err(database_error)?;
        let read = |row: &sqlx::sqlite::SqliteRow| LogLine {
            id: row.get("id"),
            level: row.get("level"),
            line: row.get("line"),
            created: Timestamp(row.get("created_ms")),
        };
        Ok(rows.iter().map(read).collect())
    }
}
