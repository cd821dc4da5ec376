//! Random expressions over random data, against an evaluator that looks at one item after the other.

use std::sync::Arc;

use dataset::{AvroSchema, Cell};
use proptest::prelude::*;

use super::super::check::Schemas;
use super::super::columns::Builder;
use super::super::evaluate::Asker;
use super::super::group::{Columns, GroupData, People, Universe, Wanted};
use super::super::histories::{Event, Histories};
use super::super::parse;
use super::super::ready::ReadyFilter;
use super::super::resource::Filter;
use super::super::values::Values;
use super::{ITEMS, USERS, given, group, snapshot};

const NOW: i64 = 1_000_000;
const GENRES: [&str; 3] = ["a", "b", "c"];
const TYPES: [&str; 3] = ["view", "Purchase", "cart"];

#[derive(Debug, Clone)]
struct Item {
    genre: Option<Vec<usize>>,
    year: Option<i64>,
    adult: Option<bool>,
}

#[derive(Debug, Clone)]
struct Deed {
    item: usize,
    kind: Option<usize>,
    time: i64,
}

#[derive(Debug, Clone)]
struct World {
    items: Vec<Item>,
    age: Option<i64>,
    country: Option<usize>,
    current: usize,
    deeds: Vec<Deed>,
    year_given: i64,
    genre_given: Vec<usize>,
}

/// What a test says, in its own tree: neither parser nor evaluator is asked what it means.
#[derive(Debug, Clone)]
enum Say {
    And(Vec<Say>),
    Or(Vec<Say>),
    Not(Box<Say>),
    GenreIn(bool, Vec<usize>),
    GenreAny(bool),
    GenreIs(bool, usize),
    GenreGiven(bool),
    GenreCurrent(bool),
    Year(usize, i64),
    YearIn(bool, Vec<i64>),
    YearGiven(usize),
    YearCurrent(usize),
    Adult(bool, bool),
    Deed(bool, Vec<usize>),
    DeedAny(bool),
    Time(usize, i64),
}

/// About the user.
#[derive(Debug, Clone)]
enum If {
    Age(usize, i64),
    Country(bool, usize),
    Not(Box<If>),
    Both(Box<If>, Box<If>),
    Either(Box<If>, Box<If>),
}

const SIGNS: [&str; 6] = ["=", "!=", "<", "<=", ">", ">="];

fn compare(sign: usize, left: Option<i64>, right: Option<i64>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => [left == right, left != right, left < right, left <= right, left > right, left >= right][sign],
        _ => sign == 1,
    }
}

fn quoted(names: &[&str], which: &[usize]) -> String {
    which.iter().map(|at| format!("\"{}\"", names[*at])).collect::<Vec<_>>().join(", ")
}

fn not(negated: bool) -> &'static str {
    if negated { "NOT " } else { "" }
}

impl Say {
    fn written(&self) -> String {
        let all = |all: &[Say], word: &str| all.iter().map(|one| format!("({})", one.written())).collect::<Vec<_>>().join(word);
        match self {
            Say::And(says) => all(says, " AND "),
            Say::Or(says) => all(says, " or "),
            Say::Not(one) => format!("NOT ({})", one.written()),
            Say::GenreIn(negated, which) => format!("Items.GENRE {}IN ({})", not(*negated), quoted(&GENRES, which)),
            Say::GenreAny(negated) => format!("Items.genre {}IN (*)", not(*negated)),
            Say::GenreIs(negated, which) => format!("Items.GENRE {} \"{}\"", SIGNS[usize::from(*negated)], GENRES[*which]),
            Say::GenreGiven(negated) => format!("Items.GENRE {}IN ($g)", not(*negated)),
            Say::GenreCurrent(negated) => format!("Items.GENRE {}IN CurrentItem.GENRE", not(*negated)),
            Say::Year(sign, year) => format!("Items.YEAR {} {year}", SIGNS[*sign]),
            Say::YearIn(negated, years) => {
                format!("Items.YEAR {}IN ({})", not(*negated), years.iter().map(i64::to_string).collect::<Vec<_>>().join(","))
            }
            Say::YearGiven(sign) => format!("Items.YEAR {} $y", SIGNS[*sign]),
            Say::YearCurrent(sign) => format!("Items.YEAR {} CurrentItem.YEAR", SIGNS[*sign]),
            Say::Adult(negated, value) => format!("Items.ADULT {} {value}", SIGNS[usize::from(*negated)]),
            Say::Deed(negated, which) => format!("Interactions.EVENT_TYPE {}IN ({})", not(*negated), quoted(&TYPES, which).to_uppercase()),
            Say::DeedAny(negated) => format!("Interactions.EVENT_TYPE {}IN (\"*\")", not(*negated)),
            Say::Time(sign, hours) => format!("Interactions.TIMESTAMP {} now() - {hours} hours", SIGNS[*sign]),
        }
    }

