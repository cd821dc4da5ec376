#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Als, AlsModel, Training, normal};
use crate::progress::Steps;
use crate::{FitContext, HistoryEvent, Interaction, Interactions, Model, Reason, RecipeError, top_k};

const SMALL: Als = Als {
    factors: 6,
    block_size: 6,
    regularization: 0.02,
    unobserved_weight: 0.2,
    nu: 0.7,
    epochs: 8,
    tau_inf: f32::INFINITY,
    max_history: 1000,
};

fn context() -> FitContext<'static> {
    FitContext { seed: 1, cancel: &|| false, progress: &|_, _| (), reference_time: 0 }
}

/// Users who like neighbouring items, with repeats and different weights; the last user and the last item have no events.
fn random_data(n_users: u32, n_items: u32, seed: u64) -> Interactions {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut events = Vec::new();
    for user in 0..n_users - 1 {
        let taste = random.random_range(0..n_items);
        for timestamp in 0..random.random_range(1..20) {
            let item = (taste + random.random_range(0..n_items / 3 + 1)) % (n_items - 1);
            events.push(Interaction { user, item, timestamp, weight: random.random_range(0.5..3.0) });
        }
    }
    Interactions::new(n_users as usize, n_items as usize, events).unwrap()
}

fn history(items: &[u32]) -> Vec<HistoryEvent> {
    items.iter().zip(0..).map(|(item, timestamp)| HistoryEvent { item: *item, timestamp, weight: 1.0 }).collect()
}

fn scores(model: &AlsModel, history: &[HistoryEvent]) -> Vec<f32> {
    let mut scores = vec![f32::NAN; model.n_items()];
    model.score(history, 0, &mut scores);
    scores
}

/// The pairs from their definition, users by items, 0 where nothing was seen: greatest weight of each, mean 1.
fn direct_pairs(data: &Interactions) -> Vec<Vec<f64>> {
    let mut pairs = vec![vec![0.0f64; data.n_items()]; data.n_users()];
    for event in data.iter() {
        let cell = &mut pairs[event.user as usize][event.item as usize];
        *cell = cell.max(f64::from(event.weight));
    }
    let seen: Vec<f64> = pairs.iter().flatten().copied().filter(|weight| *weight > 0.0).collect();
    let mean = seen.iter().sum::<f64>() / seen.len() as f64;
    pairs.iter_mut().flatten().for_each(|weight| *weight /= mean);
    pairs
}

fn flipped(pairs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    (0..pairs[0].len()).map(|item| pairs.iter().map(|row| row[item]).collect()).collect()
}

fn direct_ridge(recipe: &Als, row: &[f64], others: usize) -> f64 {
    let seen = row.iter().sum::<f64>() + f64::from(recipe.unobserved_weight) * others as f64;
    f64::from(recipe.regularization) * seen.powf(f64::from(recipe.nu))
}

fn occupied(pairs: &[Vec<f64>]) -> usize {
    pairs.iter().filter(|row| row.iter().any(|weight| *weight > 0.0)).count()
}

