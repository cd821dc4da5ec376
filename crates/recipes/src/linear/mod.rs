//! The item-item linear recommender: one ridge regression from what a user did to what the user does.
//!
//! Minimises tr(BᵀAB) − 2·tr(BᵀC) + tr(BᵀΛB) with a cap ξ on the diagonal of B, so B = P·C − P·diag(γ), P = (A + Λ)⁻¹:
//! - A = α·XᵀX + (1−α)·SᵀS and C = α·XᵀX + (1−α)·SᵀT; X holds users' items, a row of S the decayed window before a step,
//!   T the step (Choi et al. 2021, SLIST, 2103.16104);
//! - Λ = λ·I + p/(1−p)·diag(A) (Steck 2020, EDLAE);
//! - γ_j = (PC)_jj / P_jj for ξ = 0 (Steck 2019, EASE, 1905.03375), max(0, ((PC)_jj − ξ) / P_jj) for ξ > 0
//!   (Moon et al. 2023, RDLAE, 2305.12922).
//!
//! α = 1, p = 0, ξ = 0 is EASE; p > 0 EDLAE; ξ > 0 RLAE; α < 1 SLIST. Scores are x̃ᵀB with x̃_i = weight · exp(−age in steps / τ_inf).
//! `crate::head` chooses the items that enter the solve, `gram` fills A and C, `solve` gives B, `model` serves it.

mod gram;
mod model;
mod solve;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use model::LinearModel;
pub(crate) use model::{PRIOR, load};

use crate::head::Head;
use crate::parameters::{Parameter, Values, number, whole};
use crate::progress::Steps;
use crate::recipe::require_events;
use crate::sparse_rows::SparseRows;
use crate::{FitContext, Interactions, Model, Recipe, RecipeError};

pub(crate) const NAME: &str = "linear";

/// All parameters of the recipe, with the defaults for "what does the user do next".
pub const PARAMETERS: [Parameter; 12] = [
    number("lambda", 0.1, 1e6, 100.0, "Regularisation: greater values trust counts less."),
    number("p", 0.0, 0.95, 0.3, "Denoising: the share of a user's items that is hidden at random, in effect."),
    number("xi", 0.0, 1.0, 0.0, "Cap on an item's weight on itself; above 0 the tail of the catalogue gains."),
    number("alpha", 0.0, 1.0, 0.3, "1 learns which items go together, 0 which item follows which."),
    whole("window", 1.0, 100.0, 20.0, "How many steps back an event can cause another."),
    number("tau_train", 0.1, 1000.0, 5.0, "Steps after which an earlier event counts 1/e, in training."),
    number("tau_inf", 0.1, f64::INFINITY, 5.0, "Steps after which an earlier event counts 1/e, in recommending; inf ignores order."),
    number("kappa", 0.0, 1.0, 0.0, "Scores are divided by the number of an item's users to this power."),
    whole("top_per_row", 1.0, 100_000.0, 500.0, "How many weights are kept per item."),
    whole(
        "max_items",
        2.0,
        50_000.0,
        16_000.0,
        "How many of the most frequent items are solved exactly; memory is 12 bytes times its square.",
    ),
    whole("min_support", 1.0, 1000.0, 2.0, "How many users an item needs to be solved."),
    whole("max_history", 2.0, 10_000.0, 1000.0, "How many of a user's newest events count."),
];

/// The parameters of one fit; see [`PARAMETERS`] for meanings and ranges.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    pub lambda: f32,
    pub p: f32,
    pub xi: f32,
    pub alpha: f32,
    pub window: usize,
    pub tau_train: f32,
    pub tau_inf: f32,
    pub kappa: f32,
    pub top_per_row: usize,
    pub max_items: usize,
    pub min_support: usize,
    pub max_history: usize,
}

impl Default for Linear {
    fn default() -> Self {
        Self {
            lambda: 100.0,
            p: 0.3,
            xi: 0.0,
            alpha: 0.3,
            window: 20,
            tau_train: 5.0,
            tau_inf: 5.0,
            kappa: 0.0,
            top_per_row: 500,
            max_items: 16_000,
            min_support: 2,
            max_history: 1000,
        }
    }
}

impl Linear {
    pub fn from_parameters(given: &BTreeMap<String, String>) -> Result<Self, RecipeError> {
        let values = Values::read(&PARAMETERS, given)?;
        Ok(Self {
            lambda: values.float("lambda"),
            p: values.float("p"),
            xi: values.float("xi"),
            alpha: values.float("alpha"),
            window: values.count("window"),
            tau_train: values.float("tau_train"),
            tau_inf: values.float("tau_inf"),
            kappa: values.float("kappa"),
            top_per_row: values.count("top_per_row"),
            max_items: values.count("max_items"),
            min_support: values.count("min_support"),
            max_history: values.count("max_history"),
        })
    }

    /// Like [`Recipe::fit`], but gives the model's own type, which can be tuned without another fit
    /// ([`LinearModel::with_inference`]).
    pub fn fit_model(&self, interactions: &Interactions, context: &FitContext<'_>) -> Result<LinearModel, RecipeError> {
        require_events(interactions)?;
        let popularity: Vec<f32> = interactions.users_per_item(|_| true).into_iter().map(|users| users as f32).collect();
        let head = Head::choose(&popularity, self.min_support, self.max_items);
        let total = gram::steps(head.len()) + solve::steps(head.len()) + 1;
        let steps = Steps::new(context, total)?;
        // With one item or none there is nothing to relate: the model is its popularity prior.
        let rows = if head.len() < 2 { SparseRows::empty(interactions.n_items()) } else { self.rows(interactions, &head, &steps)? };
        steps.advance(total)?;
        Ok(LinearModel::new(NAME, rows, popularity, self.max_history).with_inference(self.tau_inf, self.kappa))
    }

    fn rows(&self, interactions: &Interactions, head: &Head, steps: &Steps<'_>) -> Result<SparseRows, RecipeError> {
        let gram = gram::accumulate(interactions, head, self, steps)?;
        let solution = solve::solve(gram, self.lambda, self.p, self.xi, steps)?;
        solution.top_rows(head, self.top_per_row, interactions.n_items(), steps)
    }
}

impl Recipe for Linear {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fit(&self, interactions: &Interactions, context: &FitContext<'_>) -> Result<Box<dyn Model>, RecipeError> {
        Ok(Box::new(self.fit_model(interactions, context)?))
    }
}
