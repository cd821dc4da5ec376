//! Whether the first row of a delimited file names its columns.
//!
//! Glue takes a first row for a header only when a row below holds something that is not text, so files of text alone
//! lose theirs. Here the first row may also prove itself: its cells look like names, never come back as values of
//! their column, and differ in kind from what stands below them.

use std::collections::HashSet;

use super::value::Kind;

/// A name has fewer characters.
const MAX_NAME_CHARS: usize = 150;
/// Rows compared with the first one.
const ROWS_COMPARED: usize = 1000;
/// From so many values on, few different ones make a column a category.
const CATEGORY_ROWS: usize = 6;
/// Share of a column's values that must look alike before a first cell that looks different tells anything.
const ALIKE: f64 = 0.9;

/// Words that name columns far more often than they are values.
const NAME_WORDS: &[&str] = &[
    "id",
    "ids",
    "name",
    "names",
    "title",
    "type",
    "kind",
    "code",
    "key",
    "number",
    "no",
    "num",
    "nr",
    "date",
    "time",
    "timestamp",
    "year",
    "month",
    "day",
    "created",
    "updated",
    "at",
    "user",
    "users",
    "customer",
    "client",
    "member",
    "account",
    "item",
    "items",
    "product",
    "products",
    "sku",
    "article",
    "category",
    "categories",
    "brand",
    "price",
    "cost",
    "amount",
    "quantity",
    "qty",
    "total",
    "count",
    "value",
    "rating",
    "score",
    "rank",
    "weight",
    "size",
    "status",
    "state",
    "country",
    "city",
    "street",
    "address",
    "zip",
    "postcode",
    "region",
    "email",
    "mail",
    "phone",
    "first",
    "last",
    "forename",
    "surname",
    "gender",
    "sex",
    "age",
    "birth",
    "dob",
    "description",
    "text",
    "comment",
    "note",
    "url",
    "link",
    "event",
    "order",
    "invoice",
    "line",
    "label",
    "tag",
    "tags",
    "genre",
    "genres",
    "language",
    "currency",
    "tier",
    "segment",
    "channel",
    "source",
    "target",
    "from",
    "to",
];

/// `rows` begins with the row in question.
pub(super) fn is_header(rows: &[Vec<&str>]) -> bool {
    let Some((first, rest)) = rows.split_first() else { return false };
    if !could_be_names(first) {
        return false;
    }
    // Files that were joined end to end repeat their header; such a row says nothing about the values.
    let rest: Vec<&Vec<&str>> = rest.iter().filter(|row| row.len() == first.len() && *row != first).take(ROWS_COMPARED).collect();
    if rest.is_empty() {
        return first.iter().all(|cell| cell.is_empty() || is_name(cell));
    }
    let columns: Vec<Vec<&str>> =
        (0..first.len()).map(|index| rest.iter().map(|row| row[index]).filter(|cell| !cell.is_empty()).collect()).collect();
    let typed = columns.iter().any(|values| {
        let kind = values.iter().fold(Kind::Empty, |kind, value| kind.widen(Kind::of(value)));
        !matches!(kind, Kind::Empty | Kind::Text)
    });
    if typed {
        return true;
    }
    if first.iter().zip(&columns).any(|(cell, values)| values.contains(cell)) {
        return false;
    }
    let telling = first.iter().zip(&columns).filter(|(cell, values)| tells(cell, values)).count();
    telling * 2 >= first.len()
}

/// Every cell is a text that is neither empty (but the last may be), too long, a number, a date or a truth value.
fn could_be_names(cells: &[&str]) -> bool {
    let last = cells.len().saturating_sub(1);
    cells.iter().enumerate().all(|(index, cell)| match Kind::of(cell) {
        Kind::Empty => index == last && index > 0,
        Kind::Text => cell.chars().count() < MAX_NAME_CHARS && !cell.contains('\n'),
        _ => false,
    })
}

/// The cell is a name, or of another kind than the values below it.
fn tells(cell: &str, values: &[&str]) -> bool {
    is_name(cell) || looks_different(cell, values) || is_outside_category(values)
}

/// `user_id`, `UserId`, `Order Date`: joined by underscores, or with a word that names columns.
fn is_name(cell: &str) -> bool {
    let plain = cell.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | ' ' | '-' | '.' | '/' | '(' | ')' | '%' | '#'));
    let words = words(cell);
    plain && words.len() <= 6 && (cell.contains('_') || words.iter().any(|word| NAME_WORDS.contains(&word.as_str())))
}

/// Lower-case words, parted at anything but letters and at capitals inside a word.
fn words(cell: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous_lower = false;
    for c in cell.chars() {
        if !c.is_alphabetic() || (c.is_uppercase() && previous_lower) {
            words.push(String::new());
        }
        previous_lower = c.is_lowercase();
        if c.is_alphabetic()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Which sorts of characters a text holds.
fn look(text: &str) -> u8 {
    text.chars().enumerate().fold(0, |look, (index, c)| {
        look | match c {
            c if c.is_uppercase() && index == 0 => 1,
            c if c.is_uppercase() => 2,
            c if c.is_alphabetic() => 4,
            c if c.is_numeric() => 8,
            ' ' => 16,
            '_' => 32,
            _ => 64,
        }
    })
}

fn looks_different(cell: &str, values: &[&str]) -> bool {
    if values.len() < 2 {
        return false;
    }
    let own = look(cell);
    let same = values.iter().filter(|value| look(value) == own).count();
    (same as f64) <= (1.0 - ALIKE) * values.len() as f64
}

/// Many values, few different ones, and (checked before) the first cell is none of them.
fn is_outside_category(values: &[&str]) -> bool {
    values.len() >= CATEGORY_ROWS && values.iter().collect::<HashSet<_>>().len() * 3 <= values.len()
}
