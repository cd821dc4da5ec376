#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Linear, LinearModel, gram, solve};
use crate::head::{Head, newest_steps};
use crate::progress::Steps;
use crate::{FitContext, HistoryEvent, Interaction, Interactions, Model, Reason, RecipeError};

const PLAIN: Linear = Linear {
    lambda: 10.0,
    p: 0.0,
    xi: 0.0,
    alpha: 1.0,
    window: 3,
    tau_train: 2.0,
    tau_inf: f32::INFINITY,
    kappa: 0.0,
    top_per_row: 100_000,
    max_items: 16_000,
    min_support: 1,
    max_history: 1000,
};

fn context() -> FitContext<'static> {
    FitContext { seed: 1, cancel: &|| false, progress: &|_, _| (), reference_time: 0 }
}

/// Users who like neighbouring items, with repeats.
fn random_data(n_users: u32, n_items: u32, seed: u64) -> Interactions {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut events = Vec::new();
    for user in 0..n_users {
        let taste = random.random_range(0..n_items);
        for timestamp in 0..random.random_range(1..20) {
            let item = (taste + random.random_range(0..n_items / 3 + 1)) % n_items;
            events.push(Interaction { user, item, timestamp, weight: 1.0 });
        }
    }
    Interactions::new(n_users as usize, n_items as usize, events).unwrap()
}

fn history(items: &[u32]) -> Vec<HistoryEvent> {
    items.iter().zip(0..).map(|(item, timestamp)| HistoryEvent { item: *item, timestamp, weight: 1.0 }).collect()
}

fn scores(model: &LinearModel, items: &[u32]) -> Vec<f32> {
    let mut scores = vec![0.0; model.n_items()];
    model.score(&history(items), 0, &mut scores);
    scores
}

/// All of B by rows, diagonal included; every item must have an event.
fn dense_b(recipe: &Linear, interactions: &Interactions) -> Vec<f32> {
    let popularity: Vec<f32> = interactions.users_per_item(|_| true).into_iter().map(|users| users as f32).collect();
    let head = Head::choose(&popularity, recipe.min_support, recipe.max_items);
    assert_eq!(head.len(), interactions.n_items());
    let context = context();
    let steps = Steps::new(&context, 1).unwrap();
    let gram = gram::accumulate(interactions, &head, recipe, &steps).unwrap();
    let solution = solve::solve(gram, recipe.lambda, recipe.p, recipe.xi, &steps).unwrap();
    let mut b = vec![0.0; head.len() * head.len()];
    solution.fill_rows(0, &mut b);
    b
}

/// A and C from their definitions: X, S and T are written out.
fn direct_statistics(recipe: &Linear, interactions: &Interactions) -> (Vec<f64>, Vec<f64>) {
    let n = interactions.n_items();
    let (alpha, mut a, mut c) = (f64::from(recipe.alpha), vec![0.0; n * n], vec![0.0; n * n]);
    for user in 0..interactions.n_users() as u32 {
        let mut steps: Vec<usize> = interactions.items_of(user).iter().map(|item| *item as usize).collect();
        steps.dedup();
        let mut x = vec![0.0; n];
        steps.iter().for_each(|item| x[*item] = 1.0);
        for (i, j) in (0..n * n).map(|at| (at / n, at % n)) {
            a[i * n + j] += alpha * x[i] * x[j];
            c[i * n + j] += alpha * x[i] * x[j];
        }
        for (t, target) in steps.iter().enumerate().skip(1) {
            let mut s = vec![0.0; n];
            for k in t.saturating_sub(recipe.window)..t {
                s[steps[k]] += (-((t - 1 - k) as f64) / f64::from(recipe.tau_train)).exp();
            }
            for (i, j) in (0..n * n).map(|at| (at / n, at % n)) {
                a[i * n + j] += (1.0 - alpha) * s[i] * s[j];
            }
            (0..n).for_each(|i| c[i * n + target] += (1.0 - alpha) * s[i]);
        }
    }
    (a, c)
}

/// Gauss-Jordan.
fn direct_inverse(matrix: &[f64], n: usize) -> Vec<f64> {
    let (mut m, mut inverse) = (matrix.to_vec(), vec![0.0; n * n]);
    (0..n).for_each(|i| inverse[i * n + i] = 1.0);
    for k in 0..n {
        let pivot = m[k * n + k];
        for j in 0..n {
            m[k * n + j] /= pivot;
            inverse[k * n + j] /= pivot;
        }
        for i in (0..n).filter(|i| *i != k) {
            let factor = m[i * n + k];
            for j in 0..n {
                m[i * n + j] -= factor * m[k * n + j];
                inverse[i * n + j] -= factor * inverse[k * n + j];
            }
        }
    }
    inverse
}

