//! `similar` and `rules` against plain dense sums, and what both promise.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::linear::PRIOR;
use crate::{FitContext, HistoryEvent, Interaction, Interactions, LinearModel, Model, Reason, Recipe, Rules, Similar};

const USERS: usize = 6;
const ITEMS: usize = 8;
const DAY: i64 = 86_400;
const NOW: i64 = 40 * DAY;

fn context() -> FitContext<'static> {
    FitContext { seed: 1, cancel: &|| false, progress: &|_, _| (), reference_time: NOW }
}

fn interactions(events: &[(u32, u32, i64, f32)]) -> Interactions {
    let events =
        events.iter().map(|(user, item, day, weight)| Interaction { user: *user, item: *item, timestamp: day * DAY, weight: *weight });
    Interactions::new(USERS, ITEMS, events).unwrap()
}

fn events() -> impl Strategy<Value = Vec<(u32, u32, i64, f32)>> {
    prop::collection::vec((0..USERS as u32, 0..ITEMS as u32, 0..40i64, prop::sample::select(vec![0.5f32, 1.0, 2.0])), 2..60)
}

fn scores(model: &dyn Model, items: &[u32]) -> Vec<f32> {
    let history: Vec<HistoryEvent> = items.iter().map(|item| HistoryEvent { item: *item, timestamp: 0, weight: 1.0 }).collect();
    let mut scores = vec![f32::NAN; model.n_items()];
    model.score(&history, NOW, &mut scores);
    scores
}

fn users_of(data: &Interactions, item: usize) -> f64 {
    (0..USERS as u32).filter(|user| data.items_of(*user).contains(&(item as u32))).count() as f64
}

/// A popularity to the power −`exponent`; items without users have no pairs either.
fn discount(data: &Interactions, item: usize, exponent: f32) -> f64 {
    users_of(data, item).max(1.0).powf(-f64::from(exponent))
}

/// A user's events with runs on one item made one, and what a pair of them has lost by age.
fn steps(data: &Interactions, user: u32, half_life: f64) -> Vec<(usize, f64)> {
    let mut steps: Vec<(usize, f64)> = Vec::new();
    for event in data.history(user) {
        let age = (NOW - event.timestamp) as f64 / DAY as f64;
        let (item, weight) = (event.item as usize, f64::from(event.weight) * (-age / (2.0 * half_life)).exp2());
        match steps.last_mut() {
            Some(last) if last.0 == item => last.1 = last.1.max(weight),
            _ => steps.push((item, weight)),
        }
    }
    steps
}

/// Dense sums with the number of users behind each.
struct Dense {
    sums: [[f64; ITEMS]; ITEMS],
    users: [[u32; ITEMS]; ITEMS],
}

fn dense(data: &Interactions, add: impl Fn(u32, &mut [[f64; ITEMS]; ITEMS])) -> Dense {
    let mut all = Dense { sums: [[0.0; ITEMS]; ITEMS], users: [[0; ITEMS]; ITEMS] };
    for user in 0..data.n_users() as u32 {
        let mut own = [[0.0; ITEMS]; ITEMS];
        add(user, &mut own);
        for (i, j) in (0..ITEMS).flat_map(|i| (0..ITEMS).map(move |j| (i, j))).filter(|(i, j)| i != j) {
            all.sums[i][j] += own[i][j];
            all.users[i][j] += u32::from(own[i][j] > 0.0);
        }
    }
    all
}

/// The formula of `similar`, as written.
fn dense_similar(data: &Interactions, recipe: &Similar) -> Dense {
    let (h, s) = (f64::from(recipe.history_discount), f64::from(recipe.power));
    let mut all = dense(data, |user, own| {
        let mut x = [0.0f64; ITEMS];
        steps(data, user, f64::from(recipe.half_life_days)).iter().for_each(|(item, weight)| x[*item] = x[*item].max(*weight));
        let n = x.iter().filter(|x| **x > 0.0).count().max(1) as f64;
        (0..ITEMS).for_each(|i| (0..ITEMS).for_each(|j| own[i][j] = x[i] * x[j] * n.powf(-h)));
    });
    for i in 0..ITEMS {
        for j in 0..ITEMS {
            all.sums[i][j] =
                (all.sums[i][j] * discount(data, i, recipe.popularity_discount) * discount(data, j, recipe.popularity_discount)).powf(s);
        }
    }
    all
}

