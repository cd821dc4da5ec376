//! One half-step: the vectors of one side while those of the other stand still.
//!
//! Every vector is solved by one thread with a fixed order of sums, so the result does not depend on the number of threads.
//! A thread needs block·(block + pairs per panel) floats, and one per pair of the row at hand.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{BlockStructure, matmul as triangular_matmul};
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::rows::{Row, Rows};
use crate::RecipeError;
use crate::progress::Steps;

/// Vectors between two looks at the cancel flag.
const ROWS_PER_STEP: usize = 4096;
/// Vectors that one thread takes at least, since its scratch is made anew for each share.
const ROWS_PER_SHARE: usize = 16;
/// Pairs that are gathered before they are multiplied: they stay in the cache.
const PANEL: usize = 256;
/// Columns of a Gram matrix that one thread sums.
const STRIPE: usize = 32;

/// Number of progress steps of a [`half_step`].
pub(super) fn steps(n: usize) -> u64 {
    n.div_ceil(ROWS_PER_STEP) as u64
}

/// The weights of the three parts of the loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Weights {
    /// α₀
    pub unobserved: f32,
    /// λ
    pub regularization: f32,
    /// ν
    pub nu: f32,
}

/// The side that stands still.
pub(super) struct Fixed<'a> {
    /// Rows of `factors`.
    pub vectors: &'a [f32],
    pub factors: usize,
    /// From [`gram`].
    pub gram: &'a [f32],
    /// How many of its members have events.
    pub rows: usize,
    pub weights: Weights,
}

/// α₀·Σ v·vᵀ, symmetric.
pub(super) fn gram(vectors: &[f32], factors: usize, unobserved: f32) -> Vec<f32> {
    let vectors = MatRef::from_row_major_slice(vectors, vectors.len() / factors, factors);
    let mut gram = vec![0.0; factors * factors];
    gram.par_chunks_mut(STRIPE * factors).enumerate().for_each(|(at, stripe)| {
        let width = stripe.len() / factors;
        let target = MatMut::from_column_major_slice_mut(stripe, factors, width);
        let right = vectors.subcols(at * STRIPE, width);
        matmul(target, Accum::Replace, vectors.transpose(), right, unobserved, Par::Seq);
    });
    gram
}

/// Solves the vectors of all rows, from where they stand.
pub(super) fn half_step(fixed: &Fixed<'_>, rows: &Rows, own: &mut [f32], block: usize, steps: &Steps<'_>) -> Result<(), RecipeError> {
    let d = fixed.factors;
    for (group, vectors) in own.chunks_mut(ROWS_PER_STEP * d).enumerate() {
        let solved = vectors
            .par_chunks_mut(d)
            .enumerate()
            .with_min_len(ROWS_PER_SHARE)
            .map_init(
                || Scratch::new(block),
                |scratch, (at, vector)| fixed.solve(rows.row(group * ROWS_PER_STEP + at), vector, block, scratch),
            )
            .reduce(|| Some(()), Option::and);
        if solved.is_none() {
            let expected = "large enough for every system to be positive definite";
            return Err(RecipeError::invalid("regularization", expected, fixed.weights.regularization));
        }
        steps.advance(1)?;
    }
    Ok(())
}

/// What one thread needs for blocks of up to a given size.
pub(super) struct Scratch {
    matrix: Vec<f32>,
    step: Vec<f32>,
    panel: Vec<f32>,
    /// Current score of each pair of the row.
    scores: Vec<f32>,
    memory: MemBuffer,
}

impl Scratch {
    pub(super) fn new(block: usize) -> Self {
        let memory = MemBuffer::new(llt::factor::cholesky_in_place_scratch::<f32>(block, Par::Seq, Default::default()));
        Self { matrix: vec![0.0; block * block], step: vec![0.0; block], panel: vec![0.0; block * PANEL], scores: Vec::new(), memory }
    }
}

