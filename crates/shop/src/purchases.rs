//! Who buys what and when. Each person is simulated alone: visits at times that people shop, what they like, what follows from what they bought.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::calendar::{Calendar, DAY};
use crate::catalogue::Catalogue;
use crate::draw::Draw;
use crate::kinds::{KINDS, SEQUELS, Season};
use crate::people::Person;

/// How much likelier a product of the person's favourite style is bought than one of another style.
const STYLE_PULL: f64 = 5.0;
/// How much likelier a further line of the same visit comes from the same department.
const SAME_DEPARTMENT: f64 = 2.5;
/// Mean lines in a visit that nothing has caused.
const BASKET: f64 = 2.6;
/// What is due within this many seconds after a visit begins is bought during it.
const SAME_VISIT: i64 = 2 * DAY;
/// How much likelier a product is bought in its first 45 days, when the shop shows it off.
const NOVELTY: f64 = 1.6;

/// One order with what was really bought, before any dirt.
pub struct Order {
    /// Seconds since 1970, UTC.
    pub at: i64,
    /// Index into the people.
    pub person: usize,
    pub lines: Vec<Line>,
}

/// One line of an order.
pub struct Line {
    /// Index into the catalogue's products.
    pub product: usize,
    pub quantity: i64,
    /// Euros, after discount.
    pub unit_price: f64,
}

/// What makes a person visit the shop.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Visit {
    /// For this many lines of whatever the person likes.
    Browse(usize),
    /// For one product, because of an earlier purchase.
    Follow(usize),
}

/// Demand that does not depend on the person: kinds by season, products by trend and age.
struct Demand<'a> {
    catalogue: &'a Catalogue,
    calendar: &'a Calendar,
    /// Kind weights by day of the window.
    seasons: Vec<Vec<f64>>,
}

/// All orders, oldest first; about `lines` lines, within a few parts in a hundred.
pub fn purchases(
    people: &[Person],
    catalogue: &Catalogue,
    calendar: &Calendar,
    lines: u64,
    draw: &mut Draw,
    progress: &dyn Fn(u64),
) -> Vec<Order> {
    let demand = Demand { catalogue, calendar, seasons: seasons(calendar) };
    let appetites: Vec<f64> = people.iter().map(|person| person.appetite * calendar.share(person.active)).collect();
    let mut appetite_left: f64 = appetites.iter().sum();
    let mut sequence: Vec<usize> = (0..people.len()).collect();
    draw.shuffle(&mut sequence);

    let mut orders = Vec::new();
    // How many lines one browsed line brings along is learnt on the way, so that the total comes out as asked for.
    let (mut browsed, mut bought) = (100.0, 200.0);
    let mut written = 0;
    for (done, person) in sequence.into_iter().enumerate() {
        let quota = (lines as f64 - written as f64).max(0.0) * appetites[person] / appetite_left.max(1e-9);
        appetite_left -= appetites[person];
        let browse = draw.round(quota * browsed / bought);
        let from = orders.len();
        demand.shop(person, &people[person], browse, &mut orders, draw);
        let new: usize = orders[from..].iter().map(|order: &Order| order.lines.len()).sum();
        browsed += browse as f64;
        bought += new as f64;
        written += new;
        if done % 500 == 499 {
            progress(done as u64 + 1);
        }
    }
    orders.sort_by_key(|order| (order.at, order.person));
    orders
}

fn seasons(calendar: &Calendar) -> Vec<Vec<f64>> {
    let factor = |kind: &crate::kinds::Kind, day| Season::factor(kind.season, calendar.day_of_year(day));
    (0..calendar.days).map(|day| KINDS.iter().map(|kind| factor(kind, day)).collect()).collect()
}

