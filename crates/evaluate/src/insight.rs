//! What the data is like, before any model: what will hurt the training or make its figures too good.
//!
//! Takes the interactions and what the caller knows besides; gives findings in plain words, each with what follows and what to do.
//! Must not know: identifiers (the caller names users and items), files, recipes.

use std::collections::BTreeSet;

use recipes::Interactions;
use serde::{Deserialize, Serialize};

use crate::calendar::{DAY, day, days};

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A figure to know.
    Fine,
    /// Costs some quality, or makes figures a little too good.
    Notice,
    /// Likely to mislead the training or the judgement.
    Warning,
    /// The figures cannot be believed until it is mended.
    Problem,
}

/// One thing found in the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// A stable word for it: `bots`.
    pub name: String,
    pub severity: Severity,
    /// The figure that `measured` speaks of; a share is between 0 and 1.
    pub figure: f64,
    pub measured: String,
    pub consequence: String,
    pub suggestion: String,
    /// Some of the users or items it is about.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub examples: Vec<String>,
}

/// What the interactions do not say.
pub struct Known<'a> {
    /// Rows that were imported.
    pub rows: usize,
    /// Events left of them when equal ones count once.
    pub distinct: usize,
    pub user_id: &'a dyn Fn(u32) -> String,
    pub item_id: &'a dyn Fn(u32) -> String,
}

/// Examples that a finding shows.
const EXAMPLES: usize = 5;
/// A user with fewer events is never taken for a program.
const LEAST_OF_A_BOT: f64 = 100.0;
/// Events of one user on one day that no person makes.
const BUSIEST_DAY: usize = 1000;
/// A spread below this (in log events) says only that users are alike.
const LEAST_SPREAD: f64 = 0.5;
/// From the median of the log events to what is extreme, in spreads.
const EXTREME: f64 = 6.0;
/// 1995 and 2100: times outside are not seconds.
const OLDEST: i64 = 788_918_400;
const NEWEST: i64 = 4_102_444_800;

/// All findings, the gravest first. Nothing of empty interactions.
pub fn insights(interactions: &Interactions, known: &Known<'_>) -> Vec<Finding> {
    if interactions.is_empty() {
        return Vec::new();
    }
    let facts = Facts::of(interactions);
    let found = [
        density(&facts),
        one_of_all(&facts, known),
        duplicates(&facts, known),
        time_range(&facts),
        gap(&facts),
        same_second(&facts),
        frozen_users(&facts),
        bots(&facts, known),
        dominant_item(&facts, known),
        single_users(&facts),
        single_items(&facts),
        cold_users(&facts),
        cold_items(&facts),
        new_users(&facts),
        new_items(&facts),
    ];
    let mut found: Vec<Finding> = found.into_iter().flatten().collect();
    found.sort_by_key(|one| std::cmp::Reverse(one.severity));
    found
}

/// Counted in one pass over the users.
struct Facts<'a> {
    interactions: &'a Interactions,
    /// Events of every user and item, 0 too.
    of_user: Vec<usize>,
    of_item: Vec<usize>,
    pairs: usize,
    /// Most events of a user on one day.
    busiest: Vec<usize>,
    /// Events whose second has another item of the same user; the same user, item and second again.
    same_second: usize,
    repeated: usize,
    /// Users with several events, and those of them whose events are all of one second.
    with_two: usize,
    frozen: usize,
    times: Vec<i64>,
}

impl<'a> Facts<'a> {
    fn of(interactions: &'a Interactions) -> Self {
        let users = interactions.n_users() as u32;
        let mut facts = Self {
            interactions,
            of_user: (0..users).map(|user| interactions.events_of(user)).collect(),
            of_item: vec![0; interactions.n_items()],
            pairs: 0,
            busiest: Vec::with_capacity(users as usize),
            same_second: 0,
            repeated: 0,
            with_two: 0,
            frozen: 0,
            times: interactions.timestamps().to_vec(),
        };
        facts.times.sort_unstable();
        (0..users).for_each(|user| facts.add(user));
        facts
    }

