//! The two item×item matrices A and C, filled row by row of the head.
//!
//! Each row is summed by one thread in the order of users and time, so the result does not depend on the number of threads.

use rayon::prelude::*;

use super::{Linear, RecipeError};
use crate::Interactions;
use crate::head::{Head, Rows, sequences, sets};
use crate::progress::Steps;

const ROWS_PER_STEP: usize = 512;

/// Number of progress steps that [`accumulate`] takes.
pub(super) fn steps(n: usize) -> u64 {
    n.div_ceil(ROWS_PER_STEP) as u64
}

pub(super) struct Gram {
    pub n: usize,
    /// n×n, symmetric.
    pub a: Vec<f32>,
    /// n×n by source row and target column; `None` when C = A.
    pub c: Option<Vec<f32>>,
}

pub(super) fn accumulate(interactions: &Interactions, head: &Head, recipe: &Linear, steps: &Steps<'_>) -> Result<Gram, RecipeError> {
    let n = head.len();
    let sequences = sequences(interactions, head, recipe.max_history, |event| event.weight);
    let sets = sets(&sequences, n);
    let kernel = Kernel::new(recipe.window, recipe.tau_train);
    let alpha = recipe.alpha;
    let ordered = alpha < 1.0;
    let mut a = vec![0.0f32; n * n];
    let mut c = vec![0.0f32; if ordered { n * n } else { 0 }];
    let mut first = 0;
    while first < n {
        let end = (first + ROWS_PER_STEP).min(n);
        let a_rows = a[first * n..end * n].par_chunks_mut(n);
        if ordered {
            let c_rows = c[first * n..end * n].par_chunks_mut(n);
            a_rows.zip(c_rows).enumerate().for_each(|(at, (a_row, c_row))| {
                add_together(a_row, first + at, &sets, alpha);
                c_row.copy_from_slice(a_row);
                add_in_order(a_row, c_row, first + at, &sequences, &kernel, 1.0 - alpha);
            });
        } else {
            a_rows.enumerate().for_each(|(at, a_row)| add_together(a_row, first + at, &sets, alpha));
        }
        steps.advance(1)?;
        first = end;
    }
    Ok(Gram { n, a, c: ordered.then_some(c) })
}

/// Adds `scale` · (XᵀX)_item to the row.
fn add_together(row: &mut [f32], item: usize, sets: &Rows, scale: f32) {
    if scale == 0.0 {
        return;
    }
    for &entry in sets.occurrences(item) {
        let user = sets.row_around(entry);
        let weight = scale * sets.weights[entry];
        for (other, other_weight) in sets.items[user.clone()].iter().zip(&sets.weights[user]) {
            row[*other as usize] += weight * other_weight;
        }
    }
}

/// Adds `scale` · (SᵀS)_item to `a_row` and `scale` · (SᵀT)_item to `c_row`.
fn add_in_order(a_row: &mut [f32], c_row: &mut [f32], item: usize, sequences: &Rows, kernel: &Kernel, scale: f32) {
    let window = kernel.window;
    for &entry in sequences.occurrences(item) {
        let user = sequences.row_around(entry);
        let weight = scale * sequences.weights[entry];
        for target in entry + 1..(entry + window + 1).min(user.end) {
            c_row[sequences.items[target] as usize] += weight * kernel.lag[target - entry - 1] * sequences.weights[target];
        }
        let nearest = entry.saturating_sub(window - 1).max(user.start);
        for other in nearest..(entry + window).min(user.end) {
            let (distance, targets) = (entry.abs_diff(other), user.end - 1 - entry.max(other));
            a_row[sequences.items[other] as usize] += weight * kernel.pair(distance, targets) * sequences.weights[other];
        }
    }
}

/// Decay of a step's influence over the next `window` steps.
struct Kernel {
    window: usize,
    /// exp(−lag/τ) for a target `lag + 1` steps later.
    lag: Vec<f32>,
    pairs: Vec<f32>,
}

impl Kernel {
    fn new(window: usize, tau: f32) -> Self {
        let decay = |steps: usize| (-(steps as f64) / f64::from(tau)).exp();
        let lag = (0..window).map(|steps| decay(steps) as f32).collect();
        let mut pairs = vec![0.0f32; window * (window + 1)];
        for distance in 0..window {
            let mut sum = 0.0f64;
            for targets in 1..=window - distance {
                sum += decay(distance + 2 * (targets - 1));
                pairs[distance * (window + 1) + targets] = sum as f32;
            }
        }
        Self { window, lag, pairs }
    }

    /// Σ over the targets that see both of two steps `distance` apart of the product of their decays, when `targets` steps
    /// follow the later one. The sum over targets is known beforehand, so a pair costs one look-up.
    fn pair(&self, distance: usize, targets: usize) -> f32 {
        self.pairs[distance * (self.window + 1) + targets.min(self.window - distance)]
    }
}
