//! Judges a model on test cases: the whole catalogue is ranked for each user, nothing is sampled.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use recipes::{Model, RecipeError, top_k};

use crate::metrics::{COVERAGE, LONGEST, METRICS};
use crate::{Interval, TestCase};

/// A model's figures, kept per user so that intervals and paired comparisons are possible.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The users that were judged, in the order of the cases.
    users: Vec<u32>,
    /// By metric name, in the order of `users`.
    values: BTreeMap<&'static str, Vec<f64>>,
    coverage: f64,
}

/// What one user adds.
struct Judged {
    user: u32,
    values: [f64; METRICS.len()],
    shown: Vec<u32>,
}

/// Ranks the catalogue for every case. With `exclude_seen`, items of the history are neither recommended nor to be found, and
/// a case with nothing left to find is left out; Personalize keeps them unless a filter is set.
///
/// Fails when no case is left. The result does not depend on the number of threads.
pub fn evaluate(model: &dyn Model, cases: &[TestCase], exclude_seen: bool) -> Result<Evaluation, RecipeError> {
    let judged = cases.par_iter().map_init(|| vec![0.0f32; model.n_items()], |scores, case| judge(model, case, exclude_seen, scores));
    let judged: Vec<Judged> = judged.collect::<Vec<_>>().into_iter().flatten().collect();
    if judged.is_empty() {
        let (expected, found) = ("at least one test user with something to find".into(), format!("none among {}", cases.len()));
        return Err(RecipeError::NotEnoughData { expected, found });
    }
    let shown: BTreeSet<u32> = judged.iter().flat_map(|one| one.shown.iter().copied()).collect();
    let of = |at: usize| judged.iter().map(|one| one.values[at]).collect();
    Ok(Evaluation {
        users: judged.iter().map(|one| one.user).collect(),
        values: METRICS.iter().enumerate().map(|(at, metric)| (metric.name, of(at))).collect(),
        coverage: shown.len() as f64 / model.n_items().max(1) as f64,
    })
}

fn judge(model: &dyn Model, case: &TestCase, exclude_seen: bool, scores: &mut [f32]) -> Option<Judged> {
    let seen: BTreeSet<u32> = if exclude_seen { case.history.iter().map(|event| event.item).collect() } else { BTreeSet::new() };
    let truth: BTreeSet<u32> = case.truth.iter().copied().filter(|item| !seen.contains(item)).collect();
    if truth.is_empty() {
        return None;
    }
    model.score(&case.history, case.now, scores);
    let shown: Vec<u32> = top_k(scores, LONGEST, |item| seen.contains(&item)).iter().map(|best| best.item).collect();
    let hits: Vec<bool> = shown.iter().map(|item| truth.contains(item)).collect();
    Some(Judged { user: case.user, values: METRICS.map(|metric| metric.value(&hits, truth.len())), shown })
}

impl Evaluation {
    /// Number of users judged.
    pub fn n_users(&self) -> usize {
        self.users.len()
    }

    pub(crate) fn users(&self) -> &[u32] {
        &self.users
    }

    /// One value per user; `None` for an unknown name (and for coverage, which users do not have).
    pub fn per_user(&self, metric: &str) -> Option<&[f64]> {
        self.values.get(metric).map(Vec::as_slice)
    }

    /// The mean over users; coverage by its name too. `None` for an unknown name.
    pub fn mean(&self, metric: &str) -> Option<f64> {
        if metric == COVERAGE {
            return Some(self.coverage);
        }
        self.per_user(metric).map(|values| values.iter().sum::<f64>() / values.len() as f64)
    }

    /// The mean with its 95 % interval over users (normal approximation).
    pub fn interval(&self, metric: &str) -> Option<Interval> {
        self.per_user(metric).map(Interval::of_mean)
    }

    /// All means by name, coverage included.
    pub fn metrics(&self) -> BTreeMap<&'static str, f64> {
        let names = METRICS.iter().map(|metric| metric.name).chain([COVERAGE]);
        names.filter_map(|name| self.mean(name).map(|mean| (name, mean))).collect()
    }
}
