//! Conditional triggers that stand alone: they watch runs wherever they end.

use super::*;

struct Alone {
    home: Installation,
    workflows: Workflows,
    scheduler: Scheduler,
}

/// Two jobs, each with a trigger that starts it, and one that waits for them.
async fn alone(logical: &str) -> Alone {
    let home = Installation::new().await;
    let workflows = Workflows::new(home.runs.clone());
    let stands = |made: Trigger| Trigger { workflow_name: None, ..made };
    for name in ["watched-a", "watched-b"] {
        let starts = stands(trigger(&format!("start-{name}"), TriggerType::OnDemand, None, vec![job(name)]));
        workflows.create_trigger(starts, false).await.unwrap();
    }
    let waits = trigger("after", TriggerType::Conditional, when(&["watched-a", "watched-b"], logical), vec![job("train")]);
    workflows.create_trigger(stands(waits), true).await.unwrap();
    let (registry, _) = registry("");
    home.work(registry);
    let scheduler = Scheduler::new(workflows.clone(), Duration::from_secs(1));
    Alone { home, workflows, scheduler }
}

impl Alone {
    async fn run(&self, name: &str) {
        let id = self.workflows.start_trigger(&format!("start-{name}")).await.unwrap().unwrap();
        self.home.runs.wait(&id).await.unwrap().succeeded().unwrap();
    }

    async fn fired(&self) -> usize {
        while self.scheduler.listen().await.unwrap() {}
        self.workflows.list_runs("after", 10).await.unwrap().len()
    }
}

#[tokio::test]
async fn a_trigger_outside_a_workflow_fires_once_for_each_set_of_runs() {
    let alone = alone("AND").await;
    alone.run("watched-a").await;
    assert_eq!(alone.fired().await, 0);
    // A process that starts anew knows what was met.
    let anew = Alone { workflows: Workflows::new(alone.home.runs.clone()), ..alone };
    let anew = Alone { scheduler: Scheduler::new(anew.workflows.clone(), Duration::from_secs(1)), ..anew };
    anew.run("watched-b").await;
    assert_eq!((anew.fired().await, anew.fired().await), (1, 1));
    anew.run("watched-b").await;
    assert_eq!(anew.fired().await, 1, "the first has to end again too");
    anew.run("watched-a").await;
    assert_eq!(anew.fired().await, 2);
}

#[tokio::test]
async fn any_fires_for_each_run_and_a_stopped_trigger_for_none() {
    let alone = alone("ANY").await;
    alone.run("watched-a").await;
    alone.run("watched-b").await;
    assert_eq!(alone.fired().await, 2);
    alone.workflows.stop_trigger("after").await.unwrap();
    alone.run("watched-a").await;
    assert_eq!(alone.fired().await, 2);
    tokio::time::sleep(Duration::from_millis(5)).await;
    alone.workflows.start_trigger("after").await.unwrap();
    assert_eq!(alone.fired().await, 2, "what ended before it was activated is not its concern");
    alone.run("watched-b").await;
    assert_eq!(alone.fired().await, 3);
}

#[tokio::test]
async fn runs_that_no_trigger_started_do_not_count_as_in_glue() {
    let alone = alone("ANY").await;
    let by_hand = alone.home.runs.submit(NewRun::new("job", "watched-a")).await.unwrap();
    alone.home.runs.wait(&by_hand).await.unwrap().succeeded().unwrap();
    assert_eq!(alone.fired().await, 0);
}

#[tokio::test]
async fn the_end_of_a_workflow_can_be_waited_for() {
    let (home, workflows) = home_with_article().await;
    let condition = Condition { workflow_name: Some("export".into()), state: Some("SUCCEEDED".into()), ..Condition::default() };
    let predicate = Predicate { logical: None, conditions: vec![condition] };
    let after = trigger("after", TriggerType::Conditional, Some(predicate), vec![job("clean")]);
    workflows.create_trigger(Trigger { workflow_name: None, ..after }, true).await.unwrap();
    let (registry, _) = registry("");
    home.work(registry);
    let id = workflows.start_workflow_run("export", BTreeMap::new()).await.unwrap();
    home.runs.wait(&id).await.unwrap().succeeded().unwrap();
    let scheduler = Scheduler::new(workflows.clone(), Duration::from_secs(1));
    while scheduler.listen().await.unwrap() {}
    assert_eq!(workflows.list_runs("after", 10).await.unwrap().len(), 1);
}
