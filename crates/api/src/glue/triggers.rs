//! Triggers.

use std::sync::Arc;

use domain::{ErrorKind, Result};
use serde_json::{Map, Value, json};
use store::Stored;
use workflow::{Trigger, TriggerView};

use super::view::{gone_is_fine, members, names};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

const TYPES: &[&str] = &["SCHEDULED", "CONDITIONAL", "ON_DEMAND", "EVENT"];

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    input.one_of("Type", TYPES)?;
    let (name, start) = (input.text("Name")?.to_owned(), input.flag("StartOnCreation")?);
    app.workflows.create_trigger(input.into_type()?, start).await?;
    Ok(Answer::Json(json!({"Name": name})))
}

pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let trigger = app.workflows.get_trigger(input.text("Name")?).await?;
    Ok(Answer::Json(json!({"Trigger": view(trigger)?})))
}

/// Those that do not exist are named, and no error.
pub(crate) async fn batch_get(app: Arc<App>, input: Input) -> Result<Answer> {
    let (mut found, mut missing) = (Vec::<Value>::new(), Vec::new());
    for name in input.texts("TriggerNames")? {
        match app.workflows.get_trigger(&name).await {
            Ok(trigger) => found.push(view(trigger)?.into()),
            Err(e) if e.kind == ErrorKind::NotFound => missing.push(name),
            Err(e) => return Err(e),
        }
    }
    Ok(Answer::Json(json!({"Triggers": found, "TriggersNotFound": missing})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let mut items = Vec::new();
    for trigger in chosen(&app, &input).await? {
        items.push((trigger.name.clone(), view(trigger)?.into()));
    }
    paging::glue(&input, "Triggers", items)
}

pub(crate) async fn list_names(app: Arc<App>, input: Input) -> Result<Answer> {
    let triggers = chosen(&app, &input).await?;
    paging::glue(&input, "TriggerNames", names(triggers.into_iter().map(|trigger| trigger.value.name)))
}

/// Members of the update that are left out stay as they are.
pub(crate) async fn update(app: Arc<App>, input: Input) -> Result<Answer> {
    let name = input.text("Name")?;
    let mut all = members(&app.workflows.get_trigger(name).await?.value)?;
    all.extend(input.member::<Map<String, Value>>("TriggerUpdate")?);
    all.insert("Name".into(), name.into());
    app.workflows.update_trigger(Input { operation: input.operation, members: all }.into_type()?, false).await?;
    Ok(Answer::Json(json!({"Trigger": view(app.workflows.get_trigger(name).await?)?})))
}

/// No error where there is no such trigger, as in Glue.
pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    let name = input.text("Name")?;
    gone_is_fine(app.workflows.delete_trigger(name).await)?;
    Ok(Answer::Json(json!({"Name": name})))
}

pub(crate) async fn start(app: Arc<App>, input: Input) -> Result<Answer> {
    let name = input.text("Name")?;
    app.workflows.start_trigger(name).await?;
    Ok(Answer::Json(json!({"Name": name})))
}

pub(crate) async fn stop(app: Arc<App>, input: Input) -> Result<Answer> {
    let name = input.text("Name")?;
    app.workflows.stop_trigger(name).await?;
    Ok(Answer::Json(json!({"Name": name})))
}

/// All, or those that start `DependentJobName`, or that bear all of `Tags`.
async fn chosen(app: &App, input: &Input) -> Result<Vec<Stored<Trigger>>> {
    let mut triggers = app.workflows.list_triggers().await?;
    if let Some(job) = input.optional_text("DependentJobName")? {
        // Glue knows no trigger for a job that there is not.
        app.jobs.get_job(job).await?;
        triggers.retain(|trigger| trigger.actions.iter().any(|action| action.job_name.as_deref() == Some(job)));
    }
    let tags = input.member_object("Tags")?;
    triggers.retain(|trigger| tags.iter().all(|(key, value)| trigger.tags.get(key).map(String::as_str) == value.as_str()));
    Ok(triggers)
}

fn view(trigger: Stored<Trigger>) -> Result<Map<String, Value>> {
    members(&TriggerView::from(trigger))
}
