//! The network against a second one, written from the definition in f64, one token at a time; its derivatives are differences.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::super::kernels::Dropout;
use super::super::net::{Net, Packed, Shape, Trace};
use super::super::optimise::Trainer;
use super::super::sampling::{Sampler, pieces};
use super::ordered;
use crate::head::{Head, Rows, sequences};
use crate::random::{bits, normal};

const SHAPE: Shape = Shape { dimension: 6, heads: 2, blocks: 2, hidden: 5, length: 4 };
const ITEMS: usize = 9;
const SEED: u64 = 3;

/// All parameters far from 0, so that every part of the network matters.
fn net() -> Net {
    let mut net = Net::random(SHAPE, (0..ITEMS).map(|item| 0.3 * normal(7, item as u64)).collect(), 5);
    net.layers.iter_mut().zip(0..).for_each(|(value, at)| *value += 0.4 * normal(8, at));
    net.items.iter_mut().zip(0..).for_each(|(value, at)| *value = 0.3 * normal(9, at));
    net
}

fn rows(users: usize) -> Rows {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let users: Vec<Vec<u32>> =
        (0..users).map(|_| (0..random.random_range(2..12)).map(|_| random.random_range(0..ITEMS as u32)).collect()).collect();
    let data = ordered(ITEMS, &users);
    let heavier = |event: crate::HistoryEvent| 1.0 + (event.timestamp % 3) as f32;
    sequences(&data, &Head::choose(&[1.0; ITEMS], 1, ITEMS), 100, heavier)
}

/// The parameters as one row of f64: items, biases, layers.
fn wide(net: &Net) -> Vec<f64> {
    net.items.iter().chain(&net.bias).chain(&net.layers).map(|value| f64::from(*value)).collect()
}

struct Direct<'a> {
    values: &'a [f64],
    at: usize,
}

impl<'a> Direct<'a> {
    fn take(&mut self, len: usize) -> &'a [f64] {
        self.at += len;
        &self.values[self.at - len..self.at]
    }

    /// x·W + b, with the weights and then the bias taken.
    fn linear(&mut self, rows: &[Vec<f64>], to: usize) -> Vec<Vec<f64>> {
        let from = rows[0].len();
        let (weights, bias) = (self.take(from * to), self.take(to));
        let cell = |row: &[f64], j: usize| bias[j] + (0..from).map(|i| row[i] * weights[i * to + j]).sum::<f64>();
        rows.iter().map(|row| (0..to).map(|j| cell(row, j)).collect()).collect()
    }

    fn norm(&mut self, rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let d = rows[0].len();
        let (gain, shift) = (self.take(d), self.take(d));
        let one = |row: &Vec<f64>| {
            let mean = row.iter().sum::<f64>() / d as f64;
            let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / d as f64;
            (0..d).map(|j| (row[j] - mean) / (variance + 1e-6).sqrt() * gain[j] + shift[j]).collect()
        };
        rows.iter().map(one).collect()
    }
}

/// Vectors of the tokens of one sequence whose first token is the `first` of its batch.
fn direct_forward(values: &[f64], items: &[u32], first: usize, dropout: Option<Dropout>) -> Vec<Vec<f64>> {
    let Shape { dimension: d, heads, blocks, hidden, length } = SHAPE;
    let add_kept = |stream: &mut Vec<Vec<f64>>, rows: Vec<Vec<f64>>, layer: u64| {
        let mut kept = vec![1.0f32; rows.len() * d];
        if let Some(dropout) = dropout {
            dropout.apply(&mut kept, d, layer, first);
        }
        for (at, (target, row)) in stream.iter_mut().zip(rows).enumerate() {
            (0..d).for_each(|j| target[j] += f64::from(kept[at * d + j]) * row[j]);
        }
    };
    let mut direct = Direct { values, at: ITEMS * (d + 1) };
    let places = direct.take(length * d);
    let vector = |item: u32, j: usize| values[item as usize * d + j] * (d as f64).sqrt();
    let input = items.iter().enumerate().map(|(at, item)| (0..d).map(|j| vector(*item, j) + places[at * d + j]).collect()).collect();
    let mut stream = vec![vec![0.0; d]; items.len()];
    add_kept(&mut stream, input, 0);
    for block in 0..blocks as u64 {
        let normed = direct.norm(&stream);
        let triple = direct.linear(&normed, 3 * d);
        let width = d / heads;
        let mut mixed = vec![vec![0.0; d]; items.len()];
        for (at, head) in (0..items.len()).flat_map(|at| (0..heads).map(move |head| (at, head * width))) {
            let score = |other: usize| (head..head + width).map(|j| triple[at][j] * triple[other][d + j]).sum::<f64>();
            let shares: Vec<f64> = (0..=at).map(|other| (score(other) / (width as f64).sqrt()).exp()).collect();
            for (other, share) in shares.iter().enumerate() {
                (head..head + width).for_each(|j| mixed[at][j] += share / shares.iter().sum::<f64>() * triple[other][2 * d + j]);
            }
        }
        add_kept(&mut stream, direct.linear(&mixed, d), 2 * block + 1);
        let normed = direct.norm(&stream);
        let mut widened = direct.linear(&normed, hidden);
        widened.iter_mut().flatten().for_each(|value| *value = value.max(0.0));
        add_kept(&mut stream, direct.linear(&widened, d), 2 * block + 2);
    }
    let output = direct.norm(&stream);
    assert_eq!(direct.at, values.len(), "every parameter was used");
    output
}

