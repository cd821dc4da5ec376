//! What can be tried: a recipe with all its parameters, or several blended.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Error, Result};
use recipes::blend::{BUCKETS, Member};
use recipes::{Blend, HistoryEvent, Interactions, Model, Parameter, Reason, RecipeError};
use serde::{Deserialize, Serialize};

use crate::manifest::Manifest;
use crate::selection::recipe_error;
use crate::stages::Stages;

/// A recipe with all its parameters as text, defaults included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Setting {
    /// One of [`recipes::NAMES`].
    pub backing: String,
    pub parameters: BTreeMap<String, String>,
}

impl Setting {
    /// The recipe named `backing` with what the user gave and defaults for the rest.
    pub(crate) fn new(backing: &str, given: &BTreeMap<String, String>) -> Result<Self> {
        recipes::recipe(backing, given).map_err(recipe_error)?;
        let value = |parameter: &Parameter| given.get(parameter.name).cloned().unwrap_or_else(|| parameter.default.to_string());
        let parameters = table(backing).iter().map(|parameter| (parameter.name.to_owned(), value(parameter))).collect();
        Ok(Self { backing: backing.to_owned(), parameters })
    }

    /// The recipe with its defaults.
    pub(crate) fn plain(backing: &str) -> Result<Self> {
        Self::new(backing, &BTreeMap::new())
    }

    /// A parameter's value; not a number where the recipe has no such parameter.
    pub(crate) fn value(&self, name: &str) -> f64 {
        self.parameters.get(name).and_then(|text| text.trim().parse().ok()).unwrap_or(f64::NAN)
    }

    /// The same with another value, brought into the parameter's range; unchanged where the recipe has no such parameter.
    pub(crate) fn with(&self, name: &str, value: f64) -> Self {
        let mut changed = self.clone();
        if let Some(parameter) = table(&self.backing).iter().find(|parameter| parameter.name == name) {
            let value = value.clamp(parameter.min, parameter.max);
            let value = if parameter.integer { value.round() } else { value };
            // Recipes compute in f32: its shortest text has no digits that only binary fractions of a double bring.
            changed.parameters.insert(name.to_owned(), (value as f32).to_string());
        }
        changed
    }

    pub(crate) fn fit(&self, interactions: &Interactions, stages: &Stages<'_>) -> Result<Box<dyn Model>> {
        let recipe = recipes::recipe(&self.backing, &self.parameters).map_err(recipe_error)?;
        stages.fit(interactions, |context| recipe.fit(interactions, context))
    }

    /// For one line of a log: the recipe and what differs from its defaults.
    pub(crate) fn words(&self) -> String {
        let changed = table(&self.backing).iter().filter_map(|parameter| {
            let value = self.parameters.get(parameter.name)?;
            let is_default = value.parse::<f32>().is_ok_and(|value| value == parameter.default as f32);
            (!is_default).then(|| format!("{} {value}", parameter.name))
        });
        let changed: Vec<String> = changed.collect();
        if changed.is_empty() { self.backing.clone() } else { format!("{} with {}", self.backing, changed.join(", ")) }
    }
}

fn table(backing: &str) -> &'static [Parameter] {
    recipes::parameters_of(backing).unwrap_or_default()
}

/// What a training decided to make.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Chosen {
    One(Setting),
    Blend(Vec<BlendedSetting>),
}

/// A member of a blend, with its weight for histories up to 2 events, up to 20, and longer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlendedSetting {
    #[serde(flatten)]
    pub setting: Setting,
    pub weights: [f32; BUCKETS],
}

impl Chosen {
    /// What a version was made of.
    pub(crate) fn of(manifest: &Manifest) -> Result<Self> {
        match manifest.members.as_slice() {
            [] => Setting::new(&manifest.backing, &manifest.parameters).map(Self::One),
            members => Ok(Self::Blend(members.to_vec())),
        }
    }

    /// How many fits [`Chosen::fit`] takes.
    pub(crate) fn fits(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Blend(members) => members.len(),
        }
    }

    pub(crate) fn fit(&self, interactions: &Interactions, stages: &Stages<'_>) -> Result<Box<dyn Model>> {
        let members = match self {
            Self::One(setting) => return setting.fit(interactions, stages),
            Self::Blend(members) => members,
        };
        let mut fitted = Vec::with_capacity(members.len());
        for member in members {
            fitted.push(Member { model: Arc::from(member.setting.fit(interactions, stages)?), weights: member.weights });
        }
        Ok(Box::new(Blend::new(fitted).map_err(recipe_error)?))
    }

    /// What weighs most; the setting itself where there is one.
    pub(crate) fn heaviest(&self) -> Result<&Setting> {
        match self {
            Self::One(setting) => Ok(setting),
            Self::Blend(members) => {
                let sum = |member: &BlendedSetting| member.weights.iter().sum::<f32>();
                let heaviest = members.iter().max_by(|a, b| sum(a).total_cmp(&sum(b)));
                heaviest.map(|member| &member.setting).ok_or_else(|| Error::internal("A blend has no members."))
            }
        }
    }

    pub(crate) fn words(&self) -> String {
        match self {
            Self::One(setting) => setting.words(),
            Self::Blend(members) => {
                let [short, middle, long] = [0, 1, 2].map(|bucket| {
                    let shares = members.iter().filter(|member| member.weights[bucket] > 0.0);
                    let shares: Vec<String> = shares.map(|m| format!("{} {}", m.setting.backing, m.weights[bucket])).collect();
                    shares.join(" + ")
                });
                format!("a blend: {short} for histories up to 2 events, {middle} up to 20, {long} for longer ones")
            }
        }
    }
}

/// How a model is asked, in judgement as in serving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct How {
    /// What the history has is left out of rankings.
    pub exclude_seen: bool,
    /// Asked with one item, the newest, instead of the history.
    pub related: bool,
}

/// A model that is asked in a certain way. What it must not recommend has a score that is no number, which rankings leave out.
pub(crate) struct Asked<'a>(pub &'a dyn Model, pub How);

impl Asked<'_> {
    fn known<'h>(&self, history: &'h [HistoryEvent]) -> &'h [HistoryEvent] {
        if self.1.related { &history[history.len().saturating_sub(1)..] } else { history }
    }
}

impl Model for Asked<'_> {
    fn recipe(&self) -> &'static str {
        self.0.recipe()
    }

    fn n_items(&self) -> usize {
        self.0.n_items()
    }

    fn score(&self, history: &[HistoryEvent], now: i64, scores: &mut [f32]) {
        let known = self.known(history);
        self.0.score(known, now, scores);
        if self.1.exclude_seen {
            for event in known {
                if let Some(score) = scores.get_mut(event.item as usize) {
                    *score = f32::NAN;
                }
            }
        }
    }

    fn explain(&self, history: &[HistoryEvent], item: u32) -> Option<Reason> {
        self.0.explain(self.known(history), item)
    }

    fn save(&self) -> Result<Vec<u8>, RecipeError> {
        self.0.save()
    }
}
