//! Batch inference jobs as resources: created by a request, carried out by a run.

use std::collections::BTreeMap;

use domain::{Arn, Error, Name, Result, Timestamp};
use runs::{NewRun, Run, RunId};
use serde::{Deserialize, Serialize};
use store::{Location, Resource, Stored};

use crate::filter::Filter;
use crate::serving::Serving;

/// The kind of the runs that answer files; their subject is the ARN of the job.
pub const BATCH_INFERENCE: &str = "batch_inference";

/// Key: its ARN; parent: its solution version's ARN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchInferenceJob {
    pub job_name: Name,
    pub batch_inference_job_arn: Arn,
    pub solution_version_arn: Arn,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter_arn: Option<Arn>,
    pub num_results: i64,
    pub job_input: BatchInput,
    pub job_output: BatchOutput,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_inference_job_config: Option<BatchInferenceJobConfig>,
    #[serde(default)]
    pub batch_inference_job_mode: BatchInferenceJobMode,
    pub run: RunId,
}

impl Resource for BatchInferenceJob {
    const KIND: &'static str = "batch_inference_job";
    fn key(&self) -> String {
        self.batch_inference_job_arn.to_string()
    }
    fn parent(&self) -> String {
        self.solution_version_arn.to_string()
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchInput {
    pub s3_data_source: S3Place,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchOutput {
    pub s3_data_destination: S3Place,
}

/// A file or folder; the key is kept and shown, without effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct S3Place {
    pub path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_arn: Option<String>,
}

/// Kept and shown, without effect: as for campaigns.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BatchInferenceJobConfig {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub item_exploration_config: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ranking_influence: BTreeMap<String, f64>,
}

/// Themes are refused: no recipe here writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BatchInferenceJobMode {
    #[default]
    BatchInference,
    ThemeGeneration,
}

/// The request of CreateBatchInferenceJob.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateBatchInferenceJob {
    pub job_name: String,
    pub solution_version_arn: Arn,
    #[serde(default)]
    pub filter_arn: Option<Arn>,
    /// 1 to 500; 25 when absent.
    #[serde(default)]
    pub num_results: Option<i64>,
    pub job_input: BatchInput,
    pub job_output: BatchOutput,
    #[serde(default)]
    pub role_arn: Option<String>,
    #[serde(default)]
    pub batch_inference_job_config: Option<BatchInferenceJobConfig>,
    #[serde(default)]
    pub batch_inference_job_mode: BatchInferenceJobMode,
}

impl CreateBatchInferenceJob {
    /// What creating it would refuse whatever else there is.
    pub fn check(&self) -> Result<()> {
        Name::new(self.job_name.clone())?;
        if self.batch_inference_job_mode == BatchInferenceJobMode::ThemeGeneration {
            return Err(Error::invalid_input("batchInferenceJobMode is BATCH_INFERENCE here; THEME_GENERATION is not offered."));
        }
        Location::parse(&self.job_input.s3_data_source.path)?;
        Location::parse(&self.job_output.s3_data_destination.path)?;
        crate::answer::check_count(self.num_results).map(|_| ())
    }
}

/// A job together with the run its status follows from.
#[derive(Debug, Clone)]
pub struct BatchInferenceJobView {
    pub job: Stored<BatchInferenceJob>,
    pub run: Run,
}

impl BatchInferenceJobView {
    /// Personalize's word.
    pub fn status(&self) -> &'static str {
        match self.run.state.personalize_status() {
            // These jobs know no STOPPED.
            "CREATE STOPPED" => "CREATE FAILED",
            status => status,
        }
    }

    pub fn failure_reason(&self) -> Option<&str> {
        self.run.message.as_deref()
    }

    pub fn last_updated(&self) -> Timestamp {
        self.run.ended.or(self.run.started).unwrap_or(self.job.updated)
    }
}

impl Serving {
    /// Queues the job. The version must be ACTIVE and the filter of its dataset group.
    pub async fn create_batch_inference_job(&self, request: CreateBatchInferenceJob) -> Result<BatchInferenceJob> {
        request.check()?;
        let job_name = Name::new(request.job_name)?;
        let batch_inference_job_arn = self.partition().personalize("batch-inference-job", &job_name);
        let num_results = request.num_results.unwrap_or(25);
        let model = self.training().model(&request.solution_version_arn).await?;
        if let Some(filter) = &request.filter_arn {
            let filter = self.store().get::<Filter>(filter.as_str()).await?;
            if filter.dataset_group_arn != model.dataset_group_arn {
                return Err(Error::invalid_input(format!(
                    "A filter is used within its dataset group: \"{}\" is of {}, the solution version of {}.",
                    filter.name, filter.dataset_group_arn, model.dataset_group_arn
                )));
            }
        }
        let mut tx = self.store().begin().await?;
        if tx.find::<BatchInferenceJob>(batch_inference_job_arn.as_str()).await?.is_some() {
            return Err(Error::already_exists(format!("Batch inference job \"{job_name}\"")));
        }
        let run = self.runs().submit_in(&mut tx, &NewRun::new(BATCH_INFERENCE, batch_inference_job_arn.as_str())).await?;
        let job = BatchInferenceJob {
            job_name,
            batch_inference_job_arn,
            solution_version_arn: request.solution_version_arn,
            filter_arn: request.filter_arn,
            num_results,
            job_input: request.job_input,
            job_output: request.job_output,
            role_arn: request.role_arn,
            batch_inference_job_config: request.batch_inference_job_config,
            batch_inference_job_mode: request.batch_inference_job_mode,
            run,
        };
        tx.create(&job).await?;
        tx.commit().await?;
        self.runs().wake();
        Ok(job)
    }

    pub async fn get_batch_inference_job(&self, arn: &Arn) -> Result<BatchInferenceJobView> {
        let job = self.store().get(arn.as_str()).await?;
        self.view_batch_inference_job(job).await
    }

    /// Those of one solution version, or all.
    pub async fn list_batch_inference_jobs(&self, solution_version_arn: Option<&Arn>) -> Result<Vec<BatchInferenceJobView>> {
        let jobs = match solution_version_arn {
            Some(version) => self.store().children(version.as_str()).await?,
            None => self.store().list().await?,
        };
        let mut views = Vec::with_capacity(jobs.len());
        for job in jobs {
            views.push(self.view_batch_inference_job(job).await?);
        }
        Ok(views)
    }

    async fn view_batch_inference_job(&self, job: Stored<BatchInferenceJob>) -> Result<BatchInferenceJobView> {
        let run = self.runs().get(&job.run).await?;
        Ok(BatchInferenceJobView { job, run })
    }
}
