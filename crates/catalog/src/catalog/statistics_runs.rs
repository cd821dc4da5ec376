//! Runs that fill the column statistics of one table: profiles, seen as Glue sees them.

use domain::{Error, Result};
use runs::{Filter, Run, RunId};
use store::Resource;

use super::Catalog;
use crate::profile::{PROFILE, new_run};

/// Runs that a list goes through, newest first.
const LISTED_RUNS: i64 = 1000;

impl Catalog {
    /// Queues a profile of the table; `InvalidState` with code `COLUMN_STATISTICS_RUNNING` when one is queued or under way.
    pub async fn start_statistics_run(&self, database: &str, table: &str) -> Result<RunId> {
        // The transaction comes first: while it is open nobody else can start a run.
        let mut tx = self.store().begin().await?;
        let table = self.get_table(database, table).await?.value;
        let key = table.key();
        if let Some(run) = self.open_statistics_run(&key).await? {
            let message = format!("Statistics of {} are being made by run {}.", key.replace('/', "."), run.id);
            return Err(Error::invalid_state(message).code("COLUMN_STATISTICS_RUNNING"));
        }
        let run = self.runs.submit_in(&mut tx, &new_run(&table.database_name, vec![table.name], None)?).await?;
        tx.commit().await?;
        self.runs.wake();
        Ok(run)
    }

    /// The run of this id, which must be one of statistics.
    pub async fn get_statistics_run(&self, id: &RunId) -> Result<Run> {
        let run = self.runs.find(id).await?.filter(|run| run.kind == PROFILE);
        run.ok_or_else(|| Error::not_found(format!("column statistics task run {:?}", id.0)))
    }

    /// The runs of one table or of all, newest first.
    pub async fn list_statistics_runs(&self, table: Option<(&str, &str)>) -> Result<Vec<Run>> {
        let subject = match table {
            Some((database, table)) => Some(self.get_table(database, table).await?.key()),
            None => None,
        };
        self.runs.list(&Filter { kind: Some(PROFILE.into()), subject, ..Filter::default() }, LISTED_RUNS).await
    }

    /// The youngest of one table.
    pub async fn latest_statistics_run(&self, database: &str, table: &str) -> Result<Option<Run>> {
        let key = self.get_table(database, table).await?.key();
        self.runs.latest(PROFILE, &key).await
    }

    /// `InvalidState`: `COLUMN_STATISTICS_NOT_RUNNING` when there is no run, `COLUMN_STATISTICS_STOPPING` when it was asked before.
    pub async fn stop_statistics_run(&self, database: &str, table: &str) -> Result<()> {
        let key = self.get_table(database, table).await?.key();
        let refused = |what: &str, code| Err(Error::invalid_state(format!("Statistics of {} {what}.", key.replace('/', "."))).code(code));
        match self.open_statistics_run(&key).await? {
            None => refused("are not being made", "COLUMN_STATISTICS_NOT_RUNNING"),
            Some(run) if run.stopping => refused("were asked to stop already", "COLUMN_STATISTICS_STOPPING"),
            Some(run) => self.runs.stop(&run.id).await,
        }
    }

    async fn open_statistics_run(&self, key: &str) -> Result<Option<Run>> {
        Ok(self.runs.latest(PROFILE, key).await?.filter(|run| !run.state.is_final()))
    }
}