    fn add(&mut self, user: u32) {
        let events: Vec<(i64, u32)> = self.interactions.history(user).map(|event| (event.timestamp, event.item)).collect();
        events.iter().for_each(|(_, item)| self.of_item[*item as usize] += 1);
        self.pairs += events.iter().map(|(_, item)| item).collect::<BTreeSet<_>>().len();
        self.busiest.push(events.chunk_by(|a, b| a.0.div_euclid(DAY) == b.0.div_euclid(DAY)).map(<[_]>::len).max().unwrap_or(0));
        for second in events.chunk_by(|a, b| a.0 == b.0) {
            let items = second.iter().map(|(_, item)| item).collect::<BTreeSet<_>>().len();
            self.repeated += second.len() - items;
            self.same_second += if items > 1 { second.len() } else { 0 };
        }
        if let ([first, .., last], true) = (events.as_slice(), events.len() > 1) {
            self.with_two += 1;
            self.frozen += usize::from(first.0 == last.0);
        }
    }

    fn events(&self) -> usize {
        self.interactions.len()
    }

    fn first(&self) -> i64 {
        self.times.first().copied().unwrap_or(0)
    }

    fn last(&self) -> i64 {
        self.times.last().copied().unwrap_or(0)
    }

    /// Events of those who have some, ascending.
    fn active(counts: &[usize]) -> Vec<usize> {
        let mut active: Vec<usize> = counts.iter().copied().filter(|count| *count > 0).collect();
        active.sort_unstable();
        active
    }

    /// Share of the newest tenth of events whose user (item) was not there before.
    fn new_share(&self, of: impl Fn(&recipes::Interaction) -> u32, count: usize) -> f64 {
        let cut = self.times.get(self.times.len() * 9 / 10).copied().unwrap_or(0);
        let mut before = vec![false; count];
        self.interactions.iter().filter(|event| event.timestamp < cut).for_each(|event| before[of(&event) as usize] = true);
        let (mut late, mut new) = (0_usize, 0_usize);
        for event in self.interactions.iter().filter(|event| event.timestamp >= cut) {
            late += 1;
            new += usize::from(!before[of(&event) as usize]);
        }
        share(new, late)
    }
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// `12.3 %`; small shares keep two digits.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent > 0.0 && percent < 1.0 { format!("{percent:.2} %") } else { format!("{percent:.1} %") }
}

fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// Graver with a greater figure.
fn grade(figure: f64, notice: f64, warning: f64) -> Severity {
    if figure >= warning {
        Severity::Warning
    } else if figure >= notice {
        Severity::Notice
    } else {
        Severity::Fine
    }
}

fn finding(name: &str, severity: Severity, figure: f64, measured: String, consequence: &str, suggestion: &str) -> Finding {
    let (consequence, suggestion) = (consequence.into(), suggestion.into());
    Finding { name: name.into(), severity, figure, measured, consequence, suggestion, examples: Vec::new() }
}

fn density(facts: &Facts<'_>) -> Option<Finding> {
    let (users, items) = (Facts::active(&facts.of_user), Facts::active(&facts.of_item));
    let density = facts.pairs as f64 / (users.len() * items.len()).max(1) as f64;
    let middle = users.get(users.len() / 2).copied().unwrap_or(0);
    let severity = match middle {
        0..=1 => Severity::Warning,
        2..=4 => Severity::Notice,
        _ => Severity::Fine,
    };
    let measured = format!("Customers have {} of all possible items; the middle customer has {middle} events.", percent(density));
    let (consequence, suggestion) = match severity {
        Severity::Fine => ("Enough is known of the middle customer to tell tastes apart.", "Nothing to do."),
        _ => (
            "So little is known of most customers that best-sellers are hard to beat for them.",
            "Import a longer time, or weaker signals too (clicks, views) with a lower weight.",
        ),
    };
    Some(finding("density", severity, density, measured, consequence, suggestion))
}

