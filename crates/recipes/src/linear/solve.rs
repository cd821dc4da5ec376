//! B from A and C: a blocked Cholesky inverse and one product, f32, in tiles.
//!
//! Every tile is computed by one thread with a fixed order of sums, so the result does not depend on the number of threads.
//! Matrices are n×n slices; A, P are symmetric, so row-major and column-major are the same once both halves are filled.

use faer::linalg::matmul::triangular::{BlockStructure, matmul as triangular_matmul};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::gram::Gram;
use crate::RecipeError;
use crate::head::Head;
use crate::progress::Steps;
use crate::sparse_rows::{SparseRows, greatest};

/// Side of a tile.
const TILE: usize = 256;
/// Tiles between two looks at the cancel flag, where tiles are independent.
const TILES_PER_STEP: usize = 16;
/// Rows of B that one thread holds at a time.
const PANEL: usize = 256;
const PANELS_PER_STEP: usize = 8;

/// Number of progress steps of [`solve`] and [`Solution::top_rows`] together.
pub(super) fn steps(n: usize) -> u64 {
    (n.div_ceil(TILE) + 2 * n.div_ceil(TILE * TILES_PER_STEP) + n.div_ceil(PANEL * PANELS_PER_STEP)) as u64
}

/// B in the form P·C − P·diag(m), or I − P·diag(m) when C = A.
pub(super) struct Solution {
    n: usize,
    /// (A + Λ)⁻¹, n×n, symmetric.
    inverse: Vec<f32>,
    targets: Option<Vec<f32>>,
    multipliers: Vec<f32>,
}

/// Λ = λ·I + p/(1−p)·diag(A); ξ caps the diagonal of B (0: it is exactly zero).
pub(super) fn solve(gram: Gram, lambda: f32, p: f32, xi: f32, steps: &Steps<'_>) -> Result<Solution, RecipeError> {
    let Gram { n, mut a, c } = gram;
    let ridge: Vec<f32> = (0..n).map(|j| lambda + p / (1.0 - p) * a[j * n + j]).collect();
    for (j, value) in ridge.iter().enumerate() {
        a[j * n + j] += value;
    }
    factorise(&mut a, n, lambda, steps)?;
    let factor_inverse = invert_factor(&a, n, steps)?;
    inverse_from(&mut a, &factor_inverse, n, steps)?;
    drop(factor_inverse);
    mirror(&mut a, n);
    let multipliers = match &c {
        // P·A = I − P·Λ, so no product is needed: (PC)_jj = 1 − Λ_j·P_jj.
        None => (0..n).map(|j| ridge[j] + cap(1.0 - ridge[j] * a[j * n + j], xi) / a[j * n + j]).collect(),
        Some(c) => diagonal_of_product(&a, c, n).iter().enumerate().map(|(j, d)| cap(*d, xi) / a[j * n + j]).collect(),
    };
    Ok(Solution { n, inverse: a, targets: c, multipliers })
}

/// How much of a diagonal value has to go.
fn cap(value: f32, xi: f32) -> f32 {
    if xi == 0.0 { value } else { (value - xi).max(0.0) }
}

/// A ← L with A = L·Lᵀ, in the lower half by columns; right-looking, one column of tiles per step.
fn factorise(a: &mut [f32], n: usize, lambda: f32, steps: &Steps<'_>) -> Result<(), RecipeError> {
    for first in (0..n).step_by(TILE) {
        let end = (first + TILE).min(n);
        let (done, rest) = a.split_at_mut(end * n);
        let column = MatMut::from_column_major_slice_mut(&mut done[first * n..], n, end - first);
        let (mut diagonal, below) = column.subrows_mut(first, n - first).split_at_row_mut(end - first);
        let factor = diagonal
            .as_ref()
            .llt(faer::Side::Lower)
            .map_err(|_| RecipeError::invalid("lambda", "large enough for the matrix to be positive definite", lambda))?;
        diagonal.copy_from(factor.L());
        let factor: Mat<f32> = factor.L().to_owned();
        below.par_row_chunks_mut(TILE).for_each(|tile| solve_lower_triangular_in_place(factor.as_ref(), tile.transpose_mut(), Par::Seq));
        let column = MatRef::from_column_major_slice(&done[first * n..], n, end - first);
        rest.par_chunks_mut(TILE * n).enumerate().for_each(|(at, tiles)| {
            let (top, width) = (end + at * TILE, tiles.len() / n);
            let target = MatMut::from_column_major_slice_mut(tiles, n, width).subrows_mut(top, n - top);
            let (left, right) = (column.subrows(top, n - top), column.subrows(top, width).transpose());
            faer::linalg::matmul::matmul(target, Accum::Add, left, right, -1.0, Par::Seq);
        });
        steps.advance(1)?;
    }
    Ok(())
}

/// L⁻¹ by columns; the upper half is zero.
fn invert_factor(factor: &[f32], n: usize, steps: &Steps<'_>) -> Result<Vec<f32>, RecipeError> {
    let factor = MatRef::from_column_major_slice(factor, n, n);
    let mut inverse = vec![0.0f32; n * n];
    for (group, columns) in inverse.chunks_mut(TILE * TILES_PER_STEP * n).enumerate() {
        columns.par_chunks_mut(TILE * n).enumerate().for_each(|(at, tiles)| {
            let (top, width) = ((group * TILES_PER_STEP + at) * TILE, tiles.len() / n);
            let mut target = MatMut::from_column_major_slice_mut(tiles, n, width).subrows_mut(top, n - top);
            (0..width).for_each(|j| target[(j, j)] = 1.0);
            solve_lower_triangular_in_place(factor.submatrix(top, top, n - top, n - top), target, Par::Seq);
        });
        steps.advance(1)?;
    }
    Ok(inverse)
}

