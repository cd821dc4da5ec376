//! Targets. The wire takes AWS's members only, and no commands: what runs on this machine, and which secrets are read for it,
//! is for the project's file to say.

use std::sync::Arc;

use domain::{Error, Result};
use notify::Target;
use serde_json::{Map, Value, json};

use super::check_bus;
use super::rules::find;
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

const MEMBERS: &[&str] = &["Id", "Arn", "Input", "InputPath", "InputTransformer", "RetryPolicy"];
/// Taken and without effect, as roles are everywhere here.
const IGNORED: &[&str] = &["RoleArn"];

pub(crate) async fn put(app: Arc<App>, input: Input) -> Result<Answer> {
    let rule = find(&app, &input, "Rule").await?;
    let mut targets = Vec::new();
    for mut members in input.member::<Vec<Map<String, Value>>>("Targets")? {
        members.retain(|name, value| !value.is_null() && !IGNORED.contains(&name.as_str()));
        if let Some(name) = members.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
            return Err(input.error(format!("takes {} of a target; found {name:?}.", MEMBERS.join(", "))));
        }
        let target: Target =
            serde_json::from_value(Value::Object(members)).map_err(|e| input.error(format!("cannot use a target: {e}.")))?;
        if target.arn.starts_with("command:") {
            return Err(input.error("does not take commands: declare the rule in penchant.yaml."));
        }
        targets.push(target);
    }
    app.notify.put_targets(&rule.name, targets).await?;
    Ok(Answer::Json(json!({"FailedEntryCount": 0, "FailedEntries": []})))
}

pub(crate) async fn remove(app: Arc<App>, input: Input) -> Result<Answer> {
    let rule = find(&app, &input, "Rule").await?;
    let unknown = app.notify.remove_targets(&rule.name, &input.texts("Ids")?).await?;
    let failed = |id: String| {
        let message = format!("Rule {:?} has no target {id:?}.", rule.name);
        json!({"TargetId": id, "ErrorCode": "ResourceNotFoundException", "ErrorMessage": message})
    };
    Ok(Answer::Json(json!({"FailedEntryCount": unknown.len(), "FailedEntries": unknown.into_iter().map(failed).collect::<Vec<_>>()})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let rule = find(&app, &input, "Rule").await?;
    let items: Result<Vec<(String, Value)>> = rule.targets.iter().map(|target| Ok((target.id.clone(), view(target)?))).collect();
    paging::eventbridge(&input, "Targets", items?)
}

pub(crate) async fn rule_names(app: Arc<App>, input: Input) -> Result<Answer> {
    check_bus(&app, &input)?;
    let arn = input.text("TargetArn")?;
    let rules = app.notify.list_rules().await?;
    let found = rules.iter().filter(|rule| rule.targets.iter().any(|target| target.arn == arn));
    paging::eventbridge(&input, "RuleNames", found.map(|rule| (rule.name.clone(), rule.name.clone().into())).collect())
}

/// Without what is ours.
fn view(target: &Target) -> Result<Value> {
    let mut value = serde_json::to_value(target).map_err(|e| Error::internal("A target cannot be written as JSON.").source(e))?;
    if let Some(members) = value.as_object_mut() {
        members.retain(|name, _| MEMBERS.contains(&name.as_str()));
    }
    Ok(value)
}
