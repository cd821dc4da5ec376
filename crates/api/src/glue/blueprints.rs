//! Blueprints, and the runs that make workflows of them.

use std::sync::Arc;

use domain::{ErrorKind, Result, RunState};
use runs::{Run, RunId};
use serde_json::{Map, Value, json};
use store::{Location, Stored};
use workflow::{Blueprint, BlueprintInput, Definition};

use super::view::{gone_is_fine, names};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::{Answer, time};

/// Runs that a list goes through, newest first.
const LISTED_RUNS: i64 = 1000;

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    let mut blueprint = read(&app, &input).await?;
    if input.get("Tags").is_some() {
        blueprint.tags = input.member("Tags")?;
    }
    let name = blueprint.name.clone();
    app.workflows.create_blueprint(blueprint).await?;
    Ok(Answer::Json(json!({"Name": name})))
}

pub(crate) async fn update(app: Arc<App>, input: Input) -> Result<Answer> {
    let blueprint = read(&app, &input).await?;
    let name = blueprint.name.clone();
    app.workflows.update_blueprint(blueprint).await?;
    Ok(Answer::Json(json!({"Name": name})))
}

/// The file is read once: later changes of it are UpdateBlueprint's to bring.
async fn read(app: &App, input: &Input) -> Result<Blueprint> {
    let location = input.text("BlueprintLocation")?;
    let definition = Definition::parse(&app.buckets.read(&Location::parse(location)?).await?)?;
    Ok(Blueprint {
        name: input.text("Name")?.to_owned(),
        description: input.optional_text("Description")?.map(str::to_owned).or_else(|| definition.description.clone()),
        blueprint_location: location.to_owned(),
        definition,
        ..Blueprint::default()
    })
}

pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let blueprint = app.workflows.get_blueprint(input.text("Name")?).await?;
    Ok(Answer::Json(json!({"Blueprint": view(&input, &blueprint)?})))
}

/// Those that do not exist are named, and no error.
pub(crate) async fn batch_get(app: Arc<App>, input: Input) -> Result<Answer> {
    let (mut found, mut missing) = (Vec::<Value>::new(), Vec::new());
    for name in input.texts("Names")? {
        match app.workflows.get_blueprint(&name).await {
            Ok(blueprint) => found.push(view(&input, &blueprint)?),
            Err(e) if e.kind == ErrorKind::NotFound => missing.push(name),
            Err(e) => return Err(e),
        }
    }
    Ok(Answer::Json(json!({"Blueprints": found, "MissingBlueprints": missing})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let tags = input.member_object("Tags")?;
    let mut all = app.workflows.list_blueprints().await?;
    all.retain(|blueprint| tags.iter().all(|(key, value)| blueprint.tags.get(key).map(String::as_str) == value.as_str()));
    paging::glue(&input, "Blueprints", names(all.into_iter().map(|blueprint| blueprint.value.name)))
}

/// No error where there is no such blueprint, as in Glue.
pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    let name = input.text("Name")?;
    gone_is_fine(app.workflows.delete_blueprint(name).await)?;
    Ok(Answer::Json(json!({"Name": name})))
}

/// `Parameters` is the text of a JSON object.
pub(crate) async fn start(app: Arc<App>, input: Input) -> Result<Answer> {
    let parameters: Map<String, Value> = match input.optional_text("Parameters")? {
        Some(text) => serde_json::from_str(text).map_err(|e| input.error(format!("takes a JSON object as \"Parameters\": {e}.")))?,
        None => Map::new(),
    };
    let run = app.workflows.start_blueprint_run(input.text("BlueprintName")?, parameters).await?;
    Ok(Answer::Json(json!({"RunId": run})))
}

pub(crate) async fn get_run(app: Arc<App>, input: Input) -> Result<Answer> {
    let run = app.workflows.get_blueprint_run(input.text("BlueprintName")?, &RunId(input.text("RunId")?.into())).await?;
    Ok(Answer::Json(json!({"BlueprintRun": run_view(&run)?})))
}

pub(crate) async fn list_runs(app: Arc<App>, input: Input) -> Result<Answer> {
    let name = input.text("BlueprintName")?;
    app.workflows.get_blueprint(name).await?;
    let mut items = Vec::new();
    for run in app.workflows.list_blueprint_runs(name, LISTED_RUNS).await? {
        items.push((run.id.0.clone(), run_view(&run)?));
    }
    paging::glue(&input, "BlueprintRuns", items)
}

fn view(input: &Input, blueprint: &Stored<Blueprint>) -> Result<Value> {
    let mut view = json!({
        "Name": blueprint.name,
        "Description": blueprint.description,
        "CreatedOn": time(blueprint.created),
        "LastModifiedOn": time(blueprint.updated),
        "Status": "ACTIVE",
    });
    if input.flag("IncludeParameterSpec")? {
        view["ParameterSpec"] = json!(json!(blueprint.definition.parameters).to_string());
    }
    if input.flag("IncludeBlueprint")? {
        view["BlueprintLocation"] = json!(blueprint.blueprint_location);
    }
    Ok(view)
}

fn run_view(run: &Run) -> Result<Value> {
    let input: BlueprintInput = run.input()?;
    let state = match run.state {
        RunState::Queued | RunState::Running => "RUNNING",
        RunState::Succeeded => "SUCCEEDED",
        RunState::Failed | RunState::Stopped | RunState::TimedOut => "FAILED",
    };
    let mut view = json!({
        "BlueprintName": run.subject,
        "RunId": run.id,
        "WorkflowName": input.rendered["workflows"][0]["Name"],
        "State": state,
        "StartedOn": time(run.created),
        "Parameters": input.parameters.to_string(),
    });
    if let Some(ended) = run.ended {
        view["CompletedOn"] = time(ended);
    }
    if let Some(message) = &run.message {
        view["ErrorMessage"] = json!(message);
    }
    Ok(view)
}
