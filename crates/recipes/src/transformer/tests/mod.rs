#![allow(clippy::unwrap_used, clippy::panic)]

mod gradients;
mod learning;
mod parts;

use super::{Transformer, TransformerModel};
use crate::{FitContext, HistoryEvent, Interaction, Interactions, Model};

const SMALL: Transformer = Transformer {
    dimension: 16,
    blocks: 1,
    heads: 2,
    hidden: 24,
    length: 8,
    dropout: 0.1,
    learning_rate: 0.01,
    batch: 16,
    negatives: 8,
    epochs: 6,
    max_steps: 1000,
    patience: 3,
    min_support: 1,
    max_items: 1000,
    max_history: 100,
};

fn context() -> FitContext<'static> {
    FitContext { seed: 1, cancel: &|| false, progress: &|_, _| (), reference_time: 0 }
}

fn fit(recipe: &Transformer, data: &Interactions) -> TransformerModel {
    recipe.fit_model(data, &context()).unwrap()
}

/// Each user's items in order.
fn ordered(n_items: usize, users: &[Vec<u32>]) -> Interactions {
    let event = |user: usize, item: u32, timestamp: i64| Interaction { user: user as u32, item, timestamp, weight: 1.0 };
    let events = users.iter().enumerate().flat_map(|(user, items)| items.iter().zip(0..).map(move |(item, at)| event(user, *item, at)));
    Interactions::new(users.len(), n_items, events).unwrap()
}

fn history(items: &[u32]) -> Vec<HistoryEvent> {
    items.iter().zip(0..).map(|(item, timestamp)| HistoryEvent { item: *item, timestamp, weight: 1.0 }).collect()
}

fn scores(model: &dyn Model, items: &[u32]) -> Vec<f32> {
    let mut scores = vec![f32::NAN; model.n_items()];
    model.score(&history(items), 0, &mut scores);
    scores
}
