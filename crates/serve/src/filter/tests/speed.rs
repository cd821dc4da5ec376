//! How long a filter takes at 100,000 items; by hand on an idle machine.

use std::sync::Arc;

use domain::Clock;

use super::super::evaluate::Asker;
use super::super::group::{GroupData, People, Universe, Wanted};
use super::super::histories::Event;
use super::super::parse;
use super::super::values::Values;
use super::meaning::{Owned, columns, ready};
use super::{ITEMS, given, snapshot};

const ITEMS_IN_ALL: usize = 100_000;
const TURNS: usize = 200;

#[test]
#[ignore = "measures: run it by hand"]
fn a_hundred_thousand_items_are_filtered_within_a_millisecond_or_two() {
    let universe = Universe::default();
    (0..ITEMS_IN_ALL).for_each(|at| assert_eq!(universe.number(&format!("i{at}")), at as u32));
    let items = columns(ITEMS, ITEMS_IN_ALL, |field, row| match field {
        "GENRE" => Owned::Text(format!("g{}|g{}", row % 500, row % 7)),
        "YEAR" => Owned::Number((row % 97) as i64),
        "ADULT" => Owned::Truth(row % 3 == 0),
        _ => Owned::Null,
    });
    let snapshot = snapshot();
    let data = Arc::new(GroupData {
        schemas: super::super::check::Schemas::of(&snapshot).unwrap(),
        snapshot,
        wanted: Wanted::default(),
        universe: Arc::new(universe),
        items: Arc::new(items),
        users: Arc::new(People::default()),
        histories: Arc::default(),
    });
    let numbers: Arc<Vec<u32>> = Arc::new((0..ITEMS_IN_ALL as u32).rev().collect());
    let clock = domain::SystemClock;
    for expression in [
        r#"EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("purchase")"#,
        "INCLUDE ItemID WHERE Items.YEAR >= $y",
        "INCLUDE ItemID WHERE Items.GENRE IN ($g) AND Items.YEAR >= $y AND NOT Items.ADULT = true",
        "INCLUDE ItemID WHERE Items.GENRE NOT IN ($g) OR Items.YEAR < $y | EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN (*)",
    ] {
        let filter = ready(expression, &data);
        let parsed = parse(expression).unwrap();
        let values: Vec<(&str, &str)> =
            [("g", r#""g1","g2","g400""#), ("y", "40")].into_iter().filter(|(n, _)| parsed.parameters().contains(n)).collect();
        let values = given(&values);
        let events: Vec<Event> = (0..50).map(|at| Event { item: at * 1_999, event_type: "purchase".into(), timestamp: 0 }).collect();
        let mut passed = 0;
        let began = clock.now();
        for _ in 0..TURNS {
            let asker = Asker {
                data: &data,
                user: None,
                item: None,
                events: events.clone(),
                now: 0.0,
                values: Values::of(&values, &parsed).unwrap(),
            };
            let pass = filter.evaluate(&asker, numbers.clone()).unwrap();
            passed = (0..ITEMS_IN_ALL as u32).filter(|item| pass.lets(*item)).count();
        }
        let micros = clock.now().since_ms(began) as f64 * 1000.0 / TURNS as f64;
        println!("{micros:.0} us, {passed} pass: {expression}");
        assert!(micros < 20_000.0);
    }
}
