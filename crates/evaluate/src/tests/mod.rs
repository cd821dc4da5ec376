#![allow(clippy::unwrap_used)]

mod insight;

use std::collections::BTreeSet;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use recipes::{HistoryEvent, Interaction, Interactions, Model, Reason, RecipeError};

use crate::metrics::METRICS;
use crate::significance::intervals;
use crate::{
    COVERAGE, Evaluation, HIT_RATE_AT_10, Interval, NDCG_AT_10, NOVELTY, POPULARITY_BIAS, Shares, TestCase, compare, evaluate, figures,
    segments, temporal, users10,
};

/// Scores that do not depend on the history, or that prefer what the history holds.
struct Fixed {
    scores: Vec<f32>,
    seen_bonus: f32,
}

impl Model for Fixed {
    fn recipe(&self) -> &'static str {
        "fixed"
    }
    fn n_items(&self) -> usize {
        self.scores.len()
    }
    fn score(&self, history: &[HistoryEvent], _now: i64, scores: &mut [f32]) {
        scores.copy_from_slice(&self.scores);
        history.iter().for_each(|event| scores[event.item as usize] += self.seen_bonus);
    }
    fn explain(&self, _history: &[HistoryEvent], _item: u32) -> Option<Reason> {
        None
    }
    fn save(&self) -> Result<Vec<u8>, RecipeError> {
        Ok(Vec::new())
    }
}

/// Ranks item 0 first, then 1, 2, ...
fn in_order(n_items: usize) -> Fixed {
    Fixed { scores: (0..n_items).map(|item| -(item as f32)).collect(), seen_bonus: 0.0 }
}

fn case(user: u32, known: &[u32], truth: &[u32]) -> TestCase {
    let history = known.iter().map(|item| HistoryEvent { item: *item, timestamp: 0, weight: 1.0 }).collect();
    TestCase { user, history, truth: truth.to_vec(), now: 1 }
}

fn mean(evaluation: &Evaluation, name: &str) -> f64 {
    evaluation.mean(name).unwrap()
}

fn value(name: &str, hits: &[bool], relevant: usize) -> f64 {
    METRICS.iter().find(|metric| metric.name == name).unwrap().value(hits, relevant)
}

#[test]
fn ndcg_is_the_documented_example() {
    let hits = [false, true, false, false, true];
    let found = value("normalized_discounted_cumulative_gain_at_5", &hits, 2);
    assert!((found - 0.6241).abs() < 5e-5, "{found}");
}

#[test]
fn formulas_by_hand() {
    let mut hits = [false; 25];
    hits[3] = true;
    hits[11] = true;
    let close = |name: &str, expected: f64| assert!((value(name, &hits, 4) - expected).abs() < 1e-12, "{name}");
    close("precision_at_5", 0.2);
    close("precision_at_10", 0.1);
    close("precision_at_25", 0.08);
    close("mean_reciprocal_rank_at_25", 0.25);
    close("recall_at_10", 0.25);
    close("recall_at_25", 0.5);
    close("hit_rate_at_10", 1.0);
    let ideal = 1.0 + 1.0 / 3f64.log2() + 0.5 + 1.0 / 5f64.log2();
    close(NDCG_AT_10, 1.0 / 5f64.log2() / ideal);
    close("normalized_discounted_cumulative_gain_at_25", (1.0 / 5f64.log2() + 1.0 / 13f64.log2()) / ideal);
    assert_eq!(value("mean_reciprocal_rank_at_25", &[false; 25], 4), 0.0);
    assert_eq!(value(NDCG_AT_10, &[true; 25], 30), 1.0);
}

#[test]
fn an_evaluation_averages_over_users() {
    let cases = [case(4, &[9], &[0]), case(7, &[9], &[39, 39])];
    let evaluation = evaluate(&in_order(50), &cases, false).unwrap();
    assert_eq!(evaluation.n_users(), 2);
    assert_eq!(evaluation.per_user(NDCG_AT_10).unwrap(), [1.0, 0.0]);
    assert_eq!(mean(&evaluation, "mean_reciprocal_rank_at_25"), 0.5);
    assert_eq!(mean(&evaluation, "recall_at_25"), 0.5);
    assert_eq!(mean(&evaluation, COVERAGE), 0.5);
    assert_eq!(evaluation.metrics().len(), METRICS.len() + 1);
    assert_eq!(evaluation.mean("accuracy"), None);
}