/// B = PC − P·diag(γ) from the definitions, f64.
fn direct_b(recipe: &Linear, interactions: &Interactions) -> Vec<f64> {
    let n = interactions.n_items();
    let (a, c) = direct_statistics(recipe, interactions);
    let mut regularised = a.clone();
    for j in 0..n {
        regularised[j * n + j] += f64::from(recipe.lambda) + f64::from(recipe.p / (1.0 - recipe.p)) * a[j * n + j];
    }
    let p = direct_inverse(&regularised, n);
    let mut b = vec![0.0; n * n];
    for (i, k) in (0..n * n).map(|at| (at / n, at % n)) {
        (0..n).for_each(|j| b[i * n + j] += p[i * n + k] * c[k * n + j]);
    }
    let xi = f64::from(recipe.xi);
    let diagonal = (0..n).map(|j| b[j * n + j] - xi).map(|value| if xi == 0.0 { value } else { value.max(0.0) });
    let gamma: Vec<f64> = diagonal.enumerate().map(|(j, value)| value / p[j * n + j]).collect();
    (0..n * n).for_each(|at| b[at] -= p[at] * gamma[at % n]);
    b
}

fn assert_close(found: &[f32], expected: &[f64], tolerance: f64) {
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((f64::from(*found) - expected).abs() < tolerance, "entry {at}: {found} instead of {expected}");
    }
}

#[test]
fn ease_is_the_closed_formula() {
    let data = random_data(80, 25, 3);
    let (gram, n) = (direct_statistics(&PLAIN, &data).0, 25);
    let mut regularised = gram;
    (0..n).for_each(|j| regularised[j * n + j] += 10.0);
    let p = direct_inverse(&regularised, n);
    let formula = (0..n * n).map(|at| if at / n == at % n { 0.0 } else { -p[at] / p[(at % n) * (n + 1)] });
    assert_close(&dense_b(&PLAIN, &data), &formula.collect::<Vec<_>>(), 1e-4);
}

#[test]
fn every_member_of_the_family_is_its_definition() {
    let data = random_data(80, 25, 4);
    for (alpha, p, xi) in [(1.0, 0.3, 0.0), (1.0, 0.2, 0.3), (0.3, 0.0, 0.0), (0.3, 0.2, 0.1), (0.0, 0.0, 1.0)] {
        let recipe = Linear { alpha, p, xi, ..PLAIN };
        assert_close(&dense_b(&recipe, &data), &direct_b(&recipe, &data), 1e-4);
    }
}

#[test]
fn tiles_fit_together() {
    // More items than two tiles, and not a multiple of a tile.
    let data = random_data(3000, 531, 5);
    for recipe in [PLAIN, Linear { alpha: 0.3, p: 0.2, ..PLAIN }] {
        assert_close(&dense_b(&recipe, &data), &direct_b_by_residual(&recipe, &data), 2e-4);
    }
}

/// As `direct_b`, with statistics from the code under test (checked above), since writing X out is slow at this size.
fn direct_b_by_residual(recipe: &Linear, data: &Interactions) -> Vec<f64> {
    let n = data.n_items();
    let popularity: Vec<f32> = data.users_per_item(|_| true).into_iter().map(|users| users as f32).collect();
    let (head, context) = (Head::choose(&popularity, 1, n), context());
    let gram = gram::accumulate(data, &head, recipe, &Steps::new(&context, 1).unwrap()).unwrap();
    let a: Vec<f64> = gram.a.iter().map(|value| f64::from(*value)).collect();
    let c: Vec<f64> = gram.c.as_ref().unwrap_or(&gram.a).iter().map(|value| f64::from(*value)).collect();
    let mut regularised = a.clone();
    (0..n).for_each(|j| regularised[j * n + j] += f64::from(recipe.lambda) + f64::from(recipe.p / (1.0 - recipe.p)) * a[j * n + j]);
    let p = direct_inverse(&regularised, n);
    let mut b = vec![0.0; n * n];
    for (i, k) in (0..n * n).map(|at| (at / n, at % n)) {
        (0..n).for_each(|j| b[i * n + j] += p[i * n + k] * c[k * n + j]);
    }
    let gamma: Vec<f64> = (0..n).map(|j| b[j * n + j] / p[j * n + j]).collect();
    (0..n * n).for_each(|at| b[at] -= p[at] * gamma[at % n]);
    b
}

