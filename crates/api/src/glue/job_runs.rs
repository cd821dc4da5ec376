//! Runs of jobs.

use std::sync::Arc;

use domain::Result;
use etl::JobRun;
use runs::RunId;
use serde_json::{Value, json};

use super::view::{error_detail, members};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

pub(crate) async fn start(app: Arc<App>, input: Input) -> Result<Answer> {
    let run = app.jobs.start_job_run(input.into_type()?).await?;
    Ok(Answer::Json(json!({"JobRunId": run})))
}

pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let run = app.jobs.get_job_run(input.text("JobName")?, &RunId(input.text("RunId")?.into())).await?;
    let mut answer = members(&run)?;
    if input.flag("PredecessorsIncluded")? {
        answer.insert("PredecessorRuns".into(), predecessors(&app, &run).await?.into());
    }
    Ok(Answer::Json(json!({"JobRun": answer})))
}

/// The runs that a workflow's trigger waited for before it started this one.
async fn predecessors(app: &App, run: &JobRun) -> Result<Vec<Value>> {
    let (Some(workflow_run), Some(trigger)) = (&run.parent, &run.trigger_name) else { return Ok(Vec::new()) };
    let nodes = app.workflows.waited_for(workflow_run, trigger).await?;
    Ok(nodes.iter().filter(|node| node.what == "job").map(|node| json!({"JobName": node.name, "RunId": node.run_id})).collect())
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let name = input.text("JobName")?;
    app.jobs.get_job(name).await?;
    let mut items = Vec::new();
    for run in app.jobs.list_job_runs(name).await? {
        items.push((run.id.clone(), members(&run)?.into()));
    }
    paging::glue(&input, "JobRuns", items)
}

/// What cannot be stopped comes back in the answer, not as an exception.
pub(crate) async fn stop(app: Arc<App>, input: Input) -> Result<Answer> {
    let name = input.text("JobName")?;
    let (mut stopped, mut failed) = (Vec::<Value>::new(), Vec::<Value>::new());
    for id in input.texts("JobRunIds")? {
        match app.jobs.stop_job_run(name, &RunId(id.clone())).await {
            Ok(()) => stopped.push(json!({"JobName": name, "JobRunId": id})),
            Err(e) => failed.push(json!({"JobName": name, "JobRunId": id, "ErrorDetail": error_detail(&e)})),
        }
    }
    Ok(Answer::Json(json!({"SuccessfulSubmissions": stopped, "Errors": failed})))
}
