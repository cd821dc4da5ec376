//! Batch inference jobs.

use std::sync::Arc;

use domain::Result;
use serde_json::{Map, Value, json};
use serve::BatchInferenceJobView;

use super::view::{Standing, described, summary};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    input.arn("solutionVersionArn")?;
    input.optional_arn("filterArn")?;
    input.one_of("batchInferenceJobMode", &["BATCH_INFERENCE", "THEME_GENERATION"])?;
    let job = app.serving.create_batch_inference_job(input.into_type()?).await?;
    Ok(Answer::Json(json!({"batchInferenceJobArn": job.batch_inference_job_arn})))
}

pub(crate) async fn describe(app: Arc<App>, input: Input) -> Result<Answer> {
    let job = app.serving.get_batch_inference_job(&input.arn("batchInferenceJobArn")?).await?;
    Ok(Answer::Json(json!({"batchInferenceJob": view(&job)?})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let version = input.optional_arn("solutionVersionArn")?;
    let mut items = Vec::new();
    for job in app.serving.list_batch_inference_jobs(version.as_ref()).await? {
        let shown = ["jobName", "batchInferenceJobArn", "solutionVersionArn", "batchInferenceJobMode"];
        items.push((job.job.batch_inference_job_arn.to_string(), summary(view(&job)?, &shown)));
    }
    paging::personalize(&input, "batchInferenceJobs", items)
}

fn view(view: &BatchInferenceJobView) -> Result<Map<String, Value>> {
    described(&view.job, &Standing { status: view.status(), failure: view.failure_reason(), updated: view.last_updated() })
}
