//! What a fit gives, and how it behaves on the way.

use std::cell::{Cell, RefCell};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::super::net::Net;
use super::super::{NAME, Transformer};
use super::{SMALL, context, fit, history, ordered, scores};
use crate::artifact::Writer;
use crate::{FitContext, Interaction, Interactions, Model, Reason, RecipeError, load, top_k};

/// Users walk around a circle of `n` items, half of them backwards: what comes next depends on the last two steps.
fn circle(users: usize, n: u32, seed: u64) -> Vec<Vec<u32>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let walk = |user: usize| {
        let (start, steps) = (random.random_range(0..n), random.random_range(4..20));
        (0..steps).map(|step| (start + if user.is_multiple_of(2) { step } else { step * (n - 1) }) % n).collect()
    };
    (0..users).map(walk).collect()
}

fn noise(users: usize, n: u32, seed: u64) -> Vec<Vec<u32>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..users).map(|_| (0..random.random_range(1..15)).map(|_| random.random_range(0..n)).collect()).collect()
}

#[test]
fn a_planted_order_is_learnt() {
    let recipe = Transformer { epochs: 30, negatives: 16, blocks: 2, dimension: 32, ..SMALL };
    let model = fit(&recipe, &ordered(40, &circle(600, 40, 1)));
    let fresh = circle(200, 40, 2);
    let found = fresh.iter().filter(|walk| {
        let (next, known) = walk.split_last().unwrap();
        top_k(&scores(&model, known), 1, |_| false)[0].item == *next
    });
    let found = found.count();
    // Popularity would find one in forty: five.
    assert!(found >= 190, "{found} of 200");
}

#[test]
fn the_number_of_threads_does_not_matter() {
    // More tokens per step than one thread takes.
    let data = ordered(100, &noise(800, 100, 3));
    let recipe = Transformer { batch: 300, epochs: 2, ..SMALL };
    let saved = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| fit(&recipe, &data).save().unwrap())
    };
    let one = saved(1);
    assert!(one == saved(2) && one == saved(3));
    let other = recipe.fit_model(&data, &FitContext { seed: 2, ..context() }).unwrap();
    assert!(other.save().unwrap() != one, "the seed matters");
}

#[test]
fn a_fit_can_be_stopped_at_any_moment() {
    let data = ordered(20, &noise(230, 20, 4));
    let recipe = Transformer { epochs: 8, ..SMALL };
    let asked = Cell::new(0usize);
    let stopping = |after: usize| {
        asked.set(0);
        recipe.fit_model(&data, &FitContext { cancel: &|| asked.replace(asked.get() + 1) >= after, ..context() }).err()
    };
    assert_eq!(stopping(usize::MAX), None);
    let all = asked.get();
    assert!(all > 100, "{all}");
    for after in 0..all {
        assert_eq!(stopping(after), Some(RecipeError::Stopped), "after {after} of {all}");
        assert_eq!(asked.get(), after + 1, "not asked again");
    }
}

#[test]
fn training_ends_when_nothing_is_gained() {
    let data = ordered(60, &noise(400, 60, 5));
    let seen = RefCell::new(Vec::new());
    let recipe = Transformer { epochs: 100, ..SMALL };
    recipe.fit_model(&data, &FitContext { progress: &|done, total| seen.borrow_mut().push((done, total)), ..context() }).unwrap();
    let seen = seen.into_inner();
    let (last, total) = seen[seen.len() - 1];
    assert!(last == total && seen[seen.len() - 2].0 < total / 2, "{:?}", &seen[seen.len() - 3..]);
    assert!(seen.is_sorted());
    let bounded = RefCell::new(0);
    let recipe = Transformer { max_steps: 7, ..recipe };
    recipe.fit_model(&data, &FitContext { progress: &|_, total| *bounded.borrow_mut() = total, ..context() }).unwrap();
    assert_eq!(bounded.into_inner(), 8);
}

#[test]
fn without_a_known_step_popularity_ranks() {
    let users = [vec![0, 1, 2], vec![1, 2, 3], vec![2, 1], vec![3, 2]];
    let model = fit(&SMALL, &ordered(6, &users));
    for unknown in [&[][..], &[4], &[5, 77]] {
        let best = top_k(&scores(&model, unknown), 6, |_| false);
        assert_eq!(best.iter().map(|best| best.item).collect::<Vec<_>>(), [2, 1, 3, 0, 4, 5]);
    }
    assert_eq!([2, 5, 9].map(|item| model.explain(&history(&[4]), item)), [Some(Reason::Popular), None, None]);
    assert_ne!(scores(&model, &[1]), scores(&model, &[]));
}

#[test]
fn what_is_unknown_repeated_or_too_old_does_not_matter() {
    let model = fit(&SMALL, &ordered(21, &noise(100, 20, 6)));
    let plain = scores(&model, &[3, 4, 5]);
    assert_eq!(scores(&model, &[20, 3, 3, 99, 3, 4, 20, 4, 5]), plain);
    assert_ne!(scores(&model, &[4, 3, 5]), plain, "order matters");
    let long: Vec<u32> = (0..19).collect();
    assert_eq!(scores(&model, &long), scores(&model, &long[19 - SMALL.length..]));
    assert_ne!(scores(&model, &long), scores(&model, &long[20 - SMALL.length..]));
}

