//! The queue as everybody but the worker sees it.

use std::sync::Arc;
use std::time::Duration;

use domain::{Error, Result, RunState, Timestamp};
use store::{Row, Store, Tx, sql};
use tokio::sync::Notify;

use crate::run::{LogLine, NewRun, Run, RunId};
use crate::table;
use crate::timer::{RealTime, Sleep, Timer};

/// How often a waiter looks again although nothing woke it: other processes may work on the same queue.
const WAIT_POLL_MS: u64 = 100;

/// The durable run queue; clone it freely.
#[derive(Debug, Clone)]
pub struct Runs {
    store: Store,
    /// Wakes the worker when there is something to do.
    pub(crate) wake: Arc<Notify>,
    /// Wakes waiters when some run has ended.
    pub(crate) ended: Arc<Notify>,
    timer: Arc<dyn Timer>,
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
        Self { store, wake: Arc::new(Notify::new()), ended: Arc::new(Notify::new()), timer: Arc::new(RealTime) }
    }

    /// The same queue, waited for in another time: see [`Timer`].
    #[must_use]
    pub fn with_timer(mut self, timer: Arc<dyn Timer>) -> Self {
        self.timer = timer;
        self
    }

    pub(crate) fn sleep(&self, ms: u64) -> Sleep {
        self.timer.sleep(Duration::from_millis(ms))
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

    /// How many runs of the kind about the subject have not ended, those that `tx` has submitted among them.
    pub async fn open_in(&self, tx: &mut Tx, kind: &str, subject: &str) -> Result<u32> {
        table::open(tx, kind, subject).await
    }

    /// Tells the worker that there may be something to do.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    pub async fn find(&self, id: &RunId) -> Result<Option<Run>> {
        table::get(self.store.reader().await?.connection(), id).await
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
        let mut reader = self.store.reader().await?;
        let connection = reader.connection();
        let few = filter.state.map(|state| table::few(&connection, state)).unwrap_or_default();
        let mut statement = sql(format!("SELECT * FROM runs{few} WHERE 1 = 1"));
        let conditions = [
            (" AND kind = ?", filter.kind.as_deref()),
            (" AND subject = ?", filter.subject.as_deref()),
            (" AND parent = ?", filter.parent.as_ref().map(|id| id.0.as_str())),
            (" AND seq < (SELECT seq FROM runs WHERE id = ?)", filter.before.as_ref().map(|id| id.0.as_str())),
        ];
        for (condition, value) in conditions {
            if let Some(value) = value {
                statement = statement.push(condition).bind(value);
            }
        }
        if let Some(state) = filter.state {
            // Written out, so that the index of what is queued or running can be used.
            statement = statement.push(&format!(" AND state = '{}'", state.as_str()));
        }
        let statement = statement.push(" ORDER BY seq DESC LIMIT ?").bind(limit.max(0));
        statement.fetch_all(connection).await?.iter().map(table::read).collect()
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
            tokio::select! {
                biased;
                () = ended => {}
                () = self.sleep(WAIT_POLL_MS) => {}
            }
        }
    }

    /// Returns when some run has ended, or after a short while: another process may have ended one.
    pub async fn something_ended(&self) {
        tokio::select! {
            biased;
            () = self.ended.notified() => {}
            () = self.sleep(WAIT_POLL_MS) => {}
        }
    }

    /// The child that [`crate::RunContext::submit_child`] made for this step, if it did.
    pub async fn child(&self, parent: &RunId, step: &str) -> Result<Option<Run>> {
        table::by_dedup(self.store.reader().await?.connection(), &child_dedup(parent, step)).await
    }

    /// Up to `limit` lines of the run's log with an id above `after`.
    pub async fn logs(&self, id: &RunId, after: i64, limit: i64) -> Result<Vec<LogLine>> {
        let rows = sql("SELECT id, level, line, created_ms FROM run_logs WHERE run = ? AND id > ? ORDER BY id LIMIT ?")
            .bind(&id.0)
            .bind(after)
            .bind(limit)
            .fetch_all(self.store.reader().await?.connection())
            .await?;
        let read = |row: &Row| {
            let created = Timestamp(row.integer("created_ms")?);
            Ok(LogLine { id: row.integer("id")?, level: row.text("level")?, line: row.text("line")?, created })
        };
        rows.iter().map(read).collect()
    }
}
