//! The factor recommender: every user and every item is a short vector, and a score is the product of two of them.
//!
//! Minimises, with S the pairs that were seen, c ≥ 0 the weight of a pair (mean 1) and n the number of users or items with events,
//! Σ_S c_ui·(w_u·h_i − 1)² + α₀·Σ_u Σ_i (w_u·h_i)² + λ·Σ_u (Σ_i c_ui + α₀·n_items)^ν·‖w_u‖² + the same term for the items
//! (Hu et al. 2008 with the frequency-scaled regularisation of Rendle et al. 2022, 2110.14037). Users and items are solved in
//! turns; a vector is solved in blocks of coordinates, each exactly (Rendle et al. 2021, iALS++, 2110.14044), so a block as
//! long as the vector is exact alternating least squares.
//!
//! Only the items' vectors are kept. A user's vector is solved from the given history at request time, so unknown users and
//! the newest event count like all others. `rows` holds the pairs, `solve` the half-steps, `model` serves.
//!
//! Cost of an epoch: 2·pairs·factors·(block + 2) multiplications plus (users + items)·factors·block²/6. Beside its peers:
//! `RAYON_NUM_THREADS=2 cargo nextest run -p evaluate --test quality --run-ignored only --no-capture als_beside_peers`.

mod model;
mod rows;
mod solve;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use model::AlsModel;
pub(crate) use model::load;
pub(crate) use solve::dot;

use crate::parameters::{Parameter, Values, number, whole};
use crate::progress::Steps;
use crate::random::normal;
use crate::recipe::require_events;
use crate::{FitContext, Interactions, Model, Recipe, RecipeError};
use rows::Rows;
use solve::{Fixed, Weights};

pub(crate) const NAME: &str = "als";

/// Standard deviation of a random vector's length before the first epoch: small, so that no direction is preferred.
const START: f32 = 0.1;

/// All parameters of the recipe, with the defaults for "what does the user do next".
pub const PARAMETERS: [Parameter; 8] = [
    whole("factors", 1.0, 1024.0, 64.0, "Length of the vectors: more tell finer tastes apart and cost more."),
    whole("block_size", 1.0, 1024.0, 16.0, "How many coordinates are solved together; smaller blocks are faster and need more epochs."),
    number("regularization", 1e-5, 10.0, 0.003, "Greater values trust the events less."),
    number("unobserved_weight", 1e-4, 10.0, 0.3, "How much a pair that was not seen counts, beside 1 for one that was."),
    number("nu", 0.0, 1.0, 1.0, "How much more frequent users and items are regularised: 0 not at all, 1 in proportion."),
    whole("epochs", 1.0, 1000.0, 8.0, "How often users and items are solved in turn."),
    number("tau_inf", 0.1, f64::INFINITY, 5.0, "Steps after which an earlier event counts 1/e, in recommending; inf ignores order."),
    whole("max_history", 2.0, 10_000.0, 1000.0, "How many of a user's newest events count."),
];

/// The parameters of one fit; see [`PARAMETERS`] for meanings and ranges.
#[derive(Debug, Clone, PartialEq)]
pub struct Als {
    pub factors: usize,
    pub block_size: usize,
    pub regularization: f32,
    pub unobserved_weight: f32,
    pub nu: f32,
    pub epochs: usize,
    pub tau_inf: f32,
    pub max_history: usize,
}

impl Default for Als {
    fn default() -> Self {
        Self {
            factors: 64,
            block_size: 16,
            regularization: 0.003,
            unobserved_weight: 0.3,
            nu: 1.0,
            epochs: 8,
            tau_inf: 5.0,
            max_history: 1000,
        }
    }
}

impl Als {
    pub fn from_parameters(given: &BTreeMap<String, String>) -> Result<Self, RecipeError> {
        let values = Values::read(&PARAMETERS, given)?;
        Ok(Self {
            factors: values.count("factors"),
            block_size: values.count("block_size"),
            regularization: values.float("regularization"),
            unobserved_weight: values.float("unobserved_weight"),
            nu: values.float("nu"),
            epochs: values.count("epochs"),
            tau_inf: values.float("tau_inf"),
            max_history: values.count("max_history"),
        })
    }

    /// Like [`Recipe::fit`], but gives the model's own type, which can be tuned without another fit
    /// ([`AlsModel::with_inference`]).
    pub fn fit_model(&self, interactions: &Interactions, context: &FitContext<'_>) -> Result<AlsModel, RecipeError> {
        require_events(interactions)?;
        let mut training = Training::new(self, interactions, context.seed);
        let per_epoch = solve::steps(training.by_user.len()) + solve::steps(training.by_item.len());
        let steps = Steps::new(context, per_epoch * self.epochs as u64)?;
        for _ in 0..self.epochs {
            training.solve_users(&steps)?;
            training.solve_items(&steps)?;
        }
        let popularity = interactions.users_per_item(|_| true).into_iter().map(|users| users as f32).collect();
        Ok(AlsModel::new(self, training, popularity))
    }
}

impl Recipe for Als {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fit(&self, interactions: &Interactions, context: &FitContext<'_>) -> Result<Box<dyn Model>, RecipeError> {
        Ok(Box::new(self.fit_model(interactions, context)?))
    }
}

/// What changes during a fit, and the pairs from both sides.
struct Training {
    weights: Weights,
    factors: usize,
    block: usize,
    by_user: Rows,
    by_item: Rows,
    /// Vectors by user and by item, rows of `factors`.
    users: Vec<f32>,
    items: Vec<f32>,
    /// Weights of events are multiplied by this, so that their mean is 1.
    scale: f32,
}

impl Training {
    fn new(recipe: &Als, interactions: &Interactions, seed: u64) -> Self {
        let (by_user, scale) = Rows::by_user(interactions, recipe.max_history);
        let by_item = by_user.transposed(interactions.n_items());
        let d = recipe.factors;
        let deviation = START / (d as f32).sqrt();
        // An item without events stays at zero, which is its solution.
        let start = |at: usize| if by_item.row(at / d).is_empty() { 0.0 } else { deviation * normal(seed, at as u64) };
        let items = (0..by_item.len() * d).map(start).collect();
        let users = vec![0.0; by_user.len() * d];
        let weights = Weights { unobserved: recipe.unobserved_weight, regularization: recipe.regularization, nu: recipe.nu };
        Self { weights, factors: d, block: recipe.block_size.min(d), by_user, by_item, users, items, scale }
    }

    fn solve_users(&mut self, steps: &Steps<'_>) -> Result<(), RecipeError> {
        let gram = solve::gram(&self.items, self.factors, self.weights.unobserved);
        let fixed =
            Fixed { vectors: &self.items, factors: self.factors, gram: &gram, rows: self.by_item.occupied(), weights: self.weights };
        solve::half_step(&fixed, &self.by_user, &mut self.users, self.block, steps)
    }

    fn solve_items(&mut self, steps: &Steps<'_>) -> Result<(), RecipeError> {
        let gram = solve::gram(&self.users, self.factors, self.weights.unobserved);
        let fixed =
            Fixed { vectors: &self.users, factors: self.factors, gram: &gram, rows: self.by_user.occupied(), weights: self.weights };
        solve::half_step(&fixed, &self.by_item, &mut self.items, self.block, steps)
    }
}
