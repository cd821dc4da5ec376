//! Is a difference more than chance: intervals over users and paired comparisons.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use recipes::RecipeError;
use serde::{Deserialize, Serialize};

use crate::Evaluation;

/// Two-sided 95 % point of the normal distribution.
const Z95: f64 = 1.959_964;
/// Random sign flips of a comparison; the smallest p that can come out is 1/(this + 1).
const FLIPS: u32 = 9_999;

/// A mean and the bounds between which it lies with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

impl Interval {
    /// Normal approximation; of a single value, the value itself. `values` must not be empty.
    pub(crate) fn of_mean(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let half = if n > 1.0 { Z95 * (squares / (n - 1.0) / n).sqrt() } else { 0.0 };
        Self { mean, low: mean - half, high: mean + half }
    }
}

/// How much better one model is than another, user by user.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Mean of model minus baseline, with its 95 % interval.
    pub difference: Interval,
    /// Chance of a mean at least this far from 0 if the two models were equally good (two-sided, random sign flips).
    pub p_value: f64,
}

/// Compares two evaluations of the same cases. Fails when they are of different users or the metric is unknown.
pub fn compare(model: &Evaluation, baseline: &Evaluation, metric: &str, seed: u64) -> Result<Comparison, RecipeError> {
    let invalid = |name: &str, expected: &str, found: String| {
        Err(RecipeError::InvalidParameter { name: name.into(), expected: expected.into(), found })
    };
    if model.users() != baseline.users() {
        let found = format!("{} and {} users that are not the same", model.n_users(), baseline.n_users());
        return invalid("evaluations", "of the same test users", found);
    }
    let (Some(ours), Some(theirs)) = (model.per_user(metric), baseline.per_user(metric)) else {
        return invalid("metric", "one that is kept per user", format!("`{metric}`"));
    };
    let differences: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| a - b).collect();
    Ok(Comparison { difference: Interval::of_mean(&differences), p_value: sign_flip_p(&differences, seed) })
}

/// Under "equally good" each user's difference could as well have the other sign (Fisher's paired randomisation test).
fn sign_flip_p(differences: &[f64], seed: u64) -> f64 {
    let observed = differences.iter().sum::<f64>().abs() - 1e-12;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let moved: Vec<f64> = differences.iter().copied().filter(|difference| *difference != 0.0).collect();
    let flips = (0..FLIPS).filter(|_| {
        let sum: f64 = moved.iter().map(|difference| if random.random::<bool>() { *difference } else { -difference }).sum();
        sum.abs() >= observed
    });
    (flips.count() + 1) as f64 / f64::from(FLIPS + 1)
}
