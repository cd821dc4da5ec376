//! Crawlers and their crawls.

use std::sync::Arc;

use catalog::{CrawlSummary, Crawler, CrawlerState, LastCrawl};
use domain::{ErrorKind, Result, RunState};
use runs::{Run, RunId};
use serde_json::{Map, Value, json};
use store::Stored;

use super::crawl_filters::CrawlFilter;
use super::view::{described, members, names};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::{Answer, object, time};

const LOG_GROUP: &str = "/aws-glue/crawlers";
/// Crawls read at once while a page is filled: where few are wanted, many may have to be looked at.
const CRAWLS_AT_ONCE: usize = 1000;
/// Crawls that the metrics of a crawler are taken from, newest first.
const MEASURED_CRAWLS: i64 = 100;

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

/// Names without a crawler come back as such.
pub(crate) async fn get_batch(app: Arc<App>, input: Input) -> Result<Answer> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for name in input.texts("CrawlerNames")? {
        match app.catalog.get_crawler(&name).await {
            Ok(crawler) => found.push(view(&app, &crawler).await?),
            Err(error) if error.kind == ErrorKind::NotFound => missing.push(name),
            Err(error) => return Err(error),
        }
    }
    Ok(Answer::Json(json!({"Crawlers": found, "CrawlersNotFound": missing})))
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
    let filters = CrawlFilter::read(&input)?;
    let page = paging::range(&input)?;
    app.catalog.get_crawler(name).await?;
    let mut before = Some(RunId(page.after)).filter(|id| !id.0.is_empty());
    // One more than the page holds says whether there is a next one.
    let chunk = if filters.is_empty() { page.limit + 1 } else { CRAWLS_AT_ONCE };
    let mut wanted: Vec<Run> = Vec::new();
    while wanted.len() <= page.limit {
        let read = app.catalog.list_crawls_before(name, before, i64::try_from(chunk).unwrap_or(i64::MAX)).await?;
        let Some(last) = read.last() else { break };
        before = Some(last.id.clone());
        let is_end = read.len() < chunk;
        wanted.extend(read.into_iter().filter(|run| filters.iter().all(|filter| filter.holds(run))));
        if is_end {
            break;
        }
    }
    let is_more = wanted.len() > page.limit;
    wanted.truncate(page.limit);
    let next = wanted.last().filter(|_| is_more).map(|run| run.id.0.clone());
    Ok(paging::ranged(&input, "Crawls", wanted.iter().map(crawl).collect(), next))
}

pub(crate) async fn start_schedule(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.start_crawler_schedule(input.text("CrawlerName")?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn stop_schedule(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.stop_crawler_schedule(input.text("CrawlerName")?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn update_schedule(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.update_crawler_schedule(input.text("CrawlerName")?, input.optional_text("Schedule")?.unwrap_or_default()).await?;
    Ok(Answer::Empty)
}

/// Of the crawlers named, or of all; those that do not exist are left out.
pub(crate) async fn metrics(app: Arc<App>, input: Input) -> Result<Answer> {
    let names = input.texts("CrawlerNameList")?;
    let page = paging::range(&input)?;
    let mut wanted: Vec<String> = app.catalog.list_crawlers().await?.into_iter().map(|crawler| crawler.value.name).collect();
    wanted.retain(|name| *name > page.after && (names.is_empty() || names.contains(name)));
    let next = wanted.get(page.limit).and(wanted.get(page.limit - 1)).cloned();
    wanted.truncate(page.limit);
    let mut items = Vec::new();
    for name in wanted {
        items.push(metrics_of(&app, &name).await?);
    }
    Ok(paging::ranged(&input, "CrawlerMetricsList", items, next))
}

/// Tables are those of the crawls measured; times are of those that succeeded.
async fn metrics_of(app: &App, name: &str) -> Result<Value> {
    let crawls = app.catalog.list_crawls(name, MEASURED_CRAWLS).await?;
    let seconds = |run: &Run| Some(run.ended?.since_ms(run.started?) as f64 / 1000.0);
    let mut times: Vec<f64> = crawls.iter().filter(|run| run.state == RunState::Succeeded).filter_map(seconds).collect();
    let last = times.first().copied().unwrap_or_default();
    times.sort_by(f64::total_cmp);
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let status = app.catalog.crawler_status(name).await?;
    let elapsed = status.elapsed_ms as f64 / 1000.0;
    let running = status.state != CrawlerState::Ready;
    let sum =
        |count: fn(&CrawlSummary) -> u64| crawls.iter().filter_map(|run| run.result().ok()).map(|summary| count(&summary)).sum::<u64>();
    Ok(json!({
        "CrawlerName": name,
        "TimeLeftSeconds": if running { (median - elapsed).max(0.0) } else { 0.0 },
        "StillEstimating": running && times.is_empty(),
        "LastRuntimeSeconds": last,
        "MedianRuntimeSeconds": median,
        "TablesCreated": sum(|summary| summary.tables_created),
        "TablesUpdated": sum(|summary| summary.tables_updated),
        "TablesDeleted": sum(|summary| summary.tables_deleted),
    }))
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
    let state = crawl_state(run);
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

pub(super) fn crawl_state(run: &Run) -> &'static str {
    match run.state {
        RunState::Queued | RunState::Running => "RUNNING",
        RunState::Succeeded => "COMPLETED",
        RunState::Stopped => "STOPPED",
        RunState::Failed | RunState::TimedOut => "FAILED",
    }
}

/// JSON text with Glue's counts and, besides, what changed and what could not be used.
fn counts(summary: &CrawlSummary) -> String {
    let (tables, partitions) = (
        json!({"ADD": summary.tables_created, "UPDATE": summary.tables_updated, "DELETE": summary.tables_deleted}),
        json!({"ADD": summary.partitions_added, "UPDATE": summary.partitions_updated, "DELETE": summary.partitions_deleted}),
    );
    json!({
        "TABLE": tables,
        "PARTITION": partitions,
        "CHANGES": summary.changes,
        "CHANGE_COUNT": summary.change_count,
        "PROBLEMS": summary.problems,
        "PROBLEM_COUNT": summary.problem_count,
    })
    .to_string()
}