impl Demand<'_> {
    /// Everything one person buys.
    fn shop(&self, index: usize, person: &Person, mut browse: usize, orders: &mut Vec<Order>, draw: &mut Draw) {
        let mut visits = BinaryHeap::new();
        while browse > 0 {
            let mut size = 1;
            while size < browse && size < 12 && draw.chance(1.0 - 1.0 / BASKET) {
                size += 1;
            }
            browse -= size;
            visits.push(Reverse((self.calendar.moment(person.active, draw), Visit::Browse(size))));
        }
        let mut owned: BTreeMap<usize, i64> = BTreeMap::new();
        let end = person.active.1;
        while let Some(Reverse((at, visit))) = visits.pop() {
            let day = self.calendar.day(at);
            let mut order = Order { at, person: index, lines: Vec::new() };
            let mut browse = 0;
            let mut reason = Some(visit);
            while let Some(visit) = reason {
                match visit {
                    Visit::Browse(size) => browse += size,
                    Visit::Follow(product) if self.may_buy(product, day, &owned) => self.add(product, &mut order, draw),
                    Visit::Follow(_) => {}
                }
                let joins = visits.peek().is_some_and(|Reverse((due, _))| *due < at + SAME_VISIT);
                reason = if joins { visits.pop().map(|Reverse((_, visit))| visit) } else { None };
            }
            self.browse(person, day, browse, &owned, &mut order, draw);
            for line in &order.lines {
                owned.insert(line.product, day);
                for (after, product) in self.consequences(line.product, draw) {
                    let due = at + after * DAY + draw.between(-6 * 3600, 6 * 3600);
                    if self.calendar.day(due) < end {
                        visits.push(Reverse((due, Visit::Follow(product))));
                    }
                }
            }
            if !order.lines.is_empty() {
                orders.push(order);
            }
        }
    }

    /// Adds `count` lines of what the person likes on that day.
    fn browse(&self, person: &Person, day: i64, count: usize, owned: &BTreeMap<usize, i64>, order: &mut Order, draw: &mut Draw) {
        let season = &self.seasons[day as usize];
        let mut weights: Vec<f64> = person.kinds.iter().zip(season).map(|(taste, season)| taste * season).collect();
        for _ in 0..count {
            let Some(kind) = draw.weighted(&weights) else { return };
            if order.lines.is_empty() {
                for (weight, other) in weights.iter_mut().zip(KINDS) {
                    *weight *= if other.department == KINDS[kind].department { SAME_DEPARTMENT } else { 1.0 };
                }
            }
            weights[kind] = 0.0;
            let candidates = &self.catalogue.by_kind[kind];
            let appeal: Vec<f64> = candidates.iter().map(|&product| self.appeal(product, person, day, owned)).collect();
            if let Some(chosen) = draw.weighted(&appeal) {
                self.add(candidates[chosen], order, draw);
            }
        }
    }

    /// How much a product draws a person on a day.
    fn appeal(&self, product: usize, person: &Person, day: i64, owned: &BTreeMap<usize, i64>) -> f64 {
        if !self.may_buy(product, day, owned) {
            return 0.0;
        }
        let product = &self.catalogue.products[product];
        let style = if product.style == person.style { STYLE_PULL } else { 1.0 };
        let novelty = if day - product.created < 45 { NOVELTY } else { 1.0 };
        let trend = (product.trend * (day as f64 / self.calendar.days as f64 - 0.5)).exp();
        product.weight * style * novelty * trend
    }

    /// A product must be in the shop, and what lasts is not bought twice within four months.
    fn may_buy(&self, product: usize, day: i64, owned: &BTreeMap<usize, i64>) -> bool {
        let lasting = self.catalogue.kind(product).again_days == 0;
        let had = lasting && owned.get(&product).is_some_and(|bought| day - bought < 120);
        self.catalogue.products[product].created <= day && !had
    }

    /// What a purchase leads to: days from now and the product.
    fn consequences(&self, product: usize, draw: &mut Draw) -> Vec<(i64, usize)> {
        let mut due = Vec::new();
        let again = f64::from(self.catalogue.kind(product).again_days);
        if again > 0.0 && draw.chance(0.5) {
            due.push(((again * draw.log_normal(0.25)) as i64 + 1, product));
        }
        for follow in &self.catalogue.products[product].sequels {
            let sequel = &SEQUELS[follow.sequel];
            if draw.chance(sequel.chance) && !follow.products.is_empty() {
                let rank = draw.weighted(&[0.6, 0.25, 0.15][..follow.products.len()]).unwrap_or(0);
                due.push((draw.between(sequel.days.0, sequel.days.1), follow.products[rank]));
            }
        }
        due
    }

    /// Adds a line, unless the order has one with this product.
    fn add(&self, product: usize, order: &mut Order, draw: &mut Draw) {
        if order.lines.iter().any(|line| line.product == product) {
            return;
        }
        let used_up = self.catalogue.kind(product).again_days > 0;
        let quantity = if used_up { draw.pick(&[1, 1, 1, 1, 2, 2, 2, 3, 4, 6]) } else { draw.pick(&[1, 1, 1, 1, 1, 1, 1, 1, 1, 2]) };
        let discount = if draw.chance(0.15) { draw.pick(&[0.7, 0.8, 0.9, 0.95]) } else { 1.0 };
        let unit_price = (self.catalogue.products[product].price * discount * 100.0).round() / 100.0;
        order.lines.push(Line { product, quantity, unit_price });
    }
}