    fn is_of_deeds(&self) -> bool {
        match self {
            Say::And(all) | Say::Or(all) => all.iter().all(Say::is_of_deeds),
            Say::Deed(..) | Say::DeedAny(_) | Say::Time(..) => true,
            _ => false,
        }
    }

    fn flat(&self) -> Vec<&Say> {
        match self {
            Say::And(all) => all.iter().flat_map(Say::flat).collect(),
            other => vec![other],
        }
    }

    fn of_deed(&self, deed: &Deed) -> bool {
        match self {
            Say::And(all) => all.iter().all(|one| one.of_deed(deed)),
            Say::Or(all) => all.iter().any(|one| one.of_deed(deed)),
            Say::Deed(negated, which) => deed.kind.is_some_and(|kind| which.contains(&kind)) != *negated,
            Say::DeedAny(negated) => !negated,
            Say::Time(sign, hours) => compare(*sign, Some(deed.time), Some(NOW - hours * 3600)),
            other => panic!("{other:?} is not about deeds"),
        }
    }

    fn of_item(&self, world: &World, at: usize) -> bool {
        let deeds = || world.deeds.iter().filter(|deed| deed.item == at);
        if self.is_of_deeds() {
            return deeds().any(|deed| self.of_deed(deed));
        }
        let item = &world.items[at];
        let among = |which: &[usize]| item.genre.iter().flatten().any(|genre| which.contains(genre));
        match self {
            Say::And(_) => {
                let (of_deeds, others): (Vec<&Say>, Vec<&Say>) = self.flat().into_iter().partition(|one| one.is_of_deeds());
                others.iter().all(|one| one.of_item(world, at))
                    && (of_deeds.is_empty() || deeds().any(|deed| of_deeds.iter().all(|one| one.of_deed(deed))))
            }
            Say::Or(all) => all.iter().any(|one| one.of_item(world, at)),
            Say::Not(one) => !one.of_item(world, at),
            Say::GenreIn(negated, which) => among(which) != *negated,
            Say::GenreAny(negated) => item.genre.is_some() != *negated,
            Say::GenreIs(negated, which) => among(&[*which]) != *negated,
            Say::GenreGiven(negated) => among(&world.genre_given) != *negated,
            Say::GenreCurrent(negated) => among(world.items[world.current].genre.as_deref().unwrap_or_default()) != *negated,
            Say::Year(sign, year) => compare(*sign, item.year, Some(*year)),
            Say::YearIn(negated, years) => item.year.is_some_and(|year| years.contains(&year)) != *negated,
            Say::YearGiven(sign) => compare(*sign, item.year, Some(world.year_given)),
            Say::YearCurrent(sign) => compare(*sign, item.year, world.items[world.current].year),
            Say::Adult(negated, value) => (item.adult == Some(*value)) != *negated,
            Say::Deed(..) | Say::DeedAny(_) | Say::Time(..) => unreachable!(),
        }
    }
}

