//! Our own operations: a job's code, and what a node of its graph gives.

use std::sync::Arc;

use domain::{Error, Result};
use etl::{Language, MOST_PREVIEW_ROWS, PREVIEW_ROWS};
use serde_json::json;
use store::Location;

use crate::app::App;
use crate::input::Input;
use crate::wire::Answer;

/// `Language`: `SQL` (unless another is said), `PYSPARK` or `MERMAID`.
pub(crate) async fn code(app: Arc<App>, input: Input) -> Result<Answer> {
    input.one_of("Language", &["SQL", "PYSPARK", "MERMAID"])?;
    let language = match input.optional_text("Language")? {
        Some("PYSPARK") => Language::PySpark,
        Some("MERMAID") => Language::Mermaid,
        _ => Language::Sql,
    };
    let job = app.jobs.get_job(input.text("JobName")?).await?.value;
    Ok(Answer::Json(json!({"Code": app.workbench.code(&job, language).await?})))
}

/// `ScriptLocation`: where the code goes; `jobs/NAME.sql` of the project unless it is said.
pub(crate) async fn eject(app: Arc<App>, input: Input) -> Result<Answer> {
    let name = input.text("JobName")?;
    let location = input.optional_text("ScriptLocation")?.map_or_else(|| format!("jobs/{name}.sql"), str::to_owned);
    app.workbench.eject(name, &Location::parse(&location)?).await?;
    Ok(Answer::Json(json!({"ScriptLocation": location})))
}

/// `NodeId`: the node, by id or name; `SampleRows`: of each table.
pub(crate) async fn preview(app: Arc<App>, input: Input) -> Result<Answer> {
    let job = app.jobs.get_job(input.text("JobName")?).await?.value;
    let rows = input.optional_number("SampleRows", 1, MOST_PREVIEW_ROWS)?.unwrap_or(PREVIEW_ROWS);
    let preview = app.workbench.preview(&job, input.optional_text("NodeId")?, rows).await?;
    let answer = serde_json::to_value(preview).map_err(|e| Error::internal("A preview cannot be written as JSON.").source(e))?;
    Ok(Answer::Json(answer))
}
