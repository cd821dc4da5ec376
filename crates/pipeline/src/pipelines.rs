//! Pipelines by name: where their parameters are, and what starts them.

use domain::{Error, Result};
use runs::{NewRun, Run, RunId, Runs};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Buckets, Location, Resource, Stored};

use crate::RUN_KIND;
use crate::plan::Scope;
use crate::source::mark;
use crate::watch::Watched;

/// A name for a parameter file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Pipeline {
    pub name: String,
    /// `s3://bucket/key` or a path in the project; JSON, or YAML when it is named so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub parameter_file: String,
    /// The parameters themselves instead of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Value>,
    /// Whether a new version of the parameters starts a run.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub run_on_change: bool,
}

fn yes() -> bool {
    true
}

impl Pipeline {
    /// Without looking at the file.
    pub fn check(&self) -> Result<()> {
        if self.name.is_empty() {
            return Err(Error::invalid_input("A pipeline needs a Name; found an empty one."));
        }
        match (&self.parameters, self.parameter_file.is_empty()) {
            (None, false) => Location::parse(&self.parameter_file).map(|_| ()),
            (Some(_), true) => Ok(()),
            (None, true) => Err(Error::invalid_input(format!("Pipeline {} needs ParameterFile or Parameters; found neither.", self.name))),
            (Some(_), false) => Err(Error::invalid_input(format!("Pipeline {} has ParameterFile or Parameters; found both.", self.name))),
        }
    }
}

impl Resource for Pipeline {
    const KIND: &'static str = "pipeline";
    fn key(&self) -> String {
        self.name.clone()
    }
}

/// The input of a pipeline's run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Input {
    pub scope: Scope,
}

/// A pipeline run that trips over something that passes (a busy database) goes on where it was.
const ATTEMPTS: u32 = 3;

/// The handle; clone it freely.
#[derive(Debug, Clone)]
pub struct Pipelines {
    runs: Runs,
    buckets: Buckets,
}

impl Pipelines {
    pub fn new(runs: Runs, buckets: Buckets) -> Self {
        Self { runs, buckets }
    }

    pub(crate) fn runs(&self) -> &Runs {
        &self.runs
    }

    pub(crate) fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    /// Creates the pipeline or replaces it. The parameters as they are when it is created start nothing; later versions do.
    pub async fn put(&self, pipeline: Pipeline) -> Result<()> {
        pipeline.check()?;
        let now = mark(&self.buckets, &pipeline).await?;
        let mut tx = self.runs.store().begin().await?;
        if tx.find::<Watched>(&pipeline.name).await?.is_none() {
            tx.put(Watched::new(&pipeline.name, now)).await?;
        }
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
        let mut tx = self.runs.store().begin().await?;
        tx.delete::<Pipeline>(name).await?;
        if tx.find::<Watched>(name).await?.is_some() {
            tx.delete::<Watched>(name).await?;
        }
        tx.commit().await
    }

    /// The run that [`Pipelines::start`] queues, for a workflow to queue as its child.
    pub async fn new_run(&self, name: &str) -> Result<NewRun> {
        self.get(name).await?;
        part_run(name, Scope::All)
    }

    pub async fn start(&self, name: &str) -> Result<RunId> {
        self.runs.submit(self.new_run(name).await?).await
    }

    /// Only a part of what the file asks for, as its schedules do.
    pub async fn start_part(&self, name: &str, scope: Scope) -> Result<RunId> {
        self.get(name).await?;
        self.runs.submit(part_run(name, scope)?).await
    }

    /// The newest run of the pipeline.
    pub async fn latest(&self, name: &str) -> Result<Option<Run>> {
        self.runs.latest(RUN_KIND, name).await
    }
}

pub(crate) fn part_run(name: &str, scope: Scope) -> Result<NewRun> {
    NewRun::new(RUN_KIND, name).max_attempts(ATTEMPTS).input(&Input { scope })
}