impl<'a> Fixed<'a> {
    /// The vector of one member of the side that stands still.
    pub(super) fn vector(&self, at: u32) -> &'a [f32] {
        &self.vectors[at as usize * self.factors..][..self.factors]
    }

    /// Solves one vector block by block, each block exactly while the other coordinates stand. `None` when a system is not
    /// positive definite in f32.
    pub(super) fn solve(&self, row: Row<'_>, own: &mut [f32], block: usize, scratch: &mut Scratch) -> Option<()> {
        if row.is_empty() {
            own.fill(0.0);
            return Some(());
        }
        let ridge = self.ridge(row);
        scratch.scores.clear();
        scratch.scores.extend(row.others.iter().map(|other| dot(self.vector(*other), own)));
        for first in (0..self.factors).step_by(block) {
            let end = (first + block).min(self.factors);
            for (at, step) in (first..end).zip(&mut scratch.step) {
                *step = dot(&self.gram[at * self.factors..][..self.factors], own) + ridge * own[at];
            }
            self.accumulate(row, ridge, first, end, scratch);
            scratch.solve(end - first)?;
            let step = &scratch.step[..end - first];
            own[first..end].iter_mut().zip(step).for_each(|(own, step)| *own -= step);
            if end < self.factors {
                for (score, other) in scratch.scores.iter_mut().zip(row.others) {
                    *score -= dot(&self.vector(*other)[first..end], step);
                }
            }
        }
        Some(())
    }

    /// (H, Fᵀ·diag(c)·F + α₀·Gram + ridge)⁻¹·`target`: how a change of the right side moves the vector of this row.
    pub(super) fn respond(&self, row: Row<'_>, target: &[f32], scratch: &mut Scratch) -> Option<Vec<f32>> {
        scratch.scores.clear();
        scratch.scores.resize(row.others.len(), 0.0);
        self.accumulate(row, self.ridge(row), 0, self.factors, scratch);
        scratch.step.copy_from_slice(target);
        scratch.solve(self.factors)?;
        Some(scratch.step.clone())
    }

    /// λ·(Σ c + α₀·n)^ν
    fn ridge(&self, row: Row<'_>) -> f32 {
        let seen = row.weights.iter().sum::<f32>() + self.weights.unobserved * self.rows as f32;
        self.weights.regularization * seen.powf(self.weights.nu)
    }

    /// The matrix of a block into `scratch.matrix` (lower half), and Σ c·(score − 1)·v onto `scratch.step`.
    fn accumulate(&self, row: Row<'_>, ridge: f32, first: usize, end: usize, scratch: &mut Scratch) {
        let width = end - first;
        let matrix = &mut scratch.matrix[..width * width];
        for (at, column) in matrix.chunks_mut(width).enumerate() {
            column.copy_from_slice(&self.gram[(first + at) * self.factors..][first..end]);
            column[at] += ridge;
        }
        let step = &mut scratch.step[..width];
        for ((others, weights), scores) in row.others.chunks(PANEL).zip(row.weights.chunks(PANEL)).zip(scratch.scores.chunks(PANEL)) {
            let panel = &mut scratch.panel[..others.len() * width];
            for (at, target) in panel.chunks_mut(width).enumerate() {
                let (root, pull) = (weights[at].sqrt(), weights[at] * (scores[at] - 1.0));
                let source = &self.vector(others[at])[first..end];
                for ((target, step), source) in target.iter_mut().zip(step.iter_mut()).zip(source) {
                    *target = root * source;
                    *step += pull * source;
                }
            }
            let panel = MatRef::from_column_major_slice(panel, width, others.len());
            let matrix = MatMut::from_column_major_slice_mut(matrix, width, width);
            let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
            triangular_matmul(matrix, lower, Accum::Add, panel, full, panel.transpose(), full, 1.0, Par::Seq);
        }
    }
}

impl Scratch {
    /// `step` ← matrix⁻¹·`step`, for a matrix of the given width.
    fn solve(&mut self, width: usize) -> Option<()> {
        let mut matrix = MatMut::from_column_major_slice_mut(&mut self.matrix[..width * width], width, width);
        let stack = MemStack::new(&mut self.memory);
        llt::factor::cholesky_in_place(matrix.as_mut(), Default::default(), Par::Seq, stack, Default::default()).ok()?;
        let step = MatMut::from_column_major_slice_mut(&mut self.step[..width], width, 1);
        llt::solve::solve_in_place(matrix.as_ref(), step, Par::Seq, stack);
        Some(())
    }
}

/// In eight sums at once, which compilers turn into vector instructions.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_lanes, a_rest) = a.as_chunks::<8>();
    let (b_lanes, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0f32; 8];
    for (a, b) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}