impl If {
    fn written(&self) -> String {
        match self {
            If::Age(sign, age) => format!("CurrentUser.AGE {} {age}", SIGNS[*sign]),
            If::Country(negated, which) => format!("CurrentUser.COUNTRY {}IN (\"{}\")", not(*negated), GENRES[*which]),
            If::Not(one) => format!("NOT ({})", one.written()),
            If::Both(a, b) => format!("({}) AND ({})", a.written(), b.written()),
            If::Either(a, b) => format!("({}) OR ({})", a.written(), b.written()),
        }
    }

    fn holds(&self, world: &World) -> bool {
        match self {
            If::Age(sign, age) => compare(*sign, world.age, Some(*age)),
            If::Country(negated, which) => (world.country == Some(*which)) != *negated,
            If::Not(one) => !one.holds(world),
            If::Both(a, b) => a.holds(world) && b.holds(world),
            If::Either(a, b) => a.holds(world) || b.holds(world),
        }
    }
}

fn worlds() -> impl Strategy<Value = World> {
    let item = (
        prop::option::weighted(0.8, prop::collection::vec(0..3_usize, 1..3)),
        prop::option::weighted(0.8, 0..6_i64),
        any::<Option<bool>>(),
    )
        .prop_map(|(genre, year, adult)| Item { genre, year, adult });
    (1..150_usize).prop_flat_map(move |count| {
        let deed = (0..count, prop::option::weighted(0.9, 0..3_usize), 0..60_i64).prop_map(|(item, kind, hours)| Deed {
            item,
            kind,
            time: NOW - hours * 3600,
        });
        let user = (any::<Option<bool>>().prop_map(|some| some.map(i64::from)), prop::option::of(0..3_usize));
        let values = (0..6_i64, prop::collection::vec(0..3_usize, 1..3));
        (prop::collection::vec(item.clone(), count), user, 0..count, prop::collection::vec(deed, 0..30), values).prop_map(
            |(items, (age, country), current, deeds, (year_given, genre_given))| World {
                items,
                age,
                country,
                current,
                deeds,
                year_given,
                genre_given,
            },
        )
    })
}

fn says() -> impl Strategy<Value = Say> {
    let (sign, which) = (0..6_usize, || prop::collection::vec(0..3_usize, 1..3));
    let leaf = prop_oneof![
        (any::<bool>(), which()).prop_map(|(n, w)| Say::GenreIn(n, w)),
        any::<bool>().prop_map(Say::GenreAny),
        (any::<bool>(), 0..3_usize).prop_map(|(n, w)| Say::GenreIs(n, w)),
        any::<bool>().prop_map(Say::GenreGiven),
        any::<bool>().prop_map(Say::GenreCurrent),
        (sign.clone(), 0..6_i64).prop_map(|(s, y)| Say::Year(s, y)),
        (any::<bool>(), prop::collection::vec(0..6_i64, 1..3)).prop_map(|(n, y)| Say::YearIn(n, y)),
        sign.clone().prop_map(Say::YearGiven),
        sign.clone().prop_map(Say::YearCurrent),
        (any::<bool>(), any::<bool>()).prop_map(|(n, v)| Say::Adult(n, v)),
        (any::<bool>(), which()).prop_map(|(n, w)| Say::Deed(n, w)),
        any::<bool>().prop_map(Say::DeedAny),
        (sign, 0..60_i64).prop_map(|(s, h)| Say::Time(s, h)),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Say::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Say::Or),
            inner.prop_map(|one| Say::Not(Box::new(one))),
        ]
    })
}

fn ifs() -> impl Strategy<Value = If> {
    let leaf = prop_oneof![
        (0..6_usize, 0..2_i64).prop_map(|(s, a)| If::Age(s, a)),
        (any::<bool>(), 0..3_usize).prop_map(|(n, w)| If::Country(n, w)),
    ];
    leaf.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| If::Not(Box::new(one))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| If::Both(Box::new(a), Box::new(b))),
            (inner.clone(), inner).prop_map(|(a, b)| If::Either(Box::new(a), Box::new(b))),
        ]
    })
}

