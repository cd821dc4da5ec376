//! What a column seems to be, from its name and what its values have in common.

use serde::{Deserialize, Serialize};

/// So many of the values must agree.
const SHARE: f64 = 0.95;
/// Fewer values than this say nothing about how often they repeat.
const ENOUGH: u64 = 20;
const MAX_CATEGORIES: u64 = 100;
/// From this mean length on, texts with spaces are prose.
const PROSE_CHARS: f64 = 20.0;
/// 2000-01-01 and 2100-01-01 in seconds since 1970.
const EPOCH_SECONDS: std::ops::Range<i64> = 946_684_800..4_102_444_800;

const ID_WORDS: &[&str] = &["id", "uuid", "guid", "key", "sku", "ean", "isbn", "asin"];
const PRICE_WORDS: &[&str] =
    &["price", "amount", "cost", "total", "revenue", "fee", "tax", "discount", "salary", "subtotal", "preis", "betrag"];
const TIME_WORDS: &[&str] = &["time", "timestamp", "date", "at", "ts", "created", "updated", "modified", "epoch"];
const FLAGS: &[&str] = &["true", "false", "yes", "no", "y", "n", "t", "f", "on", "off", "0", "1"];
const CURRENCIES: &[&str] = &["€", "$", "£", "¥", "EUR", "USD", "GBP", "CHF", "JPY"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LooksLike {
    Id,
    Email,
    Url,
    Timestamp,
    Price,
    /// Few values that repeat.
    Category,
    FreeText,
    /// One of two words or numbers.
    Flag,
}

/// Types as far as they matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Boolean,
    Whole,
    Fraction,
    Text,
    Time,
    Other,
}

/// How many of the values have a form.
#[derive(Debug, Default)]
pub(super) struct Signs {
    values: u64,
    email: u64,
    url: u64,
    time: u64,
    flag: u64,
    money: u64,
    digit: u64,
    /// No white space.
    bare: u64,
    epoch: u64,
}

impl Signs {
    pub fn add(&mut self, value: &str) {
        let note = |count: &mut u64, yes: bool| *count += u64::from(yes);
        note(&mut self.values, true);
        note(&mut self.email, is_email(value));
        note(&mut self.url, is_url(value));
        note(&mut self.time, is_time(value));
        note(&mut self.flag, FLAGS.iter().any(|flag| value.eq_ignore_ascii_case(flag)));
        note(&mut self.money, is_money(value));
        note(&mut self.digit, value.bytes().any(|byte| byte.is_ascii_digit()));
        note(&mut self.bare, !value.chars().any(char::is_whitespace));
        note(&mut self.epoch, is_epoch(value));
    }

    fn most(&self, count: u64) -> bool {
        self.values > 0 && count as f64 >= SHARE * self.values as f64
    }
}

/// What is known of a column besides its values' forms.
pub(super) struct Facts<'a> {
    pub name: &'a str,
    pub family: Family,
    /// The source says that it is the table's key.
    pub is_key: bool,
    pub distinct: u64,
    pub mean_length: f64,
    /// Difference of the greatest and the least whole number.
    pub span: Option<u64>,
}

