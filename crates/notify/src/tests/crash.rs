//! A dispatcher that dies at any point loses nothing, and repeats at most what was under way.

use std::collections::HashSet;
use std::time::Duration;

use runs::Breakpoints;
use serde_json::json;

use super::house::{House, Listener, until};

const EVENTS: usize = 20;
/// Of one target, under way at a time.
const AT_ONCE: usize = 4;

async fn dies_at(point: &str) {
    let (house, listener) = (House::new().await, Listener::start().await);
    house.rule("r", json!([{"Id": "a", "Arn": listener.url("a")}, {"Id": "b", "Arn": listener.url("b")}])).await;
    let ids: HashSet<String> = house.put(EVENTS).await.into_iter().collect();
    let work = house.work_until(Breakpoints::hold_at(point));
    tokio::time::sleep(Duration::from_millis(600)).await;
    work.abort();
    let _ = work.await;
    let cursor = house.notify.cursor().await.unwrap();
    match point {
        "deliver.before_write" => assert_eq!((cursor, house.waiting().await), (0, 0)),
        "deliver.after_write" | "deliver.before_attempt" => {
            assert_eq!((cursor > 0, house.waiting().await, listener.at("a").len()), (true, 2 * EVENTS, 0));
        }
        "deliver.after_attempt" => assert_eq!((house.waiting().await, listener.at("a").len()), (2 * EVENTS, AT_ONCE)),
        _ => assert_eq!((house.waiting().await, listener.at("a").len()), (2 * (EVENTS - AT_ONCE), AT_ONCE)),
    }
    let _work = house.work();
    until("all delivered", async || house.is_idle().await).await;
    for path in ["a", "b"] {
        let counts = listener.counts(path);
        assert_eq!(counts.keys().cloned().collect::<HashSet<_>>(), ids, "{point}");
        let repeated = counts.values().filter(|count| **count > 1).count();
        let expected = if point == "deliver.after_attempt" { AT_ONCE } else { 0 };
        assert_eq!((repeated, counts.values().sum::<usize>()), (expected, EVENTS + expected), "{point}");
    }
}

#[tokio::test]
async fn before_the_deliveries_are_written() {
    dies_at("deliver.before_write").await;
}

#[tokio::test]
async fn after_the_deliveries_are_written() {
    dies_at("deliver.after_write").await;
}

#[tokio::test]
async fn before_an_attempt() {
    dies_at("deliver.before_attempt").await;
}

#[tokio::test]
async fn between_an_attempt_and_its_outcome() {
    dies_at("deliver.after_attempt").await;
}

#[tokio::test]
async fn after_an_outcome() {
    dies_at("deliver.after_outcome").await;
}

/// Killed again and again at no particular moment.
#[tokio::test]
async fn many_times_at_any_moment() {
    let (house, listener) = (House::new().await, Listener::start().await);
    house.rule("r", json!([{"Id": "a", "Arn": listener.url("flaky")}])).await;
    let mut ids = HashSet::new();
    for round in 0..15 {
        ids.extend(house.put(10).await);
        let work = house.work();
        tokio::time::sleep(Duration::from_millis(10 + 7 * round)).await;
        work.abort();
    }
    let _work = house.work();
    until("all delivered", async || house.is_idle().await).await;
    let counts = listener.counts("flaky");
    assert_eq!(counts.keys().cloned().collect::<HashSet<_>>(), ids);
    // Each was taken at its third attempt, or later where a kill came between.
    assert!(counts.values().all(|count| *count >= 3), "{counts:?}");
    assert!(house.notify.dead_letters().await.unwrap().is_empty());
}
