#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::*;
use crate::calendar::DAY;
use crate::draw::{Draw, Stream};
use crate::kinds::{DEPARTMENTS, KINDS, SEQUELS, Season, index_of};
use crate::words::{BRANDS, STYLES};

mod written;

const SILENT: &dyn Fn(&str, u64, u64) = &|_, _, _| ();

fn small(seed: u64) -> Options {
    Options { seed, customers: 1_000, products: 600, lines: 40_000, ..Options::default() }
}

fn shop() -> Shop {
    let options = small(7);
    Shop::new(&options, check(&options).unwrap(), SILENT)
}

/// One bought line, without its order.
#[derive(Clone, Copy)]
struct Purchase {
    person: usize,
    product: usize,
    at: i64,
}

fn purchases(shop: &Shop) -> Vec<Purchase> {
    shop.orders
        .iter()
        .flat_map(|order| order.lines.iter().map(|line| Purchase { person: order.person, product: line.product, at: order.at }))
        .collect()
}

/// The same people and moments with the products dealt out anew: what the measures below must not take for structure.
fn shuffled(purchases: &[Purchase]) -> Vec<Purchase> {
    let mut products: Vec<usize> = purchases.iter().map(|purchase| purchase.product).collect();
    Draw::new(1, Stream::Dirt).shuffle(&mut products);
    purchases.iter().zip(products).map(|(purchase, product)| Purchase { product, ..*purchase }).collect()
}

fn assert_far_apart(what: &str, (real, at_least): (f64, f64), (noise, at_most): (f64, f64)) {
    assert!(real >= at_least, "{what}: expected at least {at_least} in the shop, found {real:.2}");
    assert!(noise <= at_most, "{what}: expected at most {at_most} in noise, found {noise:.2}");
}

/// After a purchase of which something follows: how much oftener the usual follower is bought soon after by the same person than by whoever ordered next, and than
/// by the same person soon before.
fn sequel_lifts(shop: &Shop, purchases: &[Purchase]) -> (f64, f64) {
    let mut bought: BTreeMap<(usize, usize), Vec<i64>> = BTreeMap::new();
    for purchase in purchases {
        bought.entry((purchase.person, purchase.product)).or_default().push(purchase.at);
    }
    let within = |person, product, from: i64, until: i64| {
        bought.get(&(person, product)).is_some_and(|times| times.iter().any(|at| (from..=until).contains(at)))
    };
    let (mut after, mut before, mut others) = (1.0, 1.0, 1.0);
    for pair in purchases.windows(40) {
        let (own, other) = (pair[0], pair[39]);
        for follow in &shop.catalogue.products[own.product].sequels {
            let span = (SEQUELS[follow.sequel].days.1 + 2) * DAY;
            after += f64::from(within(own.person, follow.products[0], own.at + 1, own.at + span));
            before += f64::from(within(own.person, follow.products[0], own.at - span, own.at - 1));
            others += f64::from(within(other.person, follow.products[0], own.at + 1, own.at + span));
        }
    }
    (after / others, after / before)
}

#[test]
fn complements_are_bought_soon_and_in_order() {
    let shop = shop();
    let real = purchases(&shop);
    let (lift, order) = sequel_lifts(&shop, &real);
    let (noise_lift, noise_order) = sequel_lifts(&shop, &shuffled(&real));
    assert_far_apart("lift of complements", (lift, 5.0), (noise_lift, 1.5));
    assert_far_apart("complements after rather than before", (order, 4.0), (noise_order, 1.5));
}

/// 0 where all products sell alike, towards 1 where few sell everything.
fn gini(counts: &mut [u64]) -> f64 {
    counts.sort_unstable();
    let total: u64 = counts.iter().sum();
    let n = counts.len() as f64;
    let ranked: f64 = counts.iter().enumerate().map(|(rank, count)| (2.0 * (rank as f64 + 1.0) - n - 1.0) * *count as f64).sum();
    ranked / (n * total as f64)
}

#[test]
fn few_products_sell_most() {
    let shop = shop();
    let count = shop.catalogue.products.len();
    let mut real = vec![0; count];
    purchases(&shop).iter().for_each(|purchase| real[purchase.product] += 1);
    let mut draw = Draw::new(3, Stream::Dirt);
    let mut noise = vec![0; count];
    (0..40_000).for_each(|_| noise[draw.between(0, count as i64 - 1) as usize] += 1);
    assert_far_apart("Gini coefficient", (gini(&mut real), 0.4), (gini(&mut noise), 0.1));
    let head: u64 = real[count * 9 / 10..].iter().sum();
    let all: u64 = real.iter().sum();
    assert!((0.3..0.75).contains(&(head as f64 / all as f64)), "expected the top tenth to sell 30 to 75 %, found {head} of {all}");
}

