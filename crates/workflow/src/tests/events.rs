//! EVENT triggers: batches, windows, each event once, files that arrive.

use super::*;

async fn with_event_trigger(batching: Option<EventBatchingCondition>) -> (Arc<ManualClock>, Installation, Workflows, Scheduler) {
    let clock = ManualClock::at(utc("2026-11-23T04:00:00Z").millis());
    let home = Installation::with_clock(clock.clone()).await;
    let workflows = Workflows::new(home.runs.clone());
    workflows.create_workflow(Workflow { name: "export".into(), ..Workflow::default() }).await.unwrap();
    let begins = Trigger { event_batching_condition: batching, ..trigger("begin", TriggerType::Event, None, vec![job("clean")]) };
    workflows.create_trigger(begins, true).await.unwrap();
    let scheduler = Scheduler::new(workflows.clone(), Duration::from_secs(1));
    (clock, home, workflows, scheduler)
}

async fn runs(workflows: &Workflows) -> Vec<WorkflowRunView> {
    let mut views = Vec::new();
    for run in workflows.list_runs("export", 10).await.unwrap() {
        views.push(workflows.run_view(run, false).await.unwrap());
    }
    views
}

#[tokio::test]
async fn a_batch_fires_when_it_is_full_and_names_its_events() {
    let (_clock, _home, workflows, _) = with_event_trigger(Some(EventBatchingCondition { batch_size: 3, batch_window: 900 })).await;
    for event in ["e1", "e2", "e1", "e2"] {
        workflows.take_event("export", event).await.unwrap();
    }
    assert!(runs(&workflows).await.is_empty(), "an event that is delivered again is one event");
    workflows.take_event("export", "e3").await.unwrap();
    workflows.take_event("export", "e3").await.unwrap();
    let runs = runs(&workflows).await;
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].workflow_run_properties["aws:eventIds"], r#"["e1","e2","e3"]"#);
    assert_eq!(runs[0].starting_event_batch_condition.unwrap().batch_size, 3);
}

#[tokio::test]
async fn a_batch_that_is_not_full_fires_when_its_window_ends_whoever_is_alive_by_then() {
    let (clock, home, workflows, scheduler) = with_event_trigger(Some(EventBatchingCondition { batch_size: 100, batch_window: 60 })).await;
    workflows.take_event("export", "e1").await.unwrap();
    clock.advance(30_000);
    workflows.take_event("export", "e2").await.unwrap();
    clock.advance(29_000);
    assert_eq!(scheduler.tick().await.unwrap(), 0);
    clock.advance(1_000);
    let anew = Scheduler::new(Workflows::new(home.runs.clone()), Duration::from_secs(1));
    assert_eq!((anew.tick().await.unwrap(), anew.tick().await.unwrap()), (1, 0));
    let runs = runs(&workflows).await;
    assert_eq!(runs[0].workflow_run_properties["aws:eventIds"], r#"["e1","e2"]"#);
    assert_eq!(runs[0].starting_event_batch_condition.unwrap(), EventBatchingCondition { batch_size: 2, batch_window: 60 });
}

#[tokio::test]
async fn events_wait_while_the_workflow_has_as_many_runs_as_it_may() {
    let (_clock, home, workflows, scheduler) = with_event_trigger(None).await;
    let limited = Workflow { name: "export".into(), max_concurrent_runs: Some(1), ..Workflow::default() };
    workflows.update_workflow(limited).await.unwrap();
    workflows.take_event("export", "e1").await.unwrap();
    workflows.take_event("export", "e2").await.unwrap();
    assert_eq!((scheduler.tick().await.unwrap(), runs(&workflows).await.len()), (0, 1));
    let first = workflows.list_runs("export", 1).await.unwrap().remove(0);
    home.runs.stop(&first.id).await.unwrap();
    assert_eq!((scheduler.tick().await.unwrap(), scheduler.tick().await.unwrap()), (1, 0));
    assert_eq!(runs(&workflows).await[0].workflow_run_properties["aws:eventIds"], r#"["e2"]"#);
}

#[tokio::test]
async fn who_takes_no_events_says_so() {
    let (_clock, _home, workflows, _) = with_event_trigger(None).await;
    workflows.stop_trigger("begin").await.unwrap();
    let error = workflows.take_event("export", "e1").await.unwrap_err();
    assert!(error.kind == ErrorKind::InvalidState && error.message.contains("\"export\""), "{error}");
    assert_eq!(workflows.take_event("nowhere", "e1").await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn files_that_arrive_fire_the_triggers_that_wait_for_them() {
    let (_clock, home, workflows, scheduler) = with_event_trigger(None).await;
    let files = FileArrival { location: "s3://drop/in/".into(), pattern: Some("*.csv".into()) };
    let arrives =
        Trigger { file_arrival: Some(files), workflow_name: None, ..trigger("files", TriggerType::Event, None, vec![job("clean")]) };
    workflows.create_trigger(arrives, true).await.unwrap();
    let mut tx = home.store.begin().await.unwrap();
    for (number, key) in ["in/a.csv", "in/a.txt", "out/a.csv", "in/deep/b.csv"].iter().enumerate() {
        let detail = json!({"id": format!("f{number}"), "bucket": {"name": "drop"}, "object": {"key": key}});
        tx.notify(OBJECT_CREATED, &format!("drop/{key}"), &detail).await.unwrap();
    }
    tx.commit().await.unwrap();
    while scheduler.listen().await.unwrap() {}
    let anew = Scheduler::new(Workflows::new(home.runs.clone()), Duration::from_secs(1));
    while anew.listen().await.unwrap() {}
    let mut files = Vec::new();
    for run in workflows.list_runs("files", 10).await.unwrap() {
        files.push(workflows.run_view(run, false).await.unwrap().workflow_run_properties["penchant:files"].clone());
    }
    files.sort();
    assert_eq!(files, [r#"["s3://drop/in/a.csv"]"#, r#"["s3://drop/in/deep/b.csv"]"#]);
}

#[test]
fn patterns_of_files() {
    let cases = [
        (Some("*.csv"), "in/a.csv", true),
        (Some("*.csv"), "in/a.csv.gz", false),
        (Some("20??-*/part-*"), "in/2026-11/part-1", true),
        (Some("20??-*/part-*"), "in/2026-11/x/part-1", true),
        (Some("a*b*c"), "in/aXbYbc", true),
        (Some("a*b*c"), "in/acb", false),
        (None, "in/x", true),
        (None, "other/x", false),
    ];
    for (pattern, key, expected) in cases {
        let files = FileArrival { location: "s3://drop/in/".into(), pattern: pattern.map(Into::into) };
        assert_eq!(files.matches("drop", key), expected, "{pattern:?} {key}");
        assert!(!files.matches("elsewhere", key));
    }
}
