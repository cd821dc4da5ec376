//! What goes together: sparse, symmetric co-occurrence with a discount for long histories and one for popular items.
//!
//! W_ij = (Σ_u x_ui·x_uj · n_u^−h · d_i^−b · d_j^−b)^s, the greatest of each row kept; x is the weight of the user's event,
//! n_u the number of the user's items, d the number of an item's users. h = 1, b = ½ weighs like the linear graph filter of
//! Park et al. 2024 (Turbo-CF, 2404.14243), its α = ½. Scores are x̃ᵀW, with x̃ as in `linear`; items without evidence follow
//! by popularity.

use std::collections::BTreeMap;

use crate::cooccurrence::{self, Kept, discounts, faded, places};
use crate::head::{Head, sequences, sets};
use crate::parameters::{Parameter, Values, number, whole};
use crate::progress::Steps;
use crate::recipe::require_events;
use crate::{FitContext, Interactions, LinearModel, Model, Recipe, RecipeError};

pub(crate) const NAME: &str = "similar";

pub const PARAMETERS: [Parameter; 9] = [
    number("history_discount", 0.0, 2.0, 1.0, "How much less a user with many items counts: 1 gives every user one vote to share out."),
    number("popularity_discount", 0.0, 1.0, 0.5, "0 ranks by the number of shared users, 1 divides it by the popularity of both items."),
    number("power", 0.1, 4.0, 1.0, "Above 1 strong relations gain, below 1 weak ones do."),
    number("tau_inf", 0.1, f64::INFINITY, 3.0, "Steps after which an earlier event counts 1/e, in recommending; inf ignores order."),
    number(
        "half_life_days",
        0.1,
        f64::INFINITY,
        f64::INFINITY,
        "Days after which what happened together counts half; inf forgets nothing.",
    ),
    whole("min_users", 1.0, 1000.0, 1.0, "How many users two items must share."),
    whole("min_support", 1.0, 1000.0, 1.0, "How many users an item needs to be learnt from."),
    whole("top_per_row", 1.0, 100_000.0, 400.0, "How many relations are kept per item."),
    whole("max_history", 2.0, 10_000.0, 500.0, "How many of a user's newest events count; time grows with its square."),
];

/// The parameters of one fit; see [`PARAMETERS`] for meanings and ranges.
#[derive(Debug, Clone, PartialEq)]
pub struct Similar {
    pub history_discount: f32,
    pub popularity_discount: f32,
    pub power: f32,
    pub tau_inf: f32,
    pub half_life_days: f32,
    pub min_users: u32,
    pub min_support: usize,
    pub top_per_row: usize,
    pub max_history: usize,
}

impl Default for Similar {
    fn default() -> Self {
        Self {
            history_discount: 1.0,
            popularity_discount: 0.5,
            power: 1.0,
            tau_inf: 3.0,
            half_life_days: f32::INFINITY,
            min_users: 1,
            min_support: 1,
            top_per_row: 400,
            max_history: 500,
        }
    }
}

impl Similar {
    pub fn from_parameters(given: &BTreeMap<String, String>) -> Result<Self, RecipeError> {
        let values = Values::read(&PARAMETERS, given)?;
        Ok(Self {
            history_discount: values.float("history_discount"),
            popularity_discount: values.float("popularity_discount"),
            power: values.float("power"),
            tau_inf: values.float("tau_inf"),
            half_life_days: values.float("half_life_days"),
            min_users: values.count("min_users") as u32,
            min_support: values.count("min_support"),
            top_per_row: values.count("top_per_row"),
            max_history: values.count("max_history"),
        })
    }

    /// Like [`Recipe::fit`], but gives the model's own type, whose recency can be tuned without another fit.
    pub fn fit_model(&self, interactions: &Interactions, context: &FitContext<'_>) -> Result<LinearModel, RecipeError> {
        require_events(interactions)?;
        let popularity: Vec<f32> = interactions.users_per_item(|_| true).into_iter().map(|users| users as f32).collect();
        let head = Head::choose(&popularity, self.min_support, usize::MAX);
        let steps = Steps::new(context, cooccurrence::steps(head.len()) + 1)?;
        let now = context.reference_time;
        let weight = |event: crate::HistoryEvent| faded(event.weight, event.timestamp, now, self.half_life_days);
        let sets = sets(&sequences(interactions, &head, self.max_history, weight), head.len());
        let votes: Vec<f32> = sets.indptr.windows(2).map(|row| ((row[1] - row[0]).max(1) as f32).powf(-self.history_discount)).collect();
        steps.advance(1)?;
        let discount = discounts(&head, &popularity, self.popularity_discount);
        let kept = Kept {
            min_users: self.min_users,
            top: self.top_per_row,
            weight: |row: u32, column: u32, sum: f32| (sum * discount[row as usize] * discount[column as usize]).powf(self.power),
        };
        let fill = |item: usize, sums: &mut cooccurrence::Accumulator| {
            places(&sets, item, |user, entry, around| {
                let vote = sets.weights[entry] * votes[user as usize];
                for other in around.filter(|other| *other != entry) {
                    sums.add(sets.items[other], user, vote * sets.weights[other]);
                }
            });
        };
        let rows = cooccurrence::rows(&head, interactions.n_items(), fill, &kept, &steps)?;
        Ok(LinearModel::new(NAME, rows, popularity, self.max_history).with_inference(self.tau_inf, 0.0))
    }
}

impl Recipe for Similar {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fit(&self, interactions: &Interactions, context: &FitContext<'_>) -> Result<Box<dyn Model>, RecipeError> {
        Ok(Box::new(self.fit_model(interactions, context)?))
    }
}
