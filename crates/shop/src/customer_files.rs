//! The customers as CSV: the shop's own two files, and the file of the shop that was bought.

use std::fs;
use std::path::Path;

use chrono::{Datelike, Duration, NaiveDate};
use csv::Writer;

use crate::dirt::{self, Dirt};
use crate::draw::Draw;
use crate::people::{Account, Origin, Person};
use crate::words::TIERS;
use crate::{Result, Shop, unwritable};

const HEADER: [&str; 8] = ["cust_no", "name", "email", "age_band", "region", "loyalty_tier", "signed_up", "updated_on"];
const ACQUIRED_HEADER: [&str; 7] = ["kundennr", "name", "e_mail", "altersgruppe", "gebiet", "kundenstufe", "angelegt_am"];

/// Writes the own customers by the year of their registration, and some of the older ones again where their tier has risen since. Gives the number of rows.
pub fn write_own(folder: &Path, shop: &Shop, dirt: &mut Dirt, draw: &mut Draw) -> Result<u64> {
    let last = shop.calendar.date(shop.calendar.days - 1);
    let (mut older, mut newer) = (Vec::new(), Vec::new());
    for person in &shop.people {
        for account in person.accounts.iter().filter(|account| account.origin != Origin::Acquired) {
            let late = if account.origin == Origin::Second { 25 } else { 0 };
            let signed_up = shop.calendar.date(person.signed_up + late);
            let row = row(person, account, dirt, draw);
            if signed_up.year() == last.year() {
                newer.push(complete(row, person.tier, signed_up, signed_up, dirt));
                continue;
            }
            if draw.chance(dirt::REPEATED_ROW) {
                let risen = Some(person.tier.map_or(0, |tier| (tier + 1).min(TIERS.len() - 1)));
                let updated = last - Duration::days(draw.between(0, i64::from(last.ordinal0())));
                newer.push(complete(row.clone(), risen, signed_up, updated, dirt));
                dirt.repeated_customer_rows += 1;
            }
            older.push(complete(row, person.tier, signed_up, signed_up, dirt));
        }
    }
    let rows = older.len() + newer.len();
    write(folder, &format!("customers_{}.csv", last.year() - 1), &HEADER, older)?;
    write(folder, &format!("customers_{}.csv", last.year()), &HEADER, newer)?;
    Ok(rows as u64)
}

/// Writes the acquired shop's customers. Gives the number of rows.
pub fn write_acquired(folder: &Path, shop: &Shop, dirt: &mut Dirt, draw: &mut Draw) -> Result<u64> {
    let mut rows = Vec::new();
    for person in &shop.people {
        for account in person.accounts.iter().filter(|account| account.origin == Origin::Acquired) {
            let mut row = row(person, account, dirt, draw);
            row.push(person.tier.map_or("", |tier| TIERS[tier].1).to_owned());
            row.push(shop.calendar.date(person.signed_up).format("%d.%m.%Y").to_string());
            dirt.blank_tiers += u64::from(person.tier.is_none());
            rows.push(row);
        }
    }
    let count = rows.len() as u64;
    write(folder, "kunden.csv", &ACQUIRED_HEADER, rows)?;
    Ok(count)
}

/// The columns that all files have in common; doubles are counted here.
fn row(person: &Person, account: &Account, dirt: &mut Dirt, draw: &mut Draw) -> Vec<String> {
    let main = &person.accounts[0];
    if account.number != main.number {
        match account.origin {
            Origin::Acquired => dirt.acquired_doubles += 1,
            Origin::Own | Origin::Second => dirt.second_registrations += 1,
        }
        dirt.misspelled_doubles += u64::from(account.email.trim().to_lowercase() != main.email);
    }
    let age_band = dirt::blank(person.age_band, dirt::BLANK_AGE, &mut dirt.blank_age_bands, draw).to_owned();
    let region = dirt::blank(person.region, dirt::BLANK_REGION, &mut dirt.blank_regions, draw).to_owned();
    vec![account.number.clone(), account.name.clone(), account.email.clone(), age_band, region]
}

fn complete(mut row: Vec<String>, tier: Option<usize>, signed_up: NaiveDate, updated: NaiveDate, dirt: &mut Dirt) -> Vec<String> {
    dirt.blank_tiers += u64::from(tier.is_none());
    row.extend([tier.map_or("", |tier| TIERS[tier].0).to_owned(), signed_up.to_string(), updated.to_string()]);
    row
}

fn write(folder: &Path, name: &str, header: &[&str], rows: Vec<Vec<String>>) -> Result<()> {
    let path = folder.join(name);
    fs::create_dir_all(folder).map_err(|cause| unwritable(folder, cause))?;
    let mut out = Writer::from_path(&path).map_err(|cause| unwritable(&path, cause))?;
    out.write_record(header).map_err(|cause| unwritable(&path, cause))?;
    for row in rows {
        out.write_record(&row).map_err(|cause| unwritable(&path, cause))?;
    }
    out.flush().map_err(|cause| unwritable(&path, cause))
}
