//! Best-sellers: the number of different users of each item. The baseline that every other recipe has to beat.

use std::collections::BTreeMap;

use crate::artifact::{Reader, Writer};
use crate::parameters::Values;
use crate::progress::Steps;
use crate::recipe::require_events;
use crate::{FitContext, HistoryEvent, Interactions, Model, Reason, Recipe, RecipeError};

pub(crate) const NAME: &str = "popularity";

/// Has no parameters.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Popularity;

impl Popularity {
    pub fn from_parameters(given: &BTreeMap<String, String>) -> Result<Self, RecipeError> {
        Values::read(&[], given).map(|_| Self)
    }
}

impl Recipe for Popularity {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fit(&self, interactions: &Interactions, context: &FitContext<'_>) -> Result<Box<dyn Model>, RecipeError> {
        require_events(interactions)?;
        let steps = Steps::new(context, 1)?;
        let users = interactions.users_per_item(|_| true).into_iter().map(|users| users as f32).collect();
        steps.advance(1)?;
        Ok(Box::new(PopularityModel { users }))
    }
}

/// Scores are numbers of users.
struct PopularityModel {
    users: Vec<f32>,
}

impl Model for PopularityModel {
    fn recipe(&self) -> &'static str {
        NAME
    }

    fn n_items(&self) -> usize {
        self.users.len()
    }

    fn score(&self, _history: &[HistoryEvent], _now: i64, scores: &mut [f32]) {
        scores.copy_from_slice(&self.users);
    }

    fn explain(&self, _history: &[HistoryEvent], item: u32) -> Option<Reason> {
        self.users.get(item as usize).filter(|users| **users > 0.0).map(|_| Reason::Popular)
    }

    fn save(&self) -> Result<Vec<u8>, RecipeError> {
        Writer::new(NAME).floats("users", &self.users).finish(&())
    }
}

pub(crate) fn load(reader: &Reader<'_>) -> Result<Box<dyn Model>, RecipeError> {
    Ok(Box::new(PopularityModel { users: reader.floats("users")? }))
}
