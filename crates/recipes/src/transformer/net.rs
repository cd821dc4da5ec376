//! The network and its way forward: pre-norm blocks of causal attention and a feed-forward layer over packed sequences.
//!
//! Takes sequences of item indices, one after another without padding; gives a vector per token, whose product with an item's
//! vector (plus the item's bias) is the score of that item as the next step. Keeps what the way back needs.

use std::ops::Range;

use faer::Accum;
use faer::Par;
use faer::linalg::matmul::triangular::{BlockStructure, matmul as triangular_matmul};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::kernels::{Affine, Dropout, Normed, add, add_product, affine, exponentials, greatest, matrix, matrix_mut};
use crate::random::{bits, normal};

/// Deviation of the random start of vectors, and of weights whose output is added to the stream: small, so that the stream
/// begins as the items themselves.
const SMALL: f32 = 0.02;

/// Parameters that one thread averages at a time.
const VALUES_PER_SHARE: usize = 16_384;

/// The sizes of a network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Shape {
    pub dimension: usize,
    pub heads: usize,
    pub blocks: usize,
    pub hidden: usize,
    pub length: usize,
}

/// Where the parameters of one block lie. Weights are followed by their bias, gains by their shifts.
pub(super) struct BlockAt {
    pub first_norm: Range<usize>,
    /// Queries, keys and values side by side.
    pub triple: Range<usize>,
    pub mix: Range<usize>,
    pub second_norm: Range<usize>,
    pub widen: Range<usize>,
    pub narrow: Range<usize>,
}

impl Shape {
    /// Whether such a network can be: sizes above 0 and within what memory could hold, the dimension divided evenly.
    pub(super) fn is_sound(&self) -> bool {
        let sizes = [self.dimension, self.heads, self.blocks, self.hidden, self.length];
        sizes.iter().all(|size| (1..=1 << 17).contains(size)) && self.blocks <= 1 << 10 && self.dimension.is_multiple_of(self.heads)
    }

    fn block_len(&self) -> usize {
        let (d, f) = (self.dimension, self.hidden);
        2 * d + (d + 1) * 3 * d + (d + 1) * d + 2 * d + (d + 1) * f + (f + 1) * d
    }

    /// Number of parameters beside those of the items.
    pub(super) fn len(&self) -> usize {
        self.length * self.dimension + self.blocks * self.block_len() + 2 * self.dimension
    }

    pub(super) fn positions(&self) -> Range<usize> {
        0..self.length * self.dimension
    }

    pub(super) fn block(&self, block: usize) -> BlockAt {
        let (d, f) = (self.dimension, self.hidden);
        let mut at = self.length * d + block * self.block_len();
        let mut next = |len: usize| {
            at += len;
            at - len..at
        };
        BlockAt {
            first_norm: next(2 * d),
            triple: next((d + 1) * 3 * d),
            mix: next((d + 1) * d),
            second_norm: next(2 * d),
            widen: next((d + 1) * f),
            narrow: next((f + 1) * d),
        }
    }

    pub(super) fn last_norm(&self) -> Range<usize> {
        self.len() - 2 * self.dimension..self.len()
    }
}

/// All that is learnt.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Net {
    pub shape: Shape,
    /// Vectors by item, rows of `dimension`: what goes in and what comes out.
    pub items: Vec<f32>,
    /// What is added to each item's score.
    pub bias: Vec<f32>,
    /// The other parameters, in the order of [`Shape`].
    pub layers: Vec<f32>,
}