#[test]
fn items_with_too_few_users_stand_below_all_others() {
    let mut users = noise(100, 20, 7);
    users.extend([vec![1, 20], vec![2, 20], vec![3, 21]]);
    let model = fit(&Transformer { min_support: 5, ..SMALL }, &ordered(23, &users));
    let order: Vec<u32> = top_k(&scores(&model, &[1, 20, 2]), 23, |_| false).iter().map(|best| best.item).collect();
    assert_eq!(order[20..], [20, 21, 22]);
    assert_eq!(scores(&model, &[1, 20, 2]), scores(&model, &[1, 2]));
}

#[test]
fn a_reason_is_what_the_score_falls_by() {
    let model = fit(&Transformer { epochs: 15, ..SMALL }, &ordered(20, &circle(150, 20, 8)));
    let known = [4, 9, 9, 5, 4, 6];
    let contributions = model.contributions(&history(&known), 7);
    assert_eq!(contributions.iter().map(|(item, _)| *item).collect::<Vec<_>>(), [6, 4, 5, 9]);
    let whole = scores(&model, &known)[7];
    for (item, contribution) in &contributions {
        let without: Vec<u32> = known.into_iter().filter(|known| known != item).collect();
        assert!((whole - scores(&model, &without)[7] - contribution).abs() < 1e-4, "{item} {contribution}");
    }
    let (item, contribution) = contributions.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    assert_eq!(model.explain(&history(&known), 7), Some(Reason::BecauseOf { item, contribution }));
    assert_eq!(item, 6, "the step before is the reason");
    // The only step: nothing is left without it.
    assert_eq!(model.contributions(&history(&[6]), 7).len(), 1);
    assert!(model.contributions(&history(&[6]), 50).is_empty());
    let long: Vec<u32> = (0..200).map(|step| step % 20).collect();
    let wide = fit(&Transformer { length: 60, max_steps: 5, ..SMALL }, &ordered(20, &circle(50, 20, 9)));
    assert_eq!(wide.contributions(&history(&long), 3).len(), 20);
}

#[test]
fn weights_count_by_their_ratios_and_where_they_are_to_be_found() {
    let users = circle(100, 20, 10);
    let weighted = |weight: &dyn Fn(Interaction) -> f32| {
        let events: Vec<Interaction> = ordered(21, &users).iter().map(|event| Interaction { weight: weight(event), ..event }).collect();
        fit(&SMALL, &Interactions::new(100, 21, events).unwrap())
    };
    let saved = |weight: f32| weighted(&|_| weight).save().unwrap();
    assert!(saved(1.0) == saved(0.25));
    // Where going on from item 4 weighs nothing, it is not learnt.
    let odd = weighted(&|event| if event.item == 5 { 0.0 } else { 1.0 });
    assert!(scores(&odd, &[2, 3, 4])[5] < scores(&weighted(&|_| 1.0), &[2, 3, 4])[5]);
    let nothing = weighted(&|_| 0.0);
    assert!(scores(&nothing, &[1, 2]).iter().all(|score| score.is_finite()));
}

#[test]
fn users_of_one_step_teach_nothing_and_break_nothing() {
    let model = fit(&SMALL, &ordered(4, &[vec![1], vec![1, 1], vec![2]]));
    let found = scores(&model, &[2]);
    assert!(found.iter().all(|score| score.is_finite()) && found[1] > found[2] && found[2] > found[0], "{found:?}");
}

#[test]
fn parameters_are_checked_by_name_and_range() {
    let read = |pairs: &[(&str, &str)]| {
        Transformer::from_parameters(&pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    };
    assert_eq!(read(&[]).unwrap(), Transformer::default());
    assert_eq!(
        read(&[("length", "200"), ("dropout", "0.5")]).unwrap(),
        Transformer { length: 200, dropout: 0.5, ..Transformer::default() }
    );
    let error = |pairs| read(pairs).unwrap_err().to_string();
    assert_eq!(error(&[("blocks", "0")]), "blocks must be a whole number from 1 to 16, found `0`.");
    assert_eq!(error(&[("heads", "3")]), "heads must be a divisor of the dimension 64, found 3.");
    assert!(error(&[("seconds", "3")]).contains("max_steps"));
}

#[test]
fn networks_of_another_size_are_refused() {
    let model = fit(&Transformer { max_steps: 1, ..SMALL }, &ordered(3, &[vec![0, 1, 2]]));
    assert!(load(&model.save().unwrap()).is_ok());
    let shape = SMALL.shape();
    let net = Net::random(shape, vec![0.0; 3], 1);
    let written = |items: &[f32], layers: &[f32], learnt: &[u32], shape| {
        let writer = Writer::new(NAME).floats("items", items).floats("bias", &net.bias).floats("layers", layers);
        load(&writer.floats("popularity", &[1.0; 3]).indices("learnt", learnt).finish(&shape).unwrap())
    };
    assert!(written(&net.items, &net.layers, &[0, 1, 2], shape).is_ok());
    for (items, layers, learnt, shape) in [
        (&net.items[1..], &net.layers[..], [0, 1, 2], shape),
        (&net.items, &net.layers[1..], [0, 1, 2], shape),
        (&net.items, &net.layers, [0, 2, 1], shape),
        (&net.items, &net.layers, [0, 1, 3], shape),
        (&net.items, &net.layers, [0, 1, 2], super::super::Shape { heads: 3, ..shape }),
        (&net.items, &net.layers, [0, 1, 2], super::super::Shape { heads: 0, ..shape }),
        (&net.items, &net.layers, [0, 1, 2], super::super::Shape { length: usize::MAX / 2, ..shape }),
    ] {
        assert!(matches!(written(items, layers, &learnt, shape), Err(RecipeError::Artifact(_))));
    }
}