#[test]
fn seen_items_are_left_out_on_request() {
    let model = Fixed { seen_bonus: 100.0, ..in_order(50) };
    let cases = [case(0, &[30], &[30, 1]), case(1, &[5], &[5])];
    let kept = evaluate(&model, &cases, false).unwrap();
    assert_eq!((kept.n_users(), mean(&kept, "hit_rate_at_10"), mean(&kept, "recall_at_10")), (2, 1.0, 1.0));
    assert_eq!(kept.per_user("mean_reciprocal_rank_at_25").unwrap(), [1.0, 1.0]);
    let without = evaluate(&model, &cases, true).unwrap();
    assert_eq!(without.n_users(), 1);
    assert_eq!(without.per_user("mean_reciprocal_rank_at_25").unwrap(), [0.5]);
    let nothing = evaluate(&model, &cases[1..], true).unwrap_err();
    assert_eq!(
        nothing.to_string(),
        "There is not enough data: expected at least one test user with something to find, found none among 1."
    );
}

#[test]
fn a_catalogue_shorter_than_the_list_is_ranked_whole() {
    let evaluation = evaluate(&in_order(3), &[case(0, &[0], &[2])], true).unwrap();
    assert_eq!((mean(&evaluation, "recall_at_25"), mean(&evaluation, "mean_reciprocal_rank_at_25")), (1.0, 0.5));
}

/// 40 users with 1 to 40 events, one a day, beginning on the day of their number.
fn staircase() -> Interactions {
    let events = (0..40u32)
        .flat_map(|user| (0..=user).map(move |step| Interaction { user, item: step % 10, timestamp: i64::from(user + step), weight: 1.0 }));
    Interactions::new(40, 10, events).unwrap()
}

#[test]
fn a_tenth_of_the_users_is_held_out_whole() {
    let data = staircase();
    let split = users10(&data, 1).unwrap();
    assert_eq!((split.cases.len(), split.cold_users, split.train.n_users()), (4, 0, 40));
    for case in &split.cases {
        assert_eq!(split.train.events_of(case.user), 0);
        let n = data.events_of(case.user);
        assert!(n >= 2);
        assert_eq!(case.truth.len(), ((n as f64 * 0.1).round() as usize).max(1));
        assert_eq!(case.history.len() + case.truth.len(), n);
        let rejoined = case.history.iter().map(|event| event.item).chain(case.truth.iter().copied());
        assert_eq!(rejoined.collect::<Vec<_>>(), data.items_of(case.user));
        assert!(case.history.iter().all(|event| event.timestamp < case.now));
    }
    let held: usize = split.cases.iter().map(|case| case.history.len() + case.truth.len()).sum();
    assert_eq!(split.train.len() + held, data.len());
}

#[test]
fn the_seed_decides_who_is_held_out() {
    let who = |seed| users10(&staircase(), seed).unwrap().cases.iter().map(|case| case.user).collect::<Vec<_>>();
    assert_eq!(who(1), who(1));
    let all: BTreeSet<u32> = (0..30).flat_map(who).collect();
    assert!(all.len() > 30 && !all.contains(&0), "{all:?}");
}

#[test]
fn one_user_cannot_be_held_out() {
    let events = [(0, 1), (0, 2), (1, 3)].map(|(user, item)| Interaction { user, item, timestamp: 0, weight: 1.0 });
    let error = users10(&Interactions::new(2, 4, events).unwrap(), 1).unwrap_err();
    assert_eq!(error.to_string(), "There is not enough data: expected at least two users with two events each, to hold one out, found 1.");
}

#[test]
fn a_cut_in_time_lets_nothing_through() {
    let data = staircase();
    let split = temporal(&data, 0.5).unwrap();
    let cut = split.cases[0].now;
    assert!(split.train.newest().unwrap() < cut);
    let before = data.timestamps().iter().filter(|time| **time < cut).count();
    assert_eq!(split.train.len(), before);
    assert!((before as f64 / data.len() as f64 - 0.5).abs() < 0.05);
    for case in &split.cases {
        assert_eq!((case.now, case.history.len()), (cut, split.train.events_of(case.user)));
        assert!(case.history.iter().all(|event| event.timestamp < cut) && !case.history.is_empty());
        assert_eq!(case.history.len() + case.truth.len(), data.events_of(case.user));
    }
    // A user's first event is on the day of its number: those from the cut on are cold.
    assert_eq!(split.cold_users, (0..40).filter(|user| *user >= cut).count());
}

