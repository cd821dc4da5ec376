//! For whom and for what a model is good: users with short and long histories, head and tail of the catalogue.
//!
//! Takes two evaluations of the same users and how popular items were in the training part; ranks nothing again.

use std::collections::BTreeMap;

use recipes::{Interactions, RecipeError};
use serde::{Deserialize, Serialize};

use crate::{Evaluation, Figure, HIT_RATE_AT_10, NDCG_AT_10, figures};

/// Share of all events that the head of the catalogue has.
const HEAD: f64 = 0.5;

/// How popular every item was in the training part.
#[derive(Debug, Clone, PartialEq)]
pub struct Shares {
    surprise: Vec<f64>,
    percentile: Vec<f64>,
    is_head: Vec<bool>,
}

impl Shares {
    pub fn of(train: &Interactions) -> Self {
        let (mut users, mut events) = (vec![0_u32; train.n_items()], vec![0_u64; train.n_items()]);
        let mut last = vec![u32::MAX; train.n_items()];
        for event in train.iter() {
            let item = event.item as usize;
            events[item] += 1;
            if last[item] != event.user {
                last[item] = event.user;
                users[item] += 1;
            }
        }
        let active = (0..train.n_users() as u32).filter(|user| train.events_of(*user) > 0).count();
        // One user more everywhere: an item that nobody has is a great surprise, not an endless one.
        let surprise = users.iter().map(|users| ((active as f64 + 1.0) / (f64::from(*users) + 1.0)).log2()).collect();
        Self { surprise, percentile: percentiles(&users), is_head: head(&events) }
    }

    /// Bits: 0 when everybody has the item.
    pub(crate) fn surprise(&self, item: u32) -> f64 {
        self.surprise.get(item as usize).copied().unwrap_or(0.0)
    }

    /// Share of the catalogue with fewer users; ties count half.
    pub(crate) fn percentile(&self, item: u32) -> f64 {
        self.percentile.get(item as usize).copied().unwrap_or(0.0)
    }

    fn is_head(&self, item: u32) -> bool {
        self.is_head.get(item as usize).copied().unwrap_or(false)
    }
}

fn percentiles(users: &[u32]) -> Vec<f64> {
    let mut sorted = users.to_vec();
    sorted.sort_unstable();
    let rank = |users: &u32| {
        let below = sorted.partition_point(|other| other < users);
        let up_to = sorted.partition_point(|other| other <= users);
        (below + up_to) as f64 / 2.0 / sorted.len() as f64
    };
    users.iter().map(rank).collect()
}

/// The fewest items that together have half of the events.
fn head(events: &[u64]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..events.len()).collect();
    order.sort_by_key(|item| (std::cmp::Reverse(events[*item]), *item));
    let all: u64 = events.iter().sum();
    let (mut is_head, mut so_far) = (vec![false; events.len()], 0);
    for item in order {
        if so_far as f64 >= HEAD * all as f64 {
            break;
        }
        so_far += events[item];
        is_head[item] = true;
    }
    is_head
}

/// A part of the users, or of the items to be found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Segment {
    /// `new_users`, `returning_users`, `head_items` or `tail_items`.
    pub name: String,
    /// Who or what that is here: `customers with up to 58 known events`.
    pub words: String,
    /// Users that were judged in it.
    pub users: usize,
    /// NDCG@10 and the hit rate, by name.
    pub figures: BTreeMap<String, Figure>,
}

/// The parts that have users. Histories are divided at their median; of the items, the head is the fewest that together have
/// half of the training events. Items are still ranked among the whole catalogue.
pub fn segments(model: &Evaluation, baseline: &Evaluation, shares: &Shares, seed: u64) -> Result<Vec<Segment>, RecipeError> {
    let mut known: Vec<usize> = model.lists().iter().map(|one| one.known).collect();
    known.sort_unstable();
    let median = known.get(known.len().saturating_sub(1) / 2).copied().unwrap_or(0);
    let n_head = shares.is_head.iter().filter(|is_head| **is_head).count();
    let few = |one: &Evaluation| one.within(|list| list.known <= median, |_| true);
    let many = |one: &Evaluation| one.within(|list| list.known > median, |_| true);
    let head = |one: &Evaluation| one.within(|_| true, |item| shares.is_head(item));
    let tail = |one: &Evaluation| one.within(|_| true, |item| !shares.is_head(item));
    let parts = [
        ("new_users", format!("customers with up to {median} known events"), few(model), few(baseline)),
        ("returning_users", format!("customers with more than {median} known events"), many(model), many(baseline)),
        ("head_items", format!("the {n_head} best-selling items, which have half of all events"), head(model), head(baseline)),
        ("tail_items", "all other items".into(), tail(model), tail(baseline)),
    ];
    let mut found = Vec::new();
    for (name, words, model, baseline) in parts {
        let (Some(model), Some(baseline)) = (model, baseline) else { continue };
        let figures = figures(&model, &baseline, seed)?.into_iter().filter(|(name, _)| [NDCG_AT_10, HIT_RATE_AT_10].contains(name));
        let figures = figures.map(|(name, figure)| (name.to_owned(), figure)).collect();
        found.push(Segment { name: name.into(), words, users: model.n_users(), figures });
    }
    Ok(found)
}
