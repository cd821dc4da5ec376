//! The demo shop: a seeded generator of a retailer with three kinds of store, to walk the whole way with before one's own data is there.
//!
//! Before stage 1. Takes a seed and sizes ([`Options`]); gives files under `sources/` and what was put into them ([`Summary`]). It knows nothing of Penchant: no stage,
//! no clock, no network. The same options give the same bytes (on the same build: SQLite writes its version into its files).
//! Start reading at [`generate`], then `purchases.rs` (the behaviour) and `dirt.rs` (what is wrong with the data).
//!
//! # What is written
//!
//! | path under `sources/` | what |
//! |---|---|
//! | `orders.db` | SQLite. `orders(order_id, cust_no, ordered_at, channel, voucher)`, `order_lines(order_id, line_no, sku, qty, unit_price)`, `returns(order_id, line_no, returned_at, reason)` |
//! | `products/products_1.jsonl` to `_4.jsonl` | the catalogue: `sku, title, category{department, kind}, attributes{brand, colour, material, size}, price, availability, description, created, tags[]` |
//! | `customers/customers_YYYY.csv`, two files | `cust_no, name, email, age_band, region, loyalty_tier, signed_up, updated_on`: who signed up before the last year, and in it |
//! | `customers_import/kunden.csv` | the customers of a shop that was bought: `kundennr, name, e_mail, altersgruppe, gebiet, kundenstufe, angelegt_am` |
//!
//! # What is in it
//!
//! Eleven groups of taste; a favourite style of brand for each customer; within each of the 92 kinds of product, demand by Zipf's law; complements bought in order within days or
//! weeks (tent, sleeping bag, mat, stove, gas); repeat purchases of what is used up; summer, winter and Christmas goods; rising and falling products; products and
//! customers that come in near the end.
//!
//! # What is wrong with it, on purpose
//!
//! Rates are of the rows named; [`Dirt`] counts what was really written.
//!
//! | dirt | rate | right reading |
//! |---|---|---|
//! | `orders.cust_no` is NULL (guest) | 4 % of orders | no user: leave out |
//! | `orders.cust_no` is `''` | 0.5 % of orders | as NULL |
//! | `orders.ordered_at` as `DD.MM.YYYY HH:MM` | channel `store`, 22 % of orders | UTC |
//! | `orders.ordered_at` as seconds since 1970, in text | channel `phone`, 9 % of orders in the first two thirds, then closed | UTC |
//! | `orders.ordered_at` as `YYYY-MM-DDTHH:MM:SSZ` | channels `web` and `app`, all others | UTC |
//! | `orders.voucher` is `''` in the store and NULL elsewhere when there was none | 90 % of orders | none |
//! | `order_lines.qty` is 0 | 0.3 % of lines | nothing was bought: leave out |
//! | `order_lines.qty` is negative | 0.7 % of lines | a correction: leave out |
//! | `order_lines.sku` in lower case or with blanks around it | 1 % of lines | trim and upper case |
//! | `order_lines.sku` is `OLD-...`, absent from the catalogue | 0.5 % of lines | leave out |
//! | `order_lines.sku` is `''` | 0.1 % of lines | leave out |
//! | returned lines | 12 % of clothing and shoes, 2.5 % of the rest, sent back within 3 to 25 days | leave out |
//! | `returns.reason` is `''` | 1 in 6 returns | unknown |
//! | a second registration of the same person, another number | 3 % of people | same email after `lower(trim())`; 3 in 10 of them have a typo in name and email and need matching |
//! | own customer also in the acquired shop's file, number `K-...` | 4 % of people | as above |
//! | customer only in the acquired shop's file | 4 % of people | a user |
//! | a customer of the older file again in the newer one | 3 % of the older file's rows | the row with the later `updated_on` |
//! | `age_band` is `''` | 4 % of customer rows | unknown |
//! | `region` is `''` | 2 % of customer rows | unknown |
//! | `loyalty_tier` is `''` | people who bought little | no tier |
//! | acquired file: other column names, tiers in German, dates as `DD.MM.YYYY` | all rows | rename, translate |
//! | product without price (`null`) | 0.4 % of products | unknown |
//! | product with description `''` | 1 % of products | none |
//!
//! People with several numbers buy under the first in about 65 % of their orders.

mod calendar;
mod catalogue;
mod customer_files;
mod dirt;
mod draw;
mod kinds;
mod order_file;
mod people;
mod product_files;
mod purchases;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use chrono::NaiveDate;
use serde::Serialize;

pub use crate::dirt::Dirt;

use crate::calendar::{Calendar, date_time};
use crate::catalogue::Catalogue;
use crate::draw::{Draw, Stream};
use crate::people::{Person, TASTES};
use crate::purchases::Order;

/// The last day of the default shop.
const LAST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(2025, 9, 30) {
    Some(date) => date,
    None => NaiveDate::MAX,
};