/// Share of a season's kinds in the lines of these days of the year over its share in the lines of those.
fn season_ratio(shop: &Shop, purchases: &[Purchase], season: Season, these: (u32, u32), those: (u32, u32)) -> f64 {
    let share = |(from, until): (u32, u32)| {
        let inside = |purchase: &&Purchase| (from..=until).contains(&shop.calendar.day_of_year(shop.calendar.day(purchase.at)));
        let lines: Vec<_> = purchases.iter().filter(inside).collect();
        lines.iter().filter(|purchase| shop.catalogue.kind(purchase.product).season == season).count() as f64 / lines.len() as f64
    };
    share(these) / share(those)
}

#[test]
fn seasons_sell_their_goods() {
    let shop = shop();
    let real = purchases(&shop);
    let noise = shuffled(&real);
    for (season, these, those, at_least) in [
        (Season::Winter, (1, 31), (170, 200), 4.0),
        (Season::Summer, (170, 200), (1, 31), 3.0),
        (Season::Christmas, (322, 358), (120, 300), 3.0),
    ] {
        let ratio = |purchases: &[Purchase]| season_ratio(&shop, purchases, season, these, those);
        assert_far_apart(&format!("{season:?}"), (ratio(&real), at_least), (ratio(&noise), 1.3));
    }
}

/// How much oftener a line of the last fifth is among the ten best-sellers of the buyer's group than among those of the whole shop, both of the time before.
fn group_advantage(shop: &Shop, purchases: &[Purchase]) -> f64 {
    let (train, test) = purchases.split_at(purchases.len() * 4 / 5);
    let top = |group: Option<usize>| -> BTreeSet<usize> {
        let mut counts = vec![0_u64; shop.catalogue.products.len()];
        let in_group = |purchase: &&Purchase| group.is_none_or(|group| shop.people[purchase.person].taste == group);
        train.iter().filter(in_group).for_each(|purchase| counts[purchase.product] += 1);
        let mut ranked: Vec<usize> = (0..counts.len()).collect();
        ranked.sort_by_key(|&product| std::cmp::Reverse(counts[product]));
        ranked.into_iter().take(10).collect()
    };
    let all = top(None);
    let groups: Vec<BTreeSet<usize>> = (0..TASTES.len()).map(|group| top(Some(group))).collect();
    let hits = |found: &dyn Fn(&Purchase) -> bool| test.iter().filter(|purchase| found(purchase)).count() as f64;
    hits(&|purchase| groups[shop.people[purchase.person].taste].contains(&purchase.product))
        / hits(&|purchase| all.contains(&purchase.product))
}

#[test]
fn a_group_has_its_own_best_sellers() {
    let shop = shop();
    let real = purchases(&shop);
    assert_far_apart(
        "hits in the group's best-sellers over the shop's",
        (group_advantage(&shop, &real), 2.0),
        (group_advantage(&shop, &shuffled(&real)), 1.2),
    );
}

/// Share of the purchases of used-up (or of lasting) kinds that the same person has made before.
fn repeats(shop: &Shop, purchases: &[Purchase], used_up: bool) -> f64 {
    let mut seen = BTreeSet::new();
    let (mut again, mut all) = (0.0, 0.0);
    for purchase in purchases.iter().filter(|purchase| (shop.catalogue.kind(purchase.product).again_days > 0) == used_up) {
        all += 1.0;
        again += f64::from(!seen.insert((purchase.person, purchase.product)));
    }
    again / all
}

#[test]
fn what_is_used_up_is_bought_again() {
    let shop = shop();
    let real = purchases(&shop);
    assert_far_apart("repeats of used-up goods", (repeats(&shop, &real, true), 0.4), (repeats(&shop, &shuffled(&real), true), 0.25));
    assert!(repeats(&shop, &real, false) < 0.25, "lasting goods are bought again too often: {}", repeats(&shop, &real, false));
}

