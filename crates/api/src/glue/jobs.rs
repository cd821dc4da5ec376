//! Jobs.

use std::sync::Arc;

use domain::{ErrorKind, Result};
use etl::Job;
use serde_json::{Map, Value, json};
use store::Stored;

use super::view::{described, gone_is_fine, names};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    let name = input.text("Name")?.to_owned();
    app.jobs.create_job(input.into_type()?).await?;
    Ok(Answer::Json(json!({"Name": name})))
}

pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let job = app.jobs.get_job(input.text("JobName")?).await?;
    Ok(Answer::Json(json!({"Job": view(&job)?})))
}

/// Those that do not exist are named, and no error.
pub(crate) async fn batch_get(app: Arc<App>, input: Input) -> Result<Answer> {
    let (mut found, mut missing) = (Vec::<Value>::new(), Vec::new());
    for name in input.texts("JobNames")? {
        match app.jobs.get_job(&name).await {
            Ok(job) => found.push(view(&job)?.into()),
            Err(e) if e.kind == ErrorKind::NotFound => missing.push(name),
            Err(e) => return Err(e),
        }
    }
    Ok(Answer::Json(json!({"Jobs": found, "JobsNotFound": missing})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let mut items = Vec::new();
    for job in app.jobs.list_jobs().await? {
        items.push((job.name.clone(), view(&job)?.into()));
    }
    paging::glue(&input, "Jobs", items)
}

pub(crate) async fn list_names(app: Arc<App>, input: Input) -> Result<Answer> {
    let jobs = app.jobs.list_jobs().await?;
    paging::glue(&input, "JobNames", names(jobs.into_iter().map(|job| job.value.name)))
}

/// Members left out are reset, as in Glue.
pub(crate) async fn update(app: Arc<App>, input: Input) -> Result<Answer> {
    let name = input.text("JobName")?;
    app.jobs.update_job(name, input.member("JobUpdate")?).await?;
    Ok(Answer::Json(json!({"JobName": name})))
}

/// No error where there is no such job, as in Glue.
pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    let name = input.text("JobName")?;
    gone_is_fine(app.jobs.delete_job(name).await)?;
    Ok(Answer::Json(json!({"JobName": name})))
}

fn view(job: &Stored<Job>) -> Result<Map<String, Value>> {
    described(job, "CreatedOn", "LastModifiedOn")
}
