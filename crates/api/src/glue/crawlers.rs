//! Crawlers and their crawls.

use std::sync::Arc;

use catalog::{CrawlSummary, Crawler, CrawlerState, LastCrawl};
use domain::{Result, RunState};
use runs::Run;
use serde_json::{Map, Value, json};
use store::Stored;

use super::view::{described, members, names};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::{Answer, object, time};

const LOG_GROUP: &str = "/aws-glue/crawlers";
/// Crawls that a list goes through, newest first.
const LISTED_CRAWLS: i64 = 1000;

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.create_crawler(input.into_type()?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let crawler = app.catalog.get_crawler(input.text("Name")?).await?;
    Ok(Answer::Json(json!({"Crawler": view(&app, &crawler).await?})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let mut items = Vec::new();
    for crawler in app.catalog.list_crawlers().await? {
        items.push((crawler.name.clone(), view(&app, &crawler).await?.into()));
    }
    paging::glue(&input, "Crawlers", items)
}

pub(crate) async fn list_names(app: Arc<App>, input: Input) -> Result<Answer> {
    let crawlers = app.catalog.list_crawlers().await?;
    paging::glue(&input, "CrawlerNames", names(crawlers.into_iter().map(|crawler| crawler.value.name)))
}

/// Members left out stay as they are.
pub(crate) async fn update(app: Arc<App>, mut input: Input) -> Result<Answer> {
    let name = input.text("Name")?.to_owned();
    let mut all = members(&app.catalog.get_crawler(&name).await?.value)?;
    all.extend(std::mem::take(&mut input.members));
    input.members = all;
    app.catalog.update_crawler(&name, input.into_type()?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.delete_crawler(input.text("Name")?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn start(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.start_crawler(input.text("Name")?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn stop(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.stop_crawler(input.text("Name")?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn crawls(app: Arc<App>, input: Input) -> Result<Answer> {
    let name = input.text("CrawlerName")?;
    if input.get("Filters").and_then(Value::as_array).is_some_and(|filters| !filters.is_empty()) {
        return Err(input.error("does not offer \"Filters\" in this version: leave it out to get all crawls."));
    }
    app.catalog.get_crawler(name).await?;
    let crawls = app.catalog.list_crawls(name, LISTED_CRAWLS).await?;
    paging::glue(&input, "Crawls", crawls.iter().map(|run| (run.id.0.clone(), crawl(run))).collect())
}

async fn view(app: &App, crawler: &Stored<Crawler>) -> Result<Map<String, Value>> {
    let status = app.catalog.crawler_status(&crawler.name).await?;
    let mut members = described(crawler, "CreationTime", "LastUpdated")?;
    let state = match status.state {
        CrawlerState::Ready => "READY",
        CrawlerState::Running => "RUNNING",
        CrawlerState::Stopping => "STOPPING",
    };
    members.insert("State".into(), state.into());
    members.insert("CrawlElapsedTime".into(), status.elapsed_ms.into());
    members.insert("Version".into(), crawler.version.into());
    // CreateCrawler takes the expression alone.
    if let Some(expression) = members.get("Schedule").filter(|schedule| schedule.is_string()).cloned() {
        members.insert("Schedule".into(), json!({"ScheduleExpression": expression, "State": "SCHEDULED"}));
    }
    if let Some(last) = status.last_crawl {
        members.insert("LastCrawl".into(), last_crawl(&last).into());
    }
    Ok(members)
}

fn last_crawl(last: &LastCrawl) -> Map<String, Value> {
    object([
        ("Status", last.status.into()),
        ("ErrorMessage", last.error_message.clone().into()),
        ("LogGroup", LOG_GROUP.into()),
        ("LogStream", last.run.0.clone().into()),
        ("MessagePrefix", last.run.0.clone().into()),
        ("StartTime", last.started.map_or(Value::Null, time)),
    ])
}

fn crawl(run: &Run) -> Value {
    let state = match run.state {
        RunState::Queued | RunState::Running => "RUNNING",
        RunState::Succeeded => "COMPLETED",
        RunState::Stopped => "STOPPED",
        RunState::Failed | RunState::TimedOut => "FAILED",
    };
    object([
        ("CrawlId", run.id.0.clone().into()),
        ("State", state.into()),
        ("StartTime", time(run.started.unwrap_or(run.created))),
        ("EndTime", run.ended.map_or(Value::Null, time)),
        ("Summary", run.result::<CrawlSummary>().map_or(Value::Null, |summary| counts(&summary).into())),
        ("ErrorMessage", run.message.clone().filter(|_| run.state != RunState::Succeeded).into()),
        ("LogGroup", LOG_GROUP.into()),
        ("LogStream", run.id.0.clone().into()),
        ("MessagePrefix", run.id.0.clone().into()),
    ])
    .into()
}

/// JSON text, as Glue has it.
fn counts(summary: &CrawlSummary) -> String {
    let (tables, partitions) = (
        json!({"ADD": summary.tables_created, "UPDATE": summary.tables_updated, "DELETE": summary.tables_deleted}),
        json!({"ADD": summary.partitions_added, "UPDATE": summary.partitions_updated, "DELETE": summary.partitions_deleted}),
    );
    json!({"TABLE": tables, "PARTITION": partitions}).to_string()
}
