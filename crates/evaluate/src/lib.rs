//! Stage 5, the judging: splits of interactions, metrics of a model, and whether a difference is more than chance.
//!
//! Takes interactions and a trained model (both from `recipes`); gives held-out test cases, an [`Evaluation`] under the names
//! that Amazon Personalize uses, 95 % intervals, paired comparisons and segments.
//! Must not know: how a model works, files, tasks, the wall clock. Whatever is random takes a seed.
//! Start reading at `split` (what is held out), then `evaluation` (how a model is judged), `metrics` (the formulas),
//! `significance` (what is chance) `segment` (for whom); and `insight` (what the data is like, before
//! any model).

mod calendar;
mod evaluation;
mod insight;
mod metrics;
mod segment;
mod significance;
mod split;
#[cfg(test)]
mod tests;

pub use evaluation::{Evaluation, evaluate};
pub use insight::{Finding, Known, Severity, insights};
pub use metrics::{COVERAGE, HIT_RATE_AT_10, METRICS, Metric, NDCG_AT_10, NOVELTY, POPULARITY_BIAS};
pub use segment::{Segment, Shares, segments};
pub use significance::{Comparison, Figure, Interval, compare, figures};
pub use split::{Split, TestCase, temporal, users10};
