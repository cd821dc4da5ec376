//! The formulas, for one user. Names are Personalize's where it has one.

/// A figure per user: its name and how it is computed from the ranking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    pub name: &'static str,
    kind: Kind,
    k: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ndcg,
    Precision,
    ReciprocalRank,
    Recall,
    HitRate,
}

const fn metric(name: &'static str, kind: Kind, k: usize) -> Metric {
    Metric { name, kind, k }
}

/// The metric by which recipes are chosen.
pub const NDCG_AT_10: &str = "normalized_discounted_cumulative_gain_at_10";
/// Share of users who find something among the first ten.
pub const HIT_RATE_AT_10: &str = "hit_rate_at_10";
/// Share of the catalogue that appears in the top 25 of any test user. Not a figure per user.
pub const COVERAGE: &str = "coverage";
/// How little known the first ten are: the mean of -log2 of the share of training users who have the item, in bits.
pub const NOVELTY: &str = "novelty_at_10";
/// How popular the first ten are: the mean share of the catalogue that is sold less, 1 = nothing but best-sellers, 0.5 = no preference.
pub const POPULARITY_BIAS: &str = "popularity_bias_at_10";
/// The list whose popularity is measured.
pub(crate) const LISTED: usize = 10;
/// The longest list that a metric looks at.
pub(crate) const LONGEST: usize = 25;

/// All figures per user. Recall and hit rate are ours.
pub const METRICS: [Metric; 10] = [
    metric("normalized_discounted_cumulative_gain_at_5", Kind::Ndcg, 5),
    metric(NDCG_AT_10, Kind::Ndcg, 10),
    metric("normalized_discounted_cumulative_gain_at_25", Kind::Ndcg, 25),
    metric("precision_at_5", Kind::Precision, 5),
    metric("precision_at_10", Kind::Precision, 10),
    metric("precision_at_25", Kind::Precision, 25),
    metric("mean_reciprocal_rank_at_25", Kind::ReciprocalRank, 25),
    metric("recall_at_10", Kind::Recall, 10),
    metric("recall_at_25", Kind::Recall, 25),
    metric(HIT_RATE_AT_10, Kind::HitRate, 10),
];

impl Metric {
    /// `hits[r]`: whether the item at rank r (from 0) is one of the `relevant` different items to be found (at least one).
    ///
    /// NDCG has gain 1 at a hit and discount 1/log2(1 + position); its ideal has min(k, `relevant`) hits in the first places.
    pub(crate) fn value(&self, hits: &[bool], relevant: usize) -> f64 {
        let hits = &hits[..hits.len().min(self.k)];
        let found = hits.iter().filter(|hit| **hit).count() as f64;
        match self.kind {
            Kind::Ndcg => {
                let gain: f64 = hits.iter().enumerate().filter(|(_, hit)| **hit).map(|(rank, _)| discount(rank)).sum();
                let ideal: f64 = (0..relevant.min(self.k)).map(discount).sum();
                gain / ideal
            }
            Kind::Precision => found / self.k as f64,
            Kind::ReciprocalRank => hits.iter().position(|hit| *hit).map_or(0.0, |rank| 1.0 / (rank + 1) as f64),
            Kind::Recall => found / relevant as f64,
            Kind::HitRate => f64::from(found > 0.0),
        }
    }
}

fn discount(rank: usize) -> f64 {
    1.0 / ((rank + 2) as f64).log2()
}
