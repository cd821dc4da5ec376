//! What happened together, counted sparsely: the part that `similar` and `rules` share.
//!
//! Rows of the item×item matrix are independent: each is summed by one thread in the order of users and time, in an
//! accumulator as long as the catalogue, cut to its greatest entries and stored. So the bytes do not depend on the number of
//! threads, and memory is the events, one accumulator per thread and the kept entries, never items × items.

#[cfg(test)]
mod tests;

use rayon::prelude::*;

use crate::RecipeError;
use crate::head::{Head, Rows};
use crate::linear::PRIOR;
use crate::progress::Steps;
use crate::sparse_rows::{SparseRows, greatest};

/// Rows between two looks at the cancel flag.
const ROWS_PER_STEP: usize = 1024;
/// Rows that one thread takes at least, so that accumulators are seldom made.
const ROWS_PER_TASK: usize = 32;
/// Every weight that is kept stands above the popularity prior…
const LEAST: f32 = 10.0 * PRIOR;
/// …and none is so great that sums of some thousand of them lose their finiteness.
const MOST: f32 = 1e20;
const SECONDS_PER_DAY: f64 = 86_400.0;

/// Sums of one row, by column.
pub(crate) struct Accumulator {
    cells: Vec<Cell>,
    touched: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Cell {
    sum: f32,
    users: u32,
    /// The user counted last.
    last: u32,
}

const EMPTY: Cell = Cell { sum: 0.0, users: 0, last: 0 };

impl Accumulator {
    fn new(n: usize) -> Self {
        Self { cells: vec![EMPTY; n], touched: Vec::new() }
    }

    /// One user's evidence for a column; users come in order.
    pub(crate) fn add(&mut self, column: u32, user: u32, weight: f32) {
        let cell = &mut self.cells[column as usize];
        cell.sum += weight;
        if cell.users == 0 {
            self.touched.push(column);
        }
        if cell.users == 0 || cell.last != user {
            (cell.users, cell.last) = (cell.users + 1, user);
        }
    }

    /// Columns in order, with what `min_users` users or more add up to; the accumulator is empty afterwards.
    fn drain(&mut self, min_users: u32) -> Vec<(u32, f32)> {
        self.touched.sort_unstable();
        let sums = self.touched.iter().map(|column| (*column, std::mem::replace(&mut self.cells[*column as usize], EMPTY)));
        let sums = sums.filter(|(_, cell)| cell.users >= min_users).map(|(column, cell)| (column, cell.sum)).collect();
        self.touched.clear();
        sums
    }
}

/// What decides which entries are kept.
pub(crate) struct Kept<W> {
    /// How many users must back an entry.
    pub min_users: u32,
    /// How many entries a row keeps.
    pub top: usize,
    /// Final weight of an entry from its row, its column (both in the head) and its sum.
    pub weight: W,
}

/// Number of progress steps that [`rows`] takes.
pub(crate) fn steps(n: usize) -> u64 {
    n.div_ceil(ROWS_PER_STEP) as u64
}

/// All rows: `fill` adds up one of them (without its own column, which is no reason for itself), `kept` thins it out.
pub(crate) fn rows<W: Fn(u32, u32, f32) -> f32 + Sync>(
    head: &Head,
    n_items: usize,
    fill: impl Fn(usize, &mut Accumulator) + Sync,
    kept: &Kept<W>,
    steps: &Steps<'_>,
) -> Result<SparseRows, RecipeError> {
    let n = head.len();
    let finish = |row: usize, accumulator: &mut Accumulator| {
        fill(row, accumulator);
        let sums = accumulator.drain(kept.min_users).into_iter();
        let weights = sums.map(|(column, sum)| (column, (kept.weight)(row as u32, column, sum)));
        greatest(weights.filter(|(_, weight)| *weight > 0.0 && weight.is_finite()).collect(), kept.top)
    };
    let mut all = SparseRows::builder(n_items);
    for first in (0..n).step_by(ROWS_PER_STEP) {
        let block = (first..(first + ROWS_PER_STEP).min(n)).into_par_iter().with_min_len(ROWS_PER_TASK);
        let block: Vec<Vec<(u32, f32)>> = block.map_init(|| Accumulator::new(n), |accumulator, row| finish(row, accumulator)).collect();
        for (row, entries) in (first..).zip(block) {
            all.push(head.items[row], entries.into_iter().map(|(column, weight)| (head.items[column as usize], weight)));
        }
        steps.advance(1)?;
    }
    Ok(all.finish().scaled_between(LEAST, MOST))
}

/// Calls `see` for every place of the item: the user, the place, and the places of that user's row.
pub(crate) fn places(rows: &Rows, item: usize, mut see: impl FnMut(u32, usize, std::ops::Range<usize>)) {
    for &entry in rows.occurrences(item) {
        see(rows.row_of(entry), entry, rows.row_around(entry));
    }
}

/// How heavy an event is, its age taken into account. A pair weighs the product of its two events, so each takes half of the
/// decay: a pair of equally old events counts half after `half_life_days`.
pub(crate) fn faded(weight: f32, timestamp: i64, now: i64, half_life_days: f32) -> f32 {
    if half_life_days.is_infinite() {
        return weight;
    }
    let age = now.saturating_sub(timestamp).max(0) as f64 / SECONDS_PER_DAY;
    (f64::from(weight) * (-0.5 * age / f64::from(half_life_days)).exp2()) as f32
}

/// Users to the power −`exponent`, by index in the head.
pub(crate) fn discounts(head: &Head, popularity: &[f32], exponent: f32) -> Vec<f32> {
    head.items.iter().map(|item| popularity[*item as usize].max(1.0).powf(-exponent)).collect()
}