fn one_of_all(facts: &Facts<'_>, known: &Known<'_>) -> Option<Finding> {
    let only = |counts: &[usize]| {
        (counts.iter().filter(|count| **count > 0).count() == 1).then(|| counts.iter().position(|count| *count > 0)).flatten()
    };
    let (what, id) = match (only(&facts.of_user), only(&facts.of_item)) {
        (Some(user), _) => ("customer", (known.user_id)(user as u32)),
        (None, Some(item)) => ("item", (known.item_id)(item as u32)),
        (None, None) => return None,
    };
    let measured = format!("All events are of one {what}.");
    let suggestion = "Check which column is mapped to USER_ID and which to ITEM_ID.";
    let found =
        finding("one_of_all", Severity::Problem, 1.0, measured, "There is nothing to choose from or nobody to learn from.", suggestion);
    Some(Finding { examples: vec![id], ..found })
}

fn duplicates(facts: &Facts<'_>, known: &Known<'_>) -> Option<Finding> {
    let merged = known.rows.saturating_sub(known.distinct);
    let figure = share(merged, known.rows).max(share(facts.repeated, facts.events()));
    let measured = match (merged, facts.repeated) {
        (0, 0) => "No row occurs twice.".into(),
        (_, 0) => format!("{merged} of {} rows were exact copies and count once.", known.rows),
        (0, repeated) => format!("{repeated} events repeat the customer, item and second of another with another type or value."),
        (_, repeated) => format!(
            "{merged} of {} rows were exact copies and count once; {repeated} more repeat the customer, item and second of another event.",
            known.rows
        ),
    };
    let severity = if merged + facts.repeated == 0 { Severity::Fine } else { grade(figure, 0.005, 0.2) };
    let (consequence, suggestion) = match severity {
        Severity::Fine => ("Copies do not distort the figures.", "Nothing to do."),
        _ => (
            "Copies hint at an export that ran twice or a join that multiplies rows; repeats that differ in type or value count several times.",
            "Look at how the interactions are made, and remove duplicates there.",
        ),
    };
    Some(finding("duplicates", severity, figure, measured, consequence, suggestion))
}

fn time_range(facts: &Facts<'_>) -> Option<Finding> {
    let (first, last) = (facts.first(), facts.last());
    let range = last - first;
    let measured = format!("Events from {} to {}, {}.", day(first), day(last), days(range));
    let found = |severity, consequence, suggestion| {
        Some(finding("time_range", severity, range as f64 / DAY as f64, measured, consequence, suggestion))
    };
    if range == 0 {
        let consequence = "All events carry the same time: nobody can tell what came first, so nothing about the order is learned and the \
                           judgement hides arbitrary events.";
        return found(Severity::Problem, consequence, "Map the column that says when each event happened to TIMESTAMP.");
    }
    if first < OLDEST || last > NEWEST {
        let consequence = "Some times cannot be right, so the newest events are not the newest.";
        return found(
            Severity::Warning,
            consequence,
            "Check the unit of TIMESTAMP: it is seconds since 1970, not milliseconds, and never 0.",
        );
    }
    if range < 7 * DAY {
        let consequence = "Less than a week: what depends on the day of the week cannot be told from what lasts.";
        return found(Severity::Notice, consequence, "Import a longer time.");
    }
    found(Severity::Fine, "Long enough to tell what lasts.", "Nothing to do.")
}

fn gap(facts: &Facts<'_>) -> Option<Finding> {
    let range = facts.last() - facts.first();
    let (silent, after) = facts.times.windows(2).filter_map(|two| Some((two.get(1)? - two.first()?, *two.first()?))).max()?;
    if silent < 3 * DAY || (silent as f64) < 0.05 * range as f64 {
        return None;
    }
    let measured = format!("After {} nothing happened for {}, of {} in all.", day(after), days(silent), days(range));
    let consequence = "A hole looks like a collapse of sales, and what was in fashion before it may be taken for what is in fashion now.";
    let suggestion = "Check whether a delivery of data is missing and import it.";
    let figure = silent as f64 / DAY as f64;
    Some(finding("gap", grade(silent as f64 / range as f64, 0.05, 0.25), figure, measured, consequence, suggestion))
}

