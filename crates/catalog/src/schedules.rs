//! What starts by the clock: crawlers, and the column statistics of tables.

use std::time::Duration;

use domain::{Error, Result, Timestamp};
use runs::{NewRun, RunId, Schedule};
use serde::{Deserialize, Serialize};
use store::{Resource, Stored, Tx};
use tokio_util::sync::CancellationToken;

use crate::catalog::Catalog;
use crate::crawler::{CRAWL, Crawler, CrawlerSchedule, ScheduleState};
use crate::profile::{PROFILE, StatisticsSettings};

/// A resource with a schedule, and the run that the schedule starts.
pub(crate) trait Scheduled: Resource {
    fn schedule(&self) -> Option<&CrawlerSchedule>;
    fn set_schedule(&mut self, schedule: Option<CrawlerSchedule>);
    fn new_run(&self) -> Result<NewRun>;
    /// Kind and subject of such runs: while one is under way, occurrences are skipped.
    fn runs(&self) -> (&'static str, String);
}

impl Scheduled for Crawler {
    fn schedule(&self) -> Option<&CrawlerSchedule> {
        self.schedule.as_ref()
    }

    fn set_schedule(&mut self, schedule: Option<CrawlerSchedule>) {
        self.schedule = schedule;
    }

    fn new_run(&self) -> Result<NewRun> {
        Ok(NewRun::new(CRAWL, &self.name).max_attempts(2))
    }

    fn runs(&self) -> (&'static str, String) {
        (CRAWL, self.name.clone())
    }
}

impl Scheduled for StatisticsSettings {
    fn schedule(&self) -> Option<&CrawlerSchedule> {
        self.schedule.as_ref()
    }

    fn set_schedule(&mut self, schedule: Option<CrawlerSchedule>) {
        self.schedule = schedule;
    }

    fn new_run(&self) -> Result<NewRun> {
        crate::profile::new_run(&self.database_name, vec![self.table_name.clone()], None)
    }

    fn runs(&self) -> (&'static str, String) {
        (PROFILE, self.key())
    }
}

/// Fires the schedules of crawlers and of column statistics.
#[derive(Debug, Clone)]
pub struct Schedules {
    catalog: Catalog,
    /// How often it looks.
    every: Duration,
}

impl Schedules {
    pub fn new(catalog: Catalog, every: Duration) -> Self {
        Self { catalog, every }
    }

    /// Looks until it is told to stop. A look that fails is logged and done again at the next tick.
    pub async fn work(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.tick().await {
                tracing::warn!("The schedules of the catalog could not be looked at: {error}");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(self.every) => {}
            }
        }
    }

    /// Starts everything whose schedule had an occurrence since it was last looked at: once, however many it missed. An
    /// occurrence at which such a run is under way anyway is skipped. Gives the runs started.
    pub async fn tick(&self) -> Result<Vec<RunId>> {
        let mut started = self.look_at_all::<Crawler>().await?;
        started.extend(self.look_at_all::<StatisticsSettings>().await?);
        Ok(started)
    }

    async fn look_at_all<R: Scheduled>(&self) -> Result<Vec<RunId>> {
        let mut started = Vec::new();
        for item in self.catalog.store().list::<R>().await? {
            match self.look_at(&item).await {
                Ok(run) => started.extend(run),
                // One schedule's trouble is not the others'.
                Err(error) => tracing::warn!("The schedule of {} {} could not be looked at: {error}", R::KIND, item.key()),
            }
        }
        Ok(started)
    }

    async fn look_at<R: Scheduled>(&self, item: &Stored<R>) -> Result<Option<RunId>> {
        let Some(expression) = scheduled(&item.value) else { return Ok(None) };
        let schedule = Schedule::parse(expression)?;
        let store = self.catalog.store();
        let since = since(item, store.find::<ScheduleLook>(&ScheduleLook::key_of(&item.value)).await?, expression);
        let now = store.clock().now();
        match schedule.next_after(since).filter(|due| *due <= now) {
            Some(due) => self.fire(item, expression, (since, due)).await,
            None => Ok(None),
        }
    }

    /// The run and the mark that it was due are one transaction; whoever comes second finds the mark.
    async fn fire<R: Scheduled>(&self, item: &Stored<R>, expression: &str, at: (Timestamp, Timestamp)) -> Result<Option<RunId>> {
        let (expected, due) = at;
        let (key, runs) = (item.key(), self.catalog.runs());
        let mut tx = self.catalog.store().begin().await?;
        let current = tx.get::<R>(&key).await?;
        let look = tx.find::<ScheduleLook>(&ScheduleLook::key_of(&item.value)).await?;
        if scheduled(&current.value) != Some(expression) || since(&current, look, expression) != expected {
            return Ok(None);
        }
        let (kind, subject) = current.runs();
        let open = runs.latest(kind, &subject).await?.filter(|run| !run.state.is_final());
        let run = match &open {
            Some(run) => {
                tracing::warn!("The schedule of {} {key} skips the occurrence of {due}: run {} is not over.", R::KIND, run.id);
                None
            }
            None => {
                let new = current.new_run()?.dedup(format!("schedule/{}/{key}/{due}", R::KIND));
                Some(runs.submit_in(&mut tx, &new).await?)
            }
        };
        ScheduleLook::mark(&mut tx, &current.value).await?;
        tx.commit().await?;
        runs.wake();
        Ok(run)
    }
}

