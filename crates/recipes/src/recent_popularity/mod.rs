//! What many users had in the last days; among equals (and when nothing is recent) what many users had at all.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::artifact::{Reader, Writer};
use crate::parameters::{Parameter, Values};
use crate::progress::Steps;
use crate::recipe::require_events;
use crate::{FitContext, HistoryEvent, Interactions, Model, Reason, Recipe, RecipeError};

pub(crate) const NAME: &str = "recent_popularity";
const DAY_S: i64 = 86_400;

pub const PARAMETERS: [Parameter; 1] = [Parameter {
    name: "days",
    about: "How many days before the newest event count as recent.",
    integer: true,
    min: 1.0,
    max: 3650.0,
    default: 7.0,
}];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecentPopularity {
    pub days: u32,
}

impl Default for RecentPopularity {
    fn default() -> Self {
        Self { days: 7 }
    }
}

impl RecentPopularity {
    pub fn from_parameters(given: &BTreeMap<String, String>) -> Result<Self, RecipeError> {
        Ok(Self { days: Values::read(&PARAMETERS, given)?.count("days") as u32 })
    }
}

impl Recipe for RecentPopularity {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fit(&self, interactions: &Interactions, context: &FitContext<'_>) -> Result<Box<dyn Model>, RecipeError> {
        require_events(interactions)?;
        let steps = Steps::new(context, 2)?;
        let (since, until) = (context.reference_time - i64::from(self.days) * DAY_S, context.reference_time);
        let recent = interactions.users_per_item(|event| event.timestamp > since && event.timestamp <= until);
        steps.advance(1)?;
        let overall = interactions.users_per_item(|_| true);
        let most = overall.iter().max().copied().unwrap_or(0) as f32 + 1.0;
        // The part after the point orders items with equally many recent users; it stays below 1.
        let scores = recent.iter().zip(&overall).map(|(recent, overall)| *recent as f32 + *overall as f32 / most).collect();
        steps.advance(1)?;
        Ok(Box::new(RecentPopularityModel { scores, recipe: self.clone() }))
    }
}

/// Scores are numbers of recent users, plus less than one for all users.
struct RecentPopularityModel {
    scores: Vec<f32>,
    recipe: RecentPopularity,
}

impl Model for RecentPopularityModel {
    fn recipe(&self) -> &'static str {
        NAME
    }

    fn n_items(&self) -> usize {
        self.scores.len()
    }

    fn score(&self, _history: &[HistoryEvent], _now: i64, scores: &mut [f32]) {
        scores.copy_from_slice(&self.scores);
    }

    fn explain(&self, _history: &[HistoryEvent], item: u32) -> Option<Reason> {
        match *self.scores.get(item as usize)? {
            score if score >= 1.0 => Some(Reason::Trending { days: self.recipe.days }),
            score if score > 0.0 => Some(Reason::Popular),
            _ => None,
        }
    }

    fn save(&self) -> Result<Vec<u8>, RecipeError> {
        Writer::new(NAME).floats("scores", &self.scores).finish(&self.recipe)
    }
}

pub(crate) fn load(reader: &Reader<'_>) -> Result<Box<dyn Model>, RecipeError> {
    Ok(Box::new(RecentPopularityModel { scores: reader.floats("scores")?, recipe: reader.settings()? }))
}
