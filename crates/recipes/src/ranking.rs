//! The best k of a row of scores.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// An item with its score. Ordered by score, then by lower item index, so that equal scores rank the same everywhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    pub item: u32,
    pub score: f32,
}

impl Eq for Scored {}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scored {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.item.cmp(&self.item))
    }
}

/// The `k` highest scores, best first; `scores[i]` belongs to item `i`. Items for which `exclude` is true and scores that are
/// not a number are left out. Takes O(n log k) time and O(k) memory.
pub fn top_k(scores: &[f32], k: usize, exclude: impl Fn(u32) -> bool) -> Vec<Scored> {
    let mut heap: BinaryHeap<Reverse<Scored>> = BinaryHeap::with_capacity(k.min(scores.len()) + 1);
    for (item, &score) in scores.iter().enumerate() {
        // Adding 0 turns -0 into 0, which would else rank below it.
        let candidate = Scored { item: item as u32, score: score + 0.0 };
        let full = heap.len() >= k;
        let too_low = full && heap.peek().is_none_or(|worst| candidate <= worst.0);
        if too_low || score.is_nan() || exclude(candidate.item) {
            continue;
        }
        heap.push(Reverse(candidate));
        if full {
            heap.pop();
        }
    }
    let mut best: Vec<Scored> = heap.into_iter().map(|entry| entry.0).collect();
    best.sort_unstable_by(|a, b| b.cmp(a));
    best
}