fn same_second(facts: &Facts<'_>) -> Option<Finding> {
    let figure = share(facts.same_second, facts.events());
    if figure < 0.05 || facts.first() == facts.last() {
        return None;
    }
    let measured = format!("{} of all events share their second with another item of the same customer.", percent(figure));
    let consequence = "Their order is not known: part of a basket or of a bulk entry is hidden and its other part is known, so the figures for \
                       the next action are better than live traffic will be. The coming period is judged without this leak.";
    let suggestion = "If they are baskets, go by the figures of the coming period; if not, import the time of each event.";
    Some(finding("same_second", grade(figure, 0.05, 0.4), figure, measured, consequence, suggestion))
}

fn frozen_users(facts: &Facts<'_>) -> Option<Finding> {
    let figure = share(facts.frozen, facts.with_two);
    if figure < 0.05 || facts.first() == facts.last() {
        return None;
    }
    let measured = format!("{} of the customers with several events have all of them in one second.", percent(figure));
    let consequence = "For them there is no before and after: what is hidden in the judgement happened together with what is known.";
    let suggestion = "Check whether TIMESTAMP is the time of the event or that of an export, or only a date.";
    Some(finding("one_second_users", grade(figure, 0.05, 0.3), figure, measured, consequence, suggestion))
}

/// Users far outside the spread of the others (median and median deviation of the log), or busier in a day than a person.
fn bots(facts: &Facts<'_>, known: &Known<'_>) -> Option<Finding> {
    let logs: Vec<f64> = Facts::active(&facts.of_user).into_iter().map(|count| (count as f64).ln()).collect();
    let middle = median(&logs);
    let mut apart: Vec<f64> = logs.iter().map(|log| (log - middle).abs()).collect();
    apart.sort_unstable_by(f64::total_cmp);
    // 1.4826 makes the median deviation of a normal distribution its standard deviation.
    let spread = (1.4826 * median(&apart)).max(LEAST_SPREAD);
    let limit = (middle + EXTREME * spread).exp().max(LEAST_OF_A_BOT);
    let is_bot = |user: &usize| facts.of_user[*user] as f64 > limit || facts.busiest[*user] >= BUSIEST_DAY;
    let mut bots: Vec<usize> = (0..facts.of_user.len()).filter(is_bot).collect();
    if bots.is_empty() || logs.len() < 2 {
        return None;
    }
    bots.sort_by_key(|user| std::cmp::Reverse(facts.of_user[*user]));
    let events: usize = bots.iter().map(|user| facts.of_user[*user]).sum();
    let figure = share(events, facts.events());
    let measured = format!(
        "{} customers act like programs, with {} of all events; the busiest has {} events where the middle one has {:.0}.",
        bots.len(),
        percent(figure),
        bots.first().map_or(0, |user| facts.of_user[*user]),
        middle.exp()
    );
    let consequence =
        "They are crawlers, resellers, tills or test accounts: what they touch looks popular and belongs together for no reason.";
    let found = finding("bots", grade(figure, 0.0, 0.05), figure, measured, consequence, "Leave these customers out of the interactions.");
    Some(Finding { examples: bots.iter().take(EXAMPLES).map(|user| (known.user_id)(*user as u32)).collect(), ..found })
}

fn dominant_item(facts: &Facts<'_>, known: &Known<'_>) -> Option<Finding> {
    let (item, most) = facts.of_item.iter().enumerate().max_by_key(|(item, count)| (**count, std::cmp::Reverse(*item)))?;
    let figure = share(*most, facts.events());
    let sold = facts.of_item.iter().filter(|count| **count > 0).count();
    if figure < 0.1 || sold < 20 {
        return None;
    }
    let measured = format!("One item has {} of all events.", percent(figure));
    let consequence = "It is found by recommending it to everyone, which lifts all figures, those of best-sellers too.";
    let found = finding(
        "dominant_item",
        grade(figure, 0.1, 0.3),
        figure,
        measured,
        consequence,
        "If it is no product (a bag, shipping, a deposit), filter it out.",
    );
    Some(Finding { examples: vec![(known.item_id)(item as u32)], ..found })
}

