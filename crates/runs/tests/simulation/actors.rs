//! Who works in a history: the executors, and the client.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::{Error, Result};
use runs::{Executor, Finished, NewRun, RunContext, RunId, Runs};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Resource;

use crate::time::JumpingClock;
use crate::world::World;

/// What a run leaves behind; a second one of the same run would be a second row.
#[derive(Serialize, Deserialize)]
pub struct Effect {
    pub run: RunId,
    pub unique: String,
}

impl Resource for Effect {
    const KIND: &'static str = "effect";
    fn key(&self) -> String {
        self.unique.clone()
    }
    fn parent(&self) -> String {
        self.run.0.clone()
    }
}

/// How a run goes.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Plan {
    ms: u64,
    /// Attempts that fail in a way that may pass, before one does not.
    fails: u32,
    /// Fails for good.
    broken: bool,
    /// Does not hear that it should stop.
    stubborn: bool,
    children: u64,
}

pub struct Work {
    pub world: Arc<World>,
    /// Whether effects are committed with the run's end, as they must be.
    pub honest: bool,
}

#[async_trait]
impl Executor for Work {
    fn kind(&self) -> &'static str {
        "work"
    }

    async fn execute(&self, context: &RunContext) -> Result<Finished> {
        let plan: Plan = context.input()?;
        for step in 0..=plan.ms / 500 {
            self.world.sleep((plan.ms - step * 500).min(500)).await;
            context.progress(step, plan.ms / 500, "steps");
            if !plan.stubborn {
                context.check()?;
            }
        }
        if context.run().failed_attempts < plan.fails {
            return Err(Error::unavailable("The source did not answer."));
        }
        if plan.broken {
            return Err(Error::invalid_data("The data is wrong."));
        }
        publish(context, self.honest).await
    }
}

/// Waits for its children, then publishes.
pub struct Family {
    pub honest: bool,
}

#[async_trait]
impl Executor for Family {
    fn kind(&self) -> &'static str {
        "family"
    }

    fn is_coordinator(&self) -> bool {
        true
    }

    async fn execute(&self, context: &RunContext) -> Result<Finished> {
        let plan: Plan = context.input()?;
        let child = Plan { children: 0, ..plan.clone() };
        let mut children = Vec::new();
        for step in 0..plan.children {
            let new = NewRun::new("work", format!("child {step}")).input(&child)?.max_attempts(2);
            children.push(context.submit_child(&step.to_string(), new).await?);
            context.point("child_submitted").await;
        }
        for child in &children {
            context.wait_child(child).await?.succeeded()?;
        }
        publish(context, self.honest).await
    }
}

async fn publish(context: &RunContext, honest: bool) -> Result<Finished> {
    let mut tx = context.begin().await?;
    let unique = tx.unique_hex().await?;
    tx.create(&Effect { run: context.id().clone(), unique }).await?;
    if honest {
        return context.succeed(tx, &json!({})).await;
    }
    tx.commit().await?;
    context.succeed(context.begin().await?, &json!({})).await
}

/// Submits and stops runs, and moves the nodes' clocks; remembers what was acknowledged.
pub struct Client {
    pub world: Arc<World>,
    pub runs: Runs,
    pub clocks: Vec<Arc<JumpingClock>>,
    pub acknowledged: Arc<Mutex<Vec<RunId>>>,
}

impl Client {
    pub async fn act(&self) {
        let world = &self.world;
        for number in 0..8 + world.below(8) {
            world.sleep(world.below(2_500)).await;
            match world.below(10) {
                0 => self.stop_some().await,
                1 => {
                    let node = world.below(self.clocks.len() as u64) as usize;
                    let ms = world.below(240_000) as i64 - 120_000;
                    world.note(format!("the clock of node {node} is {ms} ms off"));
                    self.clocks[node].jump(ms);
                }
                2 => world.kill(world.below(self.clocks.len() as u64) as usize, "any moment"),
                _ => self.submit(number).await,
            }
        }
    }

    async fn submit(&self, number: u64) {
        let world = &self.world;
        let plan = Plan {
            ms: world.below(3) * world.below(3_000),
            fails: world.below(3) as u32,
            broken: world.below(8) == 0,
            stubborn: world.below(6) == 0,
            children: world.below(4),
        };
        let kind = if world.below(3) == 0 { "family" } else { "work" };
        let mut new = NewRun::new(kind, format!("run {number}")).input(&plan).unwrap().max_attempts(3).priority(world.below(3) as i64);
        if world.below(3) == 0 {
            new = new.resource("the one machine", 1);
        }
        if world.below(5) == 0 {
            new = new.timeout_ms(2_000);
        }
        match self.runs.submit(new).await {
            Ok(id) => {
                world.note(format!("{id} is submitted: {plan:?}"));
                self.acknowledged.lock().unwrap().push(id);
            }
            Err(error) => world.note(format!("a run is not submitted: {error}")),
        }
    }

    async fn stop_some(&self) {
        let known = self.acknowledged.lock().unwrap().clone();
        let Some(id) = known.get(self.world.below(known.len() as u64) as usize) else { return };
        let outcome = self.runs.stop(id).await.map_or_else(|error| error.to_string(), |()| "asked".into());
        self.world.note(format!("{id} should stop: {outcome}"));
    }
}
