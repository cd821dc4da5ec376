//! The recipe against best-sellers on users who took no part in the training.

use std::collections::{BTreeMap, BTreeSet};

use domain::Result;
use evaluate::{Evaluation, NDCG_AT_10, Shares, TestCase, compare, figures, segments};
use rayon::prelude::*;
use recipes::{Interactions, Model};

use crate::report::Judgement;
use crate::selection::recipe_error;
use crate::setting::{Asked, How};

/// Ranks the catalogue for every case; what a user has may be left out of the ranking, but stays to be found, so that both ways
/// can be compared.
pub(crate) fn evaluate(model: &dyn Model, cases: &[TestCase], how: How) -> Result<Evaluation> {
    evaluate::evaluate(&Asked(model, how), cases, false).map_err(recipe_error)
}

/// The mean by which candidates are chosen.
pub(crate) fn ndcg(model: &dyn Model, cases: &[TestCase], how: How) -> Result<f64> {
    Ok(evaluate(model, cases, how)?.mean(NDCG_AT_10).unwrap_or(0.0))
}

/// Model and baseline, fitted on `train`, on the same cases.
pub(crate) fn judge(fits: (&dyn Model, &dyn Model), train: &Interactions, cases: &[TestCase], how: How, seed: u64) -> Result<Judgement> {
    let shares = Shares::of(train);
    let ours = evaluate(fits.0, cases, how)?.with_popularity(&shares);
    let theirs = evaluate(fits.1, cases, how)?.with_popularity(&shares);
    let figures = figures(&ours, &theirs, seed).map_err(recipe_error)?;
    Ok(Judgement {
        users: ours.n_users(),
        metrics: named(&ours),
        baseline: named(&theirs),
        difference: compare(&ours, &theirs, NDCG_AT_10, seed).map_err(recipe_error)?.into(),
        figures: figures.into_iter().map(|(name, figure)| (name.to_owned(), figure)).collect(),
        segments: segments(&ours, &theirs, &shares, seed).map_err(recipe_error)?,
    })
}

/// All means of an evaluation.
pub(crate) fn named(evaluation: &Evaluation) -> BTreeMap<String, f64> {
    evaluation.metrics().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// At most `limit` cases, spread evenly over the users.
pub(crate) fn thin(cases: Vec<TestCase>, limit: usize) -> Vec<TestCase> {
    let found = cases.len();
    if found <= limit {
        return cases;
    }
    let keep = |at: usize| (at + 1) * limit / found > at * limit / found;
    cases.into_iter().enumerate().filter(|(at, _)| keep(*at)).map(|(_, case)| case).collect()
}

/// Share of what is to be found that the user already had.
pub(crate) fn repeat_share(cases: &[TestCase]) -> f64 {
    let (mut repeats, mut all) = (0_usize, 0_usize);
    for case in cases {
        let seen: BTreeSet<u32> = case.history.iter().map(|event| event.item).collect();
        repeats += case.truth.iter().filter(|item| seen.contains(item)).count();
        all += case.truth.len();
    }
    repeats as f64 / all.max(1) as f64
}

/// The scale that makes held-out events most likely under a softmax of scores divided by it (maximum likelihood over a
/// geometric grid; Platt-style scaling with one parameter, Guo et al. 2017, 1706.04599).
pub(crate) fn temperature(model: &dyn Model, cases: &[TestCase], how: How) -> f32 {
    const STEPS: i32 = 22;
    let grid: Vec<f32> = (0..STEPS).map(|step| 2f32.powf(step as f32 / 2.0 - 9.0)).collect();
    let per_case = cases.par_iter().map_init(
        || vec![0.0f32; model.n_items()],
        |scores, case| {
            Asked(model, how).score(&case.history, case.now, scores);
            grid.iter().map(|scale| log_likelihood(scores, &case.truth, *scale)).collect::<Vec<f64>>()
        },
    );
    // Collected before summing: the sum must not depend on the number of threads.
    let per_case: Vec<Vec<f64>> = per_case.collect();
    let total = |at: usize| per_case.iter().map(|case| case[at]).sum::<f64>();
    (0..grid.len()).max_by(|a, b| total(*a).total_cmp(&total(*b))).map_or(1.0, |best| grid[best])
}

/// Mean log-probability of the true items; items whose score is not a number take no part.
fn log_likelihood(scores: &[f32], truth: &[u32], scale: f32) -> f64 {
    let greatest = scores.iter().copied().filter(|score| !score.is_nan()).fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = scores.iter().filter(|score| !score.is_nan()).map(|score| f64::from(((score - greatest) / scale).exp())).sum();
    let known: Vec<f32> = truth.iter().map(|item| scores[*item as usize]).filter(|score| !score.is_nan()).collect();
    let fits: f64 = known.iter().map(|score| f64::from((score - greatest) / scale) - sum.ln()).sum();
    fits / known.len().max(1) as f64
}
