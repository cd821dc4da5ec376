//! Stage 5, the judging: splits of interactions, metrics of a model, and whether a difference is more than chance.
//!
//! Takes interactions and a trained model (both from `recipes`); gives held-out test cases, an [`Evaluation`] under the names
//! that Amazon Personalize uses, 95 % intervals and paired comparisons.
//! Must not know: how a model works, files, tasks, the wall clock. Whatever is random takes a seed.
//! Start reading at `split` (what is held out), then `evaluation` (how a model is judged), `metrics` (the formulas) and
//! `significance`.

mod evaluation;
mod metrics;
mod significance;
mod split;
#[cfg(test)]
mod tests;

pub use evaluation::{Evaluation, evaluate};
pub use metrics::{COVERAGE, METRICS, Metric, NDCG_AT_10};
pub use significance::{Comparison, Interval, compare};
pub use split::{Split, TestCase, temporal, users10};
