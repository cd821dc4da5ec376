//! Pipelines by name: where their parameter file is.

use domain::{Error, Result};
use runs::{NewRun, Run, RunId, Runs};
use serde::{Deserialize, Serialize};
use store::{Location, Resource, Stored};

use crate::RUN_KIND;

/// A name for a parameter file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Pipeline {
    pub name: String,
    /// `s3://bucket/key` or a path in the project.
    pub parameter_file: String,
}

impl Resource for Pipeline {
    const KIND: &'static str = "pipeline";
    fn key(&self) -> String {
        self.name.clone()
    }
}

/// A pipeline run that trips over something that passes (a busy database) goes on where it was.
const ATTEMPTS: u32 = 3;

/// The handle; clone it freely.
#[derive(Debug, Clone)]
pub struct Pipelines {
    runs: Runs,
}

impl Pipelines {
    pub fn new(runs: Runs) -> Self {
        Self { runs }
    }

    /// Creates the pipeline or replaces it.
    pub async fn put(&self, pipeline: Pipeline) -> Result<()> {
        if pipeline.name.is_empty() {
            return Err(Error::invalid_input("A pipeline needs a Name; found an empty one."));
        }
        Location::parse(&pipeline.parameter_file)?;
        let mut tx = self.runs.store().begin().await?;
        tx.put(pipeline).await?;
        tx.commit().await
    }

    pub async fn get(&self, name: &str) -> Result<Stored<Pipeline>> {
        self.runs.store().get(name).await
    }

    pub async fn list(&self) -> Result<Vec<Stored<Pipeline>>> {
        self.runs.store().list().await
    }

    pub async fn delete(&self, name: &str) -> Result<()> {
        self.runs.store().delete::<Pipeline>(name).await
    }

    /// The run that [`Pipelines::start`] queues, for a workflow to queue as its child.
    pub async fn new_run(&self, name: &str) -> Result<NewRun> {
        Ok(NewRun::new(RUN_KIND, self.get(name).await?.key()).max_attempts(ATTEMPTS))
    }

    pub async fn start(&self, name: &str) -> Result<RunId> {
        self.runs.submit(self.new_run(name).await?).await
    }

    /// The newest run of the pipeline.
    pub async fn latest(&self, name: &str) -> Result<Option<Run>> {
        self.runs.latest(RUN_KIND, name).await
    }
}
