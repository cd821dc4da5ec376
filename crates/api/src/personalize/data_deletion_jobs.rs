//! Data deletion jobs.

use std::sync::Arc;

use domain::Result;
use serde_json::{Map, Value, json};
use serve::DataDeletionJobView;

use super::view::{Standing, described, summary};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    input.arn("datasetGroupArn")?;
    let job = app.serving.create_data_deletion_job(input.into_type()?).await?;
    Ok(Answer::Json(json!({"dataDeletionJobArn": job.data_deletion_job_arn})))
}

pub(crate) async fn describe(app: Arc<App>, input: Input) -> Result<Answer> {
    let job = app.serving.get_data_deletion_job(&input.arn("dataDeletionJobArn")?).await?;
    Ok(Answer::Json(json!({"dataDeletionJob": view(&job)?})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let group = input.optional_arn("datasetGroupArn")?;
    let mut items = Vec::new();
    for job in app.serving.list_data_deletion_jobs(group.as_ref()).await? {
        let shown = ["jobName", "dataDeletionJobArn", "datasetGroupArn"];
        items.push((job.job.data_deletion_job_arn.to_string(), summary(view(&job)?, &shown)));
    }
    paging::personalize(&input, "dataDeletionJobs", items)
}

fn view(view: &DataDeletionJobView) -> Result<Map<String, Value>> {
    let mut members =
        described(&view.job, &Standing { status: view.status(), failure: view.failure_reason(), updated: view.last_updated() })?;
    if let Some(rows) = view.num_deleted() {
        members.insert("numDeleted".into(), rows.into());
    }
    Ok(members)
}
