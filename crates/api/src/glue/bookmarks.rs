//! Bookmarks of jobs.

use std::sync::Arc;

use domain::Result;
use runs::RunId;
use serde_json::json;

use super::view::members;
use crate::app::App;
use crate::input::Input;
use crate::wire::Answer;

pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let bookmark = app.jobs.get_job_bookmark(input.text("JobName")?, run(&input)?.as_ref()).await?;
    Ok(Answer::Json(json!({"JobBookmarkEntry": members(&bookmark)?})))
}

pub(crate) async fn reset(app: Arc<App>, input: Input) -> Result<Answer> {
    let bookmark = app.jobs.reset_job_bookmark(input.text("JobName")?, run(&input)?.as_ref()).await?;
    Ok(Answer::Json(json!({"JobBookmarkEntry": members(&bookmark)?})))
}

fn run(input: &Input) -> Result<Option<RunId>> {
    Ok(input.optional_text("RunId")?.map(|id| RunId(id.into())))
}
