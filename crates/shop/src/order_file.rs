//! The orders as a SQLite file, written in one transaction and in order of time, so that the same rows are the same bytes.

use std::path::Path;

use rusqlite::{Connection, Statement, params};

use crate::dirt::{self, Channel, Dirt};
use crate::draw::Draw;
use crate::kinds::Variant;
use crate::people::Person;
use crate::purchases::{Line, Order};
use crate::words::RETURN_REASONS;
use crate::{Result, Shop, unwritable};

const SETTINGS: &str = "PRAGMA page_size = 4096; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;";
const TABLES: &str = "
CREATE TABLE orders (
    order_id INTEGER PRIMARY KEY,
    cust_no TEXT,
    ordered_at TEXT NOT NULL,
    channel TEXT NOT NULL,
    voucher TEXT
);
CREATE TABLE order_lines (
    order_id INTEGER NOT NULL REFERENCES orders (order_id),
    line_no INTEGER NOT NULL,
    sku TEXT NOT NULL,
    qty INTEGER NOT NULL,
    unit_price REAL NOT NULL,
    PRIMARY KEY (order_id, line_no)
);
CREATE TABLE returns (
    order_id INTEGER NOT NULL,
    line_no INTEGER NOT NULL,
    returned_at TEXT NOT NULL,
    reason TEXT
);
";
/// Number of the first order.
const FIRST_ORDER: i64 = 100_001;

/// Writes the orders. Gives the numbers of lines and of returns.
pub fn write(path: &Path, shop: &Shop, dirt: &mut Dirt, draw: &mut Draw, progress: &dyn Fn(&str, u64, u64)) -> Result<(u64, u64)> {
    insert_all(path, shop, dirt, draw, progress).map_err(|cause| unwritable(path, cause))
}

fn insert_all(
    path: &Path,
    shop: &Shop,
    dirt: &mut Dirt,
    draw: &mut Draw,
    progress: &dyn Fn(&str, u64, u64),
) -> rusqlite::Result<(u64, u64)> {
    let mut database = Connection::open(path)?;
    database.execute_batch(SETTINGS)?;
    let transaction = database.transaction()?;
    transaction.execute_batch(TABLES)?;
    let total = shop.orders.len() as u64;
    let (mut line_count, mut returns) = (0, Vec::new());
    {
        let mut orders = transaction.prepare("INSERT INTO orders VALUES (?1, ?2, ?3, ?4, ?5)")?;
        let mut lines = transaction.prepare("INSERT INTO order_lines VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for (number, order) in shop.orders.iter().enumerate() {
            let id = FIRST_ORDER + number as i64;
            insert_order(&mut orders, id, order, shop, dirt, draw)?;
            for (line_no, line) in (1_i64..).zip(&order.lines) {
                let quantity = insert_line(&mut lines, id, line_no, line, shop, dirt, draw)?;
                line_count += 1;
                if quantity > 0
                    && let Some(at) = returned(order, line, shop, draw)
                {
                    returns.push((at, id, line_no));
                }
            }
            if number % 5_000 == 0 {
                progress("orders", number as u64, total);
            }
        }
        returns.sort_unstable();
        let mut insert = transaction.prepare("INSERT INTO returns VALUES (?1, ?2, ?3, ?4)")?;
        for (day, order_id, line_no) in &returns {
            let reason = draw.pick(&RETURN_REASONS);
            dirt.blank_reasons += u64::from(reason.is_empty());
            insert.execute(params![order_id, line_no, shop.calendar.date(*day).to_string(), reason])?;
        }
    }
    transaction.commit()?;
    progress("orders", total, total);
    Ok((line_count, returns.len() as u64))
}

fn insert_order(
    statement: &mut Statement<'_>,
    id: i64,
    order: &Order,
    shop: &Shop,
    dirt: &mut Dirt,
    draw: &mut Draw,
) -> rusqlite::Result<()> {
    let part = shop.calendar.day(order.at) as f64 / shop.calendar.days as f64;
    let channel = Channel::draw(part, draw);
    let customer = customer(&shop.people[order.person], dirt, draw);
    let voucher = match channel {
        _ if draw.chance(dirt::VOUCHER) => Some(draw.pick(&["WELCOME5", "TRAIL10", "THANKYOU", "NEWS15"])),
        Channel::Store => Some(""),
        Channel::Web | Channel::App | Channel::Phone => None,
    };
    dirt.german_dates += u64::from(channel == Channel::Store);
    dirt.epoch_dates += u64::from(channel == Channel::Phone);
    dirt.blank_vouchers += u64::from(voucher == Some(""));
    statement.execute(params![id, customer, channel.moment(order.at), channel.name(), voucher])?;
    Ok(())
}

/// The number under which the order stands: none for a guest.
fn customer<'a>(person: &'a Person, dirt: &mut Dirt, draw: &mut Draw) -> Option<&'a str> {
    let chance = draw.unit();
    if chance < dirt::GUEST {
        dirt.guest_orders += 1;
        return None;
    }
    if chance < dirt::GUEST + dirt::BLANK_CUSTOMER {
        dirt.blank_customer_orders += 1;
        return Some("");
    }
    let others = person.accounts.len() as i64 - 1;
    let account = if others == 0 || draw.chance(dirt::FIRST_NUMBER) { 0 } else { draw.between(1, others) };
    Some(&person.accounts[account as usize].number)
}

/// Writes the line and gives the quantity that it says.
fn insert_line(
    statement: &mut Statement<'_>,
    id: i64,
    line_no: i64,
    line: &Line,
    shop: &Shop,
    dirt: &mut Dirt,
    draw: &mut Draw,
) -> rusqlite::Result<i64> {
    let sku = dirt::sku(&shop.catalogue.products[line.product].sku, dirt, draw);
    let quantity = dirt::quantity(line.quantity, dirt, draw);
    statement.execute(params![id, line_no, sku, quantity, line.unit_price])?;
    Ok(quantity)
}

/// The day on which a line comes back, if it does before the window ends.
fn returned(order: &Order, line: &Line, shop: &Shop, draw: &mut Draw) -> Option<i64> {
    let wear = matches!(shop.catalogue.kind(line.product).variant, Variant::Clothing | Variant::Shoes);
    let rate = if wear { dirt::RETURNED_WEAR } else { dirt::RETURNED_OTHER };
    if !draw.chance(rate) {
        return None;
    }
    let day = shop.calendar.day(order.at) + draw.between(3, 25);
    (day < shop.calendar.days).then_some(day)
}
