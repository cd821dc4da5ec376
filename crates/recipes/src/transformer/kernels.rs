//! The arithmetic that the layers share. Rows of tokens lie one after another; every sum has a fixed order.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

pub(super) use crate::als::dot;
use crate::random::bits;

/// Added to a variance, so that a row without any can be divided by it.
const LEAST_VARIANCE: f32 = 1e-6;

/// A slice as rows of `columns`.
pub(super) fn matrix(values: &[f32], columns: usize) -> MatRef<'_, f32> {
    MatRef::from_row_major_slice(values, values.len() / columns, columns)
}

/// A slice as rows of `columns`.
pub(super) fn matrix_mut(values: &mut [f32], columns: usize) -> MatMut<'_, f32> {
    let rows = values.len() / columns;
    MatMut::from_row_major_slice_mut(values, rows, columns)
}

/// `out` ← a·b
pub(super) fn product(out: MatMut<'_, f32>, a: MatRef<'_, f32>, b: MatRef<'_, f32>) {
    matmul(out, Accum::Replace, a, b, 1.0, Par::Seq);
}

/// `out` ← `out` + a·b
pub(super) fn add_product(out: MatMut<'_, f32>, a: MatRef<'_, f32>, b: MatRef<'_, f32>) {
    matmul(out, Accum::Add, a, b, 1.0, Par::Seq);
}

/// Weights (rows: inputs) and the bias of a linear map, or their gradients.
#[derive(Clone, Copy)]
pub(super) struct Affine<'a> {
    pub weights: &'a [f32],
    pub bias: &'a [f32],
}

/// `out` ← x·W + b by rows.
pub(super) fn affine(out: &mut Vec<f32>, x: &[f32], map: Affine<'_>) {
    let (to, from) = (map.bias.len(), map.weights.len() / map.bias.len());
    out.clear();
    (0..x.len() / from).for_each(|_| out.extend_from_slice(map.bias));
    add_product(matrix_mut(out, to), matrix(x, from), matrix(map.weights, to));
}

/// The gradients of weights and bias, which are added, and that of the input, which replaces `input`. `gradients` holds the
/// weights first, then the bias.
pub(super) fn affine_backward(output: &[f32], x: &[f32], map: Affine<'_>, gradients: &mut [f32], input: &mut Vec<f32>) {
    let (to, from) = (map.bias.len(), map.weights.len() / map.bias.len());
    let (weights, bias) = gradients.split_at_mut(map.weights.len());
    add_product(matrix_mut(weights, to), matrix(x, from).transpose(), matrix(output, to));
    add_rows(bias, output);
    input.resize(x.len(), 0.0);
    product(matrix_mut(input, from), matrix(output, to), matrix(map.weights, to).transpose());
}

/// `sum` ← `sum` + Σ rows
pub(super) fn add_rows(sum: &mut [f32], rows: &[f32]) {
    for row in rows.chunks_exact(sum.len()) {
        add(sum, row);
    }
}

/// `target` ← `target` + `values`
pub(super) fn add(target: &mut [f32], values: &[f32]) {
    target.iter_mut().zip(values).for_each(|(target, value)| *target += value);
}

/// `target` ← `target` + `factor`·`values`
pub(super) fn add_scaled(target: &mut [f32], factor: f32, values: &[f32]) {
    target.iter_mut().zip(values).for_each(|(target, value)| *target += factor * value);
}

/// Rows brought to mean 0 and variance 1, kept for the way back.
#[derive(Default)]
pub(super) struct Normed {
    rows: Vec<f32>,
    /// 1 / deviation of each row.
    scales: Vec<f32>,
    /// What the layer gives: rows·gain + shift.
    pub output: Vec<f32>,
}

impl Normed {
    /// `parameters` holds the gains first, then the shifts.
    pub(super) fn forward(&mut self, x: &[f32], parameters: &[f32]) {
        let d = parameters.len() / 2;
        let (gain, shift) = parameters.split_at(d);
        self.rows.resize(x.len(), 0.0);
        self.output.resize(x.len(), 0.0);
        self.scales.clear();
        for ((x, row), output) in x.chunks_exact(d).zip(self.rows.chunks_exact_mut(d)).zip(self.output.chunks_exact_mut(d)) {
            let mean = sum(x) / d as f32;
            row.iter_mut().zip(x).for_each(|(row, x)| *row = x - mean);
            let scale = 1.0 / (dot(row, row) / d as f32 + LEAST_VARIANCE).sqrt();
            row.iter_mut().for_each(|row| *row *= scale);
            for (((output, row), gain), shift) in output.iter_mut().zip(row.iter()).zip(gain).zip(shift) {
                *output = row * gain + shift;
            }
            self.scales.push(scale);
        }
    }

