//! The trained linear model: a sparse gather over the history. Serves every recipe that learns item×item weights.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::artifact::{Reader, Writer};
use crate::head::newest_items;
use crate::sparse_rows::SparseRows;
use crate::{HistoryEvent, Model, Reason, RecipeError};

/// Scale of the popularity prior: far below every learnt weight, so that it orders only what the weights leave equal.
pub(crate) const PRIOR: f32 = 1e-6;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Settings {
    /// `None`: order is ignored (JSON has no infinity).
    tau_inf: Option<f32>,
    kappa: f32,
    max_history: usize,
}

/// A fitted [`Linear`](super::Linear), or what another recipe learnt in the same form.
#[derive(Debug, Clone)]
pub struct LinearModel {
    recipe: &'static str,
    rows: Arc<SparseRows>,
    /// Users per item.
    popularity: Arc<Vec<f32>>,
    /// Greatest popularity, at least 1.
    most: f32,
    settings: Settings,
}

impl LinearModel {
    /// Order is ignored and popularity not discounted until [`LinearModel::with_inference`] says otherwise.
    pub(crate) fn new(recipe: &'static str, rows: SparseRows, popularity: Vec<f32>, max_history: usize) -> Self {
        Self::assemble(recipe, rows, popularity, Settings { tau_inf: None, kappa: 0.0, max_history })
    }

    fn assemble(recipe: &'static str, rows: SparseRows, popularity: Vec<f32>, settings: Settings) -> Self {
        let most = popularity.iter().copied().fold(1.0, f32::max);
        Self { recipe, rows: Arc::new(rows), popularity: Arc::new(popularity), most, settings }
    }

    /// The same weights, used with another recency and another popularity discount; shares memory with `self`.
    /// `tau_inf` in steps (infinite: order is ignored), `kappa` 0 to 1.
    pub fn with_inference(&self, tau_inf: f32, kappa: f32) -> Self {
        let settings = Settings { tau_inf: tau_inf.is_finite().then_some(tau_inf), kappa, ..self.settings.clone() };
        Self { settings, ..self.clone() }
    }

    /// The recency in use, in steps.
    pub fn tau_inf(&self) -> f32 {
        self.settings.tau_inf.unwrap_or(f32::INFINITY)
    }

    /// The popularity discount in use.
    pub fn kappa(&self) -> f32 {
        self.settings.kappa
    }

    /// Number of weights kept.
    pub fn n_weights(&self) -> usize {
        self.rows.len()
    }

    /// Known items of the history with their input weights, by item, each once (with its greatest weight).
    fn input(&self, history: &[HistoryEvent]) -> Vec<(u32, f32)> {
        let known = history.iter().copied().filter(|event| (event.item as usize) < self.n_items());
        newest_items(known, self.settings.max_history, self.tau_inf())
    }

    fn discount(&self, item: usize) -> f32 {
        self.popularity[item].max(1.0).powf(-self.settings.kappa)
    }
}

impl Model for LinearModel {
    fn recipe(&self) -> &'static str {
        self.recipe
    }

    fn n_items(&self) -> usize {
        self.popularity.len()
    }

    fn score(&self, history: &[HistoryEvent], _now: i64, scores: &mut [f32]) {
        scores.fill(0.0);
        for (source, input) in self.input(history) {
            let (columns, weights) = self.rows.row(source);
            for (column, weight) in columns.iter().zip(weights) {
                scores[*column as usize] += input * weight;
            }
        }
        if self.settings.kappa > 0.0 {
            scores.iter_mut().enumerate().filter(|(_, score)| **score != 0.0).for_each(|(item, score)| *score *= self.discount(item));
        }
        let prior = PRIOR / self.most;
        for (score, users) in scores.iter_mut().zip(self.popularity.iter()) {
            *score += prior * users;
        }
    }

    fn retuned(&self, tau_inf: f32, kappa: f32) -> Option<Box<dyn Model>> {
        Some(Box::new(self.with_inference(tau_inf, kappa)))
    }

    fn explain(&self, history: &[HistoryEvent], item: u32) -> Option<Reason> {
        let users = *self.popularity.get(item as usize)?;
        let contributions = self.input(history).into_iter().map(|(source, input)| (source, input * self.rows.weight(source, item)));
        let best = contributions.filter(|(_, contribution)| *contribution > 0.0).max_by(|a, b| a.1.total_cmp(&b.1));
        match best {
            Some((source, contribution)) => {
                Some(Reason::BecauseOf { item: source, contribution: contribution * self.discount(item as usize) })
            }
            None => (users > 0.0).then_some(Reason::Popular),
        }
    }

    fn save(&self) -> Result<Vec<u8>, RecipeError> {
        self.rows.write(Writer::new(self.recipe)).floats("popularity", &self.popularity).finish(&self.settings)
    }
}

/// Reads a model that the recipe `recipe` saved.
pub(crate) fn load(recipe: &'static str, reader: &Reader<'_>) -> Result<Box<dyn Model>, RecipeError> {
    let popularity = reader.floats("popularity")?;
    let rows = SparseRows::read(reader, popularity.len())?;
    Ok(Box::new(LinearModel::assemble(recipe, rows, popularity, reader.settings()?)))
}
