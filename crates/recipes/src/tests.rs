//! What every recipe must do, and the small parts.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::{FitContext, HistoryEvent, Interaction, Interactions, Model, NAMES, Reason, Recipe, RecipeError, Scored, load, recipe, top_k};

const DAY: i64 = 86_400;
const USERS: u32 = 60;
const ITEMS: u32 = 20;

fn context() -> FitContext<'static> {
    FitContext { seed: 42, cancel: &|| false, progress: &|_, _| (), reference_time: 30 * DAY }
}

fn event(user: u32, item: u32, timestamp: i64) -> Interaction {
    Interaction { user, item, timestamp, weight: 1.0 }
}

/// Even users like even items, odd users odd items; each has seven of the ten, in an order of its own.
fn checkerboard() -> Interactions {
    let items = |user: u32| (0..7).map(move |step| (user * 3 + step * 3) % 10 * 2 + user % 2);
    let events = (0..USERS).flat_map(|user| items(user).zip(0..).map(move |(item, day)| event(user, item, day * DAY)));
    Interactions::new(USERS as usize, ITEMS as usize, events).unwrap()
}

fn history(items: &[u32]) -> Vec<HistoryEvent> {
    items.iter().zip(0..).map(|(item, day)| HistoryEvent { item: *item, timestamp: day * DAY, weight: 1.0 }).collect()
}

fn scores(model: &dyn Model, items: &[u32]) -> Vec<f32> {
    let mut scores = vec![f32::NAN; model.n_items()];
    model.score(&history(items), 30 * DAY, &mut scores);
    scores
}

fn for_every_recipe(check: impl Fn(&str, &dyn Recipe)) {
    NAMES.iter().for_each(|name| check(name, &*recipe(name, &BTreeMap::new()).unwrap()));
}

fn fit(recipe: &dyn Recipe, interactions: &Interactions) -> Box<dyn Model> {
    recipe.fit(interactions, &context()).unwrap()
}

#[test]
fn models_know_their_recipe_and_score_every_item() {
    for_every_recipe(|name, recipe| {
        let model = fit(recipe, &checkerboard());
        assert_eq!((recipe.name(), model.recipe(), model.n_items()), (name, name, ITEMS as usize));
        for known in [&[][..], &[0], &[3, 5, 3], &[77]] {
            assert!(scores(&*model, known).iter().all(|score| score.is_finite()), "{name}");
        }
    });
}

#[test]
fn personal_recipes_stay_in_the_taste_of_the_user() {
    for (name, taste) in ["linear", "similar", "rules", "als"].into_iter().flat_map(|name| [(name, 0), (name, 1)]) {
        // Two tastes need two factors; 64 would learn twenty items by heart.
        let short = BTreeMap::from([("factors".to_owned(), "2".to_owned())]);
        let parameters = if name == "als" { short } else { BTreeMap::new() };
        let model = fit(&*recipe(name, &parameters).unwrap(), &checkerboard());
        let known = [taste, taste + 4, taste + 10];
        let best = top_k(&scores(&*model, &known), 7, |item| known.contains(&item));
        assert_eq!(best.len(), 7, "{name}");
        assert!(best.iter().all(|scored| scored.item % 2 == taste), "{name}: {best:?}");
        assert!(matches!(model.explain(&history(&known), best[0].item), Some(Reason::BecauseOf { item, .. }) if known.contains(&item)));
    }
}

#[test]
fn candidates_score_as_in_the_whole_catalogue() {
    for_every_recipe(|name, recipe| {
        let model = fit(recipe, &checkerboard());
        let (all, asked) = (scores(&*model, &[2, 4]), [7, 2, 7, 19, 20]);
        let some = model.score_candidates(&history(&[2, 4]), 30 * DAY, &asked);
        let expected: Vec<f32> = asked.iter().map(|item| all.get(*item as usize).copied().unwrap_or(f32::NEG_INFINITY)).collect();
        assert_eq!(some, expected, "{name}");
    });
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for_every_recipe(|name, recipe| {
        let (one, two) = (fit(recipe, &checkerboard()).save().unwrap(), fit(recipe, &checkerboard()).save().unwrap());
        assert!(one == two, "{name}");
    });
}

