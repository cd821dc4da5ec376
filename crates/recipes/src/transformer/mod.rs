//! The sequence recommender: a small transformer that reads a user's newest steps and gives the next one (SASRec, Kang & McAuley
//! 2018, with the loss that makes it good: Klenitskiy & Vasilev 2023, 2309.07602).
//!
//! x₀ = √d·e(item) + p(place); a block adds attention over the steps so far and then two linear maps with a kink between, each
//! behind a layer norm (pre-norm) and dropout; the score of item i after a step is norm(x)·e(i) + b(i). Vectors of items going in
//! and out are the same; b begins as ln of the items' frequency. Trained by softmax over the next step and negatives that a
//! batch shares, with logQ correction, weighted by the target's event weight (`loss`); Adam; all sequences packed, no padding.
//!
//! Places are counted from the oldest step of the piece: a place then says how much is known, in training at every step as in
//! recommending, while counting from the newest would tell a step in training how much is still to come.
//!
//! A tenth of the users lose their newest tenth to `validation`; training ends when that part has not gained for `patience`
//! rounds, and gives the best network. Small data (fewer than 200 users) train all their epochs.
//!
//! Judged and given is the running mean of the network over about a hundred steps (`LONGEST_MEAN`).
//!
//! Measured on MovieLens-100K, users10 with seed 42, defaults: NDCG@10 .154 after 68 s on two busy cores, against .174 of
//! `linear` and .152 of `als` in under a second each; 94 users, so half-widths are .04. It is an option, not the default.
//! `RAYON_NUM_THREADS=2 cargo nextest run -p evaluate --test quality --run-ignored only --no-capture transformer_beside_peers`.
//!
//! `net` goes forward, `backward` back, `optimise` makes a step, `sampling` draws, `model` serves. Results depend on the seed and
//! not on the number of threads.

mod backward;
mod kernels;
mod loss;
mod model;
mod net;
mod optimise;
mod sampling;
#[cfg(test)]
mod tests;
mod validation;

use std::collections::BTreeMap;

pub use model::TransformerModel;
pub(crate) use model::load;

use crate::head::{Head, Rows, sequences};
use crate::parameters::{Parameter, Values, number, whole};
use crate::progress::Steps;
use crate::random::bits;
use crate::recipe::require_events;
use crate::{FitContext, Interactions, Model, Recipe, RecipeError};
use net::{Net, Shape};
use optimise::Trainer;
use sampling::{Sampler, most_pieces, pieces};
use validation::Validation;

pub(crate) const NAME: &str = "transformer";

/// Steps of training between two looks at the validation part, at least; else one look per epoch.
const STEPS_PER_ROUND: usize = 50;

/// The network that is judged and given is a running mean over about so many steps: it lies where single steps scatter around.
const LONGEST_MEAN: f32 = 100.0;

/// All parameters of the recipe, with the defaults for "what does the user do next".
pub const PARAMETERS: [Parameter; 15] = [
    whole("dimension", 1.0, 1024.0, 64.0, "Length of the vectors: more tell finer tastes apart and cost more."),
    whole("blocks", 1.0, 16.0, 2.0, "How often steps look at each other."),
    whole("heads", 1.0, 64.0, 1.0, "How many things a step looks for at a time; divides the dimension."),
    whole("hidden", 1.0, 8192.0, 128.0, "Width of the feed-forward layers."),
    whole("length", 1.0, 2000.0, 50.0, "How many of a user's newest steps are read; 200 suits histories of hundreds."),
    number("dropout", 0.0, 0.9, 0.2, "The share of numbers that is hidden at random in training."),
    number("learning_rate", 1e-6, 1.0, 0.001, "How far a step of training goes."),
    whole("batch", 1.0, 100_000.0, 128.0, "How many sequences one step of training takes."),
    whole("negatives", 1.0, 100_000.0, 256.0, "How many items are drawn against the right ones, for each batch."),
    whole("epochs", 1.0, 100_000.0, 200.0, "How often all events are learnt from, at most."),
    whole("max_steps", 1.0, 1e9, 4000.0, "How many steps training takes, at most: the bound on its time."),
    whole("patience", 1.0, 1000.0, 5.0, "Rounds of an epoch (at least 50 steps) without a gain after which training ends."),
    whole("min_support", 1.0, 1000.0, 2.0, "How many users an item needs to be learnt."),
    whole("max_items", 2.0, 1e8, 200_000.0, "How many of the most frequent items are learnt; memory is 20 bytes times dimension for each."),
    whole("max_history", 2.0, 100_000.0, 1000.0, "How many of a user's newest steps are learnt from."),
];

/// The parameters of one fit; see [`PARAMETERS`] for meanings and ranges.
#[derive(Debug, Clone, PartialEq)]
pub struct Transformer {
    pub dimension: usize,
    pub blocks: usize,
    pub heads: usize,
    pub hidden: usize,
    pub length: usize,
    pub dropout: f32,
    pub learning_rate: f32,
    pub batch: usize,
    pub negatives: usize,
    pub epochs: usize,
    pub max_steps: usize,
    pub patience: usize,
    pub min_support: usize,
    pub max_items: usize,
    pub max_history: usize,
}

