#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{BUCKETS, Blend, Member, bucket};
use crate::{FitContext, HistoryEvent, Interaction, Interactions, Model, Reason, RecipeError, load, recipe, top_k};

fn interactions() -> Interactions {
    let events = (0..40u32).flat_map(|user| (0..6u32).map(move |at| (user, (user + at * at) % 17, i64::from(at) * 86_400)));
    let events = events.map(|(user, item, timestamp)| Interaction { user, item, timestamp, weight: 1.0 });
    Interactions::new(40, 20, events).unwrap()
}

fn fitted(name: &str) -> Arc<dyn Model> {
    let context = FitContext { seed: 1, cancel: &|| false, progress: &|_, _| (), reference_time: 6 * 86_400 };
    Arc::from(recipe(name, &BTreeMap::new()).unwrap().fit(&interactions(), &context).unwrap())
}

fn member(name: &str, weights: [f32; BUCKETS]) -> Member {
    Member { model: fitted(name), weights }
}

fn history(length: u32) -> Vec<HistoryEvent> {
    (0..length).map(|at| HistoryEvent { item: at % 17, timestamp: i64::from(at), weight: 1.0 }).collect()
}

fn order(model: &dyn Model, length: u32) -> Vec<u32> {
    let mut scores = vec![f32::NAN; model.n_items()];
    model.score(&history(length), 7 * 86_400, &mut scores);
    assert!(scores.iter().all(|score| score.is_finite()));
    top_k(&scores, 20, |_| false).iter().map(|scored| scored.item).collect()
}

#[test]
fn histories_have_buckets() {
    assert_eq!([0, 2, 3, 20, 21, 5000].map(bucket), [0, 0, 1, 1, 2, 2]);
}

#[test]
fn where_one_member_has_all_weight_the_blend_is_that_member() {
    let blend =
        Blend::new(vec![member("popularity", [1.0, 0.0, 0.0]), member("linear", [0.0, 1.0, 0.0]), member("rules", [0.0, 0.0, 2.0])]);
    let blend = blend.unwrap();
    assert_eq!(order(&blend, 1), order(&*fitted("popularity"), 1));
    assert_eq!(order(&blend, 5), order(&*fitted("linear"), 5));
    assert_eq!(order(&blend, 30), order(&*fitted("rules"), 30));
    assert_eq!(blend.explain(&history(1), 3), Some(Reason::Popular));
    assert_eq!(blend.explain(&history(5), 3), fitted("linear").explain(&history(5), 3));
}

#[test]
fn scores_are_the_weighted_standardised_sum() {
    let (a, b) = (fitted("linear"), fitted("popularity"));
    let blend = Blend::new(vec![member("linear", [0.7; 3]), member("popularity", [0.3; 3])]).unwrap();
    let known = history(4);
    let of = |model: &dyn Model| {
        let mut scores = vec![0.0; 20];
        model.score(&known, 0, &mut scores);
        let mean = scores.iter().sum::<f32>() / 20.0;
        let deviation = (scores.iter().map(|score| (score - mean).powi(2)).sum::<f32>() / 20.0).sqrt();
        scores.iter().map(|score| (score - mean) / deviation).collect::<Vec<f32>>()
    };
    let (a, b) = (of(&*a), of(&*b));
    let mut found = vec![0.0; 20];
    blend.score(&known, 0, &mut found);
    for item in 0..20 {
        let expected = 0.7 * a[item] + 0.3 * b[item];
        assert!((found[item] - expected).abs() < 1e-3, "{item}: {} {expected}", found[item]);
    }
}

#[test]
fn a_blend_is_saved_with_its_members_and_damage_is_found() {
    let blend = Blend::new(vec![member("als", [0.5, 1.0, 1.0]), member("decayed_popularity", [0.5, 0.25, 0.0])]).unwrap();
    let bytes = blend.save().unwrap();
    let read = load(&bytes).unwrap();
    assert_eq!((read.recipe(), read.n_items(), read.save().unwrap() == bytes), ("blend", 20, true));
    for length in [0, 2, 9, 30] {
        assert_eq!(order(&*read, length), order(&blend, length));
    }
    for cut in (0..bytes.len()).step_by(7) {
        assert!(load(&bytes[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn what_cannot_be_blended_is_refused() {
    let refusal = |members| match Blend::new(members) {
        Err(error @ RecipeError::InvalidParameter { .. }) => error.to_string(),
        other => panic!("{:?}", other.map(|_| ())),
    };
    assert_eq!(refusal(vec![]), "a blend must be of at least one model, found none.");
    assert!(refusal(vec![member("popularity", [1.0, f32::NAN, 1.0])]).contains("finite number"));
    assert!(refusal(vec![member("popularity", [1.0, 0.0, 1.0])]).contains("none in 1"));
}
