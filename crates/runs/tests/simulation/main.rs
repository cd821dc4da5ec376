//! Two nodes, one queue, and everything that can go wrong: thousands of short histories, each from a seed.
//!
//! A history is twenty simulated seconds in which a client submits, stops and waits, nodes are killed at named points, in the
//! middle of anything and at the database's door, their clocks jump, the disk is slow or full. Then the trouble ends, and so must
//! every run: once, with its effect published once, or not at all where it did not succeed.
//!
//! `PENCHANT_HISTORIES=5000` runs more of them, `PENCHANT_SEED=17` one of them with its whole trace.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod actors;
mod history;
mod time;
mod world;

use std::time::Instant;

use history::{History, play};

/// Played by every `make test`; `make soak` plays more.
const HISTORIES: u64 = 100;

fn asked_for(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
#[allow(clippy::disallowed_methods, reason = "how many histories a minute gives is told, not judged")]
fn every_history_ends_every_run_once_with_its_effect_once() {
    let seeds: Vec<u64> = match asked_for("PENCHANT_SEED") {
        Some(seed) => vec![seed],
        None => (1..=asked_for("PENCHANT_HISTORIES").unwrap_or(HISTORIES)).collect(),
    };
    let began = Instant::now();
    let (mut runs, mut kills, mut lost) = (0, 0, 0);
    for seed in &seeds {
        let history = play(*seed, true);
        if seeds.len() == 1 {
            println!("{}", history.trace.join("\n"));
        }
        assert!(history.wrong.is_empty(), "PENCHANT_SEED={seed}: {}\n{}", history.wrong.join("\n"), history.tail());
        runs += history.runs;
        kills += history.kills;
        lost += history.lost_leases;
    }
    let per_minute = seeds.len() as f64 * 60.0 / began.elapsed().as_secs_f64();
    println!("{} histories, {runs} runs, {kills} kills, {lost} lost leases; {per_minute:.0} histories a minute", seeds.len());
    if seeds.len() > 50 {
        assert!(kills > seeds.len() && lost > 0, "the histories are too quiet to show anything");
    }
}

#[test]
fn a_seed_gives_its_history_again() {
    for seed in 1..=8 {
        let (first, again) = (play(seed, true), play(seed, true));
        let differs = first.trace.iter().zip(&again.trace).position(|(a, b)| a != b);
        assert_eq!(differs, None, "{:?} and {:?}", first.tail(), again.tail());
        assert_eq!(first.trace.len(), again.trace.len());
    }
}

/// The simulation can see what it looks for: an executor that publishes beside the transaction of its run's end is found out.
#[test]
fn an_effect_published_apart_from_the_runs_end_is_noticed() {
    let found = (1..=100).map(|seed| play(seed, false)).find(|history: &History| !history.wrong.is_empty());
    let wrong = found.expect("a history in which the effect is there twice, or without a success").wrong;
    assert!(wrong.iter().any(|line| line.contains("effects")), "{wrong:?}");
}
