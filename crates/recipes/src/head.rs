//! Which items of the catalogue are learnt from, and the users' events among them.
//!
//! Items outside the head (too few users, or beyond the most that a recipe can take) get no weights of their own: the model
//! ranks them by popularity, below every item that it has a reason for.

use crate::{HistoryEvent, Interactions};

const NONE: u32 = u32::MAX;

/// The items that are learnt from, in the order of their indices.
pub(crate) struct Head {
    /// Item of each head index.
    pub items: Vec<u32>,
    /// Head index of each item, or `NONE`.
    index: Vec<u32>,
}

impl Head {
    pub(crate) fn choose(popularity: &[f32], min_support: usize, max_items: usize) -> Self {
        let mut items: Vec<u32> = (0..popularity.len() as u32).filter(|item| popularity[*item as usize] >= min_support as f32).collect();
        items.sort_by(|a, b| popularity[*b as usize].total_cmp(&popularity[*a as usize]));
        items.truncate(max_items);
        items.sort_unstable();
        let mut index = vec![NONE; popularity.len()];
        for (at, item) in items.iter().enumerate() {
            index[*item as usize] = at as u32;
        }
        Self { items, index }
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }
}

/// Runs of events on one item are one step, as heavy as the heaviest of them: three looks at a page and a purchase are one
/// thing done. Only the newest `max` steps are given, in time order.
pub(crate) fn newest_steps(events: impl DoubleEndedIterator<Item = HistoryEvent>, max: usize) -> Vec<(u32, f32)> {
    let mut steps: Vec<(u32, f32)> = Vec::new();
    for event in events.rev() {
        let known = steps.len();
        match steps.last_mut() {
            Some((item, weight)) if *item == event.item => *weight = weight.max(event.weight),
            _ if known == max => break,
            _ => steps.push((event.item, event.weight)),
        }
    }
    steps.reverse();
    steps
}

/// The different items among the newest `max` steps, by item, each with the greatest of its weights · exp(−age in steps / `tau`).
pub(crate) fn newest_items(events: impl DoubleEndedIterator<Item = HistoryEvent>, max: usize, tau: f32) -> Vec<(u32, f32)> {
    let steps = newest_steps(events, max).into_iter().rev().enumerate();
    let mut items: Vec<(u32, f32)> = steps.map(|(age, (item, weight))| (item, weight * (-(age as f32) / tau).exp())).collect();
    items.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
    items.dedup_by_key(|entry| entry.0);
    items
}

/// Rows of (item, weight) by user, with the places at which each item occurs.
pub(crate) struct Rows {
    pub indptr: Vec<usize>,
    pub items: Vec<u32>,
    pub weights: Vec<f32>,
    /// Row of each entry.
    row_of: Vec<u32>,
    occurrence_indptr: Vec<usize>,
    occurrences: Vec<usize>,
}

impl Rows {
    /// Entries at which the item occurs, in the order of users and time.
    pub(crate) fn occurrences(&self, item: usize) -> &[usize] {
        &self.occurrences[self.occurrence_indptr[item]..self.occurrence_indptr[item + 1]]
    }

    /// Row of an entry.
    pub(crate) fn row_of(&self, entry: usize) -> u32 {
        self.row_of[entry]
    }

    /// Where the row of an entry begins and ends.
    pub(crate) fn row_around(&self, entry: usize) -> std::ops::Range<usize> {
        let row = self.row_of[entry] as usize;
        self.indptr[row]..self.indptr[row + 1]
    }

    fn new(rows: impl Iterator<Item = Vec<(u32, f32)>>, n_items: usize) -> Self {
        let (mut indptr, mut items, mut weights, mut row_of) = (vec![0], Vec::new(), Vec::new(), Vec::new());
        for (row, entries) in rows.enumerate() {
            items.extend(entries.iter().map(|(item, _)| *item));
            weights.extend(entries.iter().map(|(_, weight)| *weight));
            row_of.resize(items.len(), row as u32);
            indptr.push(items.len());
        }
        let mut occurrence_indptr = vec![0; n_items + 1];
        for item in &items {
            occurrence_indptr[*item as usize + 1] += 1;
        }
        for item in 0..n_items {
            occurrence_indptr[item + 1] += occurrence_indptr[item];
        }
        let mut next = occurrence_indptr.clone();
        let mut occurrences = vec![0; items.len()];
        for (entry, item) in items.iter().enumerate() {
            occurrences[next[*item as usize]] = entry;
            next[*item as usize] += 1;
        }
        Self { indptr, items, weights, row_of, occurrence_indptr, occurrences }
    }
}

/// The users' steps among the head's items, in time order, each as heavy as `weight` says. Weights are scaled to a mean of 1,
/// since only their ratios count.
pub(crate) fn sequences(interactions: &Interactions, head: &Head, max_history: usize, weight: impl Fn(HistoryEvent) -> f32) -> Rows {
    let users = 0..interactions.n_users() as u32;
    let rows = users.map(|user| {
        let known = interactions.history(user).filter_map(|event| {
            let index = head.index[event.item as usize];
            (index != NONE).then_some(HistoryEvent { item: index, weight: weight(event), ..event })
        });
        newest_steps(known, max_history)
    });
    let mut rows = Rows::new(rows, head.len());
    let mean = rows.weights.iter().map(|weight| f64::from(*weight)).sum::<f64>() / rows.weights.len().max(1) as f64;
    if mean > 0.0 {
        let scale = (1.0 / mean) as f32;
        rows.weights.iter_mut().for_each(|weight| *weight *= scale);
    }
    rows
}

/// Each user's different items with the greatest weight of each, by item: the order-free view of `sequences`.
pub(crate) fn sets(sequences: &Rows, n_items: usize) -> Rows {
    let rows = sequences.indptr.windows(2).map(|bounds| {
        let range = bounds[0]..bounds[1];
        let mut entries: Vec<(u32, f32)> =
            sequences.items[range.clone()].iter().copied().zip(sequences.weights[range].iter().copied()).collect();
        entries.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        entries.dedup_by_key(|entry| entry.0);
        entries
    });
    Rows::new(rows, n_items)
}