#[test]
fn a_loaded_model_is_the_saved_one() {
    for_every_recipe(|name, recipe| {
        let saved = fit(recipe, &checkerboard());
        let bytes = saved.save().unwrap();
        let loaded = load(&bytes).unwrap();
        assert_eq!(loaded.recipe(), name);
        for known in [&[][..], &[0, 2], &[3, 5, 3]] {
            assert_eq!(scores(&*loaded, known), scores(&*saved, known), "{name}");
            assert_eq!(loaded.explain(&history(known), 4), saved.explain(&history(known), 4), "{name}");
        }
        assert!(loaded.save().unwrap() == bytes, "{name}");
    });
}

#[test]
fn nothing_to_learn_from_is_a_clear_error() {
    for_every_recipe(|name, recipe| {
        let error = recipe.fit(&Interactions::new(3, 3, []).unwrap(), &context()).err().unwrap();
        assert!(matches!(error, RecipeError::NotEnoughData { .. }), "{name}");
        assert_eq!(error.to_string(), "There is not enough data: expected at least one interaction, found none.");
    });
}

#[test]
fn one_user_is_enough() {
    for_every_recipe(|name, recipe| {
        let model = fit(recipe, &Interactions::new(1, 3, [event(0, 1, 5), event(0, 2, 6)]).unwrap());
        let scores = scores(&*model, &[1]);
        assert!(scores[2] > scores[0], "{name}");
    });
}

#[test]
fn a_request_to_stop_stops() {
    for_every_recipe(|name, recipe| {
        let asked = Cell::new(0);
        let stop_later = || asked.replace(asked.get() + 1) >= 1;
        for cancel in [&(|| true) as &dyn Fn() -> bool, &stop_later] {
            let stopped = recipe.fit(&checkerboard(), &FitContext { cancel, ..context() });
            assert_eq!(stopped.err(), Some(RecipeError::Stopped), "{name}");
        }
    });
}

#[test]
fn progress_rises_to_its_total() {
    for_every_recipe(|name, recipe| {
        let seen = RefCell::new(Vec::new());
        recipe.fit(&checkerboard(), &FitContext { progress: &|done, total| seen.borrow_mut().push((done, total)), ..context() }).unwrap();
        let seen = seen.into_inner();
        assert!(seen.is_sorted() && seen.len() >= 2, "{name}: {seen:?}");
        let total = seen[0].1;
        assert!(total > 0 && seen.iter().all(|(_, each)| *each == total) && seen.last() == Some(&(total, total)), "{name}: {seen:?}");
    });
}

#[test]
fn broken_files_are_refused() {
    for_every_recipe(|name, recipe| {
        let bytes = fit(recipe, &checkerboard()).save().unwrap();
        for broken in [&[][..], &bytes[..bytes.len() / 2], &bytes[8..]] {
            assert!(matches!(load(broken), Err(RecipeError::Artifact(_))), "{name}");
        }
        let other = String::from_utf8_lossy(&bytes[8..8 + 200]).contains(name);
        assert!(other, "{name}: the metadata names the recipe");
        let foreign: Vec<u8> = bytes.iter().map(|byte| if *byte == b'p' { b'q' } else { *byte }).collect();
        assert!(load(&foreign).is_err(), "{name}");
    });
}

#[test]
fn popularity_counts_users_not_events() {
    let model = fit(
        &*recipe("popularity", &BTreeMap::new()).unwrap(),
        &Interactions::new(2, 3, [event(0, 1, 1), event(0, 1, 2), event(0, 1, 3), event(0, 2, 4), event(1, 2, 5)]).unwrap(),
    );
    assert_eq!(scores(&*model, &[2]), [0.0, 1.0, 2.0]);
    assert_eq!([0, 1, 9].map(|item| model.explain(&[], item)), [None, Some(Reason::Popular), None]);
}

