//! What many users had, the recent ones counting more: each user counts for an item by the age of the newest event, halved
//! after every half-life.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::for_everybody::{Counting, ForEverybody};
use crate::parameters::{Parameter, Values, number};
use crate::progress::Steps;
use crate::recipe::require_events;
use crate::{FitContext, Interactions, Model, Reason, Recipe, RecipeError};

pub(crate) const NAME: &str = "decayed_popularity";
const SECONDS_PER_DAY: f64 = 86_400.0;
/// Share of undecayed popularity: it orders only what was forgotten.
const PRIOR: f64 = 1e-6;

pub const PARAMETERS: [Parameter; 1] = [number("half_life_days", 0.01, 36_500.0, 7.0, "Days after which an event counts half.")];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecayedPopularity {
    pub half_life_days: f32,
}

impl Default for DecayedPopularity {
    fn default() -> Self {
        Self { half_life_days: 7.0 }
    }
}

impl DecayedPopularity {
    pub fn from_parameters(given: &BTreeMap<String, String>) -> Result<Self, RecipeError> {
        Ok(Self { half_life_days: Values::read(&PARAMETERS, given)?.float("half_life_days") })
    }

    /// Σ over an item's users of 2^(−age of the newest event / half-life); events after `now` do not count.
    fn counts(&self, interactions: &Interactions, now: i64) -> Vec<f64> {
        let mut counts = vec![0.0f64; interactions.n_items()];
        let mut last_user = vec![u32::MAX; interactions.n_items()];
        for user in 0..interactions.n_users() as u32 {
            for event in interactions.history(user).rev().filter(|event| event.timestamp <= now) {
                let item = event.item as usize;
                if last_user[item] != user {
                    last_user[item] = user;
                    let age = now.saturating_sub(event.timestamp) as f64 / SECONDS_PER_DAY;
                    counts[item] += (-age / f64::from(self.half_life_days)).exp2();
                }
            }
        }
        counts
    }
}

impl Recipe for DecayedPopularity {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fit(&self, interactions: &Interactions, context: &FitContext<'_>) -> Result<Box<dyn Model>, RecipeError> {
        require_events(interactions)?;
        let steps = Steps::new(context, 2)?;
        let counts = self.counts(interactions, context.reference_time);
        steps.advance(1)?;
        let overall = interactions.users_per_item(|_| true);
        let prior = PRIOR / f64::from(overall.iter().max().copied().unwrap_or(0).max(1));
        let scores = counts.iter().zip(&overall).map(|(count, overall)| (count + prior * f64::from(*overall)) as f32).collect();
        steps.advance(1)?;
        Ok(Box::new(ForEverybody { scores, recipe: self.clone() }))
    }
}

/// Scores are decayed numbers of users.
impl Counting for DecayedPopularity {
    const NAME: &'static str = NAME;

    fn reason(&self, _score: f32) -> Reason {
        Reason::Popular
    }
}
