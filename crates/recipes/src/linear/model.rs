//! The trained linear model: a sparse gather over the history.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::head::newest_steps;
use super::{Linear, NAME};
use crate::artifact::{Reader, Writer};
use crate::{HistoryEvent, Model, Reason, RecipeError};

/// Scale of the popularity prior: far below every learnt weight, so that it orders only what the weights leave equal.
const PRIOR: f32 = 1e-6;

/// Item×item weights by source item, columns ascending (compressed sparse rows).
#[derive(Debug, PartialEq)]
pub(super) struct SparseRows {
    indptr: Vec<usize>,
    columns: Vec<u32>,
    weights: Vec<f32>,
}

impl SparseRows {
    pub(super) fn empty(n_items: usize) -> Self {
        Self { indptr: vec![0; n_items + 1], columns: Vec::new(), weights: Vec::new() }
    }

    pub(super) fn builder(n_items: usize) -> Builder {
        Builder { n_items, rows: Self { indptr: vec![0], columns: Vec::new(), weights: Vec::new() } }
    }

    fn row(&self, item: u32) -> (&[u32], &[f32]) {
        let range = self.indptr[item as usize]..self.indptr[item as usize + 1];
        (&self.columns[range.clone()], &self.weights[range])
    }

    fn weight(&self, source: u32, target: u32) -> f32 {
        let (columns, weights) = self.row(source);
        columns.binary_search(&target).map_or(0.0, |at| weights[at])
    }

    fn check(&self, n_items: usize) -> Result<(), RecipeError> {
        let ends_right = self.indptr.first() == Some(&0) && self.indptr.last() == Some(&self.columns.len());
        let sound = self.indptr.len() == n_items + 1
            && ends_right
            && self.indptr.is_sorted()
            && self.columns.len() == self.weights.len()
            && self.columns.iter().all(|column| (*column as usize) < n_items)
            && (0..n_items).all(|item| self.row(item as u32).0.is_sorted());
        if sound { Ok(()) } else { Err(RecipeError::Artifact("expected consistent sparse rows, found broken ones".into())) }
    }
}

/// Takes the rows of some items, in the order of items.
pub(super) struct Builder {
    n_items: usize,
    rows: SparseRows,
}

impl Builder {
    pub(super) fn push(&mut self, item: u32, row: impl Iterator<Item = (u32, f32)>) {
        self.rows.indptr.resize(item as usize + 1, self.rows.columns.len());
        for (column, weight) in row {
            self.rows.columns.push(column);
            self.rows.weights.push(weight);
        }
        self.rows.indptr.push(self.rows.columns.len());
    }

    pub(super) fn finish(mut self) -> SparseRows {
        self.rows.indptr.resize(self.n_items + 1, self.rows.columns.len());
        self.rows
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Settings {
    /// `None`: order is ignored (JSON has no infinity).
    tau_inf: Option<f32>,
    kappa: f32,
    max_history: usize,
}

/// A fitted [`Linear`].
#[derive(Debug, Clone)]
pub struct LinearModel {
    rows: Arc<SparseRows>,
    /// Users per item.
    popularity: Arc<Vec<f32>>,
    /// Greatest popularity, at least 1.
    most: f32,
    settings: Settings,
}

impl LinearModel {
    pub(super) fn new(rows: SparseRows, popularity: Vec<f32>, recipe: &Linear) -> Self {
        let settings = Settings { tau_inf: None, kappa: 0.0, max_history: recipe.max_history };
        Self::assemble(rows, popularity, settings).with_inference(recipe.tau_inf, recipe.kappa)
    }

    fn assemble(rows: SparseRows, popularity: Vec<f32>, settings: Settings) -> Self {
        let most = popularity.iter().copied().fold(1.0, f32::max);
        Self { rows: Arc::new(rows), popularity: Arc::new(popularity), most, settings }
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
        self.rows.weights.len()
    }

    /// Known items of the history with their input weights, by item, each once (with its greatest weight).
    fn input(&self, history: &[HistoryEvent]) -> Vec<(u32, f32)> {
        let known = history.iter().copied().filter(|event| (event.item as usize) < self.n_items());
        let steps = newest_steps(known, self.settings.max_history);
        let decayed = steps.into_iter().rev().enumerate().map(|(age, (item, weight))| match self.settings.tau_inf {
            Some(tau) => (item, weight * (-(age as f32) / tau).exp()),
            None => (item, weight),
        });
        let mut input: Vec<(u32, f32)> = decayed.collect();
        input.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        input.dedup_by_key(|entry| entry.0);
        input
    }

    fn discount(&self, item: usize) -> f32 {
        self.popularity[item].max(1.0).powf(-self.settings.kappa)
    }
}

impl Model for LinearModel {
    fn recipe(&self) -> &'static str {
        NAME
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
        let writer = Writer::new(NAME).offsets("indptr", &self.rows.indptr).indices("columns", &self.rows.columns);
        writer.floats("weights", &self.rows.weights).floats("popularity", &self.popularity).finish(&self.settings)
    }
}

pub(crate) fn load(reader: &Reader<'_>) -> Result<Box<dyn Model>, RecipeError> {
    let (indptr, columns, weights) = (reader.offsets("indptr")?, reader.indices("columns")?, reader.floats("weights")?);
    let (rows, popularity) = (SparseRows { indptr, columns, weights }, reader.floats("popularity")?);
    rows.check(popularity.len())?;
    Ok(Box::new(LinearModel::assemble(rows, popularity, reader.settings()?)))
}
