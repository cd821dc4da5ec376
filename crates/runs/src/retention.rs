//! What is kept of the past, so that a year of runs does not slow the next one.

use domain::Result;
use store::{Row, sql};

use crate::queue::Runs;

/// How long the past is kept.
#[derive(Debug, Clone)]
pub struct Retention {
    /// Runs that ended before so many days go, with their logs.
    pub days: u32,
    /// The kinds whose runs are history and nothing else. Runs of other kinds stay, since resources take their state from them; only
    /// their logs go.
    pub kinds: Vec<String>,
    /// Kinds of resources whose key is a run's id: they go with it.
    pub kept_by_run: Vec<String>,
}

/// Rows deleted in one transaction, so that nobody waits long for it.
const AT_ONCE: i64 = 500;
const DAY_MS: i64 = 86_400_000;

impl Runs {
    /// Forgets a part of what is to be forgotten, and gives how many rows that were: 0 when there is no more. The newest run about a
    /// subject stays, and so do the runs that a kept one has started.
    pub async fn forget(&self, retention: &Retention) -> Result<u64> {
        let mut tx = self.store().begin().await?;
        let before = tx.now().plus_ms(-i64::from(retention.days) * DAY_MS).millis();
        let mut forgotten = 0;
        for kind in &retention.kinds {
            let rows = sql("SELECT id FROM runs WHERE kind = ? AND ended_ms < ?
                     AND seq < (SELECT max(newer.seq) FROM runs newer WHERE newer.kind = runs.kind AND newer.subject = runs.subject)
                     AND NOT EXISTS (SELECT 1 FROM runs parents WHERE parents.id = runs.parent)
                     LIMIT ?")
            .bind(kind)
            .bind(before)
            .bind(AT_ONCE)
            .fetch_all(tx.connection())
            .await?;
            let ids = rows.iter().map(|row| row.text("id")).collect::<Result<Vec<String>>>()?;
            if ids.is_empty() {
                continue;
            }
            sql("DELETE FROM run_logs WHERE run IN (").push_list(&ids).push(")").execute(tx.connection()).await?;
            for kind in &retention.kept_by_run {
                let statement = sql("DELETE FROM resources WHERE kind = ? AND key IN (").bind(kind).push_list(&ids).push(")");
                statement.execute(tx.connection()).await?;
            }
            forgotten += sql("DELETE FROM runs WHERE id IN (").push_list(&ids).push(")").execute(tx.connection()).await?;
        }
        // Lines are as old as their ids say.
        let rows = sql("SELECT id, created_ms FROM run_logs ORDER BY id LIMIT ?").bind(AT_ONCE).fetch_all(tx.connection()).await?;
        let old = |row: &Row| Ok((row.integer("created_ms")? < before).then_some(row.integer("id")?));
        let last = rows.iter().map(old).collect::<Result<Vec<Option<i64>>>>()?.into_iter().flatten().max();
        if let Some(last) = last {
            let statement = sql("DELETE FROM run_logs WHERE id <= ? AND created_ms < ?").bind(last).bind(before);
            forgotten += statement.execute(tx.connection()).await?;
        }
        tx.commit().await?;
        Ok(forgotten)
    }
}
