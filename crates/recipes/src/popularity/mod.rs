//! Best-sellers: the number of different users of each item. The baseline that every other recipe has to beat.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::for_everybody::{Counting, ForEverybody};
use crate::parameters::Values;
use crate::progress::Steps;
use crate::recipe::require_events;
use crate::{FitContext, Interactions, Model, Reason, Recipe, RecipeError};

pub(crate) const NAME: &str = "popularity";

/// Has no parameters.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
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
        let scores = interactions.users_per_item(|_| true).into_iter().map(|users| users as f32).collect();
        steps.advance(1)?;
        Ok(Box::new(ForEverybody { scores, recipe: Self }))
    }
}

/// Scores are numbers of users.
impl Counting for Popularity {
    const NAME: &'static str = NAME;
    const SCORES: &'static str = "users";

    fn reason(&self, _score: f32) -> Reason {
        Reason::Popular
    }
}
