//! The way back through the network: from the gradient of every token's vector to that of every parameter.

use faer::Accum;
use faer::Par;
use faer::linalg::matmul::triangular::{BlockStructure, matmul as triangular_matmul};

use super::kernels::{Dropout, add, affine_backward, dot, matrix, matrix_mut};
use super::net::{BlockTrace, Net, Packed, Trace};

/// Gradients and the room that the way back needs.
#[derive(Default)]
pub(super) struct Backward {
    /// Of the parameters in the order of [`super::net::Shape`].
    pub layers: Vec<f32>,
    /// Of every token's item vector.
    pub inputs: Vec<f32>,
    branch: Vec<f32>,
    wide: Vec<f32>,
    narrow: Vec<f32>,
    attention: Vec<f32>,
}

impl Backward {
    /// `output` is the gradient of every token's vector and is overwritten. `packed` and `dropout` are those of the way forward.
    pub(super) fn run(&mut self, net: &Net, packed: &Packed, trace: &Trace, dropout: Option<Dropout>, output: &mut [f32]) {
        let d = net.shape.dimension;
        let drop = |values: &mut [f32], layer: u64| {
            if let Some(dropout) = dropout {
                dropout.apply(values, d, layer, packed.first);
            }
        };
        self.layers.clear();
        self.layers.resize(net.layers.len(), 0.0);
        let mut stream = std::mem::take(&mut self.inputs);
        stream.clear();
        stream.resize(output.len(), 0.0);
        let at = net.shape.last_norm();
        trace.last_norm.backward(output, &net.layers[at.clone()], &mut self.layers[at], &mut stream);
        for (block, trace) in trace.blocks.iter().enumerate().rev() {
            self.branch.clone_from(&stream);
            drop(&mut self.branch, 2 * block as u64 + 2);
            self.feed_forward(net, block, trace, &mut stream);
            self.branch.clone_from(&stream);
            drop(&mut self.branch, 2 * block as u64 + 1);
            self.attention(net, block, packed, trace, &mut stream);
        }
        drop(&mut stream, 0);
        for sequence in packed.sequences() {
            add(&mut self.layers[net.shape.positions()], &stream[sequence.start * d..sequence.end * d]);
        }
        let scale = net.input_scale();
        stream.iter_mut().for_each(|value| *value *= scale);
        self.inputs = stream;
    }

    /// From the gradient of what was added, in `branch`, to that of what went in, added to `stream`.
    fn feed_forward(&mut self, net: &Net, block: usize, trace: &BlockTrace, stream: &mut [f32]) {
        let at = net.shape.block(block);
        let map = net.affine(at.narrow.clone(), net.shape.dimension);
        affine_backward(&self.branch, &trace.widened, map, &mut self.layers[at.narrow], &mut self.wide);
        self.wide.iter_mut().zip(&trace.widened).for_each(|(gradient, value)| *gradient = if *value > 0.0 { *gradient } else { 0.0 });
        let map = net.affine(at.widen.clone(), net.shape.hidden);
        affine_backward(&self.wide, &trace.second_norm.output, map, &mut self.layers[at.widen], &mut self.narrow);
        let parameters = &net.layers[at.second_norm.clone()];
        trace.second_norm.backward(&mut self.narrow, parameters, &mut self.layers[at.second_norm], stream);
    }

    /// The same for attention.
    fn attention(&mut self, net: &Net, block: usize, packed: &Packed, trace: &BlockTrace, stream: &mut [f32]) {
        let (d, at) = (net.shape.dimension, net.shape.block(block));
        let map = net.affine(at.mix.clone(), d);
        affine_backward(&self.branch, &trace.mixed, map, &mut self.layers[at.mix], &mut self.narrow);
        self.wide.resize(trace.triple.len(), 0.0);
        self.attend(net, packed, trace);
        let map = net.affine(at.triple.clone(), 3 * d);
        affine_backward(&self.wide, &trace.first_norm.output, map, &mut self.layers[at.triple], &mut self.narrow);
        let parameters = &net.layers[at.first_norm.clone()];
        trace.first_norm.backward(&mut self.narrow, parameters, &mut self.layers[at.first_norm], stream);
    }

    /// From the gradient of the mixed values, in `narrow`, to that of queries, keys and values, in `wide`.
    fn attend(&mut self, net: &Net, packed: &Packed, trace: &BlockTrace) {
        let (d, width) = (net.shape.dimension, net.shape.dimension / net.shape.heads);
        let (lower, upper, full) = (BlockStructure::TriangularLower, BlockStructure::TriangularUpper, BlockStructure::Rectangular);
        let scale = 1.0 / (width as f32).sqrt();
        let mut rest = &trace.attention[..];
        for sequence in packed.sequences() {
            let n = sequence.len();
            let triple = matrix(&trace.triple[sequence.start * 3 * d..sequence.end * 3 * d], 3 * d);
            let mixed = matrix(&self.narrow[sequence.start * d..sequence.end * d], d);
            self.attention.resize(n * n, 0.0);
            for head in (0..d).step_by(width) {
                let (attention, following) = rest.split_at(n * n);
                rest = following;
                let slopes = &mut self.attention[..n * n];
                let (mixed, values) = (mixed.subcols(head, width), triple.subcols(2 * d + head, width));
                triangular_matmul(matrix_mut(slopes, n), lower, Accum::Replace, mixed, full, values.transpose(), full, 1.0, Par::Seq);
                for ((at, slopes), attention) in slopes.chunks_exact_mut(n).enumerate().zip(attention.chunks_exact(n)) {
                    let (slopes, attention) = (&mut slopes[..=at], &attention[..=at]);
                    let mean = dot(slopes, attention);
                    slopes.iter_mut().zip(attention).for_each(|(slope, share)| *slope = share * (*slope - mean));
                }
                let (slopes, attention) = (matrix(slopes, n), matrix(attention, n));
                let mut target = matrix_mut(&mut self.wide[sequence.start * 3 * d..sequence.end * 3 * d], 3 * d);
                let mut write = |column: usize, left, structure, right, scale| {
                    let target = target.as_mut().subcols_mut(column + head, width);
                    triangular_matmul(target, full, Accum::Replace, left, structure, right, full, scale, Par::Seq);
                };
                write(0, slopes, lower, triple.subcols(d + head, width), scale);
                write(d, slopes.transpose(), upper, triple.subcols(head, width), scale);
                write(2 * d, attention.transpose(), upper, mixed, 1.0);
            }
        }
    }
}
