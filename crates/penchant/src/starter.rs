//! What the actions of a trigger start: the one place where workflows meet the stages.

use async_trait::async_trait;
use catalog::Catalog;
use domain::Result;
use etl::Jobs;
use pipeline::Pipelines;
use runs::{RunContext, RunId};
use workflow::{Action, Starter};

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
                self.jobs.new_run(name, action.arguments.clone().into_iter().collect(), trigger).await?
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