fn wide(values: &[f32], d: usize) -> Vec<Vec<f64>> {
    values.chunks(d).map(|row| row.iter().map(|value| f64::from(*value)).collect()).collect()
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// One row of exact alternating least squares by its normal equations, in f64.
fn direct_solution(recipe: &Als, row: &[f64], fixed: &[Vec<f64>], others: usize) -> Vec<f64> {
    let d = recipe.factors;
    if row.iter().all(|weight| *weight == 0.0) {
        return vec![0.0; d];
    }
    let mut system = vec![vec![0.0; d + 1]; d];
    for (i, j) in (0..d * d).map(|at| (at / d, at % d)) {
        let sums = row.iter().zip(fixed).map(|(c, v)| (c + f64::from(recipe.unobserved_weight)) * v[i] * v[j]);
        system[i][j] = sums.sum::<f64>() + if i == j { direct_ridge(recipe, row, others) } else { 0.0 };
    }
    (0..d).for_each(|i| system[i][d] = row.iter().zip(fixed).map(|(c, v)| c * v[i]).sum());
    for pivot in 0..d {
        for below in pivot + 1..d {
            let factor = system[below][pivot] / system[pivot][pivot];
            (pivot..=d).for_each(|at| system[below][at] -= factor * system[pivot][at]);
        }
    }
    let mut solution = vec![0.0; d];
    for i in (0..d).rev() {
        solution[i] = (system[i][d] - product(&system[i][i + 1..d], &solution[i + 1..])) / system[i][i];
    }
    solution
}

/// The loss of the module's head, written out.
fn direct_loss(recipe: &Als, pairs: &[Vec<f64>], training: &Training) -> f64 {
    let (users, items) = (wide(&training.users, recipe.factors), wide(&training.items, recipe.factors));
    let transposed = flipped(pairs);
    let (n_users, n_items) = (occupied(pairs), occupied(&transposed));
    let mut loss = 0.0;
    for (user, row) in users.iter().zip(pairs) {
        for (item, weight) in items.iter().zip(row) {
            let score = product(user, item);
            loss += weight * (score - 1.0).powi(2) + f64::from(recipe.unobserved_weight) * score.powi(2);
        }
        loss += direct_ridge(recipe, row, n_items) * product(user, user);
    }
    loss + items.iter().zip(&transposed).map(|(item, row)| direct_ridge(recipe, row, n_users) * product(item, item)).sum::<f64>()
}

fn assert_close(found: &[f32], expected: &[Vec<f64>], tolerance: f64) {
    for (at, (found, expected)) in found.iter().zip(expected.iter().flatten()).enumerate() {
        assert!((f64::from(*found) - expected).abs() < tolerance, "entry {at}: {found} instead of {expected}");
    }
}

#[test]
fn a_block_of_all_factors_is_exact_alternating_least_squares() {
    let data = random_data(60, 25, 3);
    let pairs = direct_pairs(&data);
    let (transposed, context) = (flipped(&pairs), context());
    let steps = Steps::new(&context, 1).unwrap();
    let (n_users, n_items) = (occupied(&pairs), occupied(&transposed));
    assert_eq!((n_users, n_items), (59, 24));
    let mut training = Training::new(&SMALL, &data, 5);
    for epoch in 0..4 {
        let items = wide(&training.items, SMALL.factors);
        training.solve_users(&steps).unwrap();
        let users: Vec<Vec<f64>> = pairs.iter().map(|row| direct_solution(&SMALL, row, &items, n_items)).collect();
        assert_close(&training.users, &users, 1e-4);
        let users = wide(&training.users, SMALL.factors);
        training.solve_items(&steps).unwrap();
        let items: Vec<Vec<f64>> = transposed.iter().map(|row| direct_solution(&SMALL, row, &users, n_users)).collect();
        assert_close(&training.items, &items, 1e-4);
        assert!(epoch == 0 || users[0].iter().any(|value| value.abs() > 0.1), "the vectors have left zero");
    }
}

#[test]
fn long_rows_are_summed_panel_by_panel() {
    // One item that 600 users have: more than two panels.
    let data = random_data(600, 9, 4);
    let context = context();
    let steps = Steps::new(&context, 1).unwrap();
    let everyone = (0..600).map(|user| Interaction { user, item: 2, timestamp: 99, weight: 1.0 });
    let data = Interactions::new(600, 9, data.iter().chain(everyone)).unwrap();
    let transposed = flipped(&direct_pairs(&data));
    for block_size in [6, 4] {
        let mut training = Training::new(&Als { block_size, ..SMALL }, &data, 5);
        for _ in 0..40 {
            training.solve_users(&steps).unwrap();
            training.solve_items(&steps).unwrap();
        }
        let users = wide(&training.users, SMALL.factors);
        // Block by block each sweep comes nearer to the exact solution of the items.
        (0..60).for_each(|_| training.solve_items(&steps).unwrap());
        let expected: Vec<Vec<f64>> = transposed.iter().map(|row| direct_solution(&SMALL, row, &users, 600)).collect();
        assert_close(&training.items, &expected, 2e-3);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_loss_never_rises(seed in 0..1000u64, block_size in 1..8usize, nu in 0.0..1.0f32, unobserved_weight in 0.01..1.0f32) {
        let recipe = Als { block_size, nu, unobserved_weight, ..SMALL };
        let data = random_data(40, 18, seed);
        let (pairs, context) = (direct_pairs(&data), context());
        let steps = Steps::new(&context, 1).unwrap();
        let mut training = Training::new(&recipe, &data, seed);
        let first = direct_loss(&recipe, &pairs, &training);
        let mut last = first;
        for half in 0..12 {
            if half % 2 == 0 { training.solve_users(&steps).unwrap() } else { training.solve_items(&steps).unwrap() }
            let now = direct_loss(&recipe, &pairs, &training);
            prop_assert!(now <= last * (1.0 + 1e-5), "half-step {}: {} after {}", half, now, last);
            last = now;
        }
        prop_assert!(last < 0.9 * first, "{} after {}", last, first);
    }
}

#[test]
fn fold_in_is_the_trained_solution_of_a_user() {
    let data = random_data(60, 25, 6);
    let context = context();
    let steps = Steps::new(&context, 1).unwrap();
    let mut training = Training::new(&SMALL, &data, 7);
    for _ in 0..6 {
        training.solve_users(&steps).unwrap();
        training.solve_items(&steps).unwrap();
    }
    training.solve_users(&steps).unwrap();
    let users = training.users.clone();
    let popularity = data.users_per_item(|_| true).into_iter().map(|users| users as f32).collect();
    let model = AlsModel::new(&SMALL, training, popularity);
    for (user, expected) in users.chunks(SMALL.factors).enumerate() {
        let folded = model.fold_in(&data.history(user as u32).collect::<Vec<_>>());
        for (found, expected) in folded.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "user {user}: {found} instead of {expected}");
        }
    }
}

