//! One training run: load the snapshot, compute, write the files, publish.

use async_trait::async_trait;
use bytes::Bytes;
use domain::{Arn, Error, Result};
use runs::{Executor, Finished, RunContext};
use serde::{Deserialize, Serialize};

use crate::bundle::{MANIFEST_FILE, MODEL_FILE, SERVING_FILE};
use crate::fitting::{Assignment, Outcome};
use crate::report::Report;
use crate::rival::{Rival, left_out};
use crate::stages::count;
use crate::training::{TRAIN, Training};
use crate::version::{SolutionVersion, TrainedModel};

/// Named limits of a training.
#[derive(Debug, Clone, Copy)]
pub struct TrainSettings {
    /// Decides which users are held out. The same for all versions, so that their figures compare.
    pub seed: u64,
    /// Most users on whom a model is judged.
    pub judged_users: usize,
    /// Operations that one fit may cost, unless the user sets `max_items`; and that all fits of a search may cost together,
    /// unless the user asks for a number of them. On two cores 2e12 are about 20 seconds.
    pub fit_flop: f64,
    /// After so many seconds an automatic search tries nothing more, unless its hyperparameters say otherwise.
    pub search_seconds: f64,
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self { seed: 42, judged_users: 5_000, fit_flop: 2e12, search_seconds: 900.0 }
    }
}

/// Carries out runs of kind [`TRAIN`].
#[derive(Debug, Clone)]
pub struct TrainExecutor {
    training: Training,
    settings: TrainSettings,
}

/// The result of a training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrainResult {
    pub solution_version_arn: Arn,
    pub artifacts: String,
    pub report: Report,
}

impl TrainExecutor {
    pub fn new(training: Training, settings: TrainSettings) -> Self {
        Self { training, settings }
    }

    /// Loads and computes off the async threads, on as many threads as the limits allow.
    async fn compute(&self, version: SolutionVersion, context: &RunContext) -> Result<Outcome> {
        context.progress(0, 0, "steps");
        let loading = context.clock().now();
        let data = version.snapshot.load(self.training.artifacts()).await?;
        let loaded_ms = context.clock().now().since_ms(loading);
        context.info(format!("Loaded {} events in {loaded_ms} ms.", count(data.events.len())));
        context.point("loaded").await;
        context.check()?;
        let rivals = self.rivals(&version, context).await;
        let kept = match &version.keeps {
            Some(arn) => Some(self.training.manifest(arn).await?),
            None => None,
        };
        let assignment = Assignment::new(version, kept.as_ref(), rivals, self.settings, context)?;
        let context = context.clone();
        let threads = context.limits().threads.max(1);
        let work = move || {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = pool.map_err(|e| Error::unavailable("The threads for a training cannot be started.").source(e))?;
            pool.install(|| assignment.carry_out(&data, &context))
        };
        tokio::task::spawn_blocking(work).await.map_err(|e| Error::internal("The training broke off.").source(e))?
    }

    /// The models to be judged beside the new one. One that cannot be read is told of and left out: it does not forbid a training.
    async fn rivals(&self, version: &SolutionVersion, context: &RunContext) -> Vec<Rival> {
        let mut rivals = Vec::new();
        for arn in &version.judge_beside {
            match Rival::load(&self.training, arn).await {
                Ok(rival) => rivals.push(rival),
                Err(error) => context.log(runs::Level::Warn, left_out(arn, &error)),
            }
        }
        rivals
    }

    /// Removes what attempts that died left behind.
    async fn sweep(&self, context: &RunContext) -> Result<()> {
        for attempt in 1..context.run().attempt {
            self.training.artifacts().delete(&prefix(&format!("{}-{attempt}", context.id()))).await?;
        }
        Ok(())
    }

    async fn write(&self, prefix: &str, outcome: Outcome) -> Result<Report> {
        let manifest = outcome.manifest.save()?;
        let files = [(MODEL_FILE, outcome.model), (SERVING_FILE, outcome.serving), (MANIFEST_FILE, manifest)];
        for (name, bytes) in files {
            self.training.artifacts().write(&format!("{prefix}/{name}"), Bytes::from(bytes)).await?;
        }
        Ok(outcome.manifest.report)
    }
}

/// Where an attempt's files are.
fn prefix(attempt_name: &str) -> String {
    format!("models/{attempt_name}")
}

#[async_trait]
impl Executor for TrainExecutor {
    fn kind(&self) -> &'static str {
        TRAIN
    }

    async fn execute(&self, context: &RunContext) -> Result<Finished> {
        let version = context.store().get::<SolutionVersion>(&context.run().subject).await?.value;
        self.sweep(context).await?;
        let outcome = self.compute(version.clone(), context).await?;
        context.point("computed").await;
        let artifacts = prefix(&context.attempt_name());
        let report = self.write(&artifacts, outcome).await?;
        context.point("artifacts_written").await;
        let solution_version_arn = version.solution_version_arn;
        let model = TrainedModel {
            solution_version_arn: solution_version_arn.clone(),
            dataset_group_arn: version.dataset_group_arn,
            recipe_arn: version.recipe_arn,
            artifacts: artifacts.clone(),
            deleted_users: 0,
            report: report.clone(),
        };
        let mut tx = context.begin().await?;
        tx.put(model).await?;
        context.succeed(tx, &TrainResult { solution_version_arn, artifacts, report }).await
    }
}
