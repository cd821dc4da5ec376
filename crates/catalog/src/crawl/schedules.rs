//! Crawls that start by the clock.

use std::time::Duration;

use domain::{Error, Result, Timestamp};
use runs::{NewRun, RunId, Schedule};
use store::{Stored, Tx};
use tokio_util::sync::CancellationToken;

use crate::catalog::Catalog;
use crate::crawler::{CRAWL, Crawler, CrawlerSchedule, ScheduleLook, ScheduleState};

/// Fires the schedules of crawlers.
#[derive(Debug, Clone)]
pub struct CrawlSchedules {
    catalog: Catalog,
    /// How often it looks.
    every: Duration,
}

impl CrawlSchedules {
    pub fn new(catalog: Catalog, every: Duration) -> Self {
        Self { catalog, every }
    }

    /// Looks until it is told to stop. A look that fails is logged and done again at the next tick.
    pub async fn work(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.tick().await {
                tracing::warn!("Crawler schedules could not be looked at: {error}");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(self.every) => {}
            }
        }
    }

    /// Starts each crawler whose schedule had an occurrence since it was last looked at: once, however many it missed. An
    /// occurrence at which the crawler is under way anyway is skipped. Gives the runs started.
    pub async fn tick(&self) -> Result<Vec<RunId>> {
        let mut started = Vec::new();
        for crawler in self.catalog.list_crawlers().await? {
            match self.look_at(&crawler).await {
                Ok(run) => started.extend(run),
                // One crawler's trouble is not the others'.
                Err(error) => tracing::warn!("The schedule of crawler {} could not be looked at: {error}", crawler.name),
            }
        }
        Ok(started)
    }

    async fn look_at(&self, crawler: &Stored<Crawler>) -> Result<Option<RunId>> {
        let Some(expression) = scheduled(crawler) else { return Ok(None) };
        let schedule = Schedule::parse(expression)?;
        let store = self.catalog.store();
        let since = since(crawler, store.find::<ScheduleLook>(&crawler.name).await?, expression);
        let now = store.clock().now();
        match schedule.next_after(since).filter(|due| *due <= now) {
            Some(due) => self.fire(crawler, expression, (since, due)).await,
            None => Ok(None),
        }
    }

    /// The run and the mark that it was due are one transaction; whoever comes second finds the mark.
    async fn fire(&self, crawler: &Stored<Crawler>, expression: &str, at: (Timestamp, Timestamp)) -> Result<Option<RunId>> {
        let (expected, due) = at;
        let name = &crawler.name;
        let runs = self.catalog.runs();
        let mut tx = self.catalog.store().begin().await?;
        let current = tx.get::<Crawler>(name).await?;
        let look = tx.find::<ScheduleLook>(name).await?;
        if scheduled(&current) != Some(expression) || since(&current, look, expression) != expected {
            return Ok(None);
        }
        let open = runs.latest(CRAWL, name).await?.filter(|run| !run.state.is_final());
        let run = match &open {
            Some(run) => {
                tracing::warn!("Crawler {name} skips the occurrence of {due}: run {} is not over.", run.id);
                None
            }
            None => {
                let new = NewRun::new(CRAWL, name).max_attempts(2).dedup(format!("schedule/crawler/{name}/{due}"));
                Some(runs.submit_in(&mut tx, &new).await?)
            }
        };
        ScheduleLook::mark(&mut tx, name, expression).await?;
        tx.commit().await?;
        runs.wake();
        Ok(run)
    }
}

/// The expression that is to be fired.
fn scheduled(crawler: &Crawler) -> Option<&str> {
    let schedule = crawler.schedule.as_ref().filter(|schedule| schedule.state == ScheduleState::Scheduled)?;
    Some(schedule.schedule_expression.as_str()).filter(|_| !schedule.is_empty())
}

/// From when on an occurrence counts: the last look at this very expression, else the definition that brought it.
fn since(crawler: &Stored<Crawler>, look: Option<Stored<ScheduleLook>>, expression: &str) -> Timestamp {
    look.filter(|look| look.expression == expression && look.looked_at >= crawler.created).map_or(crawler.updated, |look| look.looked_at)
}

impl ScheduleLook {
    /// What was due before now does not count any more.
    pub(crate) async fn mark(tx: &mut Tx, crawler: &str, expression: &str) -> Result<()> {
        let looked_at = tx.now();
        tx.put(Self { crawler: crawler.to_owned(), expression: expression.to_owned(), looked_at }).await
    }
}

impl Catalog {
    /// From now on the schedule fires. `InvalidState`: `NO_SCHEDULE` when there is none, `SCHEDULER_RUNNING` when it does already.
    pub async fn start_crawler_schedule(&self, name: &str) -> Result<()> {
        self.set_schedule(name, |schedule| match schedule.state {
            ScheduleState::Scheduled => Err(refused(name, "is scheduled already", "SCHEDULER_RUNNING")),
            ScheduleState::NotScheduled => Ok(CrawlerSchedule { state: ScheduleState::Scheduled, ..schedule }),
        })
        .await
    }

    /// The schedule stays and does not fire. `InvalidState`: `NO_SCHEDULE`, or `SCHEDULER_NOT_RUNNING` when it did not.
    pub async fn stop_crawler_schedule(&self, name: &str) -> Result<()> {
        self.set_schedule(name, |schedule| match schedule.state {
            ScheduleState::NotScheduled => Err(refused(name, "is not scheduled", "SCHEDULER_NOT_RUNNING")),
            ScheduleState::Scheduled => Ok(CrawlerSchedule { state: ScheduleState::NotScheduled, ..schedule }),
        })
        .await
    }

    /// Another expression, scheduled at once; an empty one takes the schedule away. Works while the crawler crawls.
    pub async fn update_crawler_schedule(&self, name: &str, expression: &str) -> Result<()> {
        let schedule = Some(CrawlerSchedule::new(expression)).filter(|schedule| !schedule.is_empty());
        if let Some(schedule) = &schedule {
            schedule.parse()?;
        }
        let mut tx = self.store().begin().await?;
        write_schedule(&mut tx, name, schedule).await?;
        tx.commit().await
    }

    async fn set_schedule(&self, name: &str, change: impl FnOnce(CrawlerSchedule) -> Result<CrawlerSchedule> + Send) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let crawler = tx.get::<Crawler>(name).await?.value;
        let Some(schedule) = crawler.schedule.filter(|schedule| !schedule.is_empty()) else {
            return Err(refused(name, "has no schedule", "NO_SCHEDULE"));
        };
        write_schedule(&mut tx, name, Some(change(schedule)?)).await?;
        tx.commit().await
    }
}

/// What was missed before does not count any more.
async fn write_schedule(tx: &mut Tx, name: &str, schedule: Option<CrawlerSchedule>) -> Result<()> {
    if let Some(schedule) = &schedule {
        ScheduleLook::mark(tx, name, &schedule.schedule_expression).await?;
    }
    tx.update::<Crawler>(name, |crawler| {
        crawler.schedule = schedule;
        Ok(())
    })
    .await
    .map(|_| ())
}

fn refused(name: &str, what: &str, code: &'static str) -> Error {
    Error::invalid_state(format!("Crawler {name:?} {what}.")).code(code)
}
