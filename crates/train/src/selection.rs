//! Which events train and how heavily, and whether there are enough of them.

use std::collections::BTreeMap;

use dataset::{Events, TrainingData};
use domain::{Error, Result};
use recipes::{Interaction, Interactions};
use serde::{Deserialize, Serialize};

use crate::version::SolutionVersion;

/// Least data, as Personalize has it.
const MIN_INTERACTIONS: usize = 1000;
const MIN_USERS: usize = 25;
const MIN_USER_SHARE: f64 = 0.01;

/// Which event types count. Serving applies the same rules to live events.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventRules {
    /// By event type; absent: every event counts 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub only: Option<BTreeMap<String, EventRule>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventRule {
    pub weight: f32,
    /// The least EVENT_VALUE that counts; events without a value do not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at_least: Option<f32>,
}

impl EventRules {
    pub(crate) fn of(version: &SolutionVersion) -> Result<Self> {
        let config = version.solution_config.clone().unwrap_or_default();
        if let Some(events) = config.events_config {
            let rules = events.event_parameters_list.into_iter().map(|event| {
                let at_least = event.event_value_threshold.map(|value| value as f32);
                (event.event_type, EventRule { weight: event.weight.unwrap_or(1.0) as f32, at_least })
            });
            return Ok(Self { only: Some(rules.collect()) });
        }
        let Some(event_type) = &version.event_type else { return Ok(Self::default()) };
        let at_least = config.threshold()?.map(|value| value as f32);
        Ok(Self { only: Some(BTreeMap::from([(event_type.clone(), EventRule { weight: 1.0, at_least })])) })
    }

    /// The rule of an event type, compared without case; nothing when it does not count.
    fn rule(&self, event_type: &str) -> Option<EventRule> {
        let Some(only) = &self.only else { return Some(EventRule { weight: 1.0, at_least: None }) };
        let rule = only.iter().find(|(name, _)| name.eq_ignore_ascii_case(event_type)).map(|(_, rule)| *rule);
        rule.filter(|rule| rule.weight > 0.0)
    }

    /// How much an event counts; nothing when it does not. `value` is not a number where there is none.
    pub fn weight(&self, event_type: &str, value: f32) -> Option<f32> {
        self.rule(event_type).filter(|rule| rule.at_least.is_none_or(|least| value >= least)).map(|rule| rule.weight)
    }

    fn words(&self) -> String {
        match &self.only {
            None => "interactions".into(),
            Some(only) => {
                let types = only.iter().map(|(name, rule)| match rule.at_least {
                    Some(least) => format!("{name:?} with a value of at least {least}"),
                    None => format!("{name:?}"),
                });
                let types: Vec<String> = types.collect();
                format!("interactions of event type {}", types.join(" or "))
            }
        }
    }
}

/// The events that count, as recipes take them. Fails when there are fewer than can be trained on.
pub(crate) fn select(data: &TrainingData, rules: &EventRules) -> Result<Interactions> {
    let events = &data.events;
    let by_type: Vec<Option<EventRule>> = events.event_types.iter().map(|name| rules.rule(name)).collect();
    let counted = (0..events.len()).filter_map(|at| {
        let rule = by_type.get(usize::from(events.event_type[at])).copied().flatten()?;
        let enough = rule.at_least.is_none_or(|least| events.event_value[at] >= least);
        enough.then(|| Interaction { user: events.user[at], item: events.item[at], timestamp: events.timestamp[at], weight: rule.weight })
    });
    let interactions = Interactions::new(data.users.len(), data.items.len(), counted).map_err(recipe_error)?;
    check(&interactions, events, rules)?;
    Ok(interactions)
}

fn check(interactions: &Interactions, events: &Events, rules: &EventRules) -> Result<()> {
    if interactions.len() < MIN_INTERACTIONS {
        return Err(Error::invalid_data(format!(
            "Training needs at least {MIN_INTERACTIONS} {}; found {} among {} events{}.",
            rules.words(),
            interactions.len(),
            events.len(),
            types_found(events)
        ))
        .code("TRAIN_TOO_FEW_INTERACTIONS"));
    }
    let users = (0..interactions.n_users() as u32).filter(|user| interactions.events_of(*user) > 0).count();
    let with_two = (0..interactions.n_users() as u32).filter(|user| interactions.events_of(*user) >= 2).count();
    let needed = MIN_USERS.max((users as f64 * MIN_USER_SHARE).ceil() as usize);
    if with_two < needed {
        return Err(Error::invalid_data(format!(
            "Training needs at least {needed} users with two or more {} each; found {with_two} among {users} users.",
            rules.words()
        ))
        .code("TRAIN_TOO_FEW_USERS"));
    }
    Ok(())
}

/// Fails when there are fewer events of a type than a training needs, whatever trains besides.
pub(crate) fn require(events: &Events, event_type: &str) -> Result<()> {
    let is_it: Vec<bool> = events.event_types.iter().map(|name| name.eq_ignore_ascii_case(event_type)).collect();
    let found = events.event_type.iter().filter(|kind| is_it.get(usize::from(**kind)) == Some(&true)).count();
    if found >= MIN_INTERACTIONS {
        return Ok(());
    }
    let among = format!("{} events{}", events.len(), types_found(events));
    let needed = format!("Training needs at least {MIN_INTERACTIONS} interactions of event type {event_type:?}");
    Err(Error::invalid_data(format!("{needed}; found {found} among {among}.")).code("TRAIN_TOO_FEW_INTERACTIONS"))
}

/// The event type of at least nine in ten of the events that count.
pub(crate) fn main_event_type(events: &Events, rules: &EventRules) -> Option<String> {
    let mut counts = vec![0_usize; events.event_types.len()];
    for (kind, value) in events.event_type.iter().zip(&events.event_value) {
        let kind = usize::from(*kind);
        counts[kind] += usize::from(rules.weight(&events.event_types[kind], *value).is_some());
    }
    let all: usize = counts.iter().sum();
    let named = events.event_types.iter().zip(&counts).find(|(name, count)| !name.is_empty() && **count * 10 >= all * 9);
    named.map(|(name, _)| name.clone())
}

/// ` (click 900, purchase 100)`; nothing when events have no type.
fn types_found(events: &Events) -> String {
    let mut counts = vec![0_usize; events.event_types.len()];
    for kind in &events.event_type {
        counts[usize::from(*kind)] += 1;
    }
    let named = events.event_types.iter().zip(&counts).filter(|(name, _)| !name.is_empty());
    let named: Vec<String> = named.take(10).map(|(name, count)| format!("{name} {count}")).collect();
    if named.is_empty() { String::new() } else { format!(" ({})", named.join(", ")) }
}

/// The house's error for what went wrong in a recipe.
pub(crate) fn recipe_error(error: recipes::RecipeError) -> Error {
    use recipes::RecipeError::{Artifact, InvalidParameter, NotEnoughData, Stopped};
    match &error {
        InvalidParameter { .. } => Error::invalid_input(error.to_string()),
        NotEnoughData { .. } => Error::invalid_data(error.to_string()).code("TRAIN_NOT_ENOUGH_DATA"),
        Stopped => Error::stopped(),
        Artifact(_) => Error::internal(error.to_string()),
    }
}
