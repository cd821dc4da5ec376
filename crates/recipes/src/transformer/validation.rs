//! The users whose newest steps are held back from training, to see when it should end.

use std::ops::Range;

use rayon::prelude::*;

use super::net::{Net, Packed, Trace};
use crate::head::Rows;
use crate::progress::Steps;
use crate::random::bits;
use crate::{RecipeError, top_k};

/// One user of so many is held back in part.
const ONE_OF: usize = 10;
/// With fewer the figure would be chance.
const LEAST_USERS: usize = 20;
/// More would cost and tell no more.
const MOST_USERS: usize = 1000;
/// What is asked for: the first page.
const PAGE: usize = 10;
/// Users whose scores one thread holds at a time.
const USERS_PER_SHARE: usize = 8;
/// Users between two looks at the cancel flag.
const USERS_PER_STEP: usize = 128;

/// What is known of a user and what is to be found, as places in the rows.
struct Case {
    known: Range<usize>,
    hidden: Range<usize>,
}

pub(super) struct Validation {
    cases: Vec<Case>,
}

impl Validation {
    /// Parts the rows into what is trained on and what is held back: the newest tenth (at least one step) of a tenth of the users
    /// with three steps or more, drawn by hash. Nothing is held back where that would be fewer than [`LEAST_USERS`].
    pub(super) fn part(rows: &Rows, seed: u64) -> (Vec<Range<usize>>, Self) {
        let mut sequences: Vec<Range<usize>> = rows.indptr.windows(2).map(|bounds| bounds[0]..bounds[1]).collect();
        let mut users: Vec<usize> = (0..sequences.len()).filter(|user| sequences[*user].len() >= 3).collect();
        users.sort_by_cached_key(|user| bits(seed, *user as u64));
        users.truncate((users.len() / ONE_OF).min(MOST_USERS));
        if users.len() < LEAST_USERS {
            users.clear();
        }
        let cases = users.iter().map(|user| {
            let sequence = &mut sequences[*user];
            let known = sequence.end - (sequence.len() as f64 / ONE_OF as f64).round().max(1.0) as usize;
            let hidden = known..sequence.end;
            sequence.end = known;
            Case { known: sequence.clone(), hidden }
        });
        let cases = cases.collect();
        (sequences, Self { cases })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// Mean NDCG@10 of what was held back among all items of the network.
    pub(super) fn judge(&self, net: &Net, rows: &Rows, steps: &Steps<'_>) -> Result<f64, RecipeError> {
        let mut total = 0.0;
        for group in self.cases.chunks(USERS_PER_STEP) {
            let parts: Vec<f64> = group.par_chunks(USERS_PER_SHARE).map(|cases| judge_some(net, rows, cases)).collect();
            total += parts.iter().sum::<f64>();
            steps.advance(0)?;
        }
        Ok(total / self.cases.len().max(1) as f64)
    }
}

fn judge_some(net: &Net, rows: &Rows, cases: &[Case]) -> f64 {
    let mut packed = Packed { bounds: vec![0], ..Packed::default() };
    for case in cases {
        let newest = case.known.start.max(case.known.end.saturating_sub(net.shape.length))..case.known.end;
        packed.inputs.extend_from_slice(&rows.items[newest]);
        packed.bounds.push(packed.inputs.len());
    }
    let mut trace = Trace::default();
    trace.forward(net, &packed, None);
    let mut scores = vec![0.0; net.bias.len()];
    let judged = packed.sequences().zip(cases).map(|(sequence, case)| {
        net.score(trace.last(net, sequence), &mut scores);
        let mut truth = rows.items[case.hidden.clone()].to_vec();
        truth.sort_unstable();
        truth.dedup();
        ndcg(&scores, &truth)
    });
    judged.sum()
}

/// `truth` is sorted.
fn ndcg(scores: &[f32], truth: &[u32]) -> f64 {
    let gain = |place: usize| 1.0 / (place as f64 + 2.0).log2();
    let page = top_k(scores, PAGE, |_| false);
    let found = page.iter().enumerate().filter(|(_, scored)| truth.binary_search(&scored.item).is_ok());
    found.map(|(place, _)| gain(place)).sum::<f64>() / (0..truth.len().min(PAGE)).map(gain).sum::<f64>()
}