/// The formula of `rules`, as written.
fn dense_rules(data: &Interactions, recipe: &Rules) -> Dense {
    let mut all = dense(data, |user, own| {
        let steps = steps(data, user, f64::from(recipe.half_life_days));
        for (later, (target, to)) in steps.iter().enumerate() {
            for (earlier, (source, from)) in steps.iter().enumerate().take(later).skip(later.saturating_sub(recipe.window)) {
                own[*source][*target] += from * to / (later - earlier) as f64;
            }
        }
    });
    for i in 0..ITEMS {
        for j in 0..ITEMS {
            all.sums[i][j] *= discount(data, i, 0.5) * discount(data, j, recipe.popularity_discount);
        }
    }
    all
}

/// Weights compare up to the one factor that lifts the smallest of them above the popularity prior.
fn assert_same(model: &LinearModel, mut dense: Dense, min_users: u32, data: &Interactions) -> Result<(), TestCaseError> {
    for (sum, users) in dense.sums.as_flattened_mut().iter_mut().zip(dense.users.as_flattened()) {
        *sum = if *users >= min_users { *sum } else { 0.0 };
    }
    let least = dense.sums.as_flattened().iter().copied().filter(|sum| *sum > 0.0).fold(f64::INFINITY, f64::min);
    let most = (0..ITEMS).map(|item| users_of(data, item)).fold(1.0, f64::max);
    for i in 0..ITEMS {
        let found = scores(model, &[i as u32]);
        for (j, found) in found.iter().copied().enumerate() {
            let prior = f64::from(PRIOR) * users_of(data, j) / most;
            let weight = if dense.sums[i][j] > 0.0 { dense.sums[i][j] / least * 10.0 * f64::from(PRIOR) } else { 0.0 };
            let difference = (f64::from(found) - weight - prior).abs();
            prop_assert!(difference <= 1e-4 * (weight + prior), "{i} to {j}: {} for {weight} + {prior}", found);
            let history = [HistoryEvent { item: i as u32, timestamp: 0, weight: 1.0 }];
            match model.explain(&history, j as u32) {
                Some(Reason::BecauseOf { item, contribution }) => {
                    prop_assert!(item as usize == i && weight > 0.0 && (f64::from(contribution) - weight).abs() <= 1e-4 * weight);
                }
                Some(Reason::Popular) => prop_assert!(weight == 0.0 && prior > 0.0),
                other => prop_assert!(other.is_none() && weight == 0.0 && prior == 0.0),
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn similar_is_its_formula(
        events in events(),
        (history_discount, popularity_discount, power) in (0.0..2.0f32, 0.0..1.0f32, 0.3..2.0f32),
        half_life_days in prop::sample::select(vec![20.0, f32::INFINITY]),
        min_users in 1..3u32,
    ) {
        let recipe = Similar { history_discount, popularity_discount, power, half_life_days, min_users, ..Similar::default() };
        let data = interactions(&events);
        assert_same(&recipe.fit_model(&data, &context()).unwrap(), dense_similar(&data, &recipe), min_users, &data)?;
    }

    #[test]
    fn rules_are_their_formula(
        events in events(),
        window in 1..5usize,
        popularity_discount in 0.0..1.0f32,
        half_life_days in prop::sample::select(vec![20.0, f32::INFINITY]),
        min_users in 1..3u32,
    ) {
        let recipe = Rules { window, popularity_discount, half_life_days, min_users, ..Rules::default() };
        let data = interactions(&events);
        assert_same(&recipe.fit_model(&data, &context()).unwrap(), dense_rules(&data, &recipe), min_users, &data)?;
    }

    #[test]
    fn rows_keep_their_greatest(events in events(), top_per_row in 1..4usize) {
        let data = interactions(&events);
        let all = Similar::default().fit_model(&data, &context()).unwrap();
        let some = Similar { top_per_row, ..Similar::default() }.fit_model(&data, &context()).unwrap();
        for item in 0..ITEMS as u32 {
            let (all, some) = (scores(&all, &[item]), scores(&some, &[item]));
            let related = |scores: &[f32]| -> Vec<u32> { (0..ITEMS as u32).filter(|j| scores[*j as usize] > 2.0 * PRIOR).collect() };
            let (all_related, kept) = (related(&all), related(&some));
            prop_assert_eq!(kept.len(), all_related.len().min(top_per_row));
            let least_kept = kept.iter().map(|j| all[*j as usize]).fold(f32::INFINITY, f32::min);
            let dropped = all_related.iter().filter(|j| !kept.contains(j));
            prop_assert!(dropped.clone().all(|j| all[*j as usize] <= least_kept + 1.1 * PRIOR));
        }
    }
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    // Two blocks of rows, and more users of an item than fit one order of addition by chance.
    let events = (0..20_000u32).map(|at| {
        let item = (at.wrapping_mul(2_654_435_761) >> 8) % 1500;
        Interaction { user: at % 300, item, timestamp: i64::from(at), weight: 1.0 + (at % 7) as f32 / 10.0 }
    });
    let data = Interactions::new(300, 1500, events).unwrap();
    for recipe in [&Similar::default() as &dyn Recipe, &Rules::default()] {
        let bytes = [1, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                recipe.fit(&data, &FitContext { cancel: &|| false, progress: &|_, _| (), ..context() }).unwrap().save().unwrap()
            })
        });
        assert!(bytes[0] == bytes[1], "{}", recipe.name());
    }
}