/// What the shop shall be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Decides everything that chance decides.
    pub seed: u64,
    /// People, 10 to 1,000,000; some of them have two numbers.
    pub customers: usize,
    /// Products, 184 to 20,000.
    pub products: usize,
    /// Order lines, as many as customers to 50,000,000; met within a few parts in a hundred.
    pub lines: u64,
    /// Length of the window, 3 to 120 months.
    pub months: u32,
    /// The last day of the window.
    pub end_date: NaiveDate,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 1, customers: 5_000, products: 2_000, lines: 200_000, months: 18, end_date: LAST_DAY }
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub people: u64,
    /// The hidden groups, and how many people each has.
    pub tastes: BTreeMap<&'static str, u64>,
    /// Rows of the two files under `customers/`.
    pub customer_rows: u64,
    /// Rows of `customers_import/kunden.csv`.
    pub acquired_rows: u64,
    pub products: u64,
    pub orders: u64,
    pub lines: u64,
    pub returns: u64,
    /// UTC, ISO 8601.
    pub first_order: String,
    pub last_order: String,
    pub dirt: Dirt,
}

/// Why no shop was generated: one sentence.
#[derive(Debug)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// The result of writing a part of the shop.
pub type Result<T> = std::result::Result<T, Error>;

/// The sentence for a file that could not be written.
fn unwritable(path: &Path, cause: impl fmt::Display) -> Error {
    Error(format!("expected to write {}, but: {cause}", path.display()))
}

/// Writes a shop into `folder/sources`, which must be absent or empty. It appears there whole or not at all.
/// `progress` hears the name of the part, what is done of it and how much it has; parts come in order.
///
/// # Errors
/// When an option is out of its bounds, when `folder/sources` holds something, when a file cannot be written.
pub fn generate(folder: &Path, options: &Options, progress: &dyn Fn(&str, u64, u64)) -> Result<Summary> {
    let calendar = check(options)?;
    let target = folder.join("sources");
    let partial = folder.join(".sources.partial");
    if fs::read_dir(&target).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Error(format!(
            "expected {} to be absent or empty, found files in it; remove it or choose another folder",
            target.display()
        )));
    }
    if partial.exists() {
        fs::remove_dir_all(&partial).map_err(|cause| unwritable(&partial, cause))?;
    }
    fs::create_dir_all(&partial).map_err(|cause| unwritable(&partial, cause))?;
    let shop = Shop::new(options, calendar, progress);
    let summary = shop.write(&partial, options.seed, progress)?;
    if target.exists() {
        fs::remove_dir(&target).map_err(|cause| unwritable(&target, cause))?;
    }
    fs::rename(&partial, &target).map_err(|cause| unwritable(&target, cause))?;
    Ok(summary)
}

fn check(options: &Options) -> Result<Calendar> {
    let bounds = [
        ("customers", options.customers as u64, 10, 1_000_000),
        ("products", options.products as u64, 2 * kinds::KINDS.len() as u64, 20_000),
        ("lines", options.lines, options.customers as u64, 50_000_000),
        ("months", u64::from(options.months), 3, 120),
    ];
    for (name, found, low, high) in bounds {
        if !(low..=high).contains(&found) {
            return Err(Error(format!("expected {low} to {high} {name} for the demo shop, found {found}")));
        }
    }
    let calendar = Calendar::new(options.end_date, options.months);
    calendar.ok_or_else(|| {
        Error(format!("expected an end date that leaves room for {} months before it, found {}", options.months, options.end_date))
    })
}

/// The truth about the shop, before it is written down with its dirt.
struct Shop {
    calendar: Calendar,
    catalogue: Catalogue,
    people: Vec<Person>,
    orders: Vec<Order>,
}

impl Shop {
    fn new(options: &Options, calendar: Calendar, progress: &dyn Fn(&str, u64, u64)) -> Self {
        let (seed, count) = (options.seed, options.customers as u64);
        progress("customers", 0, count);
        let catalogue = Catalogue::new(options.products, calendar.days, &mut Draw::new(seed, Stream::Catalogue));
        let people = people::people(options.customers, calendar.days, dirt::DOUBLES, &mut Draw::new(seed, Stream::People));
        let shopping = |done| progress("customers", done, count);
        let orders =
            purchases::purchases(&people, &catalogue, &calendar, options.lines, &mut Draw::new(seed, Stream::Purchases), &shopping);
        progress("customers", count, count);
        Self { calendar, catalogue, people, orders }
    }

    fn tastes(&self) -> BTreeMap<&'static str, u64> {
        let mut tastes = BTreeMap::new();
        for person in &self.people {
            *tastes.entry(TASTES[person.taste].name).or_default() += 1;
        }
        tastes
    }

    fn write(&self, folder: &Path, seed: u64, progress: &dyn Fn(&str, u64, u64)) -> Result<Summary> {
        let mut draw = Draw::new(seed, Stream::Dirt);
        let mut dirt = Dirt::default();
        product_files::write(&folder.join("products"), &self.catalogue, &self.calendar, &mut dirt, &mut draw)?;
        let customer_rows = customer_files::write_own(&folder.join("customers"), self, &mut dirt, &mut draw)?;
        let acquired_rows = customer_files::write_acquired(&folder.join("customers_import"), self, &mut dirt, &mut draw)?;
        let (lines, returns) = order_file::write(&folder.join("orders.db"), self, &mut dirt, &mut draw, progress)?;
        let moment =
            |order: Option<&Order>| order.map(|order| date_time(order.at).format("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default();
        Ok(Summary {
            people: self.people.len() as u64,
            tastes: self.tastes(),
            customer_rows,
            acquired_rows,
            products: self.catalogue.products.len() as u64,
            orders: self.orders.len() as u64,
            lines,
            returns,
            first_order: moment(self.orders.first()),
            last_order: moment(self.orders.last()),
            dirt,
        })
    }
}

#[cfg(test)]
mod tests;