pub(super) fn looks_like(facts: &Facts<'_>, signs: &Signs) -> Option<LooksLike> {
    let (values, distinct) = (signs.values, facts.distinct);
    if values == 0 {
        return None;
    }
    let named = |words: &[&str]| words_of(facts.name).iter().any(|word| words.contains(&word.as_str()));
    let id_name = facts.is_key || words_of(facts.name).last().is_some_and(|word| ID_WORDS.contains(&word.as_str()));
    let two = signs.flag == values && distinct == 2;
    let category = values >= ENOUGH && distinct <= MAX_CATEGORIES && distinct * 5 <= values;
    let unique = distinct == values && values >= ENOUGH;
    match facts.family {
        Family::Boolean => Some(LooksLike::Flag),
        Family::Time => Some(LooksLike::Timestamp),
        Family::Whole if two => Some(LooksLike::Flag),
        Family::Whole if named(TIME_WORDS) && signs.most(signs.epoch) => Some(LooksLike::Timestamp),
        Family::Whole if id_name => Some(LooksLike::Id),
        Family::Whole | Family::Fraction if named(PRICE_WORDS) => Some(LooksLike::Price),
        // Numbered through without great gaps.
        Family::Whole if unique && facts.span.is_some_and(|span| span < 2 * values) => Some(LooksLike::Id),
        Family::Whole if category => Some(LooksLike::Category),
        Family::Text if two => Some(LooksLike::Flag),
        Family::Text if signs.most(signs.email) => Some(LooksLike::Email),
        Family::Text if signs.most(signs.url) => Some(LooksLike::Url),
        Family::Text if signs.most(signs.time) => Some(LooksLike::Timestamp),
        Family::Text if signs.most(signs.money) => Some(LooksLike::Price),
        Family::Text if signs.most(signs.bare) && (id_name || unique && signs.most(signs.digit)) => Some(LooksLike::Id),
        Family::Text if category => Some(LooksLike::Category),
        Family::Text if signs.bare * 2 < values && facts.mean_length >= PROSE_CHARS && distinct * 2 >= values => Some(LooksLike::FreeText),
        _ => None,
    }
}

/// The words of `order_id`, `orderId` or `Order ID`, in lower case.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_lower = false;
    for c in name.chars() {
        let begins = !c.is_alphanumeric() || (c.is_uppercase() && before_lower);
        if begins {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before_lower = c.is_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn is_email(value: &str) -> bool {
    let Some((user, host)) = value.split_once('@') else { return false };
    let plain = |text: &str, more: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || more.contains(c));
    let ending = host.rsplit_once('.').filter(|(name, _)| !name.is_empty()).map_or("", |(_, ending)| ending);
    plain(user, ".!#$%&'*+/=?^_`{|}~-") && plain(host, ".-") && ending.len() >= 2 && ending.chars().all(char::is_alphabetic)
}

fn is_url(value: &str) -> bool {
    let rest = ["http://", "https://", "ftp://", "s3://"].iter().find_map(|scheme| value.strip_prefix(scheme));
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || c == '[') && !rest.contains(char::is_whitespace))
}

/// ISO 8601: a day, perhaps with a time.
fn is_time(value: &str) -> bool {
    let bytes = value.as_bytes();
    let number = |from: usize, to: usize| -> Option<u32> {
        let digits = bytes.get(from..to)?;
        digits.iter().all(u8::is_ascii_digit).then(|| digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    };
    let day = number(0, 4).is_some()
        && bytes.get(4) == Some(&b'-')
        && number(5, 7).is_some_and(|month| (1..=12).contains(&month))
        && bytes.get(7) == Some(&b'-')
        && number(8, 10).is_some_and(|day| (1..=31).contains(&day));
    let clock = || {
        matches!(bytes.get(10), Some(b'T' | b' '))
            && number(11, 13).is_some_and(|hour| hour < 24)
            && bytes.get(13) == Some(&b':')
            && number(14, 16).is_some_and(|minute| minute < 60)
    };
    day && (bytes.len() == 10 || clock())
}

/// A number with a currency before or after it.
fn is_money(value: &str) -> bool {
    let value = value.trim();
    let number = CURRENCIES.iter().find_map(|sign| value.strip_prefix(sign).or_else(|| value.strip_suffix(sign)));
    number.map(|text| text.trim().trim_start_matches('-')).is_some_and(|text| {
        text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | ' ' | '\''))
    })
}

/// Seconds or milliseconds since 1970, in this century.
fn is_epoch(value: &str) -> bool {
    value.parse::<i64>().is_ok_and(|number| EPOCH_SECONDS.contains(&number) || EPOCH_SECONDS.contains(&(number / 1000)))
}
