//! What triggers are refused, delayed starts, and actions that are gone.

use super::*;

#[tokio::test]
async fn triggers_that_wait_for_each_other_are_refused_with_the_way_round() {
    let (_home, workflows) = home_with_article().await;
    let back = trigger("back", TriggerType::Conditional, when(&["items"], "AND"), vec![job("clean")]);
    let error = workflows.create_trigger(back, true).await.unwrap_err();
    let way = r#"job "clean" -> trigger "cleaned" -> job "items" -> trigger "back" -> job "clean""#;
    let rotated = r#"job "items" -> trigger "back" -> job "clean" -> trigger "cleaned" -> job "items""#;
    assert!(error.kind == ErrorKind::InvalidInput, "{error}");
    assert!(error.message.contains(way) || error.message.contains(rotated), "{error}");
    let itself = trigger("itself", TriggerType::Conditional, when(&["x"], "AND"), vec![job("x")]);
    let error = workflows.create_trigger(itself, true).await.unwrap_err();
    assert!(error.message.contains(r#"job "x" -> trigger "itself" -> job "x""#), "{error}");
}

#[tokio::test]
async fn limits_and_members_are_those_of_glue() {
    let (_home, workflows) = home_with_article().await;
    let event = |name: &str| trigger(name, TriggerType::Event, None, vec![job("x")]);
    let batch = |batch_size, batch_window| Some(EventBatchingCondition { batch_size, batch_window });
    let many = vec!["x"; 501];
    let cases = [
        (Trigger { event_batching_condition: batch(0, 900), ..event("a") }, "BatchSize of 1 to 100"),
        (Trigger { event_batching_condition: batch(101, 900), ..event("b") }, "found 101 and 900"),
        (Trigger { event_batching_condition: batch(1, 901), ..event("c") }, "found 1 and 901"),
        (Trigger { workflow_name: None, ..event("d") }, "neither WorkflowName nor FileArrival"),
        (trigger("e", TriggerType::Conditional, when(&many, "AND"), vec![job("y")]), "at most 500 conditions"),
        (Trigger { start_delay_seconds: Some(86_401), ..event("f") }, "0 to 86400"),
        (Trigger { timezone: Some("UTC".into()), ..event("g") }, "goes with the type SCHEDULED"),
        (
            Trigger { event_batching_condition: batch(1, 1), ..trigger("h", TriggerType::OnDemand, None, vec![job("x")]) },
            "goes with the type EVENT",
        ),
    ];
    for (wrong, expected) in cases {
        let error = workflows.create_trigger(wrong, false).await.unwrap_err();
        assert!(error.kind == ErrorKind::InvalidInput && error.message.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_start_delay_holds_back_what_the_trigger_starts() {
    let clock = ManualClock::at(utc("2026-11-23T04:00:00Z").millis());
    let home = Installation::with_clock(clock.clone()).await;
    let workflows = Workflows::new(home.runs.clone());
    workflows.create_workflow(Workflow { name: "export".into(), ..Workflow::default() }).await.unwrap();
    let begins = trigger("begin", TriggerType::OnDemand, None, vec![job("clean")]);
    workflows.create_trigger(begins, false).await.unwrap();
    let later = trigger("later", TriggerType::Conditional, when(&["clean"], "AND"), vec![job("items")]);
    workflows.create_trigger(Trigger { start_delay_seconds: Some(30), ..later }, true).await.unwrap();
    let (registry, seen) = registry("");
    home.work(registry);
    let id = workflows.start_workflow_run("export", BTreeMap::new()).await.unwrap();
    let cleaned = home.runs.wait(&until_child(&home, &id, "begin/0").await).await.unwrap();
    assert_eq!(cleaned.state, RunState::Succeeded);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(*seen.lock().unwrap(), ["clean"]);
    clock.advance(29_000);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!home.runs.get(&id).await.unwrap().state.is_final());
    assert_eq!(*seen.lock().unwrap(), ["clean"]);
    clock.advance(1_000);
    home.runs.wait(&id).await.unwrap().succeeded().unwrap();
    assert_eq!(*seen.lock().unwrap(), ["clean", "items"]);
}

async fn until_child(home: &Installation, id: &RunId, step: &str) -> RunId {
    loop {
        if let Some(child) = home.runs.child(id, step).await.unwrap() {
            return child.id;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn an_action_that_is_gone_fails_its_node_and_not_the_other_branches() {
    let (home, workflows) = home_with_article().await;
    let other = trigger("other", TriggerType::Conditional, when(&["clean"], "AND"), vec![job("gone")]);
    workflows.create_trigger(other, true).await.unwrap();
    let mut failed = when(&["gone"], "AND");
    failed.as_mut().unwrap().conditions[0].state = Some("FAILED".into());
    workflows.create_trigger(trigger("sorry", TriggerType::Conditional, failed, vec![job("tell")]), true).await.unwrap();
    let (registry, seen) = registry("");
    home.work(registry);
    let id = workflows.start_workflow_run("export", BTreeMap::new()).await.unwrap();
    let run = home.runs.wait(&id).await.unwrap().succeeded().unwrap();
    let view = workflows.run_view(run, true).await.unwrap();
    let statistics = view.statistics;
    assert_eq!((statistics.succeeded_actions, statistics.errored_actions, statistics.total_actions), (6, 1, 7));
    assert!(seen.lock().unwrap().contains(&"train".to_owned()) && seen.lock().unwrap().contains(&"tell".to_owned()));
    let graph = view.graph.unwrap();
    let nodes = graph["Nodes"].as_array().unwrap();
    let gone = nodes.iter().find(|node| node["UniqueId"] == "wnode_job_gone").unwrap();
    assert_eq!(gone["JobDetails"]["JobRuns"][0]["JobRunState"], "ERROR");
    assert!(gone["JobDetails"]["JobRuns"][0]["ErrorMessage"].as_str().unwrap().contains("\"gone\""));
}
