//! What workflows and the queue cost by themselves: actions that do nothing, on a queue that loses nothing.
//!
//! `cargo run --release -p workflow --example overhead` prints the time of 40 actions in sequence, each started by a trigger that waits
//! for the one before, and of 10,000 queued runs: the first and the last thousand of them should cost the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::{Clock, Result, SystemClock, Timestamp};
use runs::{Breakpoints, Executor, Finished, Limits, NewRun, Registry, RunContext, RunId, Runs, Settings, Worker};
use testkit::Installation;
use tokio_util::sync::CancellationToken;
use workflow::{Action, Condition, Predicate, Starter, Trigger, TriggerType, Workflow, WorkflowExecutor, Workflows};

const IN_SEQUENCE: usize = 40;
const QUEUED: usize = 10_000;
const ROUNDS: usize = 5;

/// Does nothing, durably.
struct Nothing;

#[async_trait]
impl Executor for Nothing {
    fn kind(&self) -> &'static str {
        "nothing"
    }
    async fn execute(&self, context: &RunContext) -> Result<Finished> {
        context.succeed(context.begin().await?, &()).await
    }
}

struct Starting;

#[async_trait]
impl Starter for Starting {
    async fn check(&self, action: &Action) -> Result<()> {
        action.target().map(|_| ())
    }
    async fn start(&self, action: &Action, parent: &RunContext, step: &str) -> Result<RunId> {
        let (_, name) = action.target()?;
        parent.submit_child(step, NewRun::new("nothing", name)).await
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let home = Installation::new().await;
    let settings = Settings { concurrent_runs: 3, ..Settings::default() };
    let limits = Limits { job_memory_bytes: 1 << 20, spill_folder: home.folder.path().join("spill"), threads: 1 };
    let registry = Registry::default().with(Nothing).with(WorkflowExecutor::new(Arc::new(Starting)));
    let worker = Worker::new(home.runs.clone(), registry, settings, limits, Breakpoints::none());
    let stop = CancellationToken::new();
    let workflows = Workflows::new(home.runs.clone());
    make_chain(&workflows).await?;

    let work = tokio::spawn(worker.clone().work(stop.clone()));
    for round in 1..=ROUNDS {
        let began = SystemClock.now();
        let id = workflows.start_workflow_run("chain", BTreeMap::new()).await?;
        home.runs.wait(&id).await?.succeeded()?;
        println!("{IN_SEQUENCE} actions in sequence, round {round}: {} ms", since(began));
    }
    queue(&home.runs).await?;
    stop.cancel();
    work.await.map_err(|e| domain::Error::internal("The worker broke down.").source(e))
}

/// Each job after the one before.
async fn make_chain(workflows: &Workflows) -> Result<()> {
    workflows.create_workflow(Workflow { name: "chain".into(), ..Workflow::default() }).await?;
    for index in 0..IN_SEQUENCE {
        let condition = Condition {
            job_name: Some(format!("job-{}", index.saturating_sub(1))),
            state: Some("SUCCEEDED".into()),
            ..Condition::default()
        };
        let after = (index > 0).then(|| Predicate { logical: None, conditions: vec![condition] });
        let trigger = Trigger {
            name: format!("trigger-{index}"),
            workflow_name: Some("chain".into()),
            r#type: if index == 0 { TriggerType::OnDemand } else { TriggerType::Conditional },
            predicate: after,
            actions: vec![Action { job_name: Some(format!("job-{index}")), ..Action::default() }],
            ..Trigger::default()
        };
        workflows.create_trigger(trigger, index > 0).await?;
    }
    Ok(())
}

async fn queue(runs: &Runs) -> Result<()> {
    let began = SystemClock.now();
    let mut ids = Vec::with_capacity(QUEUED);
    for batch in 0..QUEUED / 100 {
        let mut tx = runs.store().begin().await?;
        for index in 0..100 {
            ids.push(runs.submit_in(&mut tx, &NewRun::new("nothing", format!("{batch}-{index}"))).await?);
        }
        tx.commit().await?;
    }
    runs.wake();
    println!("{QUEUED} runs queued: {} ms", since(began));
    for thousand in ids.chunks(1000) {
        let began = SystemClock.now();
        for id in thousand {
            runs.wait(id).await?.succeeded()?;
        }
        println!("  the next {}: {} ms", thousand.len(), since(began));
    }
    println!("{QUEUED} runs ended: {} ms after the first was queued", since(began));
    Ok(())
}

fn since(began: Timestamp) -> i64 {
    SystemClock.now().since_ms(began)
}
