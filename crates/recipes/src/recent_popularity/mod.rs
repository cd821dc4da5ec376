//! What many users had in the last days; among equals (and when nothing is recent) what many users had at all.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::for_everybody::{Counting, ForEverybody};
use crate::parameters::{Parameter, Values, whole};
use crate::progress::Steps;
use crate::recipe::require_events;
use crate::{FitContext, Interactions, Model, Reason, Recipe, RecipeError};

pub(crate) const NAME: &str = "recent_popularity";
const DAY_S: i64 = 86_400;

pub const PARAMETERS: [Parameter; 1] = [whole("days", 1.0, 3650.0, 7.0, "How many days before the newest event count as recent.")];

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
        Ok(Box::new(ForEverybody { scores, recipe: self.clone() }))
    }
}

/// Scores are numbers of recent users, plus less than one for all users.
impl Counting for RecentPopularity {
    const NAME: &'static str = NAME;

    fn reason(&self, score: f32) -> Reason {
        if score >= 1.0 { Reason::Trending { days: self.days } } else { Reason::Popular }
    }
}
