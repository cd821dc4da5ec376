//! The customers: who they are, what they like, when they came, and under how many numbers the shop knows them.

use crate::draw::Draw;
use crate::kinds::Department::{self, *};
use crate::kinds::{DEPARTMENTS, KINDS};
use crate::words::{self, STYLES, Style};

/// Share of the people who sign up in the last 60 days.
pub const NEW_CUSTOMERS: f64 = 0.05;
/// Share of the people who stop buying at some day in the window.
const LEAVING: f64 = 0.15;

/// A group of people who like the same things.
pub struct Taste {
    pub name: &'static str,
    /// How many people have it, relative to the other tastes.
    share: f64,
    /// What they buy: departments and their weights. Everything else has [`ELSEWHERE`].
    pub likes: &'static [(Department, f64)],
    /// Ages, youngest band first, and regions in the order of [`words::REGIONS`].
    ages: [f64; 6],
    regions: [f64; 8],
}

/// Weight of a department that a taste does not mention.
const ELSEWHERE: f64 = 0.08;

const ANYWHERE: [f64; 8] = [1.0, 1.0, 2.0, 1.5, 1.0, 0.7, 1.0, 0.8];
const MOUNTAINS: [f64; 8] = [0.2, 0.6, 0.8, 0.6, 2.0, 3.0, 0.5, 0.5];
const SHORES: [f64; 8] = [3.0, 3.0, 0.6, 0.4, 0.3, 0.3, 0.8, 0.6];
const TOWNS: [f64; 8] = [0.6, 0.5, 4.0, 2.0, 0.4, 0.3, 0.8, 0.4];
const YOUNG: [f64; 6] = [2.5, 3.0, 1.5, 0.8, 0.3, 0.1];
const MIDDLE: [f64; 6] = [0.4, 1.6, 2.4, 2.0, 1.0, 0.4];
const OLDER: [f64; 6] = [0.1, 0.5, 1.0, 1.8, 2.4, 2.2];
const PARENTS: [f64; 6] = [0.3, 2.8, 3.2, 0.8, 0.3, 0.4];

/// The tastes.
pub const TASTES: [Taste; 11] = [
    Taste { name: "backpackers", share: 1.2, likes: &[(Camping, 5.0), (Hiking, 4.5), (Climbing, 0.4)], ages: YOUNG, regions: ANYWHERE },
    Taste { name: "hill walkers", share: 1.2, likes: &[(Hiking, 6.0), (Garden, 0.6), (Home, 0.4)], ages: OLDER, regions: MOUNTAINS },
    Taste { name: "runners", share: 1.1, likes: &[(Running, 7.0), (Hiking, 0.7)], ages: YOUNG, regions: ANYWHERE },
    Taste { name: "commuters by bike", share: 1.1, likes: &[(Cycling, 6.0), (Running, 0.5), (Kitchen, 0.6)], ages: MIDDLE, regions: TOWNS },
    Taste { name: "climbers", share: 0.8, likes: &[(Climbing, 6.5), (Camping, 0.8), (Running, 0.3)], ages: YOUNG, regions: MOUNTAINS },
    Taste { name: "snow people", share: 0.9, likes: &[(Snow, 7.0), (Hiking, 0.8)], ages: MIDDLE, regions: MOUNTAINS },
    Taste { name: "paddlers", share: 0.8, likes: &[(Water, 7.0), (Camping, 1.0)], ages: MIDDLE, regions: SHORES },
    Taste { name: "gardeners", share: 1.3, likes: &[(Garden, 7.0), (Home, 0.7), (Kitchen, 0.4)], ages: OLDER, regions: ANYWHERE },
    Taste { name: "coffee and kitchen", share: 1.3, likes: &[(Kitchen, 6.5), (Home, 1.2)], ages: MIDDLE, regions: TOWNS },
    Taste { name: "dog owners", share: 1.1, likes: &[(Dogs, 7.0), (Hiking, 0.9), (Garden, 0.4)], ages: OLDER, regions: ANYWHERE },
    Taste { name: "young families", share: 1.1, likes: &[(Family, 6.0), (Home, 0.8), (Camping, 0.5)], ages: PARENTS, regions: ANYWHERE },
];

/// Where a customer number comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The shop's own customer file.
    Own,
    /// A second registration of the same person there.
    Second,
    /// The customer file of the shop that was bought.
    Acquired,
}

/// A number under which a person buys, and how the file spells the person there.
pub struct Account {
    pub number: String,
    pub origin: Origin,
    pub name: String,
    pub email: String,
}

/// One person.
pub struct Person {
    /// Index into [`TASTES`].
    pub taste: usize,
    pub style: Style,
    /// Weight of each kind, summing to 1.
    pub kinds: Vec<f64>,
    /// Days in the window on which the person may buy: from the first up to but not including the second.
    pub active: (i64, i64),
    /// Day of the first registration; negative before the window.
    pub signed_up: i64,
    /// How much the person buys, relative to others.
    pub appetite: f64,
    pub age_band: &'static str,
    pub region: &'static str,
    /// Index into [`words::TIERS`], or none.
    pub tier: Option<usize>,
    /// At least one; the first is the person's main one.
    pub accounts: Vec<Account>,
}

/// How often a person is known twice; see the crate's documentation.
#[derive(Clone, Copy)]
pub struct Doubles {
    pub second: f64,
    pub acquired: f64,
    pub acquired_only: f64,
    /// Share of the doubles whose second email differs by more than case and blanks.
    pub typo: f64,
}

