//! Several models as one: their scores, made comparable and weighted by how much is known of the user.
//!
//! s_i = Σ_m w_bm · (s_mi − mean_m) / deviation_m, over all items i of the catalogue; b is the bucket of the history's length
//! (models.md C6). Standardised scores rather than ranks: they need one pass instead of a sort of the catalogue per member and
//! request, and keep how far an item is ahead of the next. A blend is put together from fitted models and not fitted itself:
//! whoever trains chooses the weights.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::artifact::{Reader, Writer};
use crate::{HistoryEvent, Model, Reason, RecipeError};

pub(crate) const NAME: &str = "blend";

/// Histories up to 2 events, up to 20, and longer.
pub const BUCKETS: usize = 3;
const LONGEST: [usize; BUCKETS - 1] = [2, 20];

/// The bucket of a history with so many events.
pub fn bucket(events: usize) -> usize {
    LONGEST.iter().filter(|longest| events > **longest).count()
}

/// A model and its weight in each bucket.
#[derive(Clone)]
pub struct Member {
    pub model: Arc<dyn Model>,
    /// At least 0.
    pub weights: [f32; BUCKETS],
}

/// Fitted models with weights. At least one, all of the same items.
#[derive(Clone)]
pub struct Blend(Vec<Member>);

impl Blend {
    /// Fails without members, on members of different catalogues, on weights that are no numbers of at least 0, and on a bucket
    /// in which nobody has weight.
    pub fn new(members: Vec<Member>) -> Result<Self, RecipeError> {
        let Some(first) = members.first() else { return Err(RecipeError::invalid("a blend", "of at least one model", "none")) };
        let n = first.model.n_items();
        if let Some(other) = members.iter().find(|member| member.model.n_items() != n) {
            return Err(RecipeError::invalid("a blend", format!("of models of the same {n} items"), other.model.n_items()));
        }
        let weights = members.iter().flat_map(|member| member.weights);
        if let Some(weight) = weights.into_iter().find(|weight| !(weight.is_finite() && *weight >= 0.0)) {
            return Err(RecipeError::invalid("a weight", "a finite number of at least 0", weight));
        }
        match (0..BUCKETS).find(|bucket| members.iter().all(|member| member.weights[*bucket] == 0.0)) {
            Some(bucket) => Err(RecipeError::invalid("a blend", "of at least one weight above 0 per bucket", format!("none in {bucket}"))),
            None => Ok(Self(members)),
        }
    }

    pub fn members(&self) -> &[Member] {
        &self.0
    }

    /// The members that speak for such a history, the weightiest first.
    fn speaking(&self, history: &[HistoryEvent]) -> Vec<(&dyn Model, f32)> {
        let bucket = bucket(history.len());
        let weighted = self.0.iter().map(|member| (member.model.as_ref(), member.weights[bucket]));
        let mut speaking: Vec<(&dyn Model, f32)> = weighted.filter(|(_, weight)| *weight > 0.0).collect();
        speaking.sort_by(|a, b| b.1.total_cmp(&a.1));
        speaking
    }
}

/// Adds `weight` times the standardised scores to `sums`. Equal scores say nothing and add nothing.
fn add_standardised(scores: &[f32], weight: f32, sums: &mut [f32]) {
    let n = scores.len().max(1) as f64;
    let mean = scores.iter().map(|score| f64::from(*score)).sum::<f64>() / n;
    let variance = scores.iter().map(|score| (f64::from(*score) - mean).powi(2)).sum::<f64>() / n;
    if variance > 0.0 {
        let factor = f64::from(weight) / variance.sqrt();
        for (sum, score) in sums.iter_mut().zip(scores) {
            *sum += ((f64::from(*score) - mean) * factor) as f32;
        }
    }
}

impl Model for Blend {
    fn recipe(&self) -> &'static str {
        NAME
    }

    fn n_items(&self) -> usize {
        self.0.first().map_or(0, |member| member.model.n_items())
    }

    fn score(&self, history: &[HistoryEvent], now: i64, scores: &mut [f32]) {
        scores.fill(0.0);
        let mut of_member = vec![0.0; scores.len()];
        for (model, weight) in self.speaking(history) {
            model.score(history, now, &mut of_member);
            add_standardised(&of_member, weight, scores);
        }
    }

    /// What the weightiest member gives that names an item of the history; where none does, what the weightiest gives at all.
    fn explain(&self, history: &[HistoryEvent], item: u32) -> Option<Reason> {
        let reasons: Vec<Reason> = self.speaking(history).iter().filter_map(|(model, _)| model.explain(history, item)).collect();
        reasons.iter().find(|reason| matches!(reason, Reason::BecauseOf { .. })).or(reasons.first()).copied()
    }

    fn save(&self) -> Result<Vec<u8>, RecipeError> {
        let (mut models, mut ends) = (Vec::new(), Vec::new());
        for member in &self.0 {
            models.extend(member.model.save()?);
            ends.push(models.len());
        }
        let weights: Vec<f32> = self.0.iter().flat_map(|member| member.weights).collect();
        Writer::new(NAME).bytes("models", &models).offsets("ends", &ends).floats("weights", &weights).finish(&())
    }
}

/// Members are read like models of their own.
pub(crate) fn load(reader: &Reader<'_>) -> Result<Box<dyn Model>, RecipeError> {
    let (models, ends, weights) = (reader.bytes("models")?, reader.offsets("ends")?, reader.floats("weights")?);
    let (weights, rest) = weights.as_chunks::<BUCKETS>();
    if !rest.is_empty() || weights.len() != ends.len() {
        return Err(RecipeError::Artifact(format!("expected {BUCKETS} weights for each of {} models", ends.len())));
    }
    let mut members = Vec::new();
    let mut begin = 0;
    for (end, weights) in ends.into_iter().zip(weights) {
        let bytes = models.get(begin..end).ok_or_else(|| RecipeError::Artifact(format!("expected a model in bytes {begin} to {end}")))?;
        members.push(Member { model: Arc::from(crate::load(bytes)?), weights: *weights });
        begin = end;
    }
    Ok(Box::new(Blend::new(members).map_err(|error| RecipeError::Artifact(error.to_string()))?))
}