#[test]
fn trends_rise_and_fall() {
    let shop = shop();
    let growth = |rising: bool| {
        let mut halves = [1.0, 1.0];
        for purchase in purchases(&shop) {
            let product = &shop.catalogue.products[purchase.product];
            let counts = product.created < 0 && (if rising { product.trend > 1.0 } else { product.trend < -1.0 });
            let half = usize::from(shop.calendar.day(purchase.at) > shop.calendar.days / 2);
            halves[half] += f64::from(counts);
        }
        halves[1] / halves[0]
    };
    assert!(
        growth(true) > 1.5 * growth(false),
        "expected rising products to outgrow falling ones, found {} and {}",
        growth(true),
        growth(false)
    );
}

#[test]
fn products_and_customers_come_in_near_the_end() {
    let shop = shop();
    let late = shop.calendar.days - 90;
    let products =
        shop.catalogue.products.iter().filter(|product| product.created >= late).count() as f64 / shop.catalogue.products.len() as f64;
    let people = shop.people.iter().filter(|person| person.signed_up >= shop.calendar.days - 60).count() as f64 / shop.people.len() as f64;
    assert!((0.02..0.10).contains(&products), "{products}");
    assert!((0.03..0.08).contains(&people), "{people}");
    for order in &shop.orders {
        let day = shop.calendar.day(order.at);
        assert!((shop.people[order.person].active.0..shop.people[order.person].active.1).contains(&day));
        assert!(
            order.lines.iter().all(|line| shop.catalogue.products[line.product].created <= day),
            "a product was sold before it came in"
        );
    }
}

#[test]
fn the_tables_agree_with_each_other() {
    let codes: BTreeSet<&str> = KINDS.iter().map(|kind| kind.code).collect();
    assert_eq!(codes.len(), KINDS.len(), "two kinds share a code");
    for sequel in SEQUELS {
        assert!(index_of(sequel.first).is_some() && index_of(sequel.then).is_some(), "{} or {} is no kind", sequel.first, sequel.then);
        assert!(
            !SEQUELS.iter().any(|other| other.first == sequel.then && other.then == sequel.first),
            "{} and {} follow each other",
            sequel.first,
            sequel.then
        );
    }
    for (position, (department, name)) in DEPARTMENTS.into_iter().enumerate() {
        assert_eq!(department as usize, position);
        for style in STYLES {
            assert!(
                BRANDS.iter().any(|brand| brand.style == style && brand.departments.contains(&department)),
                "{name} has no {style:?} brand"
            );
        }
    }
}

#[test]
fn names_and_skus_are_distinct() {
    let shop = shop();
    let products = &shop.catalogue.products;
    assert_eq!(products.iter().map(|product| &product.name).collect::<BTreeSet<_>>().len(), 600);
    assert_eq!(products.iter().map(|product| &product.sku).collect::<BTreeSet<_>>().len(), 600);
    assert!(products.iter().map(|product| &product.description).collect::<BTreeSet<_>>().len() > 580);
}

#[test]
fn unusable_options_are_refused_in_a_sentence() {
    let folder = TempDir::new().unwrap();
    let refuse = |options: Options| generate(folder.path(), &options, SILENT).unwrap_err().to_string();
    assert_eq!(refuse(Options { products: 50, ..small(1) }), "expected 184 to 20000 products for the demo shop, found 50");
    assert_eq!(refuse(Options { customers: 3, ..small(1) }), "expected 10 to 1000000 customers for the demo shop, found 3");
    assert!(refuse(Options { end_date: NaiveDate::MIN, ..small(1) }).starts_with("expected an end date that leaves room for 18 months"));
    std::fs::create_dir(folder.path().join("sources")).unwrap();
    std::fs::write(folder.path().join("sources/mine.txt"), "mine").unwrap();
    assert!(refuse(small(1)).contains("to be absent or empty, found files in it"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a refusal left something behind");
}

#[test]
fn progress_is_told_and_reaches_the_end() {
    let folder = TempDir::new().unwrap();
    let told = std::cell::RefCell::new(Vec::new());
    generate(folder.path(), &small(1), &|part, done, total| told.borrow_mut().push((part.to_owned(), done, total))).unwrap();
    for part in ["customers", "orders"] {
        let of_part: Vec<_> = told.borrow().iter().filter(|(name, _, _)| name == part).map(|(_, done, total)| (*done, *total)).collect();
        assert!(of_part.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{part} went backwards: {of_part:?}");
        assert_eq!(of_part.last().map(|(done, total)| done == total), Some(true), "{part} did not end");
    }
}
