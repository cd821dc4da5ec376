//! The softmax over the next item and the items drawn against it, and its gradients.
//!
//! A drawn item stands for all items that were not drawn: its weight is 1 / (how often a batch draws it), so that the sum over
//! the drawn ones estimates the sum over the whole catalogue (logQ correction). The next item itself is counted exactly.

use super::kernels::{add_product, add_rows, add_scaled, dot, exp, exponentials, greatest, matrix, matrix_mut, product};
use super::net::Net;

/// The items drawn for one batch.
#[derive(Default)]
pub(super) struct Negatives {
    pub items: Vec<u32>,
    /// Their vectors, one after another.
    pub vectors: Vec<f32>,
    /// Bias − ln(expected number of draws) of each.
    pub offsets: Vec<f32>,
}

/// What is to be found after each token, and how much it matters.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Targets {
    pub items: Vec<u32>,
    /// Adding up to 1 over the batch.
    pub weights: Vec<f32>,
}

/// The gradients of the loss and the room to compute them.
#[derive(Default)]
pub(super) struct SoftmaxLoss {
    pub value: f64,
    /// Of every token's vector.
    pub output: Vec<f32>,
    /// Of every target's score: times the token's vector it is the gradient of the target's vector.
    pub targets: Vec<f32>,
    /// Of the negatives' vectors.
    pub vectors: Vec<f32>,
    /// Of the negatives' scores.
    pub offsets: Vec<f32>,
    scores: Vec<f32>,
}

impl SoftmaxLoss {
    /// `hidden` holds a vector per token.
    pub(super) fn run(&mut self, net: &Net, hidden: &[f32], targets: &Targets, negatives: &Negatives) {
        let (d, k) = (net.shape.dimension, negatives.items.len());
        self.scores.clear();
        targets.items.iter().for_each(|_| self.scores.extend_from_slice(&negatives.offsets));
        add_product(matrix_mut(&mut self.scores, k), matrix(hidden, d), matrix(&negatives.vectors, d).transpose());
        self.output.resize(hidden.len(), 0.0);
        self.targets.clear();
        self.value = 0.0;
        let tokens = targets.items.iter().zip(&targets.weights).zip(hidden.chunks_exact(d)).zip(self.scores.chunks_exact_mut(k));
        for (((target, weight), hidden), scores) in tokens {
            for (score, item) in scores.iter_mut().zip(&negatives.items) {
                *score = if item == target { f32::NEG_INFINITY } else { *score };
            }
            let own = dot(hidden, net.vector(*target)) + net.bias[*target as usize];
            let most = greatest(scores).max(own);
            let others = exponentials(scores, most);
            let share = exp(own - most);
            let total = others + share;
            self.value += f64::from(*weight) * (f64::from(total.ln()) + f64::from(most - own));
            self.targets.push(-weight * others / total);
            scores.iter_mut().for_each(|score| *score *= weight / total);
        }
        product(matrix_mut(&mut self.output, d), matrix(&self.scores, k), matrix(&negatives.vectors, d));
        for ((output, target), pull) in self.output.chunks_exact_mut(d).zip(&targets.items).zip(&self.targets) {
            add_scaled(output, *pull, net.vector(*target));
        }
        self.vectors.resize(k * d, 0.0);
        product(matrix_mut(&mut self.vectors, d), matrix(&self.scores, k).transpose(), matrix(hidden, d));
        self.offsets.clear();
        self.offsets.resize(k, 0.0);
        add_rows(&mut self.offsets, &self.scores);
    }
}
