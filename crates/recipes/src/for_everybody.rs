//! A model whose scores are the same for everybody, whatever the history: what the counting recipes give.

use serde::{Serialize, de::DeserializeOwned};

use crate::artifact::{Reader, Writer};
use crate::{HistoryEvent, Model, Reason, RecipeError};

/// What a counting recipe adds to its scores.
pub(crate) trait Counting: Serialize + DeserializeOwned + Send + Sync + 'static {
    const NAME: &'static str;
    /// What the scores are called in the file.
    const SCORES: &'static str = "scores";

    /// Why an item with this score, which is above 0, is recommended.
    fn reason(&self, score: f32) -> Reason;
}

/// The scores of a counting recipe; items with 0 have nothing that speaks for them.
pub(crate) struct ForEverybody<R> {
    pub recipe: R,
    pub scores: Vec<f32>,
}

impl<R: Counting> Model for ForEverybody<R> {
    fn recipe(&self) -> &'static str {
        R::NAME
    }

    fn n_items(&self) -> usize {
        self.scores.len()
    }

    fn score(&self, _history: &[HistoryEvent], _now: i64, scores: &mut [f32]) {
        scores.copy_from_slice(&self.scores);
    }

    fn explain(&self, _history: &[HistoryEvent], item: u32) -> Option<Reason> {
        self.scores.get(item as usize).filter(|score| **score > 0.0).map(|score| self.recipe.reason(*score))
    }

    fn save(&self) -> Result<Vec<u8>, RecipeError> {
        Writer::new(R::NAME).floats(R::SCORES, &self.scores).finish(&self.recipe)
    }
}

pub(crate) fn load<R: Counting>(reader: &Reader<'_>) -> Result<Box<dyn Model>, RecipeError> {
    Ok(Box::new(ForEverybody::<R> { scores: reader.floats(R::SCORES)?, recipe: reader.settings()? }))
}
