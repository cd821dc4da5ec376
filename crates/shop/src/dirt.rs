//! What is wrong with the shop's data: the rates (the table in the crate's documentation says how to read each) and the counts.

use serde::Serialize;

use crate::calendar::date_time;
use crate::draw::Draw;
use crate::people::Doubles;

pub const GUEST: f64 = 0.04;
pub const BLANK_CUSTOMER: f64 = 0.005;
pub const STORE: f64 = 0.22;
pub const PHONE: f64 = 0.09;
/// Part of the window after which the phone channel is closed.
pub const PHONE_CLOSES: f64 = 2.0 / 3.0;
pub const VOUCHER: f64 = 0.10;
pub const ZERO_QUANTITY: f64 = 0.003;
pub const NEGATIVE_QUANTITY: f64 = 0.007;
pub const RESPELLED_SKU: f64 = 0.01;
pub const UNKNOWN_SKU: f64 = 0.005;
pub const BLANK_SKU: f64 = 0.001;
pub const RETURNED_WEAR: f64 = 0.12;
pub const RETURNED_OTHER: f64 = 0.025;
pub const REPEATED_ROW: f64 = 0.03;
pub const BLANK_AGE: f64 = 0.04;
pub const BLANK_REGION: f64 = 0.02;
pub const NO_PRICE: f64 = 0.004;
pub const BLANK_DESCRIPTION: f64 = 0.01;
pub const DOUBLES: Doubles = Doubles { second: 0.03, acquired: 0.04, acquired_only: 0.04, typo: 0.3 };
/// Share of the orders that somebody with several numbers places under the first.
pub const FIRST_NUMBER: f64 = 0.65;

/// How often each kind of dirt was written.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Dirt {
    pub guest_orders: u64,
    pub blank_customer_orders: u64,
    pub german_dates: u64,
    pub epoch_dates: u64,
    pub blank_vouchers: u64,
    pub zero_quantities: u64,
    pub negative_quantities: u64,
    pub respelled_skus: u64,
    pub unknown_skus: u64,
    pub blank_skus: u64,
    pub blank_reasons: u64,
    /// People with a second number in the shop's own files.
    pub second_registrations: u64,
    /// People of the own files who are also in the acquired shop's file.
    pub acquired_doubles: u64,
    /// Of the two above: those that only a fuzzy matching finds.
    pub misspelled_doubles: u64,
    pub repeated_customer_rows: u64,
    pub blank_age_bands: u64,
    pub blank_regions: u64,
    pub blank_tiers: u64,
    pub missing_prices: u64,
    pub blank_descriptions: u64,
}

/// The way an order came in; it decides how its time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Web,
    App,
    Store,
    Phone,
}

impl Channel {
    pub fn name(self) -> &'static str {
        match self {
            Channel::Web => "web",
            Channel::App => "app",
            Channel::Store => "store",
            Channel::Phone => "phone",
        }
    }

    /// A channel for an order at this part of the window, 0 to 1.
    pub fn draw(part: f64, draw: &mut Draw) -> Self {
        let chance = draw.unit();
        if chance < STORE {
            Channel::Store
        } else if chance < STORE + PHONE && part < PHONE_CLOSES {
            Channel::Phone
        } else if draw.chance(0.35 + 0.3 * part) {
            Channel::App
        } else {
            Channel::Web
        }
    }

    /// The moment as this channel writes it.
    pub fn moment(self, at: i64) -> String {
        match self {
            Channel::Web | Channel::App => date_time(at).format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            Channel::Store => date_time(at).format("%d.%m.%Y %H:%M").to_string(),
            Channel::Phone => at.to_string(),
        }
    }
}

/// The SKU as it stands in the order line.
pub fn sku(clean: &str, dirt: &mut Dirt, draw: &mut Draw) -> String {
    let chance = draw.unit();
    if chance < UNKNOWN_SKU {
        dirt.unknown_skus += 1;
        return format!("OLD-{:04}", draw.between(1, 400));
    }
    if chance < UNKNOWN_SKU + BLANK_SKU {
        dirt.blank_skus += 1;
        return String::new();
    }
    if chance < UNKNOWN_SKU + BLANK_SKU + RESPELLED_SKU {
        dirt.respelled_skus += 1;
        return match draw.between(0, 2) {
            0 => clean.to_lowercase(),
            1 => format!("{clean} "),
            _ => format!(" {}", clean.to_lowercase()),
        };
    }
    clean.to_owned()
}

/// The quantity as it stands in the order line.
pub fn quantity(clean: i64, dirt: &mut Dirt, draw: &mut Draw) -> i64 {
    let chance = draw.unit();
    if chance < ZERO_QUANTITY {
        dirt.zero_quantities += 1;
        0
    } else if chance < ZERO_QUANTITY + NEGATIVE_QUANTITY {
        dirt.negative_quantities += 1;
        -clean
    } else {
        clean
    }
}

/// `text`, or at `rate` nothing, which is counted.
pub fn blank<'a>(text: &'a str, rate: f64, count: &mut u64, draw: &mut Draw) -> &'a str {
    if draw.chance(rate) {
        *count += 1;
        ""
    } else {
        text
    }
}
