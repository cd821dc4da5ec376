//! Is a difference more than chance: intervals over users and paired comparisons.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use recipes::RecipeError;
use serde::{Deserialize, Serialize};

use crate::Evaluation;

/// Resamples of a bootstrap: with 999 the 25th and the 975th are exactly the bounds of 95 %.
const RESAMPLES: u64 = 999;
const LOW: usize = 24;
const HIGH: usize = 974;
/// With fewer users a bootstrap's interval is too narrow to speak of more than chance.
const LEAST_USERS: usize = 20;
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
    fn is_beside_zero(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// The means of columns of one value per user, each with its interval: users are drawn anew with replacement, and the middle
/// 95 % of the means that come out are kept (percentile bootstrap, Efron 1979). All columns see the same draws, so that this
/// costs little more for many than for one. The result does not depend on the number of threads.
pub(crate) fn intervals(columns: &[&[f64]], seed: u64) -> Vec<Interval> {
    let users = columns.iter().map(|column| column.len()).min().unwrap_or(0);
    let rows: Vec<f64> = (0..users).flat_map(|user| columns.iter().map(move |column| column[user])).collect();
    let draw = |number: u64| {
        let mut random = ChaCha8Rng::seed_from_u64(seed.wrapping_mul(RESAMPLES).wrapping_add(number));
        let mut sums = vec![0.0; columns.len()];
        for _ in 0..users {
            let at = random.random_range(0..users) * columns.len();
            sums.iter_mut().zip(&rows[at..]).for_each(|(sum, value)| *sum += value);
        }
        sums
    };
    let draws: Vec<Vec<f64>> = (0..RESAMPLES).into_par_iter().map(draw).collect();
    let n = users.max(1) as f64;
    let of = |(at, column): (usize, &&[f64])| {
        let mut means: Vec<f64> = draws.iter().map(|sums| sums[at] / n).collect();
        means.sort_unstable_by(f64::total_cmp);
        Interval { mean: column.iter().take(users).sum::<f64>() / n, low: means[LOW], high: means[HIGH] }
    };
    columns.iter().enumerate().map(of).collect()
}

/// One metric of a model and of the baseline, on the same users.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figure {
    pub model: Interval,
    pub baseline: Interval,
    /// Model minus baseline, user by user.
    pub difference: Interval,
    /// Whether the difference is more than chance explains: its interval is on one side of 0, and the users are not too few.
    pub is_significant: bool,
}

impl Figure {
    /// `higher than best-sellers, and not by chance`, or what else is true; `rival` is what the baseline is called.
    pub fn words(&self, rival: &str) -> String {
        match (self.is_significant, self.difference.mean > 0.0) {
            (true, true) => format!("higher than {rival}, and not by chance"),
            (true, false) => format!("lower than {rival}, and not by chance"),
            (false, _) => format!("no difference from {rival} beyond what chance explains"),
        }
    }
}

/// Every metric that users have, of both, with intervals. Coverage is not among them: it is a figure of all lists together,
/// which a bootstrap over users always underrates. Fails when the two are of different users.
pub fn figures(model: &Evaluation, baseline: &Evaluation, seed: u64) -> Result<BTreeMap<&'static str, Figure>, RecipeError> {
    require_same_users(model, baseline)?;
    let named = model.names().filter_map(|name| Some((name, model.per_user(name)?, baseline.per_user(name)?)));
    let named: Vec<(&'static str, &[f64], &[f64])> = named.collect();
    let differences: Vec<Vec<f64>> = named.iter().map(|(_, ours, theirs)| minus(ours, theirs)).collect();
    let columns = named.iter().zip(&differences).flat_map(|((_, ours, theirs), difference)| [*ours, *theirs, difference.as_slice()]);
    let columns: Vec<&[f64]> = columns.collect();
    let found = intervals(&columns, seed);
    let model_users = model.n_users();
    let names = named.iter().map(|(name, ..)| *name);
    let figure = |(of, name): (&[Interval], &'static str)| {
        let [model, baseline, difference] = *of else { return None };
        let is_significant = difference.is_beside_zero() && model_users >= LEAST_USERS;
        Some((name, Figure { model, baseline, difference, is_significant }))
    };
    Ok(found.chunks(3).zip(names).filter_map(figure).collect())
}

fn minus(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    ours.iter().zip(theirs).map(|(a, b)| a - b).collect()
}

fn require_same_users(model: &Evaluation, baseline: &Evaluation) -> Result<(), RecipeError> {
    if model.same_users(baseline) {
        return Ok(());
    }
    let found = format!("{} and {} users that are not the same", model.n_users(), baseline.n_users());
    Err(RecipeError::InvalidParameter { name: "evaluations".into(), expected: "of the same test users".into(), found })
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
    require_same_users(model, baseline)?;
    let (Some(ours), Some(theirs)) = (model.per_user(metric), baseline.per_user(metric)) else {
        let (name, expected, found) = ("metric".into(), "one that is kept per user".into(), format!("`{metric}`"));
        return Err(RecipeError::InvalidParameter { name, expected, found });
    };
    let differences = minus(ours, theirs);
    let p_value = sign_flip_p(&differences, seed);
    let none = Interval { mean: 0.0, low: 0.0, high: 0.0 };
    Ok(Comparison { difference: intervals(&[&differences], seed).pop().unwrap_or(none), p_value })
}

impl Comparison {
    /// Whether the difference is more than chance: both the interval and the randomisation test must say so, as a bootstrap of
    /// few users is too sure of itself.
    pub fn is_significant(&self) -> bool {
        self.difference.is_beside_zero() && self.p_value < 0.05
    }
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
