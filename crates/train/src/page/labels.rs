//! What the metrics are called where people read, and what they mean.

pub(super) struct Label {
    pub name: &'static str,
    pub label: &'static str,
    pub meaning: &'static str,
    /// Between 0 and 1, more is better.
    pub is_quality: bool,
}

const fn quality(name: &'static str, label: &'static str, meaning: &'static str) -> Label {
    Label { name, label, meaning, is_quality: true }
}

const NDCG: &str = "How near the top the hidden items are in the list; 1 when they are all in front.";
const PRECISION: &str = "Share of the list that the customer went on to take.";
const RECALL: &str = "Share of what the customer went on to take that is in the list.";

/// In the order in which they are shown; what people understand at once comes first.
pub(super) const METRICS: [Label; 12] = [
    quality("hit_rate_at_10", "Hit rate@10", "Share of the customers who find at least one thing among the first ten."),
    quality("normalized_discounted_cumulative_gain_at_5", "NDCG@5", NDCG),
    quality("normalized_discounted_cumulative_gain_at_10", "NDCG@10", NDCG),
    quality("normalized_discounted_cumulative_gain_at_25", "NDCG@25", NDCG),
    quality("mean_reciprocal_rank_at_25", "MRR@25", "1 divided by the place of the first hit, 0 without one."),
    quality("precision_at_5", "Precision@5", PRECISION),
    quality("precision_at_10", "Precision@10", PRECISION),
    quality("precision_at_25", "Precision@25", PRECISION),
    quality("recall_at_10", "Recall@10", RECALL),
    quality("recall_at_25", "Recall@25", RECALL),
    Label {
        name: evaluate::NOVELTY,
        label: "Novelty@10 (bits)",
        meaning: "How little known the first ten are: one bit more is half as many customers who have the item. Neither more nor less is better.",
        is_quality: false,
    },
    Label {
        name: evaluate::POPULARITY_BIAS,
        label: "Popularity bias@10",
        meaning: "Share of the catalogue that sells less than what is shown: 1 is nothing but best-sellers, 0.5 no preference.",
        is_quality: false,
    },
];

/// The name itself when it has no label.
pub(super) fn label(name: &str) -> &str {
    METRICS.iter().find(|metric| metric.name == name).map_or(name, |metric| metric.label)
}