#[test]
fn recent_popularity_prefers_the_last_days() {
    // Item 0: three old users. Item 1: two recent ones. Item 2: two recent ones and an old one. Item 3: after the reference time.
    let old = [event(0, 0, DAY), event(1, 0, DAY), event(2, 0, DAY), event(3, 2, DAY)];
    let recent = [event(0, 1, 28 * DAY), event(1, 1, 29 * DAY), event(0, 2, 29 * DAY), event(1, 2, 30 * DAY), event(2, 3, 31 * DAY)];
    let data = Interactions::new(4, 5, old.into_iter().chain(recent)).unwrap();
    let days = |days: &str| recipe("recent_popularity", &BTreeMap::from([("days".to_owned(), days.to_owned())]));
    let model = fit(&*days("7").unwrap(), &data);
    let order: Vec<u32> = top_k(&scores(&*model, &[]), 5, |_| false).iter().map(|best| best.item).collect();
    assert_eq!(order, [2, 1, 0, 3, 4]);
    assert_eq!([1, 0, 4].map(|item| model.explain(&[], item)), [Some(Reason::Trending { days: 7 }), Some(Reason::Popular), None]);
    // Within 30 days the old events count again: items 0 and 2 have three users each.
    let whole = top_k(&scores(&*fit(&*days("30").unwrap(), &data), &[]), 3, |_| false);
    assert_eq!(whole.iter().map(|best| best.item).collect::<Vec<_>>(), [0, 2, 1]);
    let error = days("0").err().unwrap().to_string();
    assert_eq!(error, "days must be a whole number from 1 to 3650, found `0`.");
}

#[test]
fn decayed_popularity_halves_after_its_half_life() {
    // Item 0: four users ten days ago. Item 1: two users now. Item 2: one user ten days ago and again now. Item 3: tomorrow.
    let old = (0..4).map(|user| event(user, 0, 20 * DAY)).chain([event(0, 2, 20 * DAY)]);
    let new = [event(4, 1, 30 * DAY), event(5, 1, 30 * DAY), event(0, 2, 30 * DAY), event(0, 3, 31 * DAY)];
    let data = Interactions::new(6, 5, old.chain(new)).unwrap();
    let model =
        |days: &str| fit(&*recipe("decayed_popularity", &BTreeMap::from([("half_life_days".to_owned(), days.to_owned())])).unwrap(), &data);
    for (days, expected) in [("10", [2.0, 2.0, 1.0, 0.0, 0.0]), ("5", [1.0, 2.0, 1.0, 0.0, 0.0])] {
        let found = scores(&*model(days), &[]);
        assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-5), "{days}: {found:?}");
    }
    // What is forgotten keeps the order of best-sellers.
    let order: Vec<u32> = top_k(&scores(&*model("0.01"), &[]), 5, |_| false).iter().map(|best| best.item).collect();
    assert_eq!(order, [1, 2, 0, 3, 4]);
}

/// Users of item 0, 1, … in each of the days 0 to 4; every event has a user of its own.
fn daily(counts: &[[u32; 5]]) -> Interactions {
    let days = counts.iter().zip(0..).flat_map(|(days, item)| days.iter().zip(0..).map(move |(count, day)| (item, day, *count)));
    let times = days.flat_map(|(item, day, count)| std::iter::repeat_n((item, day), count as usize));
    let events: Vec<Interaction> = times.zip(0..).map(|((item, day), user)| event(user, item, 26 * DAY + day * DAY)).collect();
    Interactions::new(events.len(), counts.len(), events).unwrap()
}

fn trending(data: &Interactions, parameters: &[(&str, &str)]) -> Box<dyn Model> {
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    fit(&*recipe("trending", &parameters).unwrap(), data)
}

#[test]
fn trending_is_a_rise_over_an_items_own_past() {
    // A giant that stays, one that rises from 10 to 40, one that rises from 0 to 2, one that sinks, one without events.
    let data = daily(&[[200, 200, 200, 200, 200], [10, 10, 10, 10, 40], [0, 0, 0, 0, 2], [50, 50, 50, 50, 20], [0; 5]]);
    let model = trending(&data, &[("hours", "24"), ("baseline", "4")]);
    let found = scores(&*model, &[]);
    // Everything together: 262 now, 260 a day before.
    let lift = |recent: f32, usual: f32| (recent + 10.0) / (usual * 262.0 / 260.0 + 10.0);
    assert!((found[1] - lift(40.0, 10.0)).abs() < 1e-4 && (found[2] - lift(2.0, 0.0)).abs() < 1e-4, "{found:?}");
    assert!(found[0] < 1.0 && found[3] < found[0] && found[4] == 0.0, "{found:?}");
    let reasons = [1, 2, 0, 4].map(|item| model.explain(&[], item));
    assert_eq!(reasons, [Some(Reason::Trending { days: 1 }), Some(Reason::Trending { days: 1 }), Some(Reason::Popular), None]);
    // Without smoothing two users out of nowhere would lead.
    let bold = scores(&*trending(&data, &[("baseline", "4"), ("smoothing", "0.1")]), &[]);
    assert!(bold[2] > bold[1] && found[1] > found[2], "{bold:?}");
}