impl Net {
    /// A random start, with the given biases.
    pub(super) fn random(shape: Shape, bias: Vec<f32>, seed: u64) -> Self {
        let (d, f) = (shape.dimension, shape.hidden);
        let fill = |values: &mut [f32], seed: u64, deviation: f32| {
            values.iter_mut().zip(0..).for_each(|(value, place)| *value = deviation * normal(seed, place));
        };
        let mut items = vec![0.0; bias.len() * d];
        fill(&mut items, bits(seed, 0), SMALL);
        let mut layers = vec![0.0; shape.len()];
        fill(&mut layers[shape.positions()], bits(seed, 1), SMALL);
        let even = 1.0 / (d as f32).sqrt();
        for block in 0..shape.blocks {
            let at = shape.block(block);
            let key = |layer: u64| bits(seed, 4 * block as u64 + layer + 2);
            fill(&mut layers[at.triple][..3 * d * d], key(0), even);
            fill(&mut layers[at.mix][..d * d], key(1), SMALL);
            fill(&mut layers[at.widen][..d * f], key(2), even);
            fill(&mut layers[at.narrow][..d * f], key(3), SMALL);
            layers[at.first_norm][..d].fill(1.0);
            layers[at.second_norm][..d].fill(1.0);
        }
        layers[shape.last_norm()][..d].fill(1.0);
        Self { shape, items, bias, layers }
    }

    /// Moves towards `other` by a part of `steps`: the mean of what it approached, the oldest forgotten first.
    pub(super) fn approach(&mut self, other: &Self, steps: f32) {
        for (own, other) in [(&mut self.items, &other.items), (&mut self.bias, &other.bias), (&mut self.layers, &other.layers)] {
            let parts = own.par_chunks_mut(VALUES_PER_SHARE).zip(other.par_chunks(VALUES_PER_SHARE));
            parts.for_each(|(own, other)| own.iter_mut().zip(other).for_each(|(own, other)| *own += (other - *own) / steps));
        }
    }

    pub(super) fn vector(&self, item: u32) -> &[f32] {
        &self.items[item as usize * self.shape.dimension..][..self.shape.dimension]
    }

    /// A linear map to `to` outputs.
    pub(super) fn affine(&self, at: Range<usize>, to: usize) -> Affine<'_> {
        let (weights, bias) = self.layers[at.clone()].split_at(at.len() - to);
        Affine { weights, bias }
    }

    /// Every item's score as the step after a token with this vector.
    pub(super) fn score(&self, token: &[f32], scores: &mut [f32]) {
        scores.copy_from_slice(&self.bias);
        add_product(matrix_mut(scores, 1), matrix(&self.items, self.shape.dimension), matrix(token, 1));
    }

    /// Scales an item's vector on its way in, so that it does not drown in what the blocks add.
    pub(super) fn input_scale(&self) -> f32 {
        (self.shape.dimension as f32).sqrt()
    }
}

/// Sequences one after another.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Packed {
    pub inputs: Vec<u32>,
    /// Where each sequence begins, and the end.
    pub bounds: Vec<usize>,
    /// Place of the first token in the whole batch, which decides what is dropped.
    pub first: usize,
}

impl Packed {
    pub(super) fn one(inputs: Vec<u32>) -> Self {
        Self { bounds: vec![0, inputs.len()], inputs, first: 0 }
    }

    pub(super) fn sequences(&self) -> impl Iterator<Item = Range<usize>> {
        self.bounds.windows(2).map(|bounds| bounds[0]..bounds[1])
    }
}

/// What one block leaves for the way back.
#[derive(Default)]
pub(super) struct BlockTrace {
    pub first_norm: Normed,
    pub triple: Vec<f32>,
    /// Attention by sequence and head, each square and lower triangular.
    pub attention: Vec<f32>,
    pub mixed: Vec<f32>,
    pub second_norm: Normed,
    /// After the kink at 0.
    pub widened: Vec<f32>,
}

/// What the way forward leaves.
#[derive(Default)]
pub(super) struct Trace {
    stream: Vec<f32>,
    added: Vec<f32>,
    pub blocks: Vec<BlockTrace>,
    pub last_norm: Normed,
}

impl Trace {
    /// A vector per token.
    pub(super) fn output(&self) -> &[f32] {
        &self.last_norm.output
    }

    /// The vector of a sequence's last token.
    pub(super) fn last(&self, net: &Net, sequence: Range<usize>) -> &[f32] {
        let d = net.shape.dimension;
        &self.output()[(sequence.end - 1) * d..sequence.end * d]
    }

