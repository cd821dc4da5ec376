//! One run of a pipeline: read the file, then group, data, training, campaigns.

use async_trait::async_trait;
use dataset::{Datasets, ImportReport};
use domain::{Arn, Error, Result};
use events::Events;
use runs::{Executor, Finished, RunContext, RunId};
use serde::{Deserialize, Serialize};
use serve::Serving;
use store::{Buckets, Location};
use train::{Report, Training};

use crate::parameters::Parameters;
use crate::pipelines::Pipeline;
use crate::steps::Steps;

/// What a pipeline run made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    pub dataset_group_arn: Arn,
    /// By dataset type, in capitals.
    pub imports: Vec<(String, ImportReport)>,
    pub trained: Vec<Trained>,
    /// Campaign ARN and the solution version it serves now.
    pub campaigns: Vec<(Arn, Arn)>,
}

/// A solution version with its judgement.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trained {
    /// The solution's key in the parameter file.
    pub key: String,
    pub solution_version_arn: Arn,
    pub report: Report,
}

/// Carries out runs of kind [`crate::RUN_KIND`].
#[derive(Clone)]
pub struct PipelineExecutor {
    pub buckets: Buckets,
    pub datasets: Datasets,
    pub training: Training,
    pub serving: Serving,
    pub events: Events,
}

#[async_trait]
impl Executor for PipelineExecutor {
    fn kind(&self) -> &'static str {
        crate::RUN_KIND
    }

    fn is_coordinator(&self) -> bool {
        true
    }

    async fn execute(&self, context: &RunContext) -> Result<Finished> {
        let pipeline = context.store().get::<Pipeline>(&context.run().subject).await?;
        let location = Location::parse(&pipeline.parameter_file)?;
        let parameters = self.read(&location).await?;
        let steps = Steps { stages: self, context, parameters: &parameters, beside: folder_of(&location) };

        context.progress(0, 4, "steps");
        let group = steps.dataset_group().await?;
        let imports = steps.import_all(&group).await?;
        context.point("imported").await;
        context.progress(1, 4, "steps");
        steps.event_tracker(&group).await?;
        context.progress(2, 4, "steps");
        let trained = steps.train_all(&group).await?;
        context.point("trained").await;
        context.progress(3, 4, "steps");
        let campaigns = steps.deploy_all(&trained).await?;
        context.progress(4, 4, "steps");
        let outcome = Outcome { dataset_group_arn: group, imports, trained, campaigns };
        context.succeed(context.begin().await?, &outcome).await
    }
}

impl PipelineExecutor {
    async fn read(&self, location: &Location) -> Result<Parameters> {
        let bytes = self.buckets.read(location).await?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|e| Error::invalid_input(format!("The parameter file {location} is not UTF-8.")).source(e))?;
        Parameters::parse(text).map_err(|error| error.with("file", location))
    }
}

/// What datasets without a location are looked for beside: the parameter file's folder, with a slash at its end.
fn folder_of(location: &Location) -> String {
    let text = location.to_string();
    text.rsplit_once('/').map_or_else(String::new, |(folder, _)| format!("{folder}/"))
}

/// Makes the run our child and waits for its success.
pub(crate) async fn wait(context: &RunContext, run: &RunId) -> Result<runs::Run> {
    context.adopt(run).await?;
    context.wait_child(run).await?.succeeded()
}