#[test]
fn what_grows_with_everything_is_no_trend() {
    // All double, item 2 triples: only it rises.
    let model = trending(&daily(&[[40, 40, 40, 40, 80], [10, 10, 10, 10, 20], [10, 10, 10, 10, 30]]), &[("baseline", "4")]);
    let found = scores(&*model, &[]);
    assert!(found[2] > 1.0 && found[0] < 1.0 && found[1] < 1.0, "{found:?}");
}

#[test]
fn one_eager_user_makes_no_trend_and_silence_gives_best_sellers() {
    let many = (0..1000).map(|second| event(0, 0, 30 * DAY - second)).chain((1..4).map(|user| event(user, 1, 30 * DAY)));
    let found = scores(&*trending(&Interactions::new(4, 2, many).unwrap(), &[]), &[]);
    assert!(found[1] > found[0], "{found:?}");
    let silent = trending(&daily(&[[1, 0, 0, 0, 0], [5, 0, 0, 0, 0], [0; 5]]), &[("hours", "1")]);
    let best = top_k(&scores(&*silent, &[]), 3, |_| false);
    assert_eq!(best.iter().map(|best| best.item).collect::<Vec<_>>(), [1, 0, 2]);
    assert_eq!(silent.explain(&[], 1), Some(Reason::Popular));
}

#[test]
fn unknown_recipes_are_named() {
    let error = recipe("magic", &BTreeMap::new()).err().unwrap().to_string();
    assert_eq!(
        error,
        "recipe must be one of popularity, recent_popularity, linear, trending, decayed_popularity, similar, rules, als, transformer, \
         found `magic`."
    );
}

#[test]
fn interactions_refuse_what_is_out_of_range() {
    for (bad, word) in [
        (Interaction { user: 2, ..event(0, 0, 0) }, "user index"),
        (Interaction { item: 3, ..event(0, 0, 0) }, "item index"),
        (Interaction { weight: -1.0, ..event(0, 0, 0) }, "event weight"),
        (Interaction { weight: f32::NAN, ..event(0, 0, 0) }, "event weight"),
    ] {
        let error = Interactions::new(2, 3, [event(0, 0, 0), bad]).unwrap_err().to_string();
        assert!(error.starts_with(word), "{error}");
    }
}

proptest! {
    #[test]
    fn interactions_are_sorted_by_user_and_time_and_stable(events in prop::collection::vec((0..4u32, 0..9u32, 0..5i64), 0..40)) {
        let given: Vec<Interaction> = events.iter().map(|(user, item, timestamp)| event(*user, *item, *timestamp)).collect();
        let data = Interactions::new(5, 9, given.clone()).unwrap();
        for user in 0..5 {
            let mut expected: Vec<HistoryEvent> = given
                .iter()
                .filter(|event| event.user == user)
                .map(|event| HistoryEvent { item: event.item, timestamp: event.timestamp, weight: 1.0 })
                .collect();
            expected.sort_by_key(|event| event.timestamp);
            prop_assert_eq!(data.history(user).collect::<Vec<_>>(), expected);
        }
        prop_assert_eq!(data.len(), given.len());
        prop_assert_eq!(data.events_of(5), 0);
        prop_assert_eq!(&Interactions::new(5, 9, data.iter()).unwrap(), &data);
    }

    #[test]
    fn top_k_is_the_head_of_the_sorted_scores(values in prop::collection::vec(0..6i32, 0..40), k in 0..12usize, banned in 0..5u32) {
        let scores: Vec<f32> = values.iter().map(|value| if *value == 5 { f32::NAN } else { *value as f32 - 2.0 }).collect();
        let items = scores.iter().zip(0..).map(|(score, item)| Scored { item, score: *score });
        let mut expected: Vec<Scored> = items.filter(|scored| !scored.score.is_nan() && scored.item % 5 != banned).collect();
        expected.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
        expected.truncate(k);
        prop_assert_eq!(top_k(&scores, k, |item| item % 5 == banned), expected);
    }
}
