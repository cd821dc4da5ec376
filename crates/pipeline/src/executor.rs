//! One run of a pipeline: its turn, its plan, the steps, and what it tells the world.

use async_trait::async_trait;
use dataset::{Datasets, ImportReport};
use domain::{Arn, Error, ErrorKind, Result};
use events::Events;
use runs::{Executor, Finished, RunContext, RunId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use serve::Serving;
use store::{Buckets, Tx};
use train::{Report, Training};

use crate::gate::Decision;
use crate::pipelines::{Input, Pipeline};
use crate::plan::{Plan, Step};
use crate::planner::Planner;
use crate::seen::Seen;
use crate::source::FileVersion;
use crate::steps::Steps;
use crate::turn::{Begun, Turn};

/// What a pipeline run made.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Outcome {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_group_arn: Option<Arn>,
    /// The parameters that were current when the run began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileVersion>,
    /// What was done, in order: the plan, as far as the run came.
    pub steps: Vec<Step>,
    /// By dataset type, in capitals.
    pub imports: Vec<(String, ImportReport)>,
    pub trained: Vec<Trained>,
    /// Campaign ARN and the solution version it serves now.
    pub campaigns: Vec<(Arn, Arn)>,
    /// Recommender ARN and the solution version by which it answers now.
    pub recommenders: Vec<(Arn, Arn)>,
    /// What the quality gate decided.
    pub decisions: Vec<Decision>,
    /// ARNs of the batch jobs that were carried out.
    pub batch_jobs: Vec<Arn>,
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
        let pipeline = context.store().get::<Pipeline>(&context.run().subject).await?.value;
        let mut outcome = Outcome::default();
        match self.carry_out(context, &pipeline, &mut outcome).await {
            Ok(plan) => {
                let mut tx = context.begin().await?;
                self.remember(&mut tx, &plan, &outcome).await?;
                tx.notify("pipeline.succeeded", &pipeline.name, &told(context, &pipeline, &outcome, None)).await?;
                context.succeed(tx, &outcome).await
            }
            Err(error) if error.kind == ErrorKind::Stopped || context.is_tried_again(&error) => Err(error),
            Err(error) => {
                let mut tx = context.begin().await?;
                tx.notify("pipeline.failed", &pipeline.name, &told(context, &pipeline, &outcome, Some(&error))).await?;
                context.fail(tx, &outcome, &error).await
            }
        }
    }
}

impl PipelineExecutor {
    /// Who plans for these runs.
    pub fn planner(&self) -> Planner {
        Planner {
            buckets: self.buckets.clone(),
            datasets: self.datasets.clone(),
            training: self.training.clone(),
            serving: self.serving.clone(),
        }
    }

    async fn carry_out(&self, context: &RunContext, pipeline: &Pipeline, outcome: &mut Outcome) -> Result<Plan> {
        let input: Input = context.run().input.as_object().map_or_else(|| Ok(Input::default()), |_| context.input())?;
        let planner = self.planner();
        let begun = Begun::begin(context, &planner, pipeline, &input.scope).await?;
        outcome.file = Some(begun.source.version.clone());
        Steps::new(self, &planner, context, pipeline, &begun).all(outcome).await?;
        Ok(begun.plan)
    }

    /// The next run that finds the same has nothing to import or train.
    async fn remember(&self, tx: &mut Tx, plan: &Plan, outcome: &Outcome) -> Result<()> {
        let seen = tx.find::<Seen>(&plan.dataset_group).await?.map(|seen| seen.value).unwrap_or_default();
        tx.put(seen.after(plan, outcome)).await?;
        if tx.find::<Turn>(&plan.dataset_group).await?.is_some() {
            tx.delete::<Turn>(&plan.dataset_group).await?;
        }
        Ok(())
    }
}

/// The detail of a notification: the report of the run, in figures and in words.
fn told(context: &RunContext, pipeline: &Pipeline, outcome: &Outcome, failure: Option<&Error>) -> Value {
    let words: Vec<String> = outcome
        .trained
        .iter()
        .flat_map(|trained| trained.report.words().into_iter().map(move |line| format!("{}: {line}", trained.key)))
        .chain(outcome.decisions.iter().map(|decision| format!("{}: {}", decision.campaign, decision.words)))
        .collect();
    let mut detail = json!({"pipeline": pipeline.name, "runId": context.id(), "words": words, "report": outcome});
    if let (Some(members), Some(error)) = (detail.as_object_mut(), failure) {
        members.insert("failureReason".into(), error.to_string().into());
        members.insert("code".into(), error.code.into());
    }
    detail
}

/// Makes the run our child and waits for its success.
pub(crate) async fn wait(context: &RunContext, run: &RunId) -> Result<runs::Run> {
    context.adopt(run).await?;
    context.wait_child(run).await?.succeeded()
}
