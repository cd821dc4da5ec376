//! What is drawn at random: the pieces of the users' sequences, their order, and the items set against the right ones.

use std::ops::Range;

use super::loss::Negatives;
use super::net::Net;
use crate::random::{bits, uniform};

/// Draws half of the negatives evenly and half as often as they are seen.
pub(super) struct Sampler {
    /// Sums of the items' counts up to each item.
    sums: Vec<f64>,
    /// ln of the expected draws of each item in one batch.
    expected: Vec<f32>,
    count: usize,
}

impl Sampler {
    /// `counts` above 0 by item. A catalogue of no more than `count` items is taken whole, which makes the softmax exact.
    pub(super) fn new(counts: &[f32], count: usize) -> Self {
        let mut sum = 0.0;
        let add = |count: &f32| {
            sum += f64::from(*count);
            sum
        };
        let sums: Vec<f64> = counts.iter().map(add).collect();
        let (even, by_count) = ((count - count / 2) as f64 / counts.len() as f64, (count / 2) as f64 / sum);
        let whole = counts.len() <= count;
        let expected = counts.iter().map(|seen| if whole { 0.0 } else { (even + by_count * f64::from(*seen)).ln() as f32 });
        Self { expected: expected.collect(), sums, count }
    }

    /// Fills `negatives` with the draws of the batch that `key` stands for.
    pub(super) fn draw(&self, net: &Net, key: u64, negatives: &mut Negatives) {
        let n = self.sums.len();
        negatives.items.clear();
        if n <= self.count {
            negatives.items.extend(0..n as u32);
        } else {
            let total = self.sums.last().copied().unwrap_or(0.0);
            let by_count = |place| self.sums.partition_point(|sum| *sum <= uniform(key, place) * total).min(n - 1);
            let even = |place| (uniform(key, place) * n as f64) as usize;
            let half = self.count / 2;
            negatives.items.extend((0..half as u64).map(|place| by_count(place) as u32));
            negatives.items.extend((half as u64..self.count as u64).map(|place| even(place) as u32));
        }
        negatives.vectors.clear();
        negatives.offsets.clear();
        for item in &negatives.items {
            negatives.vectors.extend_from_slice(net.vector(*item));
            negatives.offsets.push(net.bias[*item as usize] - self.expected[*item as usize]);
        }
    }
}

/// The sequences in pieces of at most `length` inputs, in random order; each is followed by one step more, its last target. Every
/// step but the first of a sequence is a target once. Where a long sequence is cut is drawn anew for every `key`, so that no step
/// always lacks what came before it.
pub(super) fn pieces(sequences: &[Range<usize>], length: usize, key: u64) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    for (at, sequence) in sequences.iter().enumerate().filter(|(_, sequence)| sequence.len() > 1) {
        let (mut start, last) = (sequence.start, sequence.end - 1);
        let first = if last - start > length { 1 + (bits(key, at as u64) % length as u64) as usize } else { length };
        let mut end = start + first;
        while start < last {
            pieces.push(start..end.min(last));
            (start, end) = (end, end + length);
        }
    }
    let order = bits(key, u64::MAX);
    pieces.sort_by_cached_key(|piece| bits(order, piece.start as u64));
    pieces
}

/// At most how many pieces [`pieces`] can give.
pub(super) fn most_pieces(sequences: &[Range<usize>], length: usize) -> usize {
    let most = |sequence: &Range<usize>| match sequence.len().saturating_sub(1) {
        targets if targets <= length => targets.min(1),
        targets => targets.div_ceil(length) + 1,
    };
    sequences.iter().map(most).sum()
}