#[test]
fn contributions_add_up_to_the_score_and_the_greatest_is_the_reason() {
    let data = random_data(60, 25, 8);
    let model = SMALL.fit_model(&data, &context()).unwrap().with_inference(4.0);
    let (mut sources, mut reasons) = (history(&[3, 9, 3, 17, 4]), 0);
    sources[1].weight = 2.5;
    let all = scores(&model, &sources);
    let most = data.users_per_item(|_| true).into_iter().max().unwrap() as f32;
    for item in 0..25 {
        let contributions = model.contributions(&sources, item);
        assert_eq!(contributions.iter().map(|(source, _)| *source).collect::<Vec<_>>(), [3, 4, 9, 17]);
        let prior = 1e-6 * model.popularity[item as usize] / most;
        let sum = contributions.iter().map(|(_, contribution)| contribution).sum::<f32>() + prior;
        assert!((sum - all[item as usize]).abs() < 1e-5, "item {item}: {sum} instead of {}", all[item as usize]);
        let best = contributions.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        if best.1 > 0.0 {
            reasons += 1;
            assert_eq!(model.explain(&sources, item), Some(Reason::BecauseOf { item: best.0, contribution: best.1 }));
        }
    }
    assert!(reasons > 15);
    assert_eq!((model.explain(&[], 3), model.explain(&[], 24), model.explain(&[], 99)), (Some(Reason::Popular), None, None));
    assert_eq!(model.contributions(&sources, 99), []);
}

#[test]
fn without_a_history_popularity_ranks() {
    let data = random_data(60, 25, 9);
    let model = SMALL.fit_model(&data, &context()).unwrap();
    let users: Vec<f32> = data.users_per_item(|_| true).into_iter().map(|users| users as f32).collect();
    let by_users: Vec<u32> = top_k(&users, 25, |_| false).iter().map(|best| best.item).collect();
    for unknown in [&[][..], &[24], &[1_000_000]] {
        // Item 24 has no events, so its vector is zero and it says nothing.
        let ranked: Vec<u32> = top_k(&scores(&model, &history(unknown)), 25, |_| false).iter().map(|best| best.item).collect();
        assert_eq!(ranked, by_users);
    }
    assert_ne!(scores(&model, &history(&[2])), scores(&model, &[]));
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let data = random_data(5000, 60, 10);
    let saved = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Als { factors: 40, block_size: 16, epochs: 2, ..SMALL }.fit_model(&data, &context()).unwrap().save().unwrap())
    };
    assert!(saved(1) == saved(3));
    let other = FitContext { seed: 2, ..context() };
    let fit = |context: &FitContext<'_>| SMALL.fit_model(&data, context).unwrap().save().unwrap();
    assert!(fit(&context()) != fit(&other), "the seed matters");
}