#[test]
fn the_diagonal_is_zero_without_a_cap_and_below_it_with_one() {
    let data = random_data(80, 25, 6);
    for alpha in [1.0, 0.3] {
        let plain = dense_b(&Linear { alpha, ..PLAIN }, &data);
        assert!((0..25).all(|j| plain[j * 26].abs() < 1e-5));
        let capped = dense_b(&Linear { alpha, xi: 0.2, ..PLAIN }, &data);
        assert!((0..25).all(|j| capped[j * 26] < 0.2 + 1e-5));
        assert!((0..25).any(|j| capped[j * 26] > 0.1));
    }
}

#[test]
fn great_regularisation_orders_like_co_counts() {
    let data = random_data(80, 25, 7);
    let counts = direct_statistics(&PLAIN, &data).0;
    let b = dense_b(&Linear { lambda: 1e6, ..PLAIN }, &data);
    for i in 0..25 {
        for (j, k) in (0..625).map(|at| (at / 25, at % 25)).filter(|(j, k)| *j != i && *k != i) {
            if counts[i * 25 + j] > counts[i * 25 + k] {
                assert!(b[i * 25 + j] > b[i * 25 + k], "row {i}: {j} has more users in common than {k}");
            }
        }
    }
}

#[test]
fn the_order_of_users_does_not_matter() {
    let data = random_data(80, 25, 8);
    let mut names: Vec<u32> = (0..80).collect();
    names.shuffle(&mut ChaCha8Rng::seed_from_u64(9));
    let renamed = data.iter().map(|event| Interaction { user: names[event.user as usize], ..event });
    let renamed = Interactions::new(80, 25, renamed).unwrap();
    let recipe = Linear { alpha: 0.3, p: 0.2, ..PLAIN };
    let expected: Vec<f64> = dense_b(&recipe, &data).into_iter().map(f64::from).collect();
    assert_close(&dense_b(&recipe, &renamed), &expected, 1e-5);
}

#[test]
fn only_ratios_of_weights_count_and_greater_weights_pull() {
    let data = random_data(80, 25, 10);
    let weighted = |scale: f32, favourite: f32| {
        let weight = |item| if item == 3 { scale * favourite } else { scale };
        let events = data.iter().map(|event| Interaction { weight: weight(event.item), ..event });
        dense_b(&Linear { alpha: 0.3, ..PLAIN }, &Interactions::new(80, 25, events).unwrap())
    };
    let expected: Vec<f64> = weighted(1.0, 1.0).into_iter().map(f64::from).collect();
    assert_close(&weighted(0.25, 1.0), &expected, 1e-5);
    let to_favourite = |b: &[f32]| (0..25).map(|i| b[i * 25 + 3]).sum::<f32>();
    assert!(to_favourite(&weighted(1.0, 3.0)) > to_favourite(&weighted(1.0, 1.0)));
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let data = random_data(2000, 531, 11);
    let saved = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Linear { alpha: 0.3, top_per_row: 50, ..PLAIN }.fit_model(&data, &context()).unwrap().save().unwrap())
    };
    assert!(saved(1) == saved(3));
}

#[test]
fn rows_keep_their_greatest_weights() {
    let data = random_data(80, 25, 12);
    let recipe = Linear { top_per_row: 4, ..PLAIN };
    let (full, model) = (dense_b(&PLAIN, &data), recipe.fit_model(&data, &context()).unwrap());
    assert_eq!(model.n_weights(), 25 * 4);
    let kept = scores(&model, &[7]);
    let mut sizes: Vec<f32> = full[7 * 25..8 * 25].iter().map(|weight| weight.abs()).collect();
    sizes[7] = 0.0;
    sizes.sort_by(|a, b| b.total_cmp(a));
    for (item, (kept, full)) in kept.iter().zip(&full[7 * 25..]).enumerate() {
        let expected = if item != 7 && full.abs() >= sizes[3] { *full } else { 0.0 };
        assert!((kept - expected).abs() < 2e-6, "item {item}");
    }
}

#[test]
fn inference_settings_need_no_second_fit() {
    let data = random_data(80, 25, 13);
    let base = PLAIN.fit_model(&data, &context()).unwrap();
    let fitted = Linear { tau_inf: 2.0, kappa: 0.4, ..PLAIN }.fit_model(&data, &context()).unwrap();
    let tuned = base.with_inference(2.0, 0.4);
    assert!(tuned.save().unwrap() == fitted.save().unwrap());
    assert_eq!((tuned.tau_inf(), tuned.kappa()), (2.0, 0.4));
    assert_ne!(scores(&tuned, &[1, 2, 3]), scores(&base, &[1, 2, 3]));
}

