//! What follows what: sparse, directed co-occurrence within a window of steps, nearer steps counting more.
//!
//! W_ij = Σ_u Σ_lag x_ui·x_uj/lag · [i, then j `lag` steps later] · d_i^−½ · d_j^−b, the greatest of each row kept; d is the
//! number of an item's users. Sequential rules with a linear decay (Ludewig and Jannach 2018, 1803.09587), cosine-normalised.
//! Scores are x̃ᵀW, with x̃ as in `linear`; items without evidence follow by popularity.

use std::collections::BTreeMap;

use crate::cooccurrence::{self, Kept, discounts, faded, places};
use crate::head::{Head, sequences};
use crate::parameters::{Parameter, Values, number, whole};
use crate::progress::Steps;
use crate::recipe::require_events;
use crate::{FitContext, Interactions, LinearModel, Model, Recipe, RecipeError};

pub(crate) const NAME: &str = "rules";
/// Exponent of the source's popularity: with several sources in a history, frequent ones must not drown the others.
const SOURCE_DISCOUNT: f32 = 0.5;

pub const PARAMETERS: [Parameter; 8] = [
    whole("window", 1.0, 100.0, 10.0, "How many steps later an item still follows from another."),
    number("popularity_discount", 0.0, 1.0, 0.25, "How much less a follower that is popular anyway counts."),
    number("tau_inf", 0.1, f64::INFINITY, 3.0, "Steps after which an earlier event counts 1/e, in recommending; inf ignores order."),
    number(
        "half_life_days",
        0.1,
        f64::INFINITY,
        f64::INFINITY,
        "Days after which what was seen to follow counts half; inf forgets nothing.",
    ),
    whole("min_users", 1.0, 1000.0, 1.0, "How many users a rule must be seen with."),
    whole("min_support", 1.0, 1000.0, 1.0, "How many users an item needs to be learnt from."),
    whole("top_per_row", 1.0, 100_000.0, 400.0, "How many rules are kept per item."),
    whole("max_history", 2.0, 10_000.0, 1000.0, "How many of a user's newest events count."),
];

/// The parameters of one fit; see [`PARAMETERS`] for meanings and ranges.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    pub window: usize,
    pub popularity_discount: f32,
    pub tau_inf: f32,
    pub half_life_days: f32,
    pub min_users: u32,
    pub min_support: usize,
    pub top_per_row: usize,
    pub max_history: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            window: 10,
            popularity_discount: 0.25,
            tau_inf: 3.0,
            half_life_days: f32::INFINITY,
            min_users: 1,
            min_support: 1,
            top_per_row: 400,
            max_history: 1000,
        }
    }
}

impl Rules {
    pub fn from_parameters(given: &BTreeMap<String, String>) -> Result<Self, RecipeError> {
        let values = Values::read(&PARAMETERS, given)?;
        Ok(Self {
            window: values.count("window"),
            popularity_discount: values.float("popularity_discount"),
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
        let sequences = sequences(interactions, &head, self.max_history, weight);
        steps.advance(1)?;
        let (of_source, of_target) =
            (discounts(&head, &popularity, SOURCE_DISCOUNT), discounts(&head, &popularity, self.popularity_discount));
        let kept = Kept {
            min_users: self.min_users,
            top: self.top_per_row,
            weight: |row: u32, column: u32, sum: f32| sum * of_source[row as usize] * of_target[column as usize],
        };
        let fill = |item: usize, sums: &mut cooccurrence::Accumulator| {
            places(&sequences, item, |user, entry, around| {
                let later = entry + 1..(entry + self.window + 1).min(around.end);
                for target in later.filter(|target| sequences.items[*target] as usize != item) {
                    let lag = (target - entry) as f32;
                    sums.add(sequences.items[target], user, sequences.weights[entry] * sequences.weights[target] / lag);
                }
            });
        };
        let rows = cooccurrence::rows(&head, interactions.n_items(), fill, &kept, &steps)?;
        Ok(LinearModel::new(NAME, rows, popularity, self.max_history).with_inference(self.tau_inf, 0.0))
    }
}

impl Recipe for Rules {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fit(&self, interactions: &Interactions, context: &FitContext<'_>) -> Result<Box<dyn Model>, RecipeError> {
        Ok(Box::new(self.fit_model(interactions, context)?))
    }
}