#[test]
fn only_ratios_of_weights_count() {
    let data = random_data(60, 25, 11);
    let scaled = data.iter().map(|event| Interaction { weight: event.weight * 0.25, ..event });
    let scaled = Interactions::new(60, 25, scaled).unwrap();
    let (one, other) = (SMALL.fit_model(&data, &context()).unwrap(), SMALL.fit_model(&scaled, &context()).unwrap());
    let (known, same) = (data.history(3).collect::<Vec<_>>(), scaled.history(3).collect::<Vec<_>>());
    for (one, other) in scores(&one, &known).iter().zip(scores(&other, &same)) {
        assert!((one - other).abs() < 1e-5);
    }
}

#[test]
fn events_without_weight_and_beyond_the_history_are_left_out() {
    let event = |item, timestamp, weight| Interaction { user: 0, item, timestamp, weight };
    let data = Interactions::new(1, 4, [event(0, 1, 1.0), event(1, 2, 1.0), event(2, 3, 0.0), event(3, 4, 1.0)]).unwrap();
    let training = Training::new(&Als { max_history: 3, ..SMALL }, &data, 1);
    assert_eq!((training.by_user.row(0).others, training.by_user.row(0).weights), (&[1, 3][..], &[1.0, 1.0][..]));
    let nothing = Interactions::new(1, 2, [event(0, 1, 0.0)]).unwrap();
    let model = SMALL.fit_model(&nothing, &context()).unwrap();
    assert!(scores(&model, &history(&[0]))[0] > scores(&model, &history(&[0]))[1]);
}

#[test]
fn recent_events_count_more_when_order_matters() {
    let data = random_data(60, 25, 12);
    let model = SMALL.fit_model(&data, &context()).unwrap();
    assert_eq!(scores(&model, &history(&[1, 15])), scores(&model, &history(&[15, 1])));
    let recent = model.with_inference(0.2);
    let (mixed, alone) = (scores(&recent, &history(&[1, 15])), scores(&recent, &history(&[15])));
    assert!(mixed.iter().zip(&alone).all(|(mixed, alone)| (mixed - alone).abs() < 0.05));
    let fitted = Als { tau_inf: 0.2, ..SMALL }.fit_model(&data, &context()).unwrap();
    assert!(fitted.save().unwrap() == recent.save().unwrap());
    assert_eq!(recent.tau_inf(), 0.2);
}

#[test]
fn starting_vectors_are_drawn_from_the_normal_distribution() {
    let draws: Vec<f64> = (0..20_000).map(|at| f64::from(normal(3, at))).collect();
    let mean = draws.iter().sum::<f64>() / 20_000.0;
    let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 20_000.0;
    let far = draws.iter().filter(|draw| draw.abs() > 1.96).count() as f64 / 20_000.0;
    assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05 && (far - 0.05).abs() < 0.006, "{mean} {variance} {far}");
}

#[test]
fn parameters_are_checked_by_name_and_range() {
    let read = |name: &str, value: &str| Als::from_parameters(&BTreeMap::from([(name.to_owned(), value.to_owned())]));
    assert_eq!(Als::from_parameters(&BTreeMap::new()).unwrap(), Als::default());
    assert_eq!((read("tau_inf", "inf").unwrap().tau_inf, read("factors", "8").unwrap().factors), (f32::INFINITY, 8));
    for (name, value) in [("factors", "0"), ("block_size", "2.5"), ("regularization", "0"), ("unobserved_weight", "-1"), ("epochs", "x")] {
        match read(name, value) {
            Err(RecipeError::InvalidParameter { name: reported, .. }) => assert_eq!(reported, name),
            other => panic!("{name} = {value} gave {other:?}"),
        }
    }
}

#[test]
fn vectors_of_another_length_are_refused() {
    let model = SMALL.fit_model(&random_data(20, 9, 13), &context()).unwrap();
    let bytes = crate::artifact::Writer::new("als").floats("items", &model.items[1..]).floats("popularity", &model.popularity);
    let error = crate::load(&bytes.finish(&(model.known, &model.settings)).unwrap()).err().unwrap().to_string();
    assert_eq!(error, "The model file cannot be used: expected 9 vectors of 6 factors, found 53 numbers.");
}