/// P = L⁻ᵀ·L⁻¹ into the lower half by columns.
fn inverse_from(p: &mut [f32], factor_inverse: &[f32], n: usize, steps: &Steps<'_>) -> Result<(), RecipeError> {
    let factor_inverse = MatRef::from_column_major_slice(factor_inverse, n, n);
    for (group, columns) in p.chunks_mut(TILE * TILES_PER_STEP * n).enumerate() {
        columns.par_chunks_mut(TILE * n).enumerate().for_each(|(at, tiles)| {
            let (top, width) = ((group * TILES_PER_STEP + at) * TILE, tiles.len() / n);
            let target = MatMut::from_column_major_slice_mut(tiles, n, width).subrows_mut(top, n - top);
            let left = factor_inverse.submatrix(top, top, n - top, n - top).transpose();
            let right = factor_inverse.submatrix(top, top, n - top, width);
            let (upper, full) = (BlockStructure::TriangularUpper, BlockStructure::Rectangular);
            triangular_matmul(target, full, Accum::Replace, left, upper, right, full, 1.0, Par::Seq);
        });
        steps.advance(1)?;
    }
    Ok(())
}

/// Copies the lower half by columns into the upper one, in blocks that stay in the cache.
fn mirror(matrix: &mut [f32], n: usize) {
    const BLOCK: usize = 64;
    for first in (0..n).step_by(BLOCK) {
        for top in (first..n).step_by(BLOCK) {
            for column in first..(first + BLOCK).min(n) {
                for row in top.max(column + 1)..(top + BLOCK).min(n) {
                    matrix[row * n + column] = matrix[column * n + row];
                }
            }
        }
    }
}

/// diag(P·C), using that P is symmetric: (PC)_jj = Σ_i P_ij·C_ij.
fn diagonal_of_product(p: &[f32], c: &[f32], n: usize) -> Vec<f32> {
    let blocks: Vec<usize> = (0..n).step_by(TILE).collect();
    let sums = blocks.par_iter().flat_map_iter(|&first| {
        let end = (first + TILE).min(n);
        let mut sums = vec![0.0f64; end - first];
        for row in (0..n).map(|i| i * n) {
            for (j, sum) in (first..end).zip(&mut sums) {
                *sum += f64::from(p[row + j]) * f64::from(c[row + j]);
            }
        }
        sums.into_iter().map(|sum| sum as f32)
    });
    sums.collect()
}

impl Solution {
    /// Fills `out` with the rows of B from `first` on, diagonal included; `out` holds whole rows of length n.
    pub(super) fn fill_rows(&self, first: usize, out: &mut [f32]) {
        let n = self.n;
        let rows = out.len() / n;
        let inverse = &self.inverse[first * n..(first + rows) * n];
        match &self.targets {
            Some(targets) => {
                let left = MatRef::from_row_major_slice(inverse, rows, n);
                let right = MatRef::from_row_major_slice(targets, n, n);
                let target = MatMut::from_row_major_slice_mut(out, rows, n);
                faer::linalg::matmul::matmul(target, Accum::Replace, left, right, 1.0f32, Par::Seq);
            }
            None => {
                out.fill(0.0);
                (0..rows).for_each(|at| out[at * n + first + at] = 1.0);
            }
        }
        for (row, inverse) in out.chunks_mut(n).zip(inverse.chunks(n)) {
            for ((value, inverse), multiplier) in row.iter_mut().zip(inverse).zip(&self.multipliers) {
                *value -= inverse * multiplier;
            }
        }
    }

    /// The `keep` greatest weights of each row by size, without the diagonal: what a user had is not a reason for itself.
    pub(super) fn top_rows(&self, head: &Head, keep: usize, n_items: usize, steps: &Steps<'_>) -> Result<SparseRows, RecipeError> {
        let n = self.n;
        let mut rows = SparseRows::builder(n_items);
        let panels: Vec<usize> = (0..n).step_by(PANEL).collect();
        for group in panels.chunks(PANELS_PER_STEP) {
            let selected: Vec<Vec<Vec<(u32, f32)>>> = group
                .par_iter()
                .map(|&first| {
                    let mut panel = vec![0.0f32; PANEL.min(n - first) * n];
                    self.fill_rows(first, &mut panel);
                    panel.chunks(n).enumerate().map(|(at, row)| greatest(beside(row, first + at), keep)).collect()
                })
                .collect();
            for (at, row) in (group[0]..).zip(selected.into_iter().flatten()) {
                rows.push(head.items[at], row.into_iter().map(|(column, weight)| (head.items[column as usize], weight)));
            }
            steps.advance(1)?;
        }
        Ok(rows.finish())
    }
}

/// What a row holds beside its diagonal.
fn beside(row: &[f32], diagonal: usize) -> Vec<(u32, f32)> {
    let entries = row.iter().enumerate().filter(|(column, weight)| *column != diagonal && **weight != 0.0);
    entries.map(|(column, weight)| (column as u32, *weight)).collect()
}
