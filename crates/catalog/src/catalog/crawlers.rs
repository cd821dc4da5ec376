//! Crawlers: their definitions, starting, stopping, state.

use domain::{Error, Result, RunState, near};
use runs::{Filter, NewRun, Run, RunId};
use store::Stored;

use super::{Catalog, check_name, fold};
use crate::classifier::Classifier;
use crate::crawler::{CRAWL, Crawler, CrawlerState, CrawlerStatus, LastCrawl};
use crate::schedules::ScheduleLook;

/// Runs looked through for the last crawl that ended; more than two is never needed while one crawl may be under way.
const RECENT_CRAWLS: i64 = 4;

impl Catalog {
    pub async fn create_crawler(&self, crawler: Crawler) -> Result<()> {
        let crawler = checked(crawler)?;
        self.refuse_unknown_classifiers(&crawler).await?;
        self.store().create(&crawler).await
    }

    pub async fn get_crawler(&self, name: &str) -> Result<Stored<Crawler>> {
        self.store().get(name).await
    }

    pub async fn list_crawlers(&self) -> Result<Vec<Stored<Crawler>>> {
        self.store().list().await
    }

    /// Replaces everything but the name. Refused while it crawls. Another schedule than before counts from now on.
    pub async fn update_crawler(&self, name: &str, crawler: Crawler) -> Result<()> {
        let crawler = checked(Crawler { name: name.to_owned(), ..crawler })?;
        let mut tx = self.store().begin().await?;
        self.refuse_while_running(name).await?;
        let before = tx.get::<Crawler>(name).await?.value.schedule;
        self.refuse_unknown_classifiers(&crawler).await?;
        if before != crawler.schedule {
            ScheduleLook::mark(&mut tx, &crawler).await?;
        }
        tx.update::<Crawler>(name, |old| {
            *old = crawler;
            Ok(())
        })
        .await?;
        tx.commit().await
    }

    /// Refused while it crawls. What it found stays.
    pub async fn delete_crawler(&self, name: &str) -> Result<()> {
        let mut tx = self.store().begin().await?;
        self.refuse_while_running(name).await?;
        tx.delete::<Crawler>(name).await?;
        tx.commit().await
    }

    /// Queues a crawl; `InvalidState` with code `CRAWLER_RUNNING` when one is queued or under way.
    pub async fn start_crawler(&self, name: &str) -> Result<RunId> {
        // The transaction comes first: while it is open nobody else can start a crawl.
        let mut tx = self.store().begin().await?;
        tx.get::<Crawler>(name).await?;
        self.refuse_while_running(name).await?;
        let run = self.runs.submit_in(&mut tx, &new_crawl(name)).await?;
        tx.commit().await?;
        self.runs.wake();
        Ok(run)
    }

    /// What a workflow queues as its child: the crawl as [`Catalog::start_crawler`] would make it. Two crawls of one crawler at
    /// once are no harm: each publishes in one transaction.
    pub async fn new_crawl(&self, name: &str) -> Result<NewRun> {
        self.get_crawler(name).await?;
        Ok(new_crawl(name))
    }

    /// Asks the crawl to stop; `InvalidState` with code `CRAWLER_NOT_RUNNING` when there is none.
    pub async fn stop_crawler(&self, name: &str) -> Result<()> {
        self.get_crawler(name).await?;
        match self.runs.latest(CRAWL, name).await?.filter(|run| !run.state.is_final()) {
            Some(run) => self.runs.stop(&run.id).await,
            None => Err(Error::invalid_state(format!("Crawler {name:?} is not running.")).code("CRAWLER_NOT_RUNNING")),
        }
    }

    pub async fn crawler_status(&self, name: &str) -> Result<CrawlerStatus> {
        let recent = self.list_crawls(name, RECENT_CRAWLS).await?;
        let open = recent.iter().find(|run| !run.state.is_final());
        let state = match open {
            None => CrawlerState::Ready,
            Some(run) if run.stopping => CrawlerState::Stopping,
            Some(_) => CrawlerState::Running,
        };
        let now = self.store().clock().now();
        let elapsed_ms = open.and_then(|run| run.started).map_or(0, |started| now.since_ms(started));
        let last_crawl = recent.iter().find(|run| run.state.is_final()).map(last_crawl);
        Ok(CrawlerStatus { state, last_crawl, elapsed_ms })
    }

    /// The crawler's runs, newest first.
    pub async fn list_crawls(&self, name: &str, limit: i64) -> Result<Vec<Run>> {
        self.list_crawls_before(name, None, limit).await
    }

    /// The same, of those older than this one.
    pub async fn list_crawls_before(&self, name: &str, before: Option<RunId>, limit: i64) -> Result<Vec<Run>> {
        let filter = Filter { kind: Some(CRAWL.into()), subject: Some(name.into()), before, ..Filter::default() };
        self.runs.list(&filter, limit).await
    }

    /// A name that was mistyped should not wait for the next crawl to fail.
    async fn refuse_unknown_classifiers(&self, crawler: &Crawler) -> Result<()> {
        if crawler.classifiers.is_empty() {
            return Ok(());
        }
        let all = self.store().list::<Classifier>().await?;
        let known: Vec<&str> = all.iter().map(|classifier| classifier.name()).collect();
        match crawler.classifiers.iter().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(Error::invalid_input(format!(
                "Crawler {:?}: there is no classifier {name:?}; {}",
                crawler.name,
                near::hint(name, &known)
            ))),
            None => Ok(()),
        }
    }

    async fn refuse_while_running(&self, name: &str) -> Result<()> {
        match self.runs.latest(CRAWL, name).await?.filter(|run| !run.state.is_final()) {
            Some(run) => Err(Error::invalid_state(format!("Crawler {name:?} is running (run {}).", run.id)).code("CRAWLER_RUNNING")),
            None => Ok(()),
        }
    }
}

fn new_crawl(name: &str) -> NewRun {
    NewRun::new(CRAWL, name).max_attempts(2)
}

fn checked(crawler: Crawler) -> Result<Crawler> {
    let crawler = Crawler { database_name: fold(&crawler.database_name), ..crawler };
    crawler.validate()?;
    check_name("database", &crawler.database_name)?;
    Ok(crawler)
}

fn last_crawl(run: &Run) -> LastCrawl {
    let status = match run.state {
        RunState::Succeeded => "SUCCEEDED",
        RunState::Stopped => "CANCELLED",
        _ => "FAILED",
    };
    let error_message = run.message.clone().filter(|_| run.state != RunState::Succeeded);
    LastCrawl { status, error_message, run: run.id.clone(), started: run.started, summary: run.result().ok() }
}