fn single_users(facts: &Facts<'_>) -> Option<Finding> {
    let active = Facts::active(&facts.of_user);
    let once = active.iter().filter(|count| **count == 1).count();
    let figure = share(once, active.len());
    let measured = format!("{once} of {} customers ({}) have a single event.", active.len(), percent(figure));
    let (consequence, suggestion) = if figure < 0.2 {
        ("Few enough: customers come back, so one can learn what follows what.", "Nothing to do.")
    } else {
        (
            "Nothing follows from a single event and nothing of it can be hidden: these customers are in no figure here, and get best-sellers \
             or what goes with their one item.",
            "Check whether one customer has several ids (guest checkouts, devices) and join them.",
        )
    };
    Some(finding("single_event_users", grade(figure, 0.2, 0.6), figure, measured, consequence, suggestion))
}

fn single_items(facts: &Facts<'_>) -> Option<Finding> {
    let active = Facts::active(&facts.of_item);
    let once = active.iter().filter(|count| **count == 1).count();
    let figure = share(once, active.len());
    let measured = format!("{once} of {} items ({}) occur once.", active.len(), percent(figure));
    let (consequence, suggestion) = if figure < 0.2 {
        ("The usual tail.", "Nothing to do.")
    } else {
        (
            "What goes with an item cannot be seen from one event: these are hardly ever recommended.",
            "If variants (sizes, colours, editions) have ids of their own, use the id of the product.",
        )
    };
    Some(finding("single_event_items", grade(figure, 0.2, 0.5), figure, measured, consequence, suggestion))
}

fn cold_users(facts: &Facts<'_>) -> Option<Finding> {
    let cold = facts.of_user.iter().filter(|count| **count == 0).count();
    let figure = share(cold, facts.of_user.len());
    let measured = format!("{cold} of {} known customers ({}) have no event that trains.", facts.of_user.len(), percent(figure));
    let suggestion = "Nothing to do; if it surprises you, check that both files write customer ids the same way.";
    let consequence = "They get best-sellers until they do something.";
    (cold > 0).then(|| finding("cold_users", grade(figure, 0.5, 0.95), figure, measured, consequence, suggestion))
}

fn cold_items(facts: &Facts<'_>) -> Option<Finding> {
    let cold = facts.of_item.iter().filter(|count| **count == 0).count();
    let figure = share(cold, facts.of_item.len());
    let measured = format!("{cold} of {} items of the catalogue ({}) have no event that trains.", facts.of_item.len(), percent(figure));
    let suggestion =
        "Remove what is no longer sold from the items; if the share surprises you, check that both files write item ids the same way.";
    let consequence = "They are not recommended: nothing is known of who takes them.";
    (cold > 0).then(|| finding("cold_items", grade(figure, 0.3, 0.8), figure, measured, consequence, suggestion))
}

fn new_users(facts: &Facts<'_>) -> Option<Finding> {
    let figure = facts.new_share(|event| event.user, facts.of_user.len());
    let measured = format!("{} of the newest tenth of events are of customers who were not there before.", percent(figure));
    let consequence = "That part of the traffic starts from nothing: it depends on live events being sent.";
    let suggestion = "Send events while customers browse (PutEvents), so that recommendations follow from the first click.";
    (figure >= 0.1).then(|| finding("new_users", grade(figure, 0.1, 0.9), figure, measured, consequence, suggestion))
}

fn new_items(facts: &Facts<'_>) -> Option<Finding> {
    let figure = facts.new_share(|event| event.item, facts.of_item.len());
    let measured = format!("{} of the newest tenth of events are on items that were not there before.", percent(figure));
    let consequence = "What is new cannot be recommended by a model from before it.";
    (figure >= 0.05)
        .then(|| finding("new_items", grade(figure, 0.05, 0.3), figure, measured, consequence, "Train as often as the range changes."))
}
