//! What the actions of a trigger start, and where its events come from: the one place where workflows meet the stages.

use std::sync::Arc;

use async_trait::async_trait;
use catalog::Catalog;
use domain::Result;
use etl::Jobs;
use notify::{Arrivals, Awaited, Event, TakesEvents};
use pipeline::Pipelines;
use runs::{Executor, Finished, RunContext, RunId};
use workflow::{Action, BlueprintInput, Graph, Starter, Workflows};

use crate::apply;
use crate::home::Home;

pub struct Stages {
    pub catalog: Catalog,
    pub jobs: Jobs,
    pub pipelines: Pipelines,
}

#[async_trait]
impl Starter for Stages {
    async fn check(&self, action: &Action) -> Result<()> {
        match action.target()? {
            ("job", name) => self.jobs.get_job(name).await.map(|_| ()),
            ("crawler", name) => self.catalog.get_crawler(name).await.map(|_| ()),
            (_, name) => self.pipelines.get(name).await.map(|_| ()),
        }
    }

    async fn start(&self, action: &Action, parent: &RunContext, step: &str) -> Result<RunId> {
        let (what, name) = action.target()?;
        let mut run = match what {
            "job" => {
                let trigger = step.rsplit_once('/').map_or(step, |(trigger, _)| trigger);
                let mut arguments = action.arguments.clone();
                // By these a job finds the properties that it shares with the others of its run.
                if let Some(workflow) = parent.input::<Graph>()?.workflow {
                    arguments.insert("--WORKFLOW_NAME".into(), workflow);
                    arguments.insert("--WORKFLOW_RUN_ID".into(), parent.id().0.clone());
                }
                self.jobs.new_run(name, arguments.into_iter().collect(), trigger).await?
            }
            "crawler" => self.catalog.new_crawl(name).await?,
            _ => self.pipelines.new_run(name).await?,
        };
        if let Some(minutes) = action.timeout {
            run = run.timeout_ms(i64::from(minutes) * 60_000);
        }
        parent.submit_child(step, run).await
    }
}

/// Hands the events of rules to workflows.
#[derive(Debug)]
pub struct EventsOfRules(pub Workflows);

#[async_trait]
impl TakesEvents for EventsOfRules {
    async fn take(&self, workflow: &str, event: &Event) -> Result<()> {
        self.0.take_event(workflow, &event.id).await
    }
}

/// Makes what blueprints describe, with the same hands as `penchant apply`.
pub struct BlueprintExecutor(pub Arc<Home>);

#[async_trait]
impl Executor for BlueprintExecutor {
    fn kind(&self) -> &'static str {
        workflow::BLUEPRINT_RUN
    }

    /// An attempt that died has made a part, which is equal and stays.
    async fn execute(&self, context: &RunContext) -> Result<Finished> {
        let input: BlueprintInput = context.input()?;
        let made = apply::instantiate(&self.0, &input.rendered).await?;
        for change in &made {
            context.info(format!("Made {} {}.", change.kind.replace('_', " "), change.name));
        }
        context.succeed(context.begin().await?, &()).await
    }
}

/// Looks once where activated rules and triggers await files.
pub async fn look_for_files(home: &Home, arrivals: &Arrivals) -> Result<()> {
    let mut awaited = home.notify.awaited_files().await?;
    for (location, since) in home.workflows.awaited_files().await? {
        awaited.extend(Awaited::parse(&location, since)?);
    }
    arrivals.look(awaited).await.map(|_| ())
}