#[test]
fn a_cut_needs_a_quantile_and_both_sides() {
    for quantile in [0.0, 1.0, f64::NAN] {
        assert!(temporal(&staircase(), quantile).unwrap_err().to_string().starts_with("quantile must be between 0 and 1"));
    }
    let same_time = Interactions::new(2, 2, [0, 1].map(|user| Interaction { user, item: 0, timestamp: 5, weight: 1.0 })).unwrap();
    assert!(matches!(temporal(&same_time, 0.9), Err(RecipeError::NotEnoughData { .. })));
    assert!(matches!(temporal(&Interactions::new(2, 2, []).unwrap(), 0.9), Err(RecipeError::NotEnoughData { .. })));
}

#[test]
fn a_bootstrap_agrees_with_the_normal_interval_of_many_users_and_is_seeded() {
    let values: Vec<f64> = (0..400).map(|user| f64::from(user % 4 == 0)).collect();
    let half = 1.96 * (0.25 * 0.75 / 400f64).sqrt();
    let other: Vec<f64> = values.iter().map(|value| 2.0 * value + 1.0).collect();
    let found = intervals(&[&values, &other], 3);
    assert_eq!(found[0].mean, 0.25);
    assert!((found[0].low - (0.25 - half)).abs() < 0.008 && (found[0].high - (0.25 + half)).abs() < 0.008, "{found:?}");
    assert!((found[1].low - (2.0 * found[0].low + 1.0)).abs() < 1e-9, "columns see the same draws: {found:?}");
    assert_eq!(found, intervals(&[&values, &other], 3));
    assert_ne!(found, intervals(&[&values, &other], 4));
    assert_eq!(intervals(&[&[0.25]], 1), [Interval { mean: 0.25, low: 0.25, high: 0.25 }]);
    let narrow = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(found, narrow.install(|| intervals(&[&values, &other], 3)));
}

/// Means of 40 users with skewed values: how often the interval holds the truth.
#[test]
fn a_bootstrap_interval_holds_the_truth_about_nineteen_times_in_twenty() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut held = 0;
    for seed in 0..200 {
        let values: Vec<f64> = (0..40).map(|_| f64::from(random.random::<f64>() < 0.3)).collect();
        let found = intervals(&[&values], seed)[0];
        held += u32::from(found.low <= 0.3 && 0.3 <= found.high);
    }
    assert!((180..=198).contains(&held), "{held} of 200");
}

#[test]
fn every_metric_comes_with_its_difference_and_whether_that_is_chance() {
    let cases: Vec<TestCase> = (0..40).map(|user| case(user, &[9], &[if user < 30 { 0 } else { 49 }])).collect();
    let train = popular_first();
    let shares = Shares::of(&train);
    let good = evaluate(&in_order(50), &cases, false).unwrap().with_popularity(&shares);
    let reversed = Fixed { scores: (0..50).map(|item| item as f32).collect(), seen_bonus: 0.0 };
    let bad = evaluate(&reversed, &cases, false).unwrap().with_popularity(&shares);
    let found = figures(&good, &bad, 1).unwrap();
    assert_eq!(found.len(), METRICS.len() + 2);
    let hits = found[HIT_RATE_AT_10];
    assert_eq!((hits.model.mean, hits.baseline.mean, hits.difference.mean), (0.75, 0.25, 0.5));
    assert!(hits.is_significant && hits.difference.low > 0.15, "{hits:?}");
    assert_eq!(hits.words("best-sellers"), "higher than best-sellers, and not by chance");
    assert_eq!(figures(&bad, &good, 1).unwrap()[HIT_RATE_AT_10].words("A"), "lower than A, and not by chance");
    let same = figures(&good, &good, 1).unwrap()[NDCG_AT_10];
    assert_eq!(same.words("best-sellers"), "no difference from best-sellers beyond what chance explains");
    // The popular come first in one list and last in the other.
    assert!((found[POPULARITY_BIAS].model.mean - 0.9).abs() < 1e-9, "{found:?}");
    assert!((found[POPULARITY_BIAS].baseline.mean - 0.1).abs() < 1e-9);
    assert!(found[NOVELTY].model.mean < found[NOVELTY].baseline.mean);
    // Five users who all differ are too few to speak of more than chance.
    let few: Vec<TestCase> = cases[..5].to_vec();
    let (good, bad) = (evaluate(&in_order(50), &few, false).unwrap(), evaluate(&reversed, &few, false).unwrap());
    assert!(!figures(&good, &bad, 1).unwrap()[NDCG_AT_10].is_significant);
    assert!(!compare(&good, &bad, NDCG_AT_10, 1).unwrap().is_significant());
    assert!(figures(&good, &evaluate(&reversed, &cases, false).unwrap(), 1).is_err());
}

