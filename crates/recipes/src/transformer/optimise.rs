//! One step of training: the gradients of a batch, share by share, and Adam (Kingma & Ba 2015).
//!
//! A share is computed by one thread, and shares are added up in their order, so the result does not depend on the number of
//! threads. Moments are dense: an item that is not in the batch goes on moving as its past gradients say.

use std::ops::Range;

use rayon::prelude::*;

use super::backward::Backward;
use super::kernels::{Dropout, add, add_scaled};
use super::loss::{Negatives, SoftmaxLoss, Targets};
use super::net::{Net, Packed, Trace};
use super::sampling::Sampler;
use crate::head::Rows;
use crate::random::bits;

/// Tokens that one thread takes at a time; sequences are never parted.
const TOKENS_PER_SHARE: usize = 512;
/// Items that one thread updates at a time.
const ITEMS_PER_SHARE: usize = 64;
const FIRST_DECAY: f32 = 0.9;
const SECOND_DECAY: f32 = 0.98;
const EPSILON: f32 = 1e-8;
/// Moments below it are 0: far smaller numbers would slow the processor down.
const NOTHING: f32 = 1e-30;

/// Running means of gradients and of their squares.
pub(super) struct Moments {
    pub first: Vec<f32>,
    second: Vec<f32>,
}

impl Moments {
    fn new(len: usize) -> Self {
        Self { first: vec![0.0; len], second: vec![0.0; len] }
    }

    fn update(&mut self, values: &mut [f32], gradients: &[f32], rate: f32) {
        adam(values, &mut self.first, &mut self.second, gradients, rate);
    }
}

fn adam(values: &mut [f32], first: &mut [f32], second: &mut [f32], gradients: &[f32], rate: f32) {
    let kept = |moment: f32| if moment.abs() > NOTHING { moment } else { 0.0 };
    for (((value, first), second), gradient) in values.iter_mut().zip(first).zip(second).zip(gradients) {
        *first = kept(*first + (1.0 - FIRST_DECAY) * (gradient - *first));
        *second = kept(*second + (1.0 - SECOND_DECAY) * (gradient * gradient - *second));
        *value -= rate * *first / (second.sqrt() + EPSILON);
    }
}

/// A part of a batch with everything that is computed on it. Kept from step to step for its memory.
#[derive(Default)]
struct Share {
    packed: Packed,
    targets: Targets,
    trace: Trace,
    loss: SoftmaxLoss,
    backward: Backward,
}

/// Where a gradient of an item comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Input { share: u32, token: u32 },
    Target { share: u32, token: u32 },
    Negative { at: u32 },
}

/// A network that is being trained.
pub(super) struct Trainer {
    pub net: Net,
    pub items: Moments,
    pub bias: Moments,
    pub layers: Moments,
    shares: Vec<Share>,
    pub negatives: Negatives,
    learning_rate: f32,
    dropout: f32,
    seed: u64,
    steps: u64,
}

impl Trainer {
    pub(super) fn new(net: Net, learning_rate: f32, dropout: f32, seed: u64) -> Self {
        let (items, bias, layers) = (Moments::new(net.items.len()), Moments::new(net.bias.len()), Moments::new(net.layers.len()));
        let (shares, negatives) = (Vec::new(), Negatives::default());
        Self { net, items, bias, layers, shares, negatives, learning_rate, dropout, seed, steps: 0 }
    }

    /// Learns from the pieces; gives the loss.
    pub(super) fn step(&mut self, rows: &Rows, pieces: &[Range<usize>], sampler: &Sampler) -> f64 {
        let key = bits(self.seed, self.steps);
        self.steps += 1;
        sampler.draw(&self.net, bits(key, 0), &mut self.negatives);
        let loss = self.gradients(rows, pieces, Some(Dropout { rate: self.dropout, key: bits(key, 1) }));
        // Below 2^31 steps; later both powers are 0 anyway.
        let steps = self.steps.min(i32::MAX as u64) as i32;
        let rate = self.learning_rate * (1.0 - SECOND_DECAY.powi(steps)).sqrt() / (1.0 - FIRST_DECAY.powi(steps));
        let sources = self.sources();
        self.update_bias(&sources, rate);
        self.update_items(&sources, rate);
        self.layers.update(&mut self.net.layers, &self.shares[0].backward.layers, rate);
        loss
    }

    /// Fills the shares; the first one's `backward.layers` and `loss.vectors`, `loss.offsets` become the sums over all.
    fn gradients(&mut self, rows: &Rows, pieces: &[Range<usize>], dropout: Option<Dropout>) -> f64 {
        self.fill(rows, pieces);
        let (net, negatives) = (&self.net, &self.negatives);
        self.shares.par_iter_mut().for_each(|share| share.run(net, negatives, dropout));
        let Some((total, others)) = self.shares.split_first_mut() else { return 0.0 };
        for share in others {
            add(&mut total.backward.layers, &share.backward.layers);
            add(&mut total.loss.vectors, &share.loss.vectors);
            add(&mut total.loss.offsets, &share.loss.offsets);
            total.loss.value += share.loss.value;
        }
        total.loss.value
    }

