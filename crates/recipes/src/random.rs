//! Draws that depend on a seed and a place only, so that nothing random depends on the order of the work.

/// SplitMix64 (Steele et al. 2014): 64 independent bits for every place.
pub(crate) fn bits(seed: u64, place: u64) -> u64 {
    let mut z = seed.wrapping_add(place.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// From 0 to below 1.
pub(crate) fn uniform(seed: u64, place: u64) -> f64 {
    (bits(seed, place) >> 11) as f64 / (1u64 << 53) as f64
}

/// From the normal distribution with mean 0 and deviation 1: Box–Muller.
pub(crate) fn normal(seed: u64, place: u64) -> f32 {
    let (first, second) = (uniform(seed, 2 * place), uniform(seed, 2 * place + 1));
    let (radius, angle) = ((-2.0 * (1.0 - first).ln()).sqrt(), std::f64::consts::TAU * second);
    (radius * angle.cos()) as f32
}
