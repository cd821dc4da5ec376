use std::sync::Arc;
use std::time::Duration;

use domain::arn::Partition as Place;
use domain::{ErrorKind, RunState};
use serde_json::json;
use testkit::{Installation, ManualClock};

use super::crawler;
use crate::{Catalog, ScheduleState, Schedules};

const HOUR: i64 = 3_600_000;

async fn home(schedule: serde_json::Value) -> (Installation, Catalog, Arc<ManualClock>, Schedules) {
    // 2026-11-23T04:00:00Z, a Monday.
    let clock = ManualClock::at(1_795_406_400_000);
    let installation = Installation::with_clock(clock.clone()).await;
    let catalog = Catalog::new(installation.runs.clone(), installation.buckets.clone(), Place::default());
    let targets = json!({"S3Targets": [{"Path": "data"}]});
    let json = json!({"Name": "c", "DatabaseName": "shop", "Targets": targets, "Schedule": schedule});
    catalog.create_crawler(crawler(json)).await.unwrap();
    let schedules = Schedules::new(catalog.clone(), Duration::from_secs(1));
    (installation, catalog, clock, schedules)
}

#[tokio::test]
async fn a_schedule_missed_while_nobody_looked_fires_once() {
    let (home, _, clock, schedules) = home(json!("cron(30 * * * ? *)")).await;
    assert!(schedules.tick().await.unwrap().is_empty(), "not due yet");
    clock.advance(5 * HOUR);
    let started = schedules.tick().await.unwrap();
    assert_eq!(started.len(), 1);
    assert!(schedules.tick().await.unwrap().is_empty());
    home.runs.stop(&started[0]).await.unwrap();
    clock.advance(HOUR);
    assert_eq!(schedules.tick().await.unwrap().len(), 1);
    // Two who look at once find one occurrence.
    let again = schedules.clone();
    home.runs.stop(&home.runs.latest(crate::CRAWL, "c").await.unwrap().unwrap().id).await.unwrap();
    clock.advance(HOUR);
    let (a, b) = tokio::join!(schedules.tick(), again.tick());
    assert_eq!(a.unwrap().len() + b.unwrap().len(), 1);
}

#[tokio::test]
async fn a_crawler_under_way_skips_its_occurrence() {
    let (home, catalog, clock, schedules) = home(json!("rate(1 hour)")).await;
    let run = catalog.start_crawler("c").await.unwrap();
    clock.advance(HOUR);
    assert!(schedules.tick().await.unwrap().is_empty());
    home.runs.stop(&run).await.unwrap();
    assert_eq!(home.runs.get(&run).await.unwrap().state, RunState::Stopped);
    clock.advance(HOUR / 2);
    assert!(schedules.tick().await.unwrap().is_empty(), "that occurrence is over");
    clock.advance(HOUR / 2);
    assert_eq!(schedules.tick().await.unwrap().len(), 1);
}

#[tokio::test]
async fn schedules_are_stopped_started_and_changed() {
    let (_home, catalog, clock, schedules) = home(json!("rate(1 hour)")).await;
    let code = async |outcome: domain::Result<()>| outcome.unwrap_err().code.unwrap();
    assert_eq!(code(catalog.start_crawler_schedule("c").await).await, "SCHEDULER_RUNNING");
    catalog.stop_crawler_schedule("c").await.unwrap();
    assert_eq!(code(catalog.stop_crawler_schedule("c").await).await, "SCHEDULER_NOT_RUNNING");
    let state = async || catalog.get_crawler("c").await.unwrap().value.schedule.map(|schedule| schedule.state);
    assert_eq!(state().await, Some(ScheduleState::NotScheduled));
    clock.advance(3 * HOUR);
    assert!(schedules.tick().await.unwrap().is_empty());
    catalog.start_crawler_schedule("c").await.unwrap();
    assert!(schedules.tick().await.unwrap().is_empty(), "what was due while stopped is not made up for");
    catalog.update_crawler_schedule("c", "rate(2 hours)").await.unwrap();
    clock.advance(HOUR);
    assert!(schedules.tick().await.unwrap().is_empty());
    clock.advance(HOUR);
    assert_eq!(schedules.tick().await.unwrap().len(), 1);
    let wrong = catalog.update_crawler_schedule("c", "now and then").await.unwrap_err();
    assert_eq!(wrong.kind, ErrorKind::InvalidInput);
    catalog.update_crawler_schedule("c", "").await.unwrap();
    assert_eq!((state().await, code(catalog.start_crawler_schedule("c").await).await), (None, "NO_SCHEDULE"));
}