pub fn columns(schema: &str, rows: usize, cell: impl Fn(&str, usize) -> Owned) -> Columns {
    let schema = AvroSchema::stored(schema).unwrap();
    let built = schema.fields.iter().map(|field| {
        let mut builder = Builder::of(field);
        for row in 0..rows {
            match cell(&field.name, row) {
                Owned::Null => builder.put(row as u32, Cell::Null),
                Owned::Text(text) => builder.put(row as u32, Cell::Text(&text)),
                Owned::Number(number) => builder.put(row as u32, Cell::Number(number as f64)),
                Owned::Truth(truth) => builder.put(row as u32, Cell::Truth(truth)),
            }
        }
        (super::super::syntax::key(&field.name), builder.finish())
    });
    built.collect()
}

pub enum Owned {
    Null,
    Text(String),
    Number(i64),
    Truth(bool),
}

fn data(world: &World) -> Arc<GroupData> {
    let universe = Universe::default();
    for at in 0..world.items.len() {
        assert_eq!(universe.number(&format!("i{at}")), at as u32);
    }
    let items = columns(ITEMS, world.items.len(), |field, row| {
        let item = &world.items[row];
        match field {
            "GENRE" => item
                .genre
                .as_ref()
                .map_or(Owned::Null, |genre| Owned::Text(genre.iter().map(|at| GENRES[*at]).collect::<Vec<_>>().join("|"))),
            "YEAR" => item.year.map_or(Owned::Null, Owned::Number),
            "ADULT" => item.adult.map_or(Owned::Null, Owned::Truth),
            _ => Owned::Null,
        }
    });
    let users = columns(USERS, 1, |field, _| match field {
        "AGE" => world.age.map_or(Owned::Null, Owned::Number),
        "COUNTRY" => world.country.map_or(Owned::Null, |at| Owned::Text(GENRES[at].to_owned())),
        _ => Owned::Null,
    });
    let snapshot = snapshot();
    Arc::new(GroupData {
        schemas: Schemas::of(&snapshot).unwrap(),
        snapshot,
        wanted: Wanted::default(),
        universe: Arc::new(universe),
        items: Arc::new(items),
        users: Arc::new(People { rows: [("u".into(), 0)].into(), columns: users }),
        histories: Arc::new(Histories::default()),
    })
}

pub fn ready(expression: &str, data: &Arc<GroupData>) -> ReadyFilter {
    let name = domain::Name::new("f").unwrap();
    let filter_arn = domain::arn::Partition::default().personalize("filter", "f");
    let filter = Filter { name, filter_arn, dataset_group_arn: group(), filter_expression: expression.into() };
    ReadyFilter::new(&filter, data.clone()).unwrap_or_else(|error| panic!("{expression}: {error}"))
}