    /// Runs the network; sequences are at most `length` long.
    pub(super) fn forward(&mut self, net: &Net, packed: &Packed, dropout: Option<Dropout>) {
        let d = net.shape.dimension;
        let drop = |values: &mut [f32], layer: u64| {
            if let Some(dropout) = dropout {
                dropout.apply(values, d, layer, packed.first);
            }
        };
        self.embed(net, packed);
        drop(&mut self.stream, 0);
        self.blocks.resize_with(net.shape.blocks, BlockTrace::default);
        for (block, trace) in self.blocks.iter_mut().enumerate() {
            let at = net.shape.block(block);
            trace.first_norm.forward(&self.stream, &net.layers[at.first_norm]);
            affine(&mut trace.triple, &trace.first_norm.output, net.affine(at.triple, 3 * d));
            trace.attend(&net.shape, packed);
            affine(&mut self.added, &trace.mixed, net.affine(at.mix, d));
            drop(&mut self.added, 2 * block as u64 + 1);
            add(&mut self.stream, &self.added);
            trace.second_norm.forward(&self.stream, &net.layers[at.second_norm]);
            affine(&mut trace.widened, &trace.second_norm.output, net.affine(at.widen, net.shape.hidden));
            trace.widened.iter_mut().for_each(|value| *value = if *value > 0.0 { *value } else { 0.0 });
            affine(&mut self.added, &trace.widened, net.affine(at.narrow, d));
            drop(&mut self.added, 2 * block as u64 + 2);
            add(&mut self.stream, &self.added);
        }
        self.last_norm.forward(&self.stream, &net.layers[net.shape.last_norm()]);
    }

    /// The items' vectors and those of their places in the sequence.
    fn embed(&mut self, net: &Net, packed: &Packed) {
        let (d, scale) = (net.shape.dimension, net.input_scale());
        self.stream.clear();
        for sequence in packed.sequences() {
            for (item, place) in packed.inputs[sequence].iter().zip(net.layers[net.shape.positions()].chunks_exact(d)) {
                self.stream.extend(net.vector(*item).iter().zip(place).map(|(vector, place)| scale * vector + place));
            }
        }
    }
}

impl BlockTrace {
    /// Each token's values of itself and the tokens before it, mixed as its query and their keys say.
    fn attend(&mut self, shape: &Shape, packed: &Packed) {
        let (d, width) = (shape.dimension, shape.dimension / shape.heads);
        let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
        let len = packed.sequences().map(|sequence| shape.heads * sequence.len() * sequence.len()).sum();
        self.attention.resize(len, 0.0);
        self.mixed.resize(packed.inputs.len() * d, 0.0);
        let mut rest = &mut self.attention[..];
        for sequence in packed.sequences().filter(|sequence| !sequence.is_empty()) {
            let n = sequence.len();
            let triple = matrix(&self.triple[sequence.start * 3 * d..sequence.end * 3 * d], 3 * d);
            for head in (0..d).step_by(width) {
                let (attention, following) = rest.split_at_mut(n * n);
                rest = following;
                let (query, key) = (triple.subcols(head, width), triple.subcols(d + head, width).transpose());
                let scale = 1.0 / (width as f32).sqrt();
                triangular_matmul(matrix_mut(attention, n), lower, Accum::Replace, query, full, key, full, scale, Par::Seq);
                for (at, row) in attention.chunks_exact_mut(n).enumerate() {
                    let row = &mut row[..=at];
                    let total = exponentials(row, greatest(row));
                    row.iter_mut().for_each(|value| *value /= total);
                }
                let mixed = matrix_mut(&mut self.mixed[sequence.start * d..sequence.end * d], d).subcols_mut(head, width);
                let values = triple.subcols(2 * d + head, width);
                triangular_matmul(mixed, full, Accum::Replace, matrix(attention, n), lower, values, full, 1.0, Par::Seq);
            }
        }
    }
}
