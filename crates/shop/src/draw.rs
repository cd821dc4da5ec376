//! Seeded chance: one `Draw` per part of the shop, so that a change in one part leaves the others as they were.

use std::f64::consts::TAU;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Which part of the generator draws; each has its own stream of the same seed.
#[derive(Clone, Copy)]
pub enum Stream {
    Catalogue = 1,
    People = 2,
    Purchases = 3,
    Dirt = 4,
}

/// A seeded source of chance.
pub struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream `stream` of `seed`.
    pub fn new(seed: u64, stream: Stream) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream as u64);
        Self(rng)
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        self.0.random()
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Uniform in `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0.random_range(low..=high)
    }

    /// One of `items`, which must not be empty.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.0.random_range(0..items.len())]
    }

    /// An index with probability in proportion to its weight. `None` where no weight is positive.
    pub fn weighted(&mut self, weights: &[f64]) -> Option<usize> {
        let total: f64 = weights.iter().sum();
        let mut rest = self.unit() * total;
        let mut last = None;
        for (index, weight) in weights.iter().enumerate() {
            if *weight > 0.0 {
                last = Some(index);
                if rest < *weight {
                    break;
                }
                rest -= weight;
            }
        }
        last
    }

    /// `x` rounded up or down by chance, so that the mean stays `x`.
    pub fn round(&mut self, x: f64) -> usize {
        (x + self.unit()) as usize
    }

    /// Log-normal with median 1: `exp(sigma * N(0, 1))`, the normal by Box and Muller's method.
    pub fn log_normal(&mut self, sigma: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        (sigma * radius * (TAU * self.unit()).cos()).exp()
    }

    /// Puts `items` into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.0.random_range(0..=end));
        }
    }
}
