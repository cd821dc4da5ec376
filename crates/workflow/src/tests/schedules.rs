//! When schedules are due, and that each occurrence fires once.

use super::*;

fn schedule(text: &str) -> Schedule {
    Schedule::parse(text).unwrap()
}

#[test]
fn schedules_mean_what_aws_and_cron_mean() {
    let from = utc("2026-11-23T04:00:00Z"); // a Monday
    let next = |text: &str| schedule(text).next_after(from).unwrap();
    assert_eq!(next("cron(0 3 * * ? *)"), utc("2026-11-24T03:00:00Z"));
    assert_eq!(next("cron(15 10 ? * 2 *)"), utc("2026-11-23T10:15:00Z"), "AWS counts Monday as 2");
    assert_eq!(next("cron(0/10 * * * ? 2026)"), utc("2026-11-23T04:10:00Z"));
    assert_eq!(next("cron(0 0 L * ? *)"), utc("2026-11-30T00:00:00Z"));
    assert_eq!(next("15 10 * * 1"), utc("2026-11-23T10:15:00Z"), "plain cron counts Monday as 1");
    assert_eq!(next("rate(2 hours)"), utc("2026-11-23T06:00:00Z"));
    assert_eq!(schedule("cron(0 3 * * ? 2020)").next_after(from), None);
}

#[test]
fn what_is_no_schedule_is_refused_with_what_was_found() {
    for wrong in [
        "",
        "cron(0 3 * * *)",
        "rate(0 days)",
        "rate(1 fortnight)",
        "cron(61 * * * ? *)",
        "cron(0 3 * * * *)",
        "cron(0 3 1 * 2 *)",
        "cron(? 3 1 * ? *)",
        "every day",
    ] {
        let error = Schedule::parse(wrong).unwrap_err();
        assert!(error.message.contains(&format!("{wrong:?}")), "{error}");
    }
}

#[tokio::test]
async fn a_schedule_missed_while_nobody_looked_fires_once() {
    let clock = ManualClock::at(utc("2026-11-23T04:00:00Z").millis());
    let home = Installation::with_clock(clock.clone()).await;
    let workflows = Workflows::new(home.runs.clone());
    let nightly = Trigger {
        workflow_name: None,
        schedule: Some("rate(1 minute)".into()),
        ..trigger("nightly", TriggerType::Scheduled, None, vec![job("clean")])
    };
    workflows.create_trigger(nightly, true).await.unwrap();
    let scheduler = Scheduler::new(workflows.clone(), Duration::from_secs(1));
    assert_eq!(scheduler.tick().await.unwrap(), 0);
    clock.advance(10 * MINUTE);
    assert_eq!(scheduler.tick().await.unwrap(), 1);
    assert_eq!(scheduler.tick().await.unwrap(), 0);
    assert_eq!(workflows.list_runs("nightly", 10).await.unwrap().len(), 1);
    workflows.stop_trigger("nightly").await.unwrap();
    clock.advance(10 * MINUTE);
    assert_eq!(scheduler.tick().await.unwrap(), 0);
}

#[tokio::test]
async fn a_trigger_that_becomes_scheduled_is_looked_at_from_now_on() {
    let clock = ManualClock::at(utc("2026-11-23T02:00:00Z").millis());
    let home = Installation::with_clock(clock.clone()).await;
    let workflows = Workflows::new(home.runs.clone());
    let mut nightly = Trigger { workflow_name: None, ..trigger("nightly", TriggerType::OnDemand, None, vec![job("clean")]) };
    workflows.create_trigger(nightly.clone(), false).await.unwrap();
    nightly.r#type = TriggerType::Scheduled;
    nightly.schedule = Some("cron(0 3 * * ? *)".into());
    workflows.update_trigger(nightly.clone(), true).await.unwrap();
    let scheduler = Scheduler::new(workflows.clone(), Duration::from_secs(1));
    clock.advance(61 * MINUTE);
    assert_eq!(scheduler.tick().await.unwrap(), 1);
    // Moved to a time of this day that is past already: not due before tomorrow.
    nightly.schedule = Some("cron(0 1 * * ? *)".into());
    workflows.update_trigger(nightly, true).await.unwrap();
    assert_eq!(scheduler.tick().await.unwrap(), 0);
}

