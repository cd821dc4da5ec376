use recipes::{Interaction, Interactions};

use crate::calendar::{DAY, day, days};
use crate::{Finding, Known, Severity, insights};

fn event(user: u32, item: u32, timestamp: i64) -> Interaction {
    Interaction { user, item, timestamp, weight: 1.0 }
}

const START: i64 = 1_700_000_000;

fn found(users: usize, items: usize, events: &[Interaction]) -> Vec<Finding> {
    found_of(users, items, events, events.len())
}

fn found_of(users: usize, items: usize, events: &[Interaction], rows: usize) -> Vec<Finding> {
    let data = Interactions::new(users, items, events.iter().copied()).unwrap();
    let (user_id, item_id) = (|user: u32| format!("u{user}"), |item: u32| format!("i{item}"));
    insights(&data, &Known { rows, distinct: events.len(), user_id: &user_id, item_id: &item_id })
}

fn named<'a>(found: &'a [Finding], name: &str) -> Option<&'a Finding> {
    found.iter().find(|one| one.name == name)
}

/// 60 users of 30 items, ten events each, one a day.
fn sound() -> Vec<Interaction> {
    (0..60u32)
        .flat_map(|user| {
            (0..10u32).map(move |step| event(user, (user * 7 + step * 3) % 30, START + i64::from(step) * DAY + i64::from(user) * 60))
        })
        .collect()
}

#[test]
fn sound_data_raises_no_alarm() {
    let found = found(60, 30, &sound());
    assert!(found.iter().all(|one| one.severity == Severity::Fine), "{found:#?}");
    assert!((named(&found, "density").unwrap().figure - 1.0 / 3.0).abs() < 1e-12);
    assert_eq!(named(&found, "duplicates").unwrap().measured, "No row occurs twice.");
    assert_eq!(named(&found, "time_range").unwrap().measured, "Events from 2023-11-14 to 2023-11-23, 9 days.");
    for name in ["bots", "gap", "same_second", "one_second_users", "one_of_all", "cold_items", "new_items", "dominant_item"] {
        assert!(named(&found, name).is_none(), "{name}");
    }
}

#[test]
fn a_program_among_the_customers_is_named() {
    let mut events = sound();
    events.extend((0..2_000).map(|step| event(60, step as u32 % 30, START + step * 300)));
    let found = found(61, 30, &events);
    let bots = named(&found, "bots").unwrap();
    assert_eq!((bots.severity, bots.examples.as_slice()), (Severity::Warning, ["u60".to_owned()].as_slice()));
    assert!((bots.figure - 2_000.0 / 2_600.0).abs() < 1e-12);
    assert_eq!(found[0].severity, Severity::Warning, "the gravest comes first");
}

#[test]
fn a_busy_day_betrays_a_program_where_everybody_is_busy() {
    let mut events: Vec<Interaction> =
        (0..30u32).flat_map(|user| (0..1_200u32).map(move |step| event(user, step % 40, START + i64::from(step) * 3_600))).collect();
    assert!(named(&found(30, 40, &events), "bots").is_none());
    events.extend((0..1_200).map(|step| event(30, step % 40, START + i64::from(step) * 60)));
    assert_eq!(named(&found(31, 40, &events), "bots").unwrap().examples, ["u30"]);
}

#[test]
fn times_that_say_nothing_are_a_problem() {
    let frozen: Vec<Interaction> = sound().into_iter().map(|one| event(one.user, one.item, START)).collect();
    let range = found(60, 30, &frozen);
    let range = named(&range, "time_range").unwrap();
    assert!(range.severity == Severity::Problem && range.consequence.contains("same time"), "{range:?}");
    let millis: Vec<Interaction> = sound().into_iter().map(|one| event(one.user, one.item, one.timestamp * 1_000)).collect();
    assert!(named(&found(60, 30, &millis), "time_range").unwrap().suggestion.contains("not milliseconds"));
    let mut one_zero = sound();
    one_zero.push(event(0, 0, 0));
    assert_eq!(named(&found(60, 30, &one_zero), "time_range").unwrap().severity, Severity::Warning);
}