/// Which items pass; the numbers of the model are the items in reverse.
fn passing(world: &World, expression: &str) -> Vec<bool> {
    let data = data(world);
    let ready = ready(expression, &data);
    let mut values = Vec::new();
    let (year, genres) = (world.year_given.to_string(), quoted(&GENRES, &world.genre_given));
    let parsed = parse(expression).unwrap();
    for (name, value) in [("y", &year), ("g", &genres)] {
        if parsed.parameters().contains(&name) {
            values.push((name, value.as_str()));
        }
    }
    let given = given(&values);
    let event = |deed: &Deed| Event {
        item: deed.item as u32,
        event_type: deed.kind.map_or_else(|| "".into(), |kind| TYPES[kind].to_lowercase().into()),
        timestamp: deed.time,
    };
    let asker = Asker {
        data: &data,
        user: Some(0),
        item: Some(world.current as u32),
        events: world.deeds.iter().map(event).collect(),
        now: NOW as f64,
        values: Values::of(&given, &parsed).unwrap(),
    };
    let count = world.items.len() as u32;
    let pass = ready.evaluate(&asker, Arc::new((0..count).rev().collect())).unwrap();
    let by_number: Vec<bool> = (0..count).rev().map(|item| pass.lets(item)).collect();
    let by_id: Vec<bool> = (0..count).map(|at| pass.lets_id(&format!("i{at}"))).collect();
    assert_eq!(by_number, by_id);
    by_id
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn filters_mean_what_a_look_at_each_item_finds(
        world in worlds(),
        parts in prop::collection::vec((any::<bool>(), says(), prop::option::of(ifs())), 1..4),
    ) {
        let written: Vec<String> = parts.iter().map(|(includes, say, guard)| {
            let guard = guard.as_ref().map_or(String::new(), |guard| format!(" IF {}", guard.written()));
            format!("{} ItemID WHERE {}{guard}", if *includes { "INCLUDE" } else { "EXCLUDE" }, say.written())
        }).collect();
        let expression = written.join(" | ");
        prop_assume!(expression.len() <= 2500);
        let active: Vec<&(bool, Say, Option<If>)> =
            parts.iter().filter(|(_, _, guard)| guard.as_ref().is_none_or(|guard| guard.holds(&world))).collect();
        let includes: Vec<&Say> = active.iter().filter(|(includes, ..)| *includes).map(|(_, say, _)| say).collect();
        let excludes: Vec<&Say> = active.iter().filter(|(includes, ..)| !includes).map(|(_, say, _)| say).collect();
        let expected: Vec<bool> = (0..world.items.len()).map(|at| {
            (includes.is_empty() || includes.iter().any(|say| say.of_item(&world, at))) && !excludes.iter().any(|say| say.of_item(&world, at))
        }).collect();
        prop_assert_eq!(passing(&world, &expression), expected, "{}", expression);
    }
}

#[test]
fn two_things_of_one_event_are_not_two_events() {
    let item = Item { genre: None, year: None, adult: None };
    let world = World {
        items: vec![item.clone(), item.clone(), item],
        age: None,
        country: None,
        current: 0,
        // The first was bought long ago and seen just now, the second bought just now.
        deeds: vec![
            Deed { item: 0, kind: Some(1), time: NOW - 100 * 3600 },
            Deed { item: 0, kind: Some(0), time: NOW },
            Deed { item: 1, kind: Some(1), time: NOW },
        ],
        year_given: 0,
        genre_given: vec![0],
    };
    let recent = "Interactions.EVENT_TYPE IN (\"purchase\") AND Interactions.TIMESTAMP > now() - 1 day";
    assert_eq!(passing(&world, &format!("EXCLUDE ItemID WHERE {recent}")), [true, false, true]);
    assert_eq!(passing(&world, &format!("INCLUDE ItemID WHERE NOT ({recent})")), [true, false, true]);
    assert_eq!(passing(&world, "INCLUDE ItemID WHERE Interactions.EVENT_TYPE NOT IN (\"purchase\")"), [true, false, false]);
}

#[test]
fn any_type_is_every_event_also_one_without_a_type() {
    let item = Item { genre: None, year: None, adult: None };
    let world = World {
        items: vec![item.clone(), item.clone(), item],
        age: None,
        country: None,
        current: 0,
        deeds: vec![Deed { item: 0, kind: None, time: NOW }, Deed { item: 1, kind: Some(1), time: NOW }],
        year_given: 0,
        genre_given: vec![0],
    };
    for any in ["*", "\"*\""] {
        let test = |how: &str| passing(&world, &format!("{how} ({any})"));
        assert_eq!(test("EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN"), [false, false, true]);
        assert_eq!(test("INCLUDE ItemID WHERE Interactions.EVENT_TYPE NOT IN"), [false, false, false]);
        assert_eq!(test("INCLUDE ItemID WHERE NOT Interactions.EVENT_TYPE IN"), [false, false, true]);
    }
}