impl Default for Transformer {
    fn default() -> Self {
        Self {
            dimension: 64,
            blocks: 2,
            heads: 1,
            hidden: 128,
            length: 50,
            dropout: 0.2,
            learning_rate: 0.001,
            batch: 128,
            negatives: 256,
            epochs: 200,
            max_steps: 4000,
            patience: 5,
            min_support: 2,
            max_items: 200_000,
            max_history: 1000,
        }
    }
}

impl Transformer {
    pub fn from_parameters(given: &BTreeMap<String, String>) -> Result<Self, RecipeError> {
        let values = Values::read(&PARAMETERS, given)?;
        let recipe = Self {
            dimension: values.count("dimension"),
            blocks: values.count("blocks"),
            heads: values.count("heads"),
            hidden: values.count("hidden"),
            length: values.count("length"),
            dropout: values.float("dropout"),
            learning_rate: values.float("learning_rate"),
            batch: values.count("batch"),
            negatives: values.count("negatives"),
            epochs: values.count("epochs"),
            max_steps: values.count("max_steps"),
            patience: values.count("patience"),
            min_support: values.count("min_support"),
            max_items: values.count("max_items"),
            max_history: values.count("max_history"),
        };
        recipe.check()?;
        Ok(recipe)
    }

    fn check(&self) -> Result<(), RecipeError> {
        if self.heads == 0 || !self.dimension.is_multiple_of(self.heads) {
            return Err(RecipeError::invalid("heads", format!("a divisor of the dimension {}", self.dimension), self.heads));
        }
        Ok(())
    }

    fn shape(&self) -> Shape {
        Shape { dimension: self.dimension, heads: self.heads, blocks: self.blocks, hidden: self.hidden, length: self.length }
    }

    /// Like [`Recipe::fit`], but gives the model's own type.
    pub fn fit_model(&self, interactions: &Interactions, context: &FitContext<'_>) -> Result<TransformerModel, RecipeError> {
        require_events(interactions)?;
        self.check()?;
        let popularity: Vec<f32> = interactions.users_per_item(|_| true).into_iter().map(|users| users as f32).collect();
        let head = Head::choose(&popularity, self.min_support, self.max_items);
        let rows = sequences(interactions, &head, self.max_history, |event| event.weight);
        let net = self.train(&rows, head.len(), context)?;
        Ok(TransformerModel::new(net, head.items, popularity))
    }

    fn train(&self, rows: &Rows, n_items: usize, context: &FitContext<'_>) -> Result<Net, RecipeError> {
        let (known, validation) = Validation::part(rows, bits(context.seed, 0));
        let mut counts = vec![1.0; n_items];
        known.iter().flat_map(|sequence| &rows.items[sequence.clone()]).for_each(|item| counts[*item as usize] += 1.0);
        let total: f32 = counts.iter().sum();
        let bias = counts.iter().map(|count| (count / total).ln()).collect();
        let net = Net::random(self.shape(), bias, bits(context.seed, 1));
        let sampler = Sampler::new(&counts, self.negatives);
        let mut trainer = Trainer::new(net, self.learning_rate, self.dropout, bits(context.seed, 2));
        let planned = (most_pieces(&known, self.length).div_ceil(self.batch) * self.epochs).min(self.max_steps);
        let steps = Steps::new(context, planned as u64 + 1)?;
        let mut watch = Watch::new(&validation, rows, self.patience);
        let (mut mean, mut done, mut looked) = (trainer.net.clone(), 0, 0);
        for epoch in 0..self.epochs {
            let pieces = pieces(&known, self.length, bits(bits(context.seed, 3), epoch as u64));
            for batch in pieces.chunks(self.batch).take(self.max_steps - done) {
                trainer.step(rows, batch, &sampler);
                done += 1;
                mean.approach(&trainer.net, LONGEST_MEAN.min(done as f32));
                steps.advance(1)?;
            }
            let last = pieces.is_empty() || done == self.max_steps || epoch + 1 == self.epochs;
            if done - looked >= STEPS_PER_ROUND || last {
                looked = done;
                if watch.look(&mean, &steps)? || last {
                    break;
                }
            }
        }
        steps.advance(planned as u64 + 1)?;
        Ok(watch.best.unwrap_or(mean))
    }
}

impl Recipe for Transformer {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fit(&self, interactions: &Interactions, context: &FitContext<'_>) -> Result<Box<dyn Model>, RecipeError> {
        Ok(Box::new(self.fit_model(interactions, context)?))
    }
}

/// Keeps the network that is best on the validation part.
struct Watch<'a> {
    validation: &'a Validation,
    rows: &'a Rows,
    patience: usize,
    best: Option<Net>,
    value: f64,
    /// Rounds without a gain.
    idle: usize,
}

impl<'a> Watch<'a> {
    fn new(validation: &'a Validation, rows: &'a Rows, patience: usize) -> Self {
        Self { validation, rows, patience, best: None, value: f64::NEG_INFINITY, idle: 0 }
    }

    /// True when training should end.
    fn look(&mut self, net: &Net, steps: &Steps<'_>) -> Result<bool, RecipeError> {
        if self.validation.is_empty() {
            return Ok(false);
        }
        let value = self.validation.judge(net, self.rows, steps)?;
        if value > self.value {
            (self.best, self.value, self.idle) = (Some(net.clone()), value, 0);
        } else {
            self.idle += 1;
        }
        Ok(self.idle >= self.patience)
    }
}
