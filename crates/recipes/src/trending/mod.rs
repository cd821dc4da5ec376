//! What is on the rise: an item's users in the last interval against what its own past and the growth of everything let expect.
//!
//! lift_i = (r_i + κ) / (e_i + κ), with r_i the item's different users in the last interval, e_i their mean number in the
//! `baseline` intervals before, times the growth of all items together (Σr / Σe). κ users are added on both sides, the mean of a
//! gamma prior with lift 1: without it an item with one user today and none before would lead. Items that do not rise follow by
//! popularity, and when nothing is recent that is all there is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::for_everybody::{Counting, ForEverybody};
use crate::parameters::{Parameter, Values, number, whole};
use crate::progress::Steps;
use crate::recipe::require_events;
use crate::{FitContext, Interactions, Model, Reason, Recipe, RecipeError};

pub(crate) const NAME: &str = "trending";
const SECONDS_PER_HOUR: f64 = 3600.0;

pub const PARAMETERS: [Parameter; 3] = [
    number("hours", 0.1, 87_600.0, 24.0, "Length of the interval that ends with the newest event."),
    whole("baseline", 1.0, 1000.0, 7.0, "How many intervals before it say what is usual for an item."),
    number("smoothing", 0.1, 1e6, 10.0, "Users added to both sides of the comparison, so that few do not make a trend."),
];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trending {
    pub hours: f32,
    pub baseline: u32,
    pub smoothing: f32,
}

impl Default for Trending {
    fn default() -> Self {
        Self { hours: 24.0, baseline: 7, smoothing: 10.0 }
    }
}

impl Trending {
    pub fn from_parameters(given: &BTreeMap<String, String>) -> Result<Self, RecipeError> {
        let values = Values::read(&PARAMETERS, given)?;
        let (hours, baseline, smoothing) = (values.float("hours"), values.count("baseline") as u32, values.float("smoothing"));
        Ok(Self { hours, baseline, smoothing })
    }

    /// Different users by item and interval, summed: of the last interval, and of all intervals of the baseline together.
    fn counts(&self, interactions: &Interactions, now: i64) -> (Vec<u32>, Vec<u32>) {
        let n = interactions.n_items();
        let (mut recent, mut before) = (vec![0u32; n], vec![0u32; n]);
        let seconds = f64::from(self.hours) * SECONDS_PER_HOUR;
        let oldest = u64::from(self.baseline);
        // Who counted last for an item, and in which interval: a user counts once in each.
        let mut last = vec![(u32::MAX, 0u64); n];
        for user in 0..interactions.n_users() as u32 {
            for event in interactions.history(user).filter(|event| event.timestamp <= now) {
                let interval = (now.saturating_sub(event.timestamp) as f64 / seconds) as u64;
                let item = event.item as usize;
                if interval > oldest || last[item] == (user, interval) {
                    continue;
                }
                last[item] = (user, interval);
                let count = if interval == 0 { &mut recent[item] } else { &mut before[item] };
                *count += 1;
            }
        }
        (recent, before)
    }

    fn lifts(&self, recent: &[u32], before: &[u32]) -> Vec<f64> {
        let sum = |counts: &[u32]| counts.iter().map(|count| f64::from(*count)).sum::<f64>();
        let (all_recent, all_before) = (sum(recent), sum(before));
        // Each item's share of the baseline, of as many users as there are now: length and growth of the baseline cancel out.
        let expected_per_count = if all_before > 0.0 { all_recent / all_before } else { 0.0 };
        let smoothing = f64::from(self.smoothing);
        let lift =
            |(recent, before): (&u32, &u32)| (f64::from(*recent) + smoothing) / (f64::from(*before) * expected_per_count + smoothing);
        recent.iter().zip(before).map(lift).collect()
    }
}

impl Recipe for Trending {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fit(&self, interactions: &Interactions, context: &FitContext<'_>) -> Result<Box<dyn Model>, RecipeError> {
        require_events(interactions)?;
        let steps = Steps::new(context, 2)?;
        let (recent, before) = self.counts(interactions, context.reference_time);
        steps.advance(1)?;
        let overall = interactions.users_per_item(|_| true);
        let most = f64::from(overall.iter().max().copied().unwrap_or(0)) + 1.0;
        let lifts = self.lifts(&recent, &before);
        // Lifts above 1 come first; popularity as a share of the greatest stays below 1.
        let score = |(lift, overall): (&f64, &u32)| if *lift > 1.0 { *lift } else { f64::from(*overall) / most } as f32;
        let scores = lifts.iter().zip(&overall).map(score).collect();
        steps.advance(1)?;
        Ok(Box::new(ForEverybody { scores, recipe: self.clone() }))
    }
}

/// Scores are lifts where they are above 1, else popularity as a share.
impl Counting for Trending {
    const NAME: &'static str = NAME;

    fn reason(&self, score: f32) -> Reason {
        if score > 1.0 { Reason::Trending { days: (self.hours / 24.0).ceil() as u32 } } else { Reason::Popular }
    }
}
