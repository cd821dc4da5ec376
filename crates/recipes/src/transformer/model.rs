//! The trained network: one pass over the newest steps, then one product with the items' vectors.

use std::sync::Arc;

use super::NAME;
use super::kernels::dot;
use super::net::{Net, Packed, Shape, Trace};
use crate::artifact::{Reader, Writer};
use crate::head::newest_steps;
use crate::linear::PRIOR;
use crate::{HistoryEvent, Model, Reason, RecipeError};

/// Marks an item that was not learnt.
const NONE: u32 = u32::MAX;
/// Steps that [`TransformerModel::contributions`] leaves out, one after the other, at most: each is a pass of its own.
const EXPLAINED: usize = 20;

/// A fitted [`Transformer`](super::Transformer).
#[derive(Debug, Clone)]
pub struct TransformerModel {
    net: Arc<Net>,
    /// Item of each index of the network.
    learnt: Arc<Vec<u32>>,
    /// Index of each item in the network, or `NONE`.
    index: Arc<Vec<u32>>,
    /// Users per item.
    popularity: Arc<Vec<f32>>,
    /// Greatest popularity, at least 1.
    most: f32,
}

impl TransformerModel {
    pub(super) fn new(net: Net, learnt: Vec<u32>, popularity: Vec<f32>) -> Self {
        let most = popularity.iter().copied().fold(1.0, f32::max);
        let mut index = vec![NONE; popularity.len()];
        for (at, item) in learnt.iter().enumerate() {
            index[*item as usize] = at as u32;
        }
        Self { net: Arc::new(net), learnt: Arc::new(learnt), index: Arc::new(index), popularity: Arc::new(popularity), most }
    }

    /// How much the score of `item` falls when all events of an item of the history are left out, for each item of the newest 20
    /// steps, by the newest event. The differences do not add up to the score, as items matter together. Without anything left
    /// the score is the item's bias. Empty when `item` or the history is not known.
    pub fn contributions(&self, history: &[HistoryEvent], item: u32) -> Vec<(u32, f32)> {
        let target = self.index.get(item as usize).copied().unwrap_or(NONE);
        let mut sources: Vec<u32> = Vec::new();
        for source in self.input(history, NONE).into_iter().rev().take(EXPLAINED) {
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        if target == NONE || sources.is_empty() {
            return Vec::new();
        }
        let without = std::iter::once(NONE).chain(sources.iter().copied()).map(|source| self.input(history, source));
        let mut packed = Packed { bounds: vec![0], ..Packed::default() };
        for steps in without {
            packed.inputs.extend_from_slice(&steps);
            packed.bounds.push(packed.inputs.len());
        }
        let mut trace = Trace::default();
        trace.forward(&self.net, &packed, None);
        let vector = self.net.vector(target);
        let score = |sequence: std::ops::Range<usize>| match sequence.is_empty() {
            true => 0.0,
            false => dot(trace.last(&self.net, sequence), vector),
        };
        let mut scores = packed.sequences().map(score);
        let whole = scores.next().unwrap_or(0.0);
        sources.iter().map(|source| self.learnt[*source as usize]).zip(scores.map(|score| whole - score)).collect()
    }

    /// The newest steps of the history as indices of the network, without the events of the index `without`.
    fn input(&self, history: &[HistoryEvent], without: u32) -> Vec<u32> {
        let known = history.iter().filter_map(|event| {
            let index = self.index.get(event.item as usize).copied().unwrap_or(NONE);
            (index != NONE && index != without).then_some(HistoryEvent { item: index, ..*event })
        });
        newest_steps(known, self.net.shape.length).into_iter().map(|(index, _)| index).collect()
    }
}

impl Model for TransformerModel {
    fn recipe(&self) -> &'static str {
        NAME
    }

    fn n_items(&self) -> usize {
        self.popularity.len()
    }

    /// Logarithms of probabilities, but for a number that is common to all. Items that were not learnt stand below all others,
    /// by popularity; without a known step popularity ranks.
    fn score(&self, history: &[HistoryEvent], _now: i64, scores: &mut [f32]) {
        let input = self.input(history, NONE);
        if input.is_empty() {
            scores.iter_mut().zip(self.popularity.iter()).for_each(|(score, users)| *score = PRIOR / self.most * users);
            return;
        }
        let (packed, mut trace) = (Packed::one(input), Trace::default());
        trace.forward(&self.net, &packed, None);
        let mut learnt = vec![0.0; self.learnt.len()];
        self.net.score(trace.last(&self.net, 0..packed.inputs.len()), &mut learnt);
        let lowest = learnt.iter().copied().fold(f32::INFINITY, f32::min);
        scores.iter_mut().zip(self.popularity.iter()).for_each(|(score, users)| *score = lowest - 2.0 + users / self.most);
        self.learnt.iter().zip(learnt).for_each(|(item, score)| scores[*item as usize] = score);
    }

    /// The item of the history without which the score would fall most; see [`TransformerModel::contributions`].
    fn explain(&self, history: &[HistoryEvent], item: u32) -> Option<Reason> {
        let users = *self.popularity.get(item as usize)?;
        let positive = self.contributions(history, item).into_iter().filter(|(_, contribution)| *contribution > 0.0);
        match positive.max_by(|a, b| a.1.total_cmp(&b.1)) {
            Some((source, contribution)) => Some(Reason::BecauseOf { item: source, contribution }),
            None => (users > 0.0).then_some(Reason::Popular),
        }
    }

    fn save(&self) -> Result<Vec<u8>, RecipeError> {
        let writer = Writer::new(NAME).floats("items", &self.net.items).floats("bias", &self.net.bias);
        let writer = writer.floats("layers", &self.net.layers).floats("popularity", &self.popularity);
        writer.indices("learnt", &self.learnt).finish(&self.net.shape)
    }
}

pub(crate) fn load(reader: &Reader<'_>) -> Result<Box<dyn Model>, RecipeError> {
    let (shape, learnt, popularity) = (reader.settings::<Shape>()?, reader.indices("learnt")?, reader.floats("popularity")?);
    let net = Net { shape, items: reader.floats("items")?, bias: reader.floats("bias")?, layers: reader.floats("layers")? };
    let sound = shape.is_sound()
        && net.bias.len() == learnt.len()
        && Some(net.items.len()) == learnt.len().checked_mul(shape.dimension)
        && net.layers.len() == shape.len()
        && learnt.is_sorted_by(|a, b| a < b)
        && learnt.last().is_none_or(|item| (*item as usize) < popularity.len());
    if !sound {
        let expected = format!("a network that fits its sizes {shape:?} and {} items", popularity.len());
        return Err(RecipeError::Artifact(format!("expected {expected}, found another")));
    }
    Ok(Box::new(TransformerModel::new(net, learnt, popularity)))
}