/// `count` people for a window of `days` days.
pub fn people(count: usize, days: i64, doubles: Doubles, draw: &mut Draw) -> Vec<Person> {
    let mut counters = (100_000, 20_000);
    (0..count).map(|index| person(index, days, doubles, &mut counters, draw)).collect()
}

fn person(index: usize, days: i64, doubles: Doubles, counters: &mut (u32, u32), draw: &mut Draw) -> Person {
    let shares: Vec<f64> = TASTES.iter().map(|taste| taste.share).collect();
    let taste = draw.weighted(&shares).unwrap_or(0);
    let second = draw.weighted(&shares).unwrap_or(0);
    let signed_up = signed_up(days, draw);
    let from = signed_up.max(0);
    let until = if draw.chance(LEAVING) { draw.between(from + 1, days) } else { days };
    let appetite = draw.log_normal(0.8);
    let spent = appetite * (until - from) as f64 / days as f64;
    let tier = match spent * (0.7 + 0.6 * draw.unit()) {
        x if x > 1.8 => Some(2),
        x if x > 0.9 => Some(1),
        x if x > 0.35 => Some(0),
        _ => None,
    };
    Person {
        taste,
        style: draw.pick(&STYLES),
        kinds: kind_weights(taste, second, draw),
        active: (from, until),
        signed_up,
        appetite,
        age_band: words::AGE_BANDS[draw.weighted(&TASTES[taste].ages).unwrap_or(0)],
        region: words::REGIONS[draw.weighted(&TASTES[taste].regions).unwrap_or(0)],
        tier,
        accounts: accounts(index, signed_up, days, doubles, counters, draw),
    }
}

/// Most signed up before the window; some in its last 60 days; the others in between, ever more of them.
fn signed_up(days: i64, draw: &mut Draw) -> i64 {
    let chance = draw.unit();
    if chance < NEW_CUSTOMERS {
        draw.between((days - 60).max(0), days - 1)
    } else if chance < 0.35 {
        (draw.unit().sqrt() * (days - 60).max(1) as f64) as i64
    } else {
        draw.between(-1800, -1)
    }
}

/// The taste, a little of a second one, and what is the person's own.
fn kind_weights(taste: usize, second: usize, draw: &mut Draw) -> Vec<f64> {
    let mut departments = [ELSEWHERE; DEPARTMENTS.len()];
    for (likes, share) in [(TASTES[taste].likes, 1.0), (TASTES[second].likes, 0.25)] {
        for &(department, weight) in likes {
            departments[department as usize] += weight * share;
        }
    }
    let mut weights: Vec<f64> =
        KINDS.iter().map(|kind| departments[kind.department as usize] * kind.demand * draw.log_normal(0.7)).collect();
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
    weights
}

fn accounts(index: usize, signed_up: i64, days: i64, doubles: Doubles, counters: &mut (u32, u32), draw: &mut Draw) -> Vec<Account> {
    let (first, last) = (draw.pick(words::FIRST_NAMES), draw.pick(words::LAST_NAMES));
    let name = format!("{first} {last}");
    let domain = draw.pick(&["example.org", "example.com", "example.net"]);
    let email = format!("{}.{}{}@{domain}", ascii(first), ascii(last), index + 1);
    let mut own = |origin, name: String, email: String| {
        counters.0 += 1;
        Account { number: format!("C{}", counters.0), origin, name, email }
    };
    let mut accounts = Vec::new();
    let chance = draw.unit();
    if chance >= doubles.acquired_only {
        accounts.push(own(Origin::Own, name.clone(), email.clone()));
        if draw.chance(doubles.second) && signed_up < days - 30 {
            let (name, email) = respelled(&name, &email, doubles.typo, draw);
            accounts.push(own(Origin::Second, name, email));
        }
    }
    if chance < doubles.acquired_only + doubles.acquired {
        let (name, email) = if accounts.is_empty() { (name, email) } else { respelled(&name, &email, doubles.typo, draw) };
        counters.1 += 1;
        accounts.push(Account { number: format!("K-{}", counters.1), origin: Origin::Acquired, name, email });
    }
    accounts
}

/// The same person written down once more: mostly other case or blanks, sometimes a typo in name and email.
fn respelled(name: &str, email: &str, typo: f64, draw: &mut Draw) -> (String, String) {
    if draw.chance(typo) {
        return (swapped(name, draw), swapped(email, draw));
    }
    match draw.between(0, 2) {
        0 => (name.to_uppercase(), email.to_uppercase()),
        1 => (format!("{name} "), format!(" {email}")),
        _ => (name.to_lowercase(), format!("{}{} ", email[..1].to_uppercase(), &email[1..])),
    }
}

/// Two neighbouring letters changed places, or one is missing where they are equal.
fn swapped(text: &str, draw: &mut Draw) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let at = draw.between(1, 4) as usize;
    if at + 1 < letters.len() && letters[at] != letters[at + 1] {
        letters.swap(at, at + 1);
    } else {
        letters.remove(at.min(letters.len() - 1));
    }
    letters.into_iter().collect()
}

fn ascii(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars().flat_map(char::to_lowercase) {
        match letter {
            'ä' => out.push_str("ae"),
            'ö' => out.push_str("oe"),
            'ü' => out.push_str("ue"),
            'ø' => out.push('o'),
            'ë' => out.push('e'),
            'a'..='z' => out.push(letter),
            _ => {}
        }
    }
    out
}