    /// Adds the gradients of gains and shifts, and to `stream` that of the input. `output` is overwritten.
    pub(super) fn backward(&self, output: &mut [f32], parameters: &[f32], gradients: &mut [f32], stream: &mut [f32]) {
        let d = parameters.len() / 2;
        let (gain, _) = parameters.split_at(d);
        let (d_gain, d_shift) = gradients.split_at_mut(d);
        let rows = output.chunks_exact_mut(d).zip(self.rows.chunks_exact(d)).zip(&self.scales).zip(stream.chunks_exact_mut(d));
        for (((output, row), scale), stream) in rows {
            for (((output, row), gain), (d_gain, d_shift)) in
                output.iter_mut().zip(row).zip(gain).zip(d_gain.iter_mut().zip(d_shift.iter_mut()))
            {
                *d_gain += *output * row;
                *d_shift += *output;
                *output *= gain;
            }
            let (mean, slope) = (sum(output) / d as f32, dot(output, row) / d as f32);
            for ((stream, output), row) in stream.iter_mut().zip(output.iter()).zip(row) {
                *stream += scale * (output - mean - row * slope);
            }
        }
    }
}

/// In eight sums at once, which compilers turn into vector instructions.
pub(super) fn sum(values: &[f32]) -> f32 {
    let (lanes, rest) = values.as_chunks::<8>();
    let mut sums = [0.0f32; 8];
    for values in lanes {
        for lane in 0..8 {
            sums[lane] += values[lane];
        }
    }
    sums.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

/// Negative infinity for no values.
pub(super) fn greatest(values: &[f32]) -> f32 {
    let greater = |a: f32, b: f32| if b > a { b } else { a };
    let (lanes, rest) = values.as_chunks::<8>();
    let mut best = [f32::NEG_INFINITY; 8];
    for values in lanes {
        for lane in 0..8 {
            best[lane] = greater(best[lane], values[lane]);
        }
    }
    best.into_iter().chain(rest.iter().copied()).fold(f32::NEG_INFINITY, greater)
}

/// e to a power of at most 0, within 3e-7 of its size; 0 below −80. Without branches and without the platform's library, so that
/// it is fast and the same everywhere.
pub(super) fn exp(x: f32) -> f32 {
    /// Adding it rounds to whole numbers, which then stand in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let within = if x > -80.0 { x } else { -80.0 };
    let turns = within * std::f32::consts::LOG2_E + ROUND;
    let whole = turns - ROUND;
    // ln 2 in two parts: the first has so few digits that its product with `whole` is exact.
    let rest = within - whole * 0.693_359_4 + whole * 2.121_944_4e-4;
    let series = 1.0 + rest * (1.0 + rest * (1.0 / 2.0 + rest * (1.0 / 6.0 + rest * (1.0 / 24.0 + rest * (1.0 / 120.0 + rest / 720.0)))));
    let power = series * f32::from_bits((turns.to_bits() << 23).wrapping_add(0x3F80_0000));
    if x > -80.0 { power } else { 0.0 }
}

/// `values` ← e^(values − greatest); gives their sum.
pub(super) fn exponentials(values: &mut [f32], greatest: f32) -> f32 {
    values.iter_mut().for_each(|value| *value = exp(*value - greatest));
    sum(values)
}

/// Which values are dropped, decided by key and place alone: the way back meets the same ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Dropout {
    pub rate: f32,
    pub key: u64,
}

impl Dropout {
    /// Drops values of rows of `columns` and scales up what stays. `layer` tells the uses of one key apart; the first row is that of
    /// the token `first` of the batch.
    pub(super) fn apply(self, values: &mut [f32], columns: usize, layer: u64, first: usize) {
        if self.rate == 0.0 {
            return;
        }
        let (key, limit, scale) = (bits(self.key, layer), (self.rate * 65_536.0) as u64, 1.0 / (1.0 - self.rate));
        for (row, token) in values.chunks_exact_mut(columns).zip(first..) {
            for (values, place) in row.chunks_mut(4).zip((token * columns.div_ceil(4)) as u64..) {
                let drawn = bits(key, place);
                for (lane, value) in values.iter_mut().enumerate() {
                    *value *= if (drawn >> (16 * lane)) & 0xFFFF < limit { 0.0 } else { scale };
                }
            }
        }
    }
}
