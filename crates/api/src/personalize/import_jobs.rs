//! Dataset import jobs.

use std::sync::Arc;

use dataset::DatasetImportJob;
use domain::Result;
use serde_json::{Map, Value, json};
use store::Stored;

use super::view::{Standing, described, summary};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    input.arn("datasetArn")?;
    input.one_of("importMode", &["FULL", "INCREMENTAL"])?;
    let job = app.datasets.create_dataset_import_job(input.into_type()?).await?;
    Ok(Answer::Json(json!({"datasetImportJobArn": job.dataset_import_job_arn})))
}

/// Besides AWS's members: `importReport`, which rows were kept and which were not, once the import has ended.
pub(crate) async fn describe(app: Arc<App>, input: Input) -> Result<Answer> {
    let job = app.datasets.get_dataset_import_job(&input.arn("datasetImportJobArn")?).await?;
    Ok(Answer::Json(json!({"datasetImportJob": view(&app, &job).await?})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let dataset = input.optional_arn("datasetArn")?;
    let mut items = Vec::new();
    for job in app.datasets.list_dataset_import_jobs(dataset.as_ref()).await? {
        let members = view(&app, &job).await?;
        items.push((job.dataset_import_job_arn.to_string(), summary(members, &["jobName", "datasetImportJobArn", "importMode"])));
    }
    paging::personalize(&input, "datasetImportJobs", items)
}

async fn view(app: &App, job: &Stored<DatasetImportJob>) -> Result<Map<String, Value>> {
    let run = app.runs.get(&job.run).await?;
    // An import that somebody stopped has failed, in AWS's words.
    let status = match run.state.personalize_status() {
        "CREATE STOPPED" => "CREATE FAILED",
        status => status,
    };
    let updated = run.ended.or(run.started).unwrap_or(job.updated);
    let mut members = described(job, &Standing { status, failure: run.message.as_deref(), updated })?;
    if let Some(report) = run.result {
        members.insert("importReport".into(), report);
    }
    Ok(members)
}
