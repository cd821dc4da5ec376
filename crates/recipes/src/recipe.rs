//! The two traits of the crate, a recipe and the model it gives, and the table of recipes.

use std::collections::BTreeMap;

use crate::{
    Als, DecayedPopularity, HistoryEvent, Interactions, Linear, Parameter, Popularity, RecentPopularity, RecipeError, Rules, Similar,
    Transformer, Trending,
};
use crate::{als, decayed_popularity, linear, recent_popularity, rules, similar, transformer, trending};

/// What a fit may depend on besides the data.
pub struct FitContext<'a> {
    pub seed: u64,
    /// True as soon as the fit should give up; asked between steps, on the calling thread.
    pub cancel: &'a dyn Fn() -> bool,
    /// Told (done, total) steps, on the calling thread; `done` never falls and ends at `total`.
    pub progress: &'a dyn Fn(u64, u64),
    /// The "now" of the training data, epoch seconds; usually the time of its newest event.
    pub reference_time: i64,
}

/// A way to train: a set of checked parameters.
pub trait Recipe: Send + Sync {
    fn name(&self) -> &'static str;

    /// Fails on empty interactions, on a request to stop, and when the parameters do not suit the data.
    fn fit(&self, interactions: &Interactions, context: &FitContext<'_>) -> Result<Box<dyn Model>, RecipeError>;
}

/// Why an item is recommended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason {
    /// The event of the history that adds most to the item's score, and how much it adds.
    BecauseOf { item: u32, contribution: f32 },
    /// Many users have it.
    Popular,
    /// Many users had it in the last days.
    Trending { days: u32 },
}

/// A trained recommender: immutable, cheap to share.
pub trait Model: Send + Sync {
    /// Name of the recipe that made it.
    fn recipe(&self) -> &'static str;

    fn n_items(&self) -> usize;

    /// Fills `scores` (one per item, length [`Model::n_items`]) for a history in time order, as seen at `now` (epoch seconds).
    /// Scores compare within one call only. Items of the history are scored like all others; unknown items in it are ignored.
    fn score(&self, history: &[HistoryEvent], now: i64, scores: &mut [f32]);

    /// Scores of the given items only; negative infinity for an index out of range.
    fn score_candidates(&self, history: &[HistoryEvent], now: i64, items: &[u32]) -> Vec<f32> {
        let mut scores = vec![0.0; self.n_items()];
        self.score(history, now, &mut scores);
        items.iter().map(|item| scores.get(*item as usize).copied().unwrap_or(f32::NEG_INFINITY)).collect()
    }

    /// The same weights with another recency (`tau_inf` in steps, infinite: order is ignored) and another popularity discount
    /// (`kappa`, 0 to 1); `None` for a model that has neither. What cannot be changed in it stays. Costs no fit.
    fn retuned(&self, _tau_inf: f32, _kappa: f32) -> Option<Box<dyn Model>> {
        None
    }

    /// Why `item` has its score; `None` when the model has nothing for it.
    fn explain(&self, history: &[HistoryEvent], item: u32) -> Option<Reason>;

    /// The model as a safetensors file; equal models give equal bytes. Read back with [`crate::load`].
    fn save(&self) -> Result<Vec<u8>, RecipeError>;
}

/// Names of all recipes.
pub const NAMES: [&str; 9] =
    ["popularity", "recent_popularity", "linear", "trending", "decayed_popularity", "similar", "rules", "als", "transformer"];

/// The parameters that a recipe knows; `None` for an unknown recipe.
pub fn parameters_of(name: &str) -> Option<&'static [Parameter]> {
    match name {
        "popularity" => Some(&[]),
        "recent_popularity" => Some(&recent_popularity::PARAMETERS),
        "linear" => Some(&linear::PARAMETERS),
        "trending" => Some(&trending::PARAMETERS),
        "decayed_popularity" => Some(&decayed_popularity::PARAMETERS),
        "similar" => Some(&similar::PARAMETERS),
        "rules" => Some(&rules::PARAMETERS),
        "als" => Some(&als::PARAMETERS),
        "transformer" => Some(&transformer::PARAMETERS),
        _ => None,
    }
}

/// A recipe by name, with hyperparameters as text. The error names the parameter, its range and what was found.
pub fn recipe(name: &str, parameters: &BTreeMap<String, String>) -> Result<Box<dyn Recipe>, RecipeError> {
    Ok(match name {
        "popularity" => Box::new(Popularity::from_parameters(parameters)?),
        "recent_popularity" => Box::new(RecentPopularity::from_parameters(parameters)?),
        "linear" => Box::new(Linear::from_parameters(parameters)?),
        "trending" => Box::new(Trending::from_parameters(parameters)?),
        "decayed_popularity" => Box::new(DecayedPopularity::from_parameters(parameters)?),
        "similar" => Box::new(Similar::from_parameters(parameters)?),
        "rules" => Box::new(Rules::from_parameters(parameters)?),
        "als" => Box::new(Als::from_parameters(parameters)?),
        "transformer" => Box::new(Transformer::from_parameters(parameters)?),
        _ => return Err(RecipeError::invalid("recipe", format!("one of {}", NAMES.join(", ")), format!("`{name}`"))),
    })
}

pub(crate) fn require_events(interactions: &Interactions) -> Result<(), RecipeError> {
    if interactions.is_empty() {
        return Err(RecipeError::NotEnoughData { expected: "at least one interaction".into(), found: "none".into() });
    }
    Ok(())
}
