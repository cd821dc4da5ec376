//! The trained factor model: a small system per request, then one product with the items' vectors.

use std::sync::Arc;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use serde::{Deserialize, Serialize};

use super::rows::Row;
use super::solve::{self, Fixed, Scratch, Weights, dot};
use super::{Als, NAME, Training};
use crate::artifact::{Reader, Writer};
use crate::head::newest_items;
use crate::linear::PRIOR;
use crate::{HistoryEvent, Model, Reason, RecipeError};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Settings {
    factors: usize,
    regularization: f32,
    unobserved_weight: f32,
    nu: f32,
    /// `None`: order is ignored (JSON has no infinity).
    tau_inf: Option<f32>,
    max_history: usize,
    /// Weights of events are multiplied by this, as in training.
    scale: f32,
}

/// A fitted [`Als`].
#[derive(Debug, Clone)]
pub struct AlsModel {
    /// Vectors by item, rows of `settings.factors`.
    pub(super) items: Arc<Vec<f32>>,
    /// Users per item.
    pub(super) popularity: Arc<Vec<f32>>,
    /// What follows from the vectors: `solve::gram`.
    gram: Arc<Vec<f32>>,
    /// Items with events.
    pub(super) known: usize,
    /// Greatest popularity, at least 1.
    most: f32,
    pub(super) settings: Settings,
}

impl AlsModel {
    pub(super) fn new(recipe: &Als, training: Training, popularity: Vec<f32>) -> Self {
        let settings = Settings {
            factors: recipe.factors,
            regularization: recipe.regularization,
            unobserved_weight: recipe.unobserved_weight,
            nu: recipe.nu,
            tau_inf: None,
            max_history: recipe.max_history,
            scale: training.scale,
        };
        let known = training.by_item.occupied();
        Self::assemble(training.items, popularity, known, settings).with_inference(recipe.tau_inf)
    }

    fn assemble(items: Vec<f32>, popularity: Vec<f32>, known: usize, settings: Settings) -> Self {
        let gram = Arc::new(solve::gram(&items, settings.factors, settings.unobserved_weight));
        let most = popularity.iter().copied().fold(1.0, f32::max);
        Self { items: Arc::new(items), popularity: Arc::new(popularity), gram, known, most, settings }
    }

    /// The same vectors, used with another recency in steps (infinite: order is ignored); shares memory with `self`.
    pub fn with_inference(&self, tau_inf: f32) -> Self {
        let settings = Settings { tau_inf: tau_inf.is_finite().then_some(tau_inf), ..self.settings.clone() };
        Self { settings, ..self.clone() }
    }

    /// The recency in use, in steps.
    pub fn tau_inf(&self) -> f32 {
        self.settings.tau_inf.unwrap_or(f32::INFINITY)
    }

    /// What each item of the history adds to the score of `item`: c·h_itemᵀ·A⁻¹·h_source with A the user's system (Hu et
    /// al. 2008, eq. 7). Together they are the score without its popularity prior. By item; empty when nothing is known.
    pub fn contributions(&self, history: &[HistoryEvent], item: u32) -> Vec<(u32, f32)> {
        let (sources, weights) = self.input(history);
        if sources.is_empty() || item as usize >= self.popularity.len() {
            return Vec::new();
        }
        let (fixed, row) = (self.fixed(), Row { others: &sources, weights: &weights });
        let response = fixed.respond(row, fixed.vector(item), &mut Scratch::new(fixed.factors));
        let response = response.unwrap_or_default();
        sources.iter().zip(&weights).map(|(source, weight)| (*source, weight * dot(fixed.vector(*source), &response))).collect()
    }

    /// The user's vector for a history; zero when the history holds nothing known.
    pub(super) fn fold_in(&self, history: &[HistoryEvent]) -> Vec<f32> {
        let (sources, weights) = self.input(history);
        let fixed = self.fixed();
        let mut vector = vec![0.0; fixed.factors];
        let row = Row { others: &sources, weights: &weights };
        if fixed.solve(row, &mut vector, fixed.factors, &mut Scratch::new(fixed.factors)).is_none() {
            // The regularisation was enough for every training user; where it is not, the prior answers.
            vector.fill(0.0);
        }
        vector
    }

    fn fixed(&self) -> Fixed<'_> {
        let Settings { factors, regularization, unobserved_weight, nu, .. } = self.settings;
        let weights = Weights { unobserved: unobserved_weight, regularization, nu };
        Fixed { vectors: &self.items, factors, gram: &self.gram, rows: self.known, weights }
    }

    /// Known items of the history with their weights, by item, each once.
    fn input(&self, history: &[HistoryEvent]) -> (Vec<u32>, Vec<f32>) {
        let known = history.iter().copied().filter(|event| (event.item as usize) < self.n_items());
        let items = newest_items(known, self.settings.max_history, self.tau_inf());
        items.into_iter().map(|(item, weight)| (item, weight * self.settings.scale)).filter(|(_, weight)| *weight > 0.0).unzip()
    }
}

impl Model for AlsModel {
    fn recipe(&self) -> &'static str {
        NAME
    }

    fn n_items(&self) -> usize {
        self.popularity.len()
    }

    fn score(&self, history: &[HistoryEvent], _now: i64, scores: &mut [f32]) {
        let (n, d) = (self.n_items(), self.settings.factors);
        let vector = self.fold_in(history);
        let target = MatMut::from_column_major_slice_mut(scores, n, 1);
        let (items, vector) = (MatRef::from_row_major_slice(&self.items, n, d), MatRef::from_column_major_slice(&vector, d, 1));
        matmul(target, Accum::Replace, items, vector, 1.0, Par::Seq);
        let prior = PRIOR / self.most;
        for (score, users) in scores.iter_mut().zip(self.popularity.iter()) {
            *score += prior * users;
        }
    }

    fn retuned(&self, tau_inf: f32, _kappa: f32) -> Option<Box<dyn Model>> {
        Some(Box::new(self.with_inference(tau_inf)))
    }

    fn explain(&self, history: &[HistoryEvent], item: u32) -> Option<Reason> {
        let users = *self.popularity.get(item as usize)?;
        let positive = self.contributions(history, item).into_iter().filter(|(_, contribution)| *contribution > 0.0);
        match positive.max_by(|a, b| a.1.total_cmp(&b.1)) {
            Some((source, contribution)) => Some(Reason::BecauseOf { item: source, contribution }),
            None => (users > 0.0).then_some(Reason::Popular),
        }
    }

    fn save(&self) -> Result<Vec<u8>, RecipeError> {
        Writer::new(NAME).floats("items", &self.items).floats("popularity", &self.popularity).finish(&(self.known, &self.settings))
    }
}

pub(crate) fn load(reader: &Reader<'_>) -> Result<Box<dyn Model>, RecipeError> {
    let (items, popularity) = (reader.floats("items")?, reader.floats("popularity")?);
    let (known, settings): (usize, Settings) = reader.settings()?;
    if settings.factors == 0 || items.len() != popularity.len() * settings.factors {
        let (found, n, d) = (items.len(), popularity.len(), settings.factors);
        return Err(RecipeError::Artifact(format!("expected {n} vectors of {d} factors, found {found} numbers")));
    }
    Ok(Box::new(AlsModel::assemble(items, popularity, known, settings)))
}