#[test]
fn recent_events_count_more_when_order_matters() {
    let data = random_data(80, 25, 14);
    let base = PLAIN.fit_model(&data, &context()).unwrap();
    assert_eq!(scores(&base, &[1, 15]), scores(&base, &[15, 1]));
    let recent = base.with_inference(0.5, 0.0);
    let expected = scores(&base, &[15]).iter().zip(scores(&base, &[1])).map(|(new, old)| new + (-2.0f32).exp() * old).collect::<Vec<_>>();
    for (found, expected) in scores(&recent, &[1, 15]).iter().zip(expected) {
        assert!((found - expected).abs() < 1e-5);
    }
}

#[test]
fn the_reason_is_the_greatest_contribution() {
    let data = random_data(80, 25, 15);
    let model = PLAIN.fit_model(&data, &context()).unwrap();
    let alone = |source: u32, item: usize| scores(&model, &[source])[item];
    let sources = [2, 9, 17];
    let mut because = 0;
    for item in (0..25u32).filter(|item| !sources.contains(item)) {
        let best = sources.iter().map(|source| (alone(*source, item as usize), *source)).max_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
        match model.explain(&history(&sources), item).unwrap() {
            Reason::BecauseOf { item: source, contribution } => {
                because += 1;
                assert_eq!(source, best.1);
                assert!((contribution - best.0).abs() < 2e-6);
            }
            reason => assert!(best.0 < 2e-6 && reason == Reason::Popular),
        }
    }
    assert!(because > 5);
    assert_eq!(model.explain(&[], 3), Some(Reason::Popular));
    assert_eq!(model.explain(&[], 99), None);
}

#[test]
fn unknown_and_rare_items_rank_by_popularity() {
    // Items 0 to 2 go together; item 3 has one user, item 4 none.
    let pairs = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (3, 0), (3, 3)];
    let events = pairs.map(|(user, item)| Interaction { user, item, timestamp: 0, weight: 1.0 });
    let data = Interactions::new(4, 5, events).unwrap();
    let model = Linear { min_support: 2, ..PLAIN }.fit_model(&data, &context()).unwrap();
    for unknown in [&[][..], &[3], &[4], &[1_000_000]] {
        let scores = scores(&model, unknown);
        assert!(scores[0] > scores[1] && scores[1] > scores[2] && scores[2] > scores[3] && scores[3] > scores[4]);
    }
    assert!(scores(&model, &[1, 1_000_000])[2] > scores(&model, &[])[2]);
}

#[test]
fn max_items_keeps_the_most_frequent() {
    let head = Head::choose(&[3.0, 9.0, 1.0, 4.0, 4.0], 2, 3);
    assert_eq!(head.items, [1, 3, 4]);
}

#[test]
fn runs_on_one_item_are_one_step() {
    let weights = [(5, 0.2), (5, 1.0), (5, 0.3), (2, 1.0), (5, 0.5)];
    let events = weights.map(|(item, weight)| HistoryEvent { item, timestamp: 0, weight });
    assert_eq!(newest_steps(events.into_iter(), 10), [(5, 1.0), (2, 1.0), (5, 0.5)]);
    assert_eq!(newest_steps(events.into_iter(), 2), [(2, 1.0), (5, 0.5)]);
}

#[test]
fn parameters_are_checked_by_name_and_range() {
    let read = |name: &str, value: &str| Linear::from_parameters(&BTreeMap::from([(name.to_owned(), value.to_owned())]));
    assert_eq!(Linear::from_parameters(&BTreeMap::new()).unwrap(), Linear::default());
    assert_eq!(read("tau_inf", "inf").unwrap().tau_inf, f32::INFINITY);
    assert_eq!(read("window", "7").unwrap().window, 7);
    for (name, value) in
        [("lambda", "0"), ("p", "1"), ("alpha", "-0.1"), ("alpha", "NaN"), ("window", "2.5"), ("tau_train", "inf"), ("xi", "x")]
    {
        match read(name, value) {
            Err(RecipeError::InvalidParameter { name: reported, expected, found }) => {
                assert_eq!(reported, name);
                assert!(expected.contains(" from ") && found.contains(value), "{expected}; {found}");
            }
            other => panic!("{name} = {value} gave {other:?}"),
        }
    }
    let message = read("lamda", "5").unwrap_err().to_string();
    assert!(message.contains("`lamda`") && message.contains("lambda, p, xi"), "{message}");
}