#[test]
fn rules_have_a_direction_and_similarity_has_none() {
    // Everybody takes item 0, then item 1; item 2 stands for itself.
    let data = interactions(&[(0, 0, 1, 1.0), (0, 1, 2, 1.0), (1, 0, 3, 1.0), (1, 1, 4, 1.0), (2, 2, 5, 1.0)]);
    let (rules, similar) =
        (Rules::default().fit_model(&data, &context()).unwrap(), Similar::default().fit_model(&data, &context()).unwrap());
    let explain = |model: &LinearModel, from: u32, to: u32| {
        let history = [HistoryEvent { item: from, timestamp: 0, weight: 1.0 }];
        matches!(model.explain(&history, to), Some(Reason::BecauseOf { item, .. }) if item == from)
    };
    assert_eq!([explain(&rules, 0, 1), explain(&rules, 1, 0), explain(&rules, 2, 0)], [true, false, false]);
    assert_eq!([explain(&similar, 0, 1), explain(&similar, 1, 0), explain(&similar, 2, 0)], [true, true, false]);
}

#[test]
fn one_busy_user_neither_fills_the_memory_nor_decides() {
    // A bot takes everything in turn, 400,000 times; ten people take items 0 and 1 together.
    let bot = (0..400_000u32).map(|at| Interaction { user: 0, item: at % 5000, timestamp: i64::from(at), weight: 1.0 });
    let people = (1..11).flat_map(|user| [0, 1].map(|item| Interaction { user, item, timestamp: 500_000, weight: 1.0 }));
    let data = Interactions::new(11, 5000, bot.chain(people)).unwrap();
    for recipe in [&Similar::default() as &dyn Recipe, &Rules::default()] {
        let model = recipe.fit(&data, &context()).unwrap();
        let best = crate::top_k(&scores(&*model, &[0]), 1, |item| item == 0);
        assert_eq!(best[0].item, 1, "{}", recipe.name());
    }
}

#[test]
fn parameters_out_of_range_are_named() {
    for (recipe, name, value) in [("similar", "power", "0"), ("similar", "popularity_discount", "1.1"), ("rules", "window", "2.5")] {
        let error = crate::recipe(recipe, &BTreeMap::from([(name.to_owned(), value.to_owned())])).err().unwrap().to_string();
        assert!(error.starts_with(name) && error.contains(value), "{error}");
    }
}
