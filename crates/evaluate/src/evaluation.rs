//! Judges a model on test cases: the whole catalogue is ranked for each user, nothing is sampled.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use recipes::{Model, RecipeError, top_k};

use crate::TestCase;
use crate::metrics::{COVERAGE, LISTED, LONGEST, METRICS, NOVELTY, POPULARITY_BIAS};
use crate::segment::Shares;
use crate::significance::{Interval, intervals};

/// A model's figures, kept per user so that intervals, paired comparisons and segments are possible without ranking again.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The users that were judged, in the order of the cases.
    lists: Vec<Judged>,
    /// By metric name, in the order of `lists`.
    values: BTreeMap<&'static str, Vec<f64>>,
    coverage: f64,
    n_items: usize,
}

/// What one user was shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    pub user: u32,
    /// Number of events that were known.
    pub known: usize,
    /// The different items to be found, ascending; at least one.
    truth: Vec<u32>,
    /// Best first, at most [`LONGEST`].
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
    Ok(Evaluation::of(judged, model.n_items()))
}

fn judge(model: &dyn Model, case: &TestCase, exclude_seen: bool, scores: &mut [f32]) -> Option<Judged> {
    let seen: BTreeSet<u32> = if exclude_seen { case.history.iter().map(|event| event.item).collect() } else { BTreeSet::new() };
    let truth: BTreeSet<u32> = case.truth.iter().copied().filter(|item| !seen.contains(item)).collect();
    if truth.is_empty() {
        return None;
    }
    model.score(&case.history, case.now, scores);
    let shown: Vec<u32> = top_k(scores, LONGEST, |item| seen.contains(&item)).iter().map(|best| best.item).collect();
    Some(Judged { user: case.user, known: case.history.len(), truth: truth.into_iter().collect(), shown })
}

impl Judged {
    fn values(&self) -> [f64; METRICS.len()] {
        let hits: Vec<bool> = self.shown.iter().map(|item| self.truth.binary_search(item).is_ok()).collect();
        METRICS.map(|metric| metric.value(&hits, self.truth.len()))
    }
}

impl Evaluation {
    fn of(lists: Vec<Judged>, n_items: usize) -> Self {
        let shown: BTreeSet<u32> = lists.iter().flat_map(|one| one.shown.iter().copied()).collect();
        let by_user: Vec<[f64; METRICS.len()]> = lists.iter().map(Judged::values).collect();
        let of = |at: usize| by_user.iter().map(|values| values[at]).collect();
        let values = METRICS.iter().enumerate().map(|(at, metric)| (metric.name, of(at))).collect();
        Self { values, coverage: shown.len() as f64 / n_items.max(1) as f64, n_items, lists }
    }

    /// Adds how popular the first ten of every list were in the training part: [`NOVELTY`] and [`POPULARITY_BIAS`].
    #[must_use]
    pub fn with_popularity(mut self, shares: &Shares) -> Self {
        let over = |of: &dyn Fn(u32) -> f64| -> Vec<f64> {
            let mean = |one: &Judged| {
                let listed = one.shown.len().min(LISTED);
                one.shown.iter().take(LISTED).map(|item| of(*item)).sum::<f64>() / listed.max(1) as f64
            };
            self.lists.iter().map(mean).collect()
        };
        let added = [(NOVELTY, over(&|item| shares.surprise(item))), (POPULARITY_BIAS, over(&|item| shares.percentile(item)))];
        self.values.extend(added);
        self
    }

    /// The same lists, of some users and with only some of the items to be found; `None` when nothing is left.
    pub(crate) fn within(&self, users: impl Fn(&Judged) -> bool, items: impl Fn(u32) -> bool) -> Option<Self> {
        let part = self.lists.iter().filter(|one| users(one)).filter_map(|one| {
            let truth: Vec<u32> = one.truth.iter().copied().filter(|item| items(*item)).collect();
            (!truth.is_empty()).then(|| Judged { truth, ..one.clone() })
        });
        let part: Vec<Judged> = part.collect();
        (!part.is_empty()).then(|| Self::of(part, self.n_items))
    }

    pub(crate) fn lists(&self) -> &[Judged] {
        &self.lists
    }

    /// Number of users judged.
    pub fn n_users(&self) -> usize {
        self.lists.len()
    }

    pub(crate) fn same_users(&self, other: &Self) -> bool {
        self.lists.iter().map(|one| one.user).eq(other.lists.iter().map(|one| one.user))
    }

    /// The names of all figures that users have.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.values.keys().copied()
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

    /// The mean with its 95 % interval (bootstrap over users).
    pub fn interval(&self, metric: &str, seed: u64) -> Option<Interval> {
        intervals(&[self.per_user(metric)?], seed).pop()
    }

    /// All means by name, coverage included.
    pub fn metrics(&self) -> BTreeMap<&'static str, f64> {
        self.names().chain([COVERAGE]).filter_map(|name| self.mean(name).map(|mean| (name, mean))).collect()
    }
}
