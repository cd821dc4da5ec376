//! Rules.

use std::sync::Arc;

use domain::{Error, ErrorKind, Result};
use notify::{Rule, RuleState};
use serde_json::{Map, Value};

use super::{BUS, arn, check_bus};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::{Answer, object};

pub(crate) async fn put(app: Arc<App>, input: Input) -> Result<Answer> {
    check_bus(&app, &input)?;
    input.one_of("State", &["ENABLED", "DISABLED"])?;
    if input.get("ScheduleExpression").is_some() {
        return Err(input.error("takes rules with an EventPattern only: schedules are triggers' (Glue's CreateTrigger)."));
    }
    let state = if input.optional_text("State")? == Some("DISABLED") { RuleState::Disabled } else { RuleState::Enabled };
    let rule = Rule {
        name: input.text("Name")?.to_owned(),
        event_pattern: input.text("EventPattern")?.to_owned(),
        state,
        description: input.optional_text("Description")?.map(str::to_owned),
        targets: Vec::new(),
    };
    let answer = object([("RuleArn", arn(&app, "rule", &rule.name).into())]);
    app.notify.put_rule(rule).await?;
    Ok(Answer::Json(answer.into()))
}

pub(crate) async fn describe(app: Arc<App>, input: Input) -> Result<Answer> {
    let rule = find(&app, &input, "Name").await?;
    let mut members = view(&app, &rule);
    members.insert("CreatedBy".into(), app.partition.account.clone().into());
    Ok(Answer::Json(members.into()))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    check_bus(&app, &input)?;
    let prefix = input.optional_text("NamePrefix")?.unwrap_or_default();
    let rules = app.notify.list_rules().await?;
    let found = rules.iter().filter(|rule| rule.name.starts_with(prefix));
    paging::eventbridge(&input, "Rules", found.map(|rule| (rule.name.clone(), view(&app, rule).into())).collect())
}

/// A rule that is not there is no error; one with targets is.
pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    match find(&app, &input, "Name").await {
        Ok(rule) if !rule.targets.is_empty() => {
            Err(Error::in_use(format!("Rule {:?} can be deleted when it has no targets; found {}.", rule.name, rule.targets.len())))
        }
        Ok(rule) => app.notify.delete_rule(&rule.name).await.map(|()| Answer::Empty),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Answer::Empty),
        Err(error) => Err(error),
    }
}

pub(crate) async fn enable(app: Arc<App>, input: Input) -> Result<Answer> {
    set_state(&app, &input, RuleState::Enabled).await
}

pub(crate) async fn disable(app: Arc<App>, input: Input) -> Result<Answer> {
    set_state(&app, &input, RuleState::Disabled).await
}

async fn set_state(app: &App, input: &Input, state: RuleState) -> Result<Answer> {
    let rule = find(app, input, "Name").await?;
    app.notify.set_state(&rule.name, state).await?;
    Ok(Answer::Empty)
}

/// The rule that `member` names.
pub(super) async fn find(app: &App, input: &Input, member: &str) -> Result<Rule> {
    check_bus(app, input)?;
    Ok(app.notify.get_rule(input.text(member)?).await?.value)
}

fn view(app: &App, rule: &Rule) -> Map<String, Value> {
    let state = if rule.state == RuleState::Enabled { "ENABLED" } else { "DISABLED" };
    object([
        ("Name", rule.name.clone().into()),
        ("Arn", arn(app, "rule", &rule.name).into()),
        ("EventPattern", rule.event_pattern.clone().into()),
        ("State", state.into()),
        ("Description", rule.description.clone().into()),
        ("EventBusName", BUS.into()),
    ])
}