/// 50 users; item `i` belongs to the first `50 - i` of them.
fn popular_first() -> Interactions {
    let events = (0..50u32).flat_map(|user| (0..50 - user).map(move |item| Interaction { user, item, timestamp: 0, weight: 1.0 }));
    Interactions::new(50, 50, events).unwrap()
}

#[test]
fn novelty_is_in_bits() {
    let shares = Shares::of(&popular_first());
    let evaluation = evaluate(&in_order(50), &[case(0, &[9], &[0])], false).unwrap().with_popularity(&shares);
    let expected = (0..10).map(|item| (51.0 / (51.0 - f64::from(item))).log2()).sum::<f64>() / 10.0;
    assert!((mean(&evaluation, NOVELTY) - expected).abs() < 1e-12);
}

#[test]
fn segments_divide_users_by_history_and_items_by_sales() {
    let long: Vec<u32> = (20..40).collect();
    // Ten newcomers who find what they look for, ten regulars who do not; all look for one item of the tail too.
    let cases: Vec<TestCase> =
        (0..20).map(|user| if user < 10 { case(user, &[9], &[0, 48]) } else { case(user, &long, &[12, 48]) }).collect();
    let model = evaluate(&in_order(50), &cases, false).unwrap();
    let found = segments(&model, &model, &Shares::of(&popular_first()), 1).unwrap();
    let named: Vec<(&str, usize, f64)> =
        found.iter().map(|one| (one.name.as_str(), one.users, one.figures[HIT_RATE_AT_10].model.mean)).collect();
    assert_eq!(named, [("new_users", 10, 1.0), ("returning_users", 10, 0.0), ("head_items", 20, 0.5), ("tail_items", 20, 0.0)]);
    assert_eq!(found[0].words, "customers with up to 1 known events");
    // 50 + 49 + ... + 36 = 645 of 1275 events.
    assert_eq!(found[2].words, "the 15 best-selling items, which have half of all events");
    let alike = segments(&model, &model, &Shares::of(&popular_first()), 1).unwrap();
    assert_eq!(found, alike);
    let one_length = evaluate(&in_order(50), &cases[..10], false).unwrap();
    let found = segments(&one_length, &one_length, &Shares::of(&popular_first()), 1).unwrap();
    assert_eq!(found.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["new_users", "head_items", "tail_items"]);
}

#[test]
fn comparisons_tell_difference_from_chance() {
    let cases: Vec<TestCase> = (0..40).map(|user| case(user, &[9], &[if user < 30 { 0 } else { 49 }])).collect();
    let (good, bad) =
        (evaluate(&in_order(50), &cases, false).unwrap(), evaluate(&Fixed { scores: vec![0.0; 50], seen_bonus: 0.0 }, &cases, false));
    let reversed = Fixed { scores: (0..50).map(|item| item as f32).collect(), seen_bonus: 0.0 };
    let reversed = evaluate(&reversed, &cases, false).unwrap();
    // Equal scores rank by index, so this is the same ranking.
    let same = compare(&good, &bad.unwrap(), NDCG_AT_10, 1).unwrap();
    assert_eq!((same.difference.mean, same.p_value), (0.0, 1.0));
    // 30 users better, 10 worse: two-sided binomial p = 0.0022.
    let clear = compare(&good, &reversed, NDCG_AT_10, 1).unwrap();
    assert_eq!(clear.difference.mean, 0.5);
    assert!(clear.difference.low > 0.2 && (clear.p_value - 0.0022).abs() < 0.0015, "{clear:?}");
    assert_eq!(clear, compare(&good, &reversed, NDCG_AT_10, 1).unwrap());
    let fewer = evaluate(&in_order(50), &cases[1..], false).unwrap();
    assert!(compare(&good, &fewer, NDCG_AT_10, 1).is_err());
    assert!(compare(&good, &reversed, COVERAGE, 1).unwrap_err().to_string().contains("`coverage`"));
}
