//! Recommendation ids: unique without a random source.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts requests; the seed tells one start of the process from another.
#[derive(Debug)]
pub(crate) struct Ids {
    seed: u64,
    next: AtomicU64,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, next: AtomicU64::new(0) }
    }

    /// Numbers that look random, for what should differ from answer to answer.
    pub(crate) fn draws(&self) -> impl FnMut() -> u64 + use<> {
        let mut state = mix(self.seed ^ self.next.load(Ordering::Relaxed));
        move || {
            state = mix(state);
            state
        }
    }

    /// `RID-` and a number in the form of a version 4 UUID, 40 characters.
    pub(crate) fn next(&self) -> String {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        let high = mix(self.seed ^ mix(2 * count));
        let low = mix(self.seed.rotate_left(32) ^ mix(2 * count + 1));
        let (high, low) = ((high & !0xf000) | 0x4000, (low & !(3 << 62)) | (2 << 62));
        let parts = (high >> 32, (high >> 16) & 0xffff, high & 0xffff, low >> 48, low & 0xffff_ffff_ffff);
        format!("RID-{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", parts.0, parts.1, parts.2, parts.3, parts.4)
    }
}

/// SplitMix64 (Steele et al. 2014): a bijection, so different counts give different numbers.
fn mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
