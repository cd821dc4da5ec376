#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::{Error, ErrorKind, Result, RunState, Timestamp};
use runs::{Executor, Finished, NewRun, Registry, RunContext, RunId};
use serde_json::json;
use testkit::{Installation, ManualClock};

use crate::*;

mod blueprints;
mod conditional;
mod events;
mod resume;
mod schedules;
mod triggers;

const MINUTE: i64 = 60_000;

fn utc(text: &str) -> Timestamp {
    Timestamp(chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
}

fn job(name: &str) -> Action {
    Action { job_name: Some(name.into()), ..Action::default() }
}

fn when(jobs: &[&str], logical: &str) -> Option<Predicate> {
    let condition = |name: &&str| Condition { job_name: Some((*name).into()), state: Some("SUCCEEDED".into()), ..Condition::default() };
    Some(Predicate { logical: Some(logical.into()), conditions: jobs.iter().map(condition).collect() })
}

fn trigger(name: &str, r#type: TriggerType, predicate: Option<Predicate>, actions: Vec<Action>) -> Trigger {
    Trigger { name: name.into(), workflow_name: Some("export".into()), r#type, predicate, actions, ..Trigger::default() }
}

/// The article's workflow: clean, then three jobs at once, then training.
fn article() -> Vec<Trigger> {
    let pipeline = Action { pipeline_name: Some("train".into()), ..Action::default() };
    vec![
        trigger("begin", TriggerType::OnDemand, None, vec![job("clean")]),
        trigger("cleaned", TriggerType::Conditional, when(&["clean"], "AND"), vec![job("users"), job("items"), job("events")]),
        trigger("exported", TriggerType::Conditional, when(&["users", "items", "events"], "AND"), vec![pipeline]),
    ]
}

/// Every action becomes a run of kind "act" about the action's name.
struct Acting;

#[async_trait]
impl Starter for Acting {
    async fn check(&self, action: &Action) -> Result<()> {
        let (what, name) = action.target()?;
        if name == "missing" { Err(Error::not_found(format!("{what} {name:?}"))) } else { Ok(()) }
    }

    async fn start(&self, action: &Action, parent: &RunContext, step: &str) -> Result<RunId> {
        let (what, name) = action.target()?;
        // Deleted since it was checked.
        if name == "gone" {
            return Err(Error::not_found(format!("{what} {name:?}")));
        }
        let kind = if name.starts_with("watched") { "job" } else { "act" };
        parent.submit_child(step, NewRun::new(kind, name)).await
    }
}

/// Writes down what ran; fails what is told to.
#[derive(Clone)]
struct Acts {
    kind: &'static str,
    seen: Arc<Mutex<Vec<String>>>,
    fails: &'static str,
}

#[async_trait]
impl Executor for Acts {
    fn kind(&self) -> &'static str {
        self.kind
    }
    async fn execute(&self, context: &RunContext) -> Result<Finished> {
        let name = context.run().subject.clone();
        self.seen.lock().unwrap().push(name.clone());
        if name == self.fails {
            return Err(Error::invalid_data("On purpose."));
        }
        context.succeed(context.begin().await?, &()).await
    }
}

async fn home_with_article() -> (Installation, Workflows) {
    let home = Installation::new().await;
    let workflows = Workflows::new(home.runs.clone());
    workflows.create_workflow(Workflow { name: "export".into(), ..Workflow::default() }).await.unwrap();
    for trigger in article() {
        let conditional = trigger.r#type == TriggerType::Conditional;
        workflows.create_trigger(trigger, conditional).await.unwrap();
    }
    (home, workflows)
}

fn registry(fails: &'static str) -> (Registry, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let acts = Acts { kind: "act", seen: seen.clone(), fails };
    let jobs = Acts { kind: "job", ..acts.clone() };
    (Registry::default().with(WorkflowExecutor::new(Arc::new(Acting))).with(acts).with(jobs), seen)
}

#[tokio::test]
async fn the_articles_workflow_runs_in_its_order_and_each_action_once() {
    let (home, workflows) = home_with_article().await;
    let (registry, seen) = registry("");
    home.work(registry);
    let id = workflows.start_workflow_run("export", BTreeMap::new()).await.unwrap();
    let run = home.runs.wait(&id).await.unwrap().succeeded().unwrap();
    let view = workflows.run_view(run, true).await.unwrap();
    assert_eq!((view.status, view.statistics.succeeded_actions, view.statistics.total_actions), ("COMPLETED", 5, 5));
    let mut seen = seen.lock().unwrap().clone();
    assert_eq!((seen.first().unwrap().as_str(), seen.last().unwrap().as_str()), ("clean", "train"));
    seen.sort();
    assert_eq!(seen, ["clean", "events", "items", "train", "users"]);
}

#[tokio::test]
async fn what_waits_for_a_failed_job_is_not_started() {
    let (home, workflows) = home_with_article().await;
    let (registry, seen) = registry("items");
    home.work(registry);
    let id = workflows.start_workflow_run("export", BTreeMap::new()).await.unwrap();
    let run = home.runs.wait(&id).await.unwrap();
    let view = workflows.run_view(run, true).await.unwrap();
    assert_eq!((view.statistics.succeeded_actions, view.statistics.failed_actions), (3, 1));
    assert!(!seen.lock().unwrap().contains(&"train".to_owned()));
}

#[tokio::test]
async fn a_restart_in_the_middle_starts_nothing_twice() {
    let (home, workflows) = home_with_article().await;
    // The first process knows workflows but no actions: it starts "clean", which stays queued, and is then killed.
    let process = home.work(Registry::default().with(WorkflowExecutor::new(Arc::new(Acting))));
    let id = workflows.start_workflow_run("export", BTreeMap::new()).await.unwrap();
    while home.runs.child(&id, "begin/0").await.unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    process.abort();
    assert!(process.await.unwrap_err().is_cancelled());
    let (registry, seen) = registry("");
    home.work(registry);
    let run = home.runs.wait(&id).await.unwrap().succeeded().unwrap();
    assert_eq!((run.attempt, run.lost_leases, seen.lock().unwrap().len()), (2, 1, 5));
}

#[tokio::test]
async fn stopping_a_workflow_run_stops_what_it_started() {
    let (home, workflows) = home_with_article().await;
    home.work(Registry::default().with(WorkflowExecutor::new(Arc::new(Acting))));
    let id = workflows.start_workflow_run("export", BTreeMap::new()).await.unwrap();
    while home.runs.child(&id, "begin/0").await.unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    workflows.stop_run("export", &id).await.unwrap();
    assert_eq!(home.runs.wait(&id).await.unwrap().state, RunState::Stopped);
    assert_eq!(home.runs.child(&id, "begin/0").await.unwrap().unwrap().state, RunState::Stopped);
}

#[tokio::test]
async fn triggers_that_make_no_sense_are_refused_in_one_sentence() {
    let (_home, workflows) = home_with_article().await;
    let cases = [
        (trigger("a", TriggerType::OnDemand, None, vec![]), "at least one action"),
        (trigger("b", TriggerType::Scheduled, None, vec![job("x")]), "needs a Schedule"),
        (trigger("c", TriggerType::Conditional, None, vec![job("x")]), "needs a Predicate"),
        (trigger("d", TriggerType::Conditional, when(&["x"], "OR"), vec![job("x")]), "AND or ANY"),
        (trigger("e", TriggerType::OnDemand, None, vec![Action::default()]), "exactly one of"),
    ];
    for (wrong, expected) in cases {
        let error = workflows.create_trigger(wrong, false).await.unwrap_err();
        assert!(error.kind == ErrorKind::InvalidInput && error.message.contains(expected), "{error}");
    }
    let unknown = Trigger { workflow_name: Some("nowhere".into()), ..trigger("g", TriggerType::OnDemand, None, vec![job("x")]) };
    assert_eq!(workflows.create_trigger(unknown, false).await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn what_no_trigger_starts_cannot_be_waited_for() {
    let (_home, workflows) = home_with_article().await;
    let misspelt = trigger("wrong", TriggerType::Conditional, when(&["itemz"], "AND"), vec![job("more")]);
    workflows.create_trigger(misspelt, true).await.unwrap();
    let error = workflows.start_workflow_run("export", BTreeMap::new()).await.unwrap_err();
    assert!(error.message.contains("\"itemz\"") && error.message.contains("clean"), "{error}");
}

#[tokio::test]
async fn an_action_that_does_not_exist_fails_the_run_before_anything_starts() {
    let (home, workflows) = home_with_article().await;
    let late = trigger("late", TriggerType::Conditional, when(&["items"], "AND"), vec![job("missing")]);
    workflows.create_trigger(late, true).await.unwrap();
    let (registry, seen) = registry("");
    home.work(registry);
    let id = workflows.start_workflow_run("export", BTreeMap::new()).await.unwrap();
    let run = home.runs.wait(&id).await.unwrap();
    assert!(run.state == RunState::Failed && run.message.unwrap().contains("\"missing\""));
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn too_many_runs_of_a_workflow_are_refused() {
    let (_home, workflows) = home_with_article().await;
    let limited = Workflow { name: "export".into(), max_concurrent_runs: Some(1), ..Workflow::default() };
    workflows.update_workflow(limited).await.unwrap();
    workflows.start_workflow_run("export", BTreeMap::new()).await.unwrap();
    let refused = workflows.start_workflow_run("export", BTreeMap::new()).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::TooManyRuns);
}

#[tokio::test]
async fn views_have_glues_shape() {
    let (_home, workflows) = home_with_article().await;
    let view = serde_json::to_value(workflows.view("export", true).await.unwrap()).unwrap();
    assert_eq!(view["Name"], json!("export"));
    assert_eq!(view["Graph"]["Nodes"].as_array().unwrap().len(), 3 + 5);
    assert_eq!(view["Graph"]["Edges"].as_array().unwrap().len(), 5 + 4);
    let begin = TriggerView::from(workflows.get_trigger("begin").await.unwrap());
    assert_eq!(serde_json::to_value(begin).unwrap()["State"], json!("CREATED"));
}
