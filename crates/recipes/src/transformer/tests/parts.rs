//! Draws, pieces, validation and arithmetic.

use proptest::prelude::*;

use super::super::kernels::{Dropout, exp, greatest, sum};
use super::super::loss::Negatives;
use super::super::net::{Net, Shape};
use super::super::sampling::{Sampler, most_pieces, pieces};
use super::super::validation::Validation;
use super::ordered;
use crate::head::{Head, Rows, sequences};
use crate::progress::Steps;

#[test]
fn powers_of_e_are_exact_to_the_last_digits() {
    for step in 0..200_000 {
        let x = -80.5 * step as f32 / 200_000.0;
        let (found, expected) = (f64::from(exp(x)), f64::from(x).exp());
        assert!((found - expected).abs() <= 3e-7 * expected || (x <= -80.0 && found == 0.0), "{x}: {found} {expected}");
    }
    assert_eq!([exp(0.0), exp(-80.0), exp(-1e30), exp(f32::NEG_INFINITY)], [1.0, 0.0, 0.0, 0.0]);
    let values: Vec<f32> = (0..21).map(|at| ((at * 13) % 21) as f32 - 5.0).collect();
    assert_eq!((sum(&values), greatest(&values), greatest(&[])), (105.0, 15.0, f32::NEG_INFINITY));
}

#[test]
fn dropout_hides_its_share_and_keeps_the_mean() {
    let dropped = |rate, key, layer| {
        let mut values = vec![1.0f32; 30_000];
        Dropout { rate, key }.apply(&mut values, 6, layer, 10);
        values
    };
    let (values, scale) = (dropped(0.3, 1, 0), 1.0 / (1.0 - 0.3f32));
    assert!(values.iter().all(|value| *value == 0.0 || *value == scale));
    assert!((sum(&values) / 30_000.0 - 1.0).abs() < 0.02, "{}", sum(&values));
    assert!(values != dropped(0.3, 2, 0) && values != dropped(0.3, 1, 1));
    assert_eq!(dropped(0.0, 1, 0), vec![1.0; 30_000]);
    // A token's draws do not depend on where its share begins.
    let mut later = vec![1.0; 6];
    Dropout { rate: 0.3, key: 1 }.apply(&mut later, 6, 0, 12);
    assert_eq!(later, values[12..18]);
}

#[test]
fn what_is_drawn_stands_for_the_whole_catalogue() {
    let counts: Vec<f32> = (0..50).map(|item| 1.0 + (item % 7) as f32 * 10.0).collect();
    let shape = Shape { dimension: 2, heads: 1, blocks: 1, hidden: 1, length: 1 };
    let bias: Vec<f32> = (0..50).map(|item| (item % 3) as f32 - 1.0).collect();
    let expected: f32 = bias.iter().map(|bias| bias.exp()).sum();
    let net = Net::random(shape, bias, 1);
    let (sampler, mut negatives, mut seen, mut total) = (Sampler::new(&counts, 20), Negatives::default(), vec![0.0f32; 50], 0.0);
    for key in 0..5000 {
        sampler.draw(&net, key, &mut negatives);
        assert_eq!((negatives.items.len(), negatives.vectors.len()), (20, 40));
        negatives.items.iter().for_each(|item| seen[*item as usize] += 1.0);
        total += negatives.offsets.iter().map(|offset| offset.exp()).sum::<f32>();
    }
    assert!((total / 5000.0 / expected - 1.0).abs() < 0.02, "{} {expected}", total / 5000.0);
    let all: f32 = counts.iter().sum();
    for (seen, count) in seen.iter().zip(&counts) {
        let expected = 5000.0 * (10.0 / 50.0 + 10.0 * count / all);
        assert!((seen - expected).abs() < 5.0 * expected.sqrt(), "{seen} {expected}");
    }
    Sampler::new(&counts, 50).draw(&net, 1, &mut negatives);
    assert_eq!((negatives.items.clone(), &negatives.offsets), ((0..50).collect(), &net.bias));
}

fn rows(lengths: impl Iterator<Item = u32>) -> Rows {
    let users: Vec<Vec<u32>> = lengths.map(|length| (0..length).collect()).collect();
    sequences(&ordered(500, &users), &Head::choose(&[1.0; 500], 1, 500), 1000, |_| 1.0)
}

#[test]
fn a_tenth_of_a_tenth_is_held_back() {
    let rows = rows((0..400).map(|user| user % 50));
    let (known, validation) = Validation::part(&rows, 1);
    let all = rows.indptr.windows(2).map(|bounds| bounds[0]..bounds[1]);
    let mut users = 0;
    for (whole, known) in all.zip(&known).filter(|(whole, known)| whole != *known) {
        let hidden = (whole.len() as f64 / 10.0).round().max(1.0) as usize;
        assert!((known.start, known.end + hidden) == (whole.start, whole.end) && known.len() >= 2, "{whole:?} {known:?}");
        users += 1;
    }
    assert_eq!(users, (0..400).filter(|user| user % 50 >= 3).count() / 10);
    assert!(!validation.is_empty());
    assert_ne!(Validation::part(&rows, 2).0, known);
    let (known, validation) = Validation::part(&self::rows((0..199).map(|_| 5)), 1);
    assert!(validation.is_empty() && known.iter().all(|sequence| sequence.len() == 5));
}

#[test]
fn validation_is_the_gain_of_the_first_page() {
    // The bias alone ranks: items 4, 3, 2, 1, 0. Everybody holds back item 2 or, with 5 steps, the last one: item 4.
    let users: Vec<Vec<u32>> = (0..400).map(|user| if user % 2 == 0 { vec![0, 1, 2] } else { vec![0, 1, 2, 3, 4] }).collect();
    let rows = sequences(&ordered(5, &users), &Head::choose(&[1.0; 5], 1, 5), 10, |_| 1.0);
    let shape = Shape { dimension: 2, heads: 1, blocks: 1, hidden: 1, length: 3 };
    let mut net = Net::random(shape, (0..5).map(|item| item as f32).collect(), 1);
    net.items.fill(0.0);
    let (known, validation) = Validation::part(&rows, 1);
    let long = known.iter().filter(|sequence| sequence.len() == 4).count() as f64;
    let context = super::context();
    let found = validation.judge(&net, &rows, &Steps::new(&context, 1).unwrap()).unwrap();
    let third = 1.0 / 4f64.log2();
    assert!((found - (long + (40.0 - long) * third) / 40.0).abs() < 1e-9, "{found} {long}");
}

proptest! {
    #[test]
    fn every_step_but_the_first_is_a_target_once(lengths in prop::collection::vec(0..40u32, 1..20), length in 1..12usize, key in 0..100u64) {
        let rows = rows(lengths.into_iter());
        let known: Vec<_> = rows.indptr.windows(2).map(|bounds| bounds[0]..bounds[1]).collect();
        let pieces = pieces(&known, length, key);
        let mut targets: Vec<usize> = pieces.iter().flat_map(|piece| piece.start + 1..=piece.end).collect();
        targets.sort_unstable();
        let expected: Vec<usize> = known.iter().flat_map(|sequence| sequence.clone().skip(1)).collect();
        prop_assert_eq!(targets, expected);
        prop_assert!(pieces.iter().all(|piece| (1..=length).contains(&piece.len())));
        prop_assert!(pieces.len() <= most_pieces(&known, length));
    }
}