    /// Distributes the pieces; weights of targets add up to 1.
    fn fill(&mut self, rows: &Rows, pieces: &[Range<usize>]) {
        let total: f32 = pieces.iter().flat_map(|piece| &rows.weights[piece.start + 1..=piece.end]).sum();
        let scale = if total > 0.0 { 1.0 / total } else { 0.0 };
        let (mut used, mut first, mut rest) = (0, 0, pieces);
        while !rest.is_empty() {
            let (mut tokens, mut taken) = (0, 0);
            while tokens < TOKENS_PER_SHARE && taken < rest.len() {
                tokens += rest[taken].len();
                taken += 1;
            }
            let (now, later) = rest.split_at(taken);
            if used == self.shares.len() {
                self.shares.push(Share::default());
            }
            first += self.shares[used].fill(rows, now, first, scale);
            (used, rest) = (used + 1, later);
        }
        self.shares.truncate(used.max(1));
    }

    /// All gradients of items, by item.
    fn sources(&self) -> Vec<(u32, Source)> {
        let mut sources = Vec::new();
        for (share, at) in self.shares.iter().zip(0..) {
            let inputs = share.packed.inputs.iter().zip(0..);
            sources.extend(inputs.map(|(item, token)| (*item, Source::Input { share: at, token })));
            let targets = share.targets.items.iter().zip(0..);
            sources.extend(targets.map(|(item, token)| (*item, Source::Target { share: at, token })));
        }
        sources.extend(self.negatives.items.iter().zip(0..).map(|(item, at)| (*item, Source::Negative { at })));
        sources.par_sort_unstable();
        sources
    }

    fn update_bias(&mut self, sources: &[(u32, Source)], rate: f32) {
        let mut gradients = vec![0.0; self.net.bias.len()];
        for (item, source) in sources {
            gradients[*item as usize] += match *source {
                Source::Input { .. } => 0.0,
                Source::Target { share, token } => self.shares[share as usize].loss.targets[token as usize],
                Source::Negative { at } => self.shares[0].loss.offsets[at as usize],
            };
        }
        self.bias.update(&mut self.net.bias, &gradients, rate);
    }

    fn update_items(&mut self, sources: &[(u32, Source)], rate: f32) {
        let d = self.net.shape.dimension;
        let (shares, len) = (&self.shares, ITEMS_PER_SHARE * d);
        let parts = self.net.items.par_chunks_mut(len).zip(self.items.first.par_chunks_mut(len)).zip(self.items.second.par_chunks_mut(len));
        parts.enumerate().for_each(|(part, ((vectors, first), second))| {
            let from = (part * ITEMS_PER_SHARE) as u32;
            let mut rest = &sources[sources.partition_point(|(item, _)| *item < from)..];
            let mut gradient = vec![0.0; d];
            let rows = vectors.chunks_exact_mut(d).zip(first.chunks_exact_mut(d)).zip(second.chunks_exact_mut(d));
            for (((vector, first), second), item) in rows.zip(from..) {
                gradient.fill(0.0);
                while let Some(((_, source), later)) = rest.split_first().filter(|((of, _), _)| *of == item) {
                    add_source(&mut gradient, shares, *source);
                    rest = later;
                }
                adam(vector, first, second, &gradient, rate);
            }
        });
    }
}

fn add_source(gradient: &mut [f32], shares: &[Share], source: Source) {
    let d = gradient.len();
    match source {
        Source::Input { share, token } => add(gradient, &shares[share as usize].backward.inputs[token as usize * d..][..d]),
        Source::Target { share, token } => {
            let share = &shares[share as usize];
            add_scaled(gradient, share.loss.targets[token as usize], &share.trace.output()[token as usize * d..][..d]);
        }
        Source::Negative { at } => add(gradient, &shares[0].loss.vectors[at as usize * d..][..d]),
    }
}

impl Share {
    /// Takes these pieces, whose first token is the `first` of the batch; gives their number of tokens.
    fn fill(&mut self, rows: &Rows, pieces: &[Range<usize>], first: usize, scale: f32) -> usize {
        self.packed.inputs.clear();
        self.packed.bounds.clear();
        self.packed.bounds.push(0);
        self.packed.first = first;
        self.targets.items.clear();
        self.targets.weights.clear();
        for piece in pieces {
            self.packed.inputs.extend_from_slice(&rows.items[piece.clone()]);
            self.packed.bounds.push(self.packed.inputs.len());
            self.targets.items.extend_from_slice(&rows.items[piece.start + 1..=piece.end]);
            self.targets.weights.extend(rows.weights[piece.start + 1..=piece.end].iter().map(|weight| weight * scale));
        }
        self.packed.inputs.len()
    }

    fn run(&mut self, net: &Net, negatives: &Negatives, dropout: Option<Dropout>) {
        self.trace.forward(net, &self.packed, dropout);
        self.loss.run(net, self.trace.output(), &self.targets, negatives);
        self.backward.run(net, &self.packed, &self.trace, dropout, &mut self.loss.output);
    }
}