/// Items with ln of their expected draws.
type Drawn = Vec<(u32, f64)>;

fn direct_loss(values: &[f64], rows: &Rows, pieces: &[std::ops::Range<usize>], drawn: &Drawn, dropout: Option<Dropout>) -> f64 {
    let d = SHAPE.dimension;
    let (mut first, mut loss, mut weights) = (0, 0.0, 0.0);
    for piece in pieces {
        let output = direct_forward(values, &rows.items[piece.clone()], first, dropout);
        for (token, at) in output.iter().zip(piece.start + 1..) {
            let score = |item: u32| {
                let item = item as usize;
                (0..d).map(|j| token[j] * values[item * d + j]).sum::<f64>() + values[ITEMS * d + item]
            };
            let (target, weight) = (rows.items[at], f64::from(rows.weights[at]));
            let others = drawn.iter().filter(|(item, _)| *item != target).map(|(item, expected)| (score(*item) - expected).exp());
            loss += weight * ((others.sum::<f64>() + score(target).exp()).ln() - score(target));
            weights += weight;
        }
        first += piece.len();
    }
    loss / weights
}

/// Makes one step and compares its loss and the gradients of some of its parameters with differences of the direct loss.
fn check(users: usize, negatives: usize, dropout: f32, checked: usize) {
    let (net, rows) = (net(), rows(users));
    let known: Vec<_> = rows.indptr.windows(2).map(|bounds| bounds[0]..bounds[1]).collect();
    let pieces = pieces(&known, SHAPE.length, 2);
    let counts: Vec<f32> = (1..=ITEMS).map(|count| count as f32).collect();
    let mut trainer = Trainer::new(net.clone(), 0.001, dropout, SEED);
    let loss = trainer.step(&rows, &pieces, &Sampler::new(&counts, negatives));
    let drawn: Drawn = trainer
        .negatives
        .items
        .iter()
        .zip(&trainer.negatives.offsets)
        .map(|(item, offset)| (*item, f64::from(net.bias[*item as usize] - offset)))
        .collect();
    assert_eq!(drawn.len(), negatives.min(ITEMS));
    let dropout = Some(Dropout { rate: dropout, key: bits(bits(SEED, 0), 1) });
    let mut values = wide(&net);
    let expected = direct_loss(&values, &rows, &pieces, &drawn, dropout);
    assert!((loss - expected).abs() < 1e-5, "{loss} {expected}");
    // After the first step the first moments are a tenth of the gradients.
    let found: Vec<f64> = [&trainer.items, &trainer.bias, &trainer.layers]
        .iter()
        .flat_map(|moments| &moments.first)
        .map(|first| 10.0 * f64::from(*first))
        .collect();
    let mut places: Vec<usize> = (0..values.len()).collect();
    places.shuffle(&mut ChaCha8Rng::seed_from_u64(1));
    let mut moving = 0;
    for at in places.into_iter().take(checked) {
        let value = values[at];
        let mut moved = |by: f64| {
            values[at] = value + by;
            direct_loss(&values, &rows, &pieces, &drawn, dropout)
        };
        let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        values[at] = value;
        assert!((found[at] - expected).abs() < 2e-6 + 2e-4 * expected.abs(), "parameter {at}: {} {expected}", found[at]);
        moving += usize::from(expected.abs() > 1e-4);
    }
    assert!(moving * 2 > checked, "{moving} of {checked} parameters matter");
}

#[test]
fn gradients_are_those_of_the_loss() {
    let all = wide(&net()).len();
    check(6, 5, 0.0, all);
    check(6, 5, 0.3, all);
    check(6, 100, 0.2, all);
}

#[test]
fn gradients_of_shares_add_up() {
    check(400, 7, 0.2, 40);
}

#[test]
fn packed_sequences_do_not_see_each_other() {
    let net = net();
    let given: [&[u32]; 4] = [&[1, 2, 3, 4], &[5], &[8, 0, 8], &[2, 2]];
    let mut packed = Packed { bounds: vec![0], ..Packed::default() };
    for items in given {
        packed.inputs.extend_from_slice(items);
        packed.bounds.push(packed.inputs.len());
    }
    let mut trace = Trace::default();
    // The second run meets what the first one left.
    for _ in 0..2 {
        trace.forward(&net, &packed, None);
        let mut rest = trace.output();
        for items in given {
            let mut alone = Trace::default();
            alone.forward(&net, &Packed::one(items.to_vec()), None);
            let direct = direct_forward(&wide(&net), items, 0, None).into_iter().flatten();
            for ((alone, direct), together) in alone.output().iter().zip(direct).zip(rest) {
                assert!((alone - together).abs() < 1e-5 && (f64::from(*alone) - direct).abs() < 1e-5, "{alone} {direct} {together}");
            }
            rest = &rest[alone.output().len()..];
        }
        assert!(rest.is_empty());
        trace.forward(&net, &Packed::one(vec![7, 7, 7]), None);
    }
}
