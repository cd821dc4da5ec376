//! The request path: from a history to ranked items. No database, no file, no lock held while computing.

use std::cell::RefCell;
use std::cmp::Ordering;

use domain::{Error, Result};
use recipes::{HistoryEvent, Reason, Scored, top_k};

use crate::filter::Pass;
use crate::model::LoadedModel;
use crate::request::RecommendedItem;

/// AWS's word in `reason` for what is shown because many have it.
const POPULAR: &str = "Popular item";
/// The linear model's popularity prior stays at or below this; what scores more has a learnt reason.
const PRIOR: f32 = 1e-6;
/// Recipes whose scores are sums of learnt weights and that prior.
const WEIGHTED: [&str; 3] = ["linear", "similar", "rules"];

thread_local! {
    /// One score per item; kept between requests so that none allocates the size of the catalogue.
    static SCORES: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// An item with what the request needs to know of it.
pub(crate) struct Ranked {
    pub item: u32,
    /// Share of the softmax; absent for recipes without scores.
    pub share: Option<f64>,
    pub popular: bool,
    /// Name of the promotion that brought it.
    pub promotion: Option<String>,
}

/// A softmax of scores divided by the temperature that the training chose.
struct Softmax {
    greatest: f32,
    temperature: f32,
    sum: f64,
}

impl Softmax {
    fn over(scores: impl Iterator<Item = f32> + Clone, temperature: f32) -> Self {
        let greatest = scores.clone().fold(f32::NEG_INFINITY, f32::max);
        let sum = scores.map(|score| f64::from(((score - greatest) / temperature).exp())).sum();
        Self { greatest, temperature, sum }
    }

    fn share(&self, score: f32) -> f64 {
        f64::from(((score - self.greatest) / self.temperature).exp()) / self.sum
    }
}

/// Calls `use_scores` with the score of every item.
fn with_scores<T>(loaded: &LoadedModel, history: &[HistoryEvent], now: i64, use_scores: impl FnOnce(&mut [f32]) -> T) -> T {
    SCORES.with_borrow_mut(|scores| {
        scores.resize(loaded.model.n_items(), 0.0);
        loaded.model.score(history, now, scores);
        use_scores(scores)
    })
}

/// What an answer may hold.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<'a> {
    pub count: usize,
    pub exclude_seen: bool,
    pub pass: Option<&'a Pass>,
}

/// The best items of the catalogue within the bounds; shares are of the whole catalogue.
pub(crate) fn best(loaded: &LoadedModel, history: &[HistoryEvent], now: i64, bounds: Bounds<'_>) -> Vec<Ranked> {
    let has_scores = loaded.recipe.has_scores();
    let (best, softmax) = with_scores(loaded, history, now, |scores| {
        let softmax = has_scores.then(|| Softmax::over(scores.iter().copied(), loaded.manifest.temperature));
        if bounds.exclude_seen {
            history.iter().for_each(|event| scores[event.item as usize] = f32::NAN);
        }
        (kept(loaded, scores, bounds), softmax)
    });
    let ranked = best.into_iter().map(|Scored { item, score }| Ranked {
        item,
        share: softmax.as_ref().map(|softmax| softmax.share(score)),
        popular: is_popular(loaded, history, item, score),
        promotion: None,
    });
    ranked.collect()
}

/// The best that pass. Where values are limited, more are looked at until there are enough or no more.
fn kept(loaded: &LoadedModel, scores: &[f32], bounds: Bounds<'_>) -> Vec<Scored> {
    let Some(pass) = bounds.pass else { return top_k(scores, bounds.count, |_| false) };
    if !pass.has_limits() {
        return top_k(scores, bounds.count, |item| !pass.lets(item));
    }
    let mut looked_at = bounds.count.saturating_mul(4).saturating_add(64);
    loop {
        let candidates = top_k(scores, looked_at, |item| !pass.lets(item));
        let all = candidates.len() < looked_at;
        let mut tally = pass.tally();
        let admitted = candidates.into_iter().filter(|scored| tally.admits(loaded.bundle.items.get(scored.item)));
        let admitted: Vec<Scored> = admitted.take(bounds.count).collect();
        if all || admitted.len() == bounds.count {
            return admitted;
        }
        looked_at = looked_at.saturating_mul(8);
    }
}

/// Whether nothing but popularity speaks for the item.
fn is_popular(loaded: &LoadedModel, history: &[HistoryEvent], item: u32, score: f32) -> bool {
    // Above the prior there is a learnt weight, so that there is no need to look for it.
    let has_weight = score > PRIOR && WEIGHTED.contains(&loaded.model.recipe());
    history.is_empty() || !has_weight && !matches!(loaded.model.explain(history, item), Some(Reason::BecauseOf { .. }))
}

/// The wire's form of [`best`].
pub(crate) fn recommended(loaded: &LoadedModel, ranked: Vec<Ranked>) -> Vec<RecommendedItem> {
    let item = |ranked: Ranked| RecommendedItem {
        item_id: loaded.bundle.items.get(ranked.item).to_owned(),
        score: ranked.share,
        reason: if ranked.popular { vec![POPULAR.to_owned()] } else { Vec::new() },
        promotion_name: ranked.promotion,
    };
    ranked.into_iter().map(item).collect()
}

/// The given items that pass in order, best first; shares are of the known ones among them. Unknown items come last, in the given
/// order.
pub(crate) fn ordered(
    loaded: &LoadedModel,
    history: &[HistoryEvent],
    now: i64,
    items: &[String],
    pass: Option<&Pass>,
) -> Vec<RecommendedItem> {
    let items: Vec<&String> = items.iter().filter(|item| pass.is_none_or(|pass| pass.lets_id(item))).collect();
    let places: Vec<Option<u32>> = items.iter().map(|item| loaded.bundle.items.position(item)).collect();
    let scores: Vec<Option<f32>> =
        with_scores(loaded, history, now, |scores| places.iter().map(|place| place.map(|item| scores[item as usize])).collect());
    let softmax = Softmax::over(scores.iter().flatten().copied(), loaded.manifest.temperature);
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by(|a, b| match (scores[*a], scores[*b]) {
        (Some(a), Some(b)) => b.total_cmp(&a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    });
    let share = |at: usize| scores[at].filter(|_| loaded.recipe.has_scores()).map(|score| softmax.share(score));
    let mut tally = pass.map(Pass::tally);
    let item = |at: usize| {
        let admitted = tally.as_mut().is_none_or(|tally| tally.admits(items[at]));
        admitted.then(|| RecommendedItem { item_id: items[at].clone(), score: share(at), reason: Vec::new(), promotion_name: None })
    };
    order.into_iter().filter_map(item).collect()
}

/// 25 when absent, 1 to 500.
pub(crate) fn check_count(asked: Option<i64>) -> Result<usize> {
    const MOST: i64 = 500;
    let count = asked.unwrap_or(25);
    match usize::try_from(count) {
        Ok(fits) if (1..=MOST).contains(&count) => Ok(fits),
        _ => Err(Error::invalid_input(format!("numResults is 1 to {MOST}; found {count}."))),
    }
}

/// Up to 500 items, none of them empty.
pub(crate) fn check_list(items: &[String]) -> Result<()> {
    const MOST: usize = 500;
    if items.is_empty() || items.len() > MOST {
        return Err(Error::invalid_input(format!("inputList has 1 to {MOST} item ids; found {}.", items.len())));
    }
    match items.iter().position(String::is_empty) {
        Some(at) => Err(Error::invalid_input(format!("inputList has item ids; number {} is empty.", at + 1))),
        None => Ok(()),
    }
}