#[test]
fn baskets_and_bulk_entries_leak() {
    // All ten of each user at one second, users a day apart.
    let bulk: Vec<Interaction> = sound().into_iter().map(|one| event(one.user, one.item, START + i64::from(one.user) * DAY)).collect();
    let found = found(60, 30, &bulk);
    let same = named(&found, "same_second").unwrap();
    assert_eq!((same.severity, same.figure), (Severity::Warning, 1.0));
    assert_eq!(named(&found, "one_second_users").unwrap().figure, 1.0);
    assert_eq!(named(&found, "duplicates").unwrap().figure, 0.0, "different items of one second are no duplicates");
}

#[test]
fn copies_are_counted_before_and_after_they_are_merged() {
    let mut events = sound();
    events.extend(sound().into_iter().take(30));
    let found = found_of(60, 30, &events, 840);
    let copies = named(&found, "duplicates").unwrap();
    assert_eq!((copies.severity, copies.figure), (Severity::Warning, 210.0 / 840.0));
    let words = "210 of 840 rows were exact copies and count once; 30 more repeat the customer, item and second of another event.";
    assert_eq!(copies.measured, words);
}

#[test]
fn a_hole_in_time_is_told_with_its_date() {
    let events: Vec<Interaction> = sound()
        .into_iter()
        .map(|one| event(one.user, one.item, one.timestamp + if one.timestamp > START + 5 * DAY { 20 * DAY } else { 0 }))
        .collect();
    let found = found(60, 30, &events);
    let gap = named(&found, "gap").unwrap();
    assert!(gap.severity == Severity::Warning && gap.figure > 20.0 && gap.measured.starts_with("After 2023-11-19 nothing"), "{gap:?}");
}

#[test]
fn one_customer_one_item_and_ids_that_occur_once() {
    let one: Vec<Interaction> = (0..40).map(|step| event(0, step, START + i64::from(step) * DAY)).collect();
    let all = found(1, 40, &one);
    assert_eq!(named(&all, "one_of_all").unwrap().measured, "All events are of one customer.");
    assert_eq!(named(&all, "single_event_items").unwrap().figure, 1.0);
    let item: Vec<Interaction> = (0..40).map(|user| event(user, 3, START + i64::from(user) * DAY)).collect();
    let all = found(40, 5, &item);
    assert_eq!((all[0].name.as_str(), all[0].examples.as_slice()), ("one_of_all", ["i3".to_owned()].as_slice()));
    let single = named(&all, "single_event_users").unwrap();
    assert_eq!((single.severity, single.figure), (Severity::Warning, 1.0));
    assert_eq!(named(&all, "cold_items").unwrap().figure, 0.8);
    assert_eq!(named(&all, "new_users").unwrap().figure, 1.0);
    assert!(found(0, 0, &[]).is_empty());
}

#[test]
fn what_is_cold_or_new_is_counted() {
    let mut events = sound();
    // The newest tenth: half of it on an item that was not there before.
    events.extend((0..66).map(|step| event(step % 60, if step % 2 == 0 { 30 } else { 5 }, START + 12 * DAY + i64::from(step) * 600)));
    let found = found(120, 40, &events);
    assert_eq!(named(&found, "cold_users").unwrap().figure, 0.5);
    assert_eq!(named(&found, "cold_items").unwrap().measured, "9 of 40 items of the catalogue (22.5 %) have no event that trains.");
    let new = named(&found, "new_items").unwrap();
    assert!((new.figure - 0.5).abs() < 0.02, "{new:?}");
}

#[test]
fn an_item_in_every_basket_is_named() {
    let mut events = sound();
    events.extend((0..60).flat_map(|user| (0..5).map(move |step| event(user, 29, START + step * DAY + 7))));
    let found = found(60, 30, &events);
    assert_eq!(named(&found, "dominant_item").unwrap().examples, ["i29"]);
}

#[test]
fn days_of_the_calendar() {
    assert_eq!(
        ["1970-01-01", "2000-02-29", "1969-12-31", "1998-04-22"],
        [day(0), day(951_782_400), day(-1), day(893_286_638)].each_ref().map(String::as_str)
    );
    assert_eq!([days(1), days(600), days(10_000), days(200_000)], ["1 seconds", "10 minutes", "2 hours", "2 days"]);
}
