#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{MOST_WAIT_MS, backoff_ms, jitter};

#[test]
fn waits_double_up_to_a_limit_and_differ() {
    let waits: Vec<i64> = (1..=5).map(|attempts| backoff_ms(1000, attempts, 0.0)).collect();
    assert_eq!(waits, [1000, 2000, 4000, 8000, 16_000]);
    assert_eq!((backoff_ms(1000, 185, 0.0), backoff_ms(1000, 0, 0.0)), (MOST_WAIT_MS, 1000));
    assert_eq!(backoff_ms(1000, 1, 1.0), 500);
    let spread: Vec<f64> = (0..100).map(|n| jitter(7, &format!("rule/target/{n}"), 1)).collect();
    assert!(spread.iter().all(|x| (0.0..=1.0).contains(x)));
    let mean = spread.iter().sum::<f64>() / 100.0;
    assert!((0.4..0.6).contains(&mean), "{mean}");
    assert!(jitter(7, "a", 1) == jitter(7, "a", 1) && jitter(7, "a", 1) != jitter(8, "a", 1) && jitter(7, "a", 1) != jitter(7, "a", 2));
}