#[tokio::test]
async fn what_was_due_while_an_update_had_taken_the_schedule_away_is_not_made_up_for() {
    let (home, catalog, clock, schedules) = home(json!("rate(1 hour)")).await;
    let scheduled = catalog.get_crawler("c").await.unwrap().value;
    clock.advance(HOUR);
    let started = schedules.tick().await.unwrap();
    assert_eq!(started.len(), 1);
    home.runs.stop(&started[0]).await.unwrap();
    catalog.update_crawler("c", crate::Crawler { schedule: None, ..scheduled.clone() }).await.unwrap();
    clock.advance(100 * HOUR);
    assert!(schedules.tick().await.unwrap().is_empty());
    catalog.update_crawler("c", scheduled.clone()).await.unwrap();
    assert!(schedules.tick().await.unwrap().is_empty());
    // An update of something else leaves what is due.
    clock.advance(HOUR);
    catalog.update_crawler("c", crate::Crawler { table_prefix: "raw_".into(), ..scheduled }).await.unwrap();
    assert_eq!(schedules.tick().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_schedule_is_written_as_glue_answers_and_checked() {
    let (_home, catalog, ..) = home(json!("cron(0 3 * * ? *)")).await;
    let written = serde_json::to_value(&catalog.get_crawler("c").await.unwrap().value).unwrap();
    assert_eq!(written["Schedule"], json!({"ScheduleExpression": "cron(0 3 * * ? *)", "State": "SCHEDULED"}));
    let mut wrong = catalog.get_crawler("c").await.unwrap().value;
    wrong.schedule = Some(crate::CrawlerSchedule::new("cron(0 3 * *)"));
    let error = catalog.update_crawler("c", wrong).await.unwrap_err();
    assert!(error.message.contains("Crawler \"c\"") && error.message.contains("cron(0 3 * *)"), "{error}");
}

#[tokio::test]
async fn column_statistics_are_made_by_the_clock() {
    let (home, catalog, clock, schedules) = home(json!(null)).await;
    catalog.create_database(crate::Database { name: "shop".into(), ..crate::Database::default() }).await.unwrap();
    catalog.create_table("shop", crate::Table { name: "orders".into(), ..crate::Table::default() }).await.unwrap();
    let settings = crate::StatisticsSettings {
        database_name: "Shop".into(),
        table_name: "ORDERS".into(),
        schedule: Some(crate::CrawlerSchedule::new("rate(1 hour)")),
        ..crate::StatisticsSettings::default()
    };
    catalog.create_statistics_settings(settings.clone()).await.unwrap();
    assert!(schedules.tick().await.unwrap().is_empty(), "not due yet");
    clock.advance(5 * HOUR);
    let started = schedules.tick().await.unwrap();
    let run = home.runs.get(&started[0]).await.unwrap();
    assert_eq!((started.len(), run.kind.as_str(), run.subject.as_str()), (1, crate::PROFILE, "shop/orders"));
    clock.advance(HOUR);
    assert!(schedules.tick().await.unwrap().is_empty(), "one is under way");
    home.runs.stop(&started[0]).await.unwrap();
    catalog.stop_statistics_schedule("shop", "orders").await.unwrap();
    clock.advance(HOUR);
    assert!(schedules.tick().await.unwrap().is_empty());
    catalog.start_statistics_schedule("shop", "orders").await.unwrap();
    assert!(schedules.tick().await.unwrap().is_empty(), "what was due while stopped is not made up for");
    clock.advance(HOUR);
    let started = schedules.tick().await.unwrap();
    assert_eq!(started.len(), 1);
    home.runs.stop(&started[0]).await.unwrap();
    // Another schedule counts from now on; other members leave it alone.
    let slower = crate::StatisticsSettings { schedule: Some(crate::CrawlerSchedule::new("rate(3 hours)")), ..settings };
    catalog.update_statistics_settings(slower.clone()).await.unwrap();
    clock.advance(2 * HOUR);
    catalog.update_statistics_settings(crate::StatisticsSettings { sample_size: Some(5.0), ..slower }).await.unwrap();
    assert!(schedules.tick().await.unwrap().is_empty());
    clock.advance(HOUR);
    assert_eq!(schedules.tick().await.unwrap().len(), 1);
    // A table takes its settings with it.
    catalog.delete_table("shop", "orders").await.unwrap();
    clock.advance(100 * HOUR);
    assert!(schedules.tick().await.unwrap().is_empty());
}
