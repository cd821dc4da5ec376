//! A whole installation with one pipeline, whose file and data are in a bucket.

use std::sync::Arc;
use std::time::Duration;

use ::runs::{Registry, Run, RunId};
use dataset::{Datasets, ImportExecutor};
use domain::arn::Partition;
use domain::{Arn, Clock};
use events::Events;
use serde_json::{Value, json};
use serve::{BatchInferenceExecutor, DeployExecutor, RecommenderExecutor, Serving};
use store::Location;
use testkit::Installation;
use tokio::task::JoinHandle;
use train::{TrainExecutor, TrainSettings, Training};

use super::fixture::walks;
use super::forms::avro;
use crate::{Outcome, Pipeline, PipelineExecutor, Pipelines, Plan, Scope, Watch};

pub struct House {
    pub installation: Installation,
    pub pipelines: Pipelines,
    pub executor: PipelineExecutor,
    pub watch: Watch,
}

pub const LIKES: &str = "aws-user-personalization";
pub const BEST_SELLERS: &str = "aws-popularity-count";

/// A file of ours: two solutions, a campaign of the first, a tracker, a filter.
pub fn parameters() -> Value {
    let fields = [("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long"), ("EVENT_TYPE", "string")];
    json!({
        "datasetGroup": {"name": "shop"},
        "datasets": {"Interactions": {"name": "shop-events", "schema": avro("Interactions", &fields)}},
        "solutions": {
            "likes": {"name": "likes", "recipeArn": Arn::recipe(LIKES)},
            "popular": {"name": "popular", "recipeArn": Arn::recipe(BEST_SELLERS)},
        },
        "campaigns": {"home": {"name": "home", "solution": "likes", "minProvisionedTPS": 1}},
        "eventTracker": {"name": "clicks"},
        "filters": [{"name": "bought", "filterExpression": "EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN (\"purchase\")"}],
    })
}

impl House {
    pub async fn with_clock(clock: Arc<dyn Clock>) -> Self {
        let installation = Installation::with_clock(clock).await;
        let (runs, artifacts, partition) = (installation.runs.clone(), installation.artifacts.clone(), Partition::default());
        let datasets = Datasets::new(runs.clone(), installation.buckets.clone(), artifacts.clone(), partition.clone());
        let training = Training::new(runs.clone(), artifacts, datasets.clone(), partition.clone());
        let folder = installation.folder.path().join("events");
        let events = Events::open(&folder, datasets.clone(), events::Settings::default()).await.unwrap();
        let serving = Serving::new(training.clone(), events.live().clone(), partition, 7);
        let pipelines = Pipelines::new(runs, installation.buckets.clone());
        let executor = PipelineExecutor { buckets: installation.buckets.clone(), datasets, training, serving, events };
        installation.buckets.create("shop-data").unwrap();
        let watch = Watch::new(pipelines.clone(), Duration::from_millis(10));
        Self { installation, pipelines, executor, watch }
    }

    /// With file, data and pipeline `nightly`, and a worker.
    pub async fn new() -> Self {
        let house = Self::with_clock(Arc::new(domain::SystemClock)).await;
        house.write("params.json", &parameters().to_string()).await;
        house.write("Interactions/events.csv", &walks()).await;
        house.pipeline("nightly").await;
        house.work();
        house
    }

    pub async fn pipeline(&self, name: &str) {
        let file = "s3://shop-data/params.json".to_owned();
        let pipeline = Pipeline { name: name.into(), parameter_file: file, parameters: None, run_on_change: true };
        self.pipelines.put(pipeline).await.unwrap();
    }

    pub fn work(&self) -> JoinHandle<()> {
        let executor = &self.executor;
        let registry = Registry::default()
            .with(ImportExecutor::new(executor.datasets.clone()))
            .with(TrainExecutor::new(executor.training.clone(), TrainSettings::default()))
            .with(DeployExecutor::new(executor.serving.clone()))
            .with(RecommenderExecutor::new(executor.serving.clone()))
            .with(BatchInferenceExecutor::new(executor.serving.clone()))
            .with(executor.clone());
        self.installation.work(registry)
    }

    pub async fn write(&self, key: &str, text: &str) {
        let location = Location::parse(&format!("s3://shop-data/{key}")).unwrap();
        self.installation.buckets.write(&location, text.to_owned().into()).await.unwrap();
    }

    pub async fn wants(&self, parameters: &Value) {
        self.write("params.json", &parameters.to_string()).await;
    }

    pub async fn plan(&self) -> Plan {
        let pipeline = self.pipelines.get("nightly").await.unwrap().value;
        self.executor.planner().plan(&pipeline, &Scope::All).await.unwrap().1
    }

    /// A run to its end, whatever that is.
    pub async fn run(&self) -> Run {
        let id = self.pipelines.start("nightly").await.unwrap();
        self.ended(&id).await
    }

    pub async fn ended(&self, id: &RunId) -> Run {
        tokio::time::timeout(Duration::from_secs(120), self.installation.runs.wait(id)).await.expect("an end").unwrap()
    }

    pub async fn succeeds(&self) -> Outcome {
        self.run().await.succeeded().unwrap().result().unwrap()
    }

    /// Why a run fails.
    pub async fn fails(&self) -> (String, Option<String>) {
        let run = self.run().await;
        assert_eq!(run.state, domain::RunState::Failed);
        (run.message.unwrap(), run.code)
    }

    pub async fn count(&self, kind: &str) -> usize {
        let filter = ::runs::Filter { kind: Some(kind.into()), ..::runs::Filter::default() };
        self.installation.runs.list(&filter, 1000).await.unwrap().len()
    }

    /// Kinds and details of the pipeline's notifications, oldest first.
    pub async fn told(&self) -> Vec<(String, Value)> {
        let all = self.installation.store.notifications(0, 1000).await.unwrap();
        all.into_iter().filter(|told| told.kind.starts_with("pipeline.")).map(|told| (told.kind, told.detail)).collect()
    }

    pub async fn log(&self, run: &RunId) -> String {
        let lines = self.installation.runs.logs(run, 0, 1000).await.unwrap();
        lines.into_iter().map(|line| line.line + "\n").collect()
    }

    /// Which solution the campaign serves.
    pub async fn serves(&self) -> String {
        let arn = self.executor.datasets.partition().personalize("campaign", "home");
        let view = self.executor.serving.get_campaign(&arn).await.unwrap();
        view.campaign.solution_version_arn.id().split('/').next().unwrap().to_owned()
    }
}
