//! Counting in bounded memory: how many different values, and which are the most frequent.

use std::collections::{BTreeSet, HashMap};

/// So many different values are counted exactly.
const EXACT: usize = 1024;
/// 2 to this power registers; the standard error of the estimate is 1.04 / √registers, 1.6 % here.
const PRECISION: u32 = 12;
/// Values followed at the same time.
const FOLLOWED: usize = 128;

/// A well mixed number for a value: FNV-1a, then the finaliser of MurmurHash3. The same on every machine.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let mut hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// How many different values there were: exact up to [`EXACT`], then HyperLogLog.
#[derive(Debug)]
pub(super) enum Distinct {
    Few(BTreeSet<u64>),
    Many(Vec<u8>),
}

impl Default for Distinct {
    fn default() -> Self {
        Self::Few(BTreeSet::new())
    }
}

impl Distinct {
    pub fn add(&mut self, hash: u64) {
        match self {
            Self::Few(seen) => {
                seen.insert(hash);
                if seen.len() > EXACT {
                    let mut registers = vec![0; 1 << PRECISION];
                    seen.iter().for_each(|hash| note(&mut registers, *hash));
                    *self = Self::Many(registers);
                }
            }
            Self::Many(registers) => note(registers, hash),
        }
    }

    pub fn is_exact(&self) -> bool {
        matches!(self, Self::Few(_))
    }

    pub fn count(&self) -> u64 {
        match self {
            Self::Few(seen) => seen.len() as u64,
            Self::Many(registers) => estimate(registers),
        }
    }
}

/// The first bits choose the register, which keeps the longest run of zeros that the other bits began with.
fn note(registers: &mut [u8], hash: u64) {
    let register = (hash >> (64 - PRECISION)) as usize;
    let rank = (((hash << PRECISION) | (1 << (PRECISION - 1))).leading_zeros() + 1) as u8;
    registers[register] = registers[register].max(rank);
}

/// Flajolet and others 2007; with many empty registers their number tells more.
fn estimate(registers: &[u8]) -> u64 {
    let m = registers.len() as f64;
    let sum: f64 = registers.iter().map(|rank| 2_f64.powi(-i32::from(*rank))).sum();
    let raw = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
    let empty = registers.iter().filter(|rank| **rank == 0).count();
    let estimate = if raw <= 2.5 * m && empty > 0 { m * (m / empty as f64).ln() } else { raw };
    estimate.round() as u64
}

/// A value that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frequent {
    pub value: String,
    /// Never too low, too high by `error` at most.
    pub count: u64,
    pub error: u64,
}

/// The most frequent values (Space-Saving, Metwally and others 2005): a value that makes up more than one of [`FOLLOWED`] is
/// in the list for certain. Exact while there are no more different values than that.
#[derive(Debug, Default)]
pub(super) struct Top {
    followed: HashMap<u64, Frequent>,
}

impl Top {
    pub fn add(&mut self, hash: u64, value: impl FnOnce() -> String) {
        if let Some(known) = self.followed.get_mut(&hash) {
            known.count += 1;
            return;
        }
        let mut error = 0;
        if self.followed.len() == FOLLOWED {
            // The key breaks ties, so that the outcome does not hang on the map's order.
            let rarest = self.followed.iter().min_by_key(|(key, known)| (known.count, **key)).map(|(key, known)| (*key, known.count));
            if let Some((key, count)) = rarest {
                self.followed.remove(&key);
                error = count;
            }
        }
        self.followed.insert(hash, Frequent { value: value(), count: error + 1, error });
    }

    /// The first `wanted`, most frequent first, by value among equals; only those of which more than one is certain to be there.
    pub fn first(self, wanted: usize) -> Vec<Frequent> {
        let mut all: Vec<Frequent> = self.followed.into_values().filter(|known| known.count - known.error > 1).collect();
        all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
        all.truncate(wanted);
        all
    }
}