#[test]
fn a_time_zone_moves_a_schedule_and_its_clock_changes_lose_and_double_nothing() {
    let berlin = |text: &str| Schedule::parse_in(text, Some("Europe/Berlin")).unwrap();
    let nightly = berlin("cron(30 2 * * ? *)");
    let next = |schedule: &Schedule, from: &str| schedule.next_after(utc(from)).unwrap();
    assert_eq!(next(&nightly, "2026-07-01T12:00:00Z"), utc("2026-07-02T00:30:00Z"), "summer time is two hours ahead");
    assert_eq!(next(&nightly, "2026-12-01T12:00:00Z"), utc("2026-12-02T01:30:00Z"), "winter time is one hour ahead");
    // On 29 March 2026 the clock goes from 02:00 to 03:00: 02:30 does not exist, and is due at 03:00.
    assert_eq!(next(&nightly, "2026-03-28T12:00:00Z"), utc("2026-03-29T01:00:00Z"));
    assert_eq!(next(&nightly, "2026-03-29T01:00:00Z"), utc("2026-03-30T00:30:00Z"), "once");
    // On 25 October 2026 the clock goes from 03:00 back to 02:00: 02:30 comes twice, and is due the first time.
    assert_eq!(next(&nightly, "2026-10-24T12:00:00Z"), utc("2026-10-25T00:30:00Z"));
    assert_eq!(next(&nightly, "2026-10-25T00:30:00Z"), utc("2026-10-26T01:30:00Z"), "once");
    // What is due all the time is so in the doubled hour too.
    let often = berlin("cron(0/30 * * * ? *)");
    assert_eq!(next(&often, "2026-10-25T00:30:00Z"), utc("2026-10-25T01:00:00Z"));
    let error = Schedule::parse_in("cron(30 2 * * ? *)", Some("Berlin")).unwrap_err();
    assert!(error.message.contains("\"Berlin\""), "{error}");
}

#[tokio::test]
async fn a_schedule_that_is_never_due_is_refused_when_its_trigger_is_made() {
    let clock = ManualClock::at(utc("2026-11-23T04:00:00Z").millis());
    let home = Installation::with_clock(clock).await;
    let workflows = Workflows::new(home.runs.clone());
    for never in ["cron(0 0 30 2 ? *)", "cron(0 3 * * ? 2020)", "0 0 31 4 *"] {
        let made = Trigger {
            workflow_name: None,
            schedule: Some(never.into()),
            ..trigger("never", TriggerType::Scheduled, None, vec![job("clean")])
        };
        let error = workflows.create_trigger(made, true).await.unwrap_err();
        assert!(error.kind == ErrorKind::InvalidInput && error.message.contains("never due") && error.message.contains(never), "{error}");
    }
}

#[tokio::test]
async fn a_rate_keeps_its_beat_when_it_is_looked_at_late() {
    let clock = ManualClock::at(utc("2026-11-23T04:00:00Z").millis());
    let home = Installation::with_clock(clock.clone()).await;
    let workflows = Workflows::new(home.runs.clone());
    let minutely = Trigger {
        workflow_name: None,
        schedule: Some("rate(1 minute)".into()),
        ..trigger("minutely", TriggerType::Scheduled, None, vec![job("clean")])
    };
    workflows.create_trigger(minutely, true).await.unwrap();
    let scheduler = Scheduler::new(workflows.clone(), Duration::from_secs(1));
    let mut fired = 0;
    // Each look comes 0.7 s after the one before it and the beat: an hour has 60 beats all the same.
    for _ in 0..3600 * 10 / 7 {
        clock.advance(700);
        fired += scheduler.tick().await.unwrap();
    }
    clock.advance(1000);
    fired += scheduler.tick().await.unwrap();
    assert_eq!(fired, 60);
    assert_eq!(workflows.get_trigger("minutely").await.unwrap().looked_at, utc("2026-11-23T05:00:00Z"));
}
