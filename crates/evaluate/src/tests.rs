#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use recipes::{HistoryEvent, Interaction, Interactions, Model, Reason, RecipeError};

use crate::metrics::METRICS;
use crate::{COVERAGE, Evaluation, Interval, NDCG_AT_10, TestCase, compare, evaluate, temporal, users10};

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
fn intervals_by_hand() {
    let interval = Interval::of_mean(&[0.0, 1.0, 0.0, 1.0]);
    let half = 1.959_964 * (1.0 / 3.0 / 4.0f64).sqrt();
    assert!((interval.mean - 0.5).abs() < 1e-12 && (interval.high - 0.5 - half).abs() < 1e-9 && (0.5 - interval.low - half).abs() < 1e-9);
    assert_eq!(Interval::of_mean(&[0.25]), Interval { mean: 0.25, low: 0.25, high: 0.25 });
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