/// The expression that is to be fired.
fn scheduled(item: &impl Scheduled) -> Option<&str> {
    let schedule = item.schedule().filter(|schedule| schedule.state == ScheduleState::Scheduled)?;
    Some(schedule.schedule_expression.as_str()).filter(|_| !schedule.is_empty())
}

/// From when on an occurrence counts: the last look at this very expression, else the definition that brought it.
fn since<R: Scheduled>(item: &Stored<R>, look: Option<Stored<ScheduleLook>>, expression: &str) -> Timestamp {
    look.filter(|look| look.expression == expression && look.looked_at >= item.created).map_or(item.updated, |look| look.looked_at)
}

/// When a schedule was last looked at, and which expression that was: another one counts from when it is first seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScheduleLook {
    /// Kind and key of what is scheduled.
    of: String,
    expression: String,
    looked_at: Timestamp,
}

impl Resource for ScheduleLook {
    const KIND: &'static str = "schedule_look";
    fn key(&self) -> String {
        self.of.clone()
    }
}

impl ScheduleLook {
    fn key_of<R: Scheduled>(item: &R) -> String {
        format!("{}/{}", R::KIND, item.key())
    }

    /// What was due before now does not count any more.
    pub(crate) async fn mark(tx: &mut Tx, item: &impl Scheduled) -> Result<()> {
        let Some(schedule) = item.schedule() else { return Ok(()) };
        let look = Self { of: Self::key_of(item), expression: schedule.schedule_expression.clone(), looked_at: tx.now() };
        tx.put(look).await
    }
}

/// Writes what `change` makes of the schedule. What was missed before does not count any more.
pub(crate) async fn change<R: Scheduled>(
    catalog: &Catalog,
    key: &str,
    change: impl FnOnce(Option<&CrawlerSchedule>) -> Result<Option<CrawlerSchedule>> + Send,
) -> Result<()> {
    let mut tx = catalog.store().begin().await?;
    let mut item = tx.get::<R>(key).await?.value;
    let changed = change(item.schedule().filter(|schedule| !schedule.is_empty()))?;
    item.set_schedule(changed.clone());
    ScheduleLook::mark(&mut tx, &item).await?;
    let set = |item: &mut R| {
        item.set_schedule(changed);
        Ok(())
    };
    tx.update::<R>(key, set).await?;
    tx.commit().await
}

impl Catalog {
    /// From now on the schedule fires. `InvalidState`: `NO_SCHEDULE` when there is none, `SCHEDULER_RUNNING` when it does already.
    pub async fn start_crawler_schedule(&self, name: &str) -> Result<()> {
        let start = |schedule: Option<&CrawlerSchedule>| match schedule {
            None => Err(refused(name, "has no schedule", "NO_SCHEDULE")),
            Some(schedule) if schedule.state == ScheduleState::Scheduled => Err(refused(name, "is scheduled already", "SCHEDULER_RUNNING")),
            Some(schedule) => Ok(Some(CrawlerSchedule { state: ScheduleState::Scheduled, ..schedule.clone() })),
        };
        change::<Crawler>(self, name, start).await
    }

    /// The schedule stays and does not fire. `InvalidState`: `NO_SCHEDULE`, or `SCHEDULER_NOT_RUNNING` when it did not.
    pub async fn stop_crawler_schedule(&self, name: &str) -> Result<()> {
        let stop = |schedule: Option<&CrawlerSchedule>| match schedule {
            None => Err(refused(name, "has no schedule", "NO_SCHEDULE")),
            Some(schedule) if schedule.state == ScheduleState::NotScheduled => {
                Err(refused(name, "is not scheduled", "SCHEDULER_NOT_RUNNING"))
            }
            Some(schedule) => Ok(Some(CrawlerSchedule { state: ScheduleState::NotScheduled, ..schedule.clone() })),
        };
        change::<Crawler>(self, name, stop).await
    }

    /// Another expression, scheduled at once; an empty one takes the schedule away. Works while the crawler crawls.
    pub async fn update_crawler_schedule(&self, name: &str, expression: &str) -> Result<()> {
        let schedule = Some(CrawlerSchedule::new(expression)).filter(|schedule| !schedule.is_empty());
        if let Some(schedule) = &schedule {
            schedule.parse()?;
        }
        change::<Crawler>(self, name, |_| Ok(schedule)).await
    }
}

fn refused(name: &str, what: &str, code: &'static str) -> Error {
    Error::invalid_state(format!("Crawler {name:?} {what}.")).code(code)
}
