//! Names that were meant, when one is not found.

use strsim::levenshtein;

/// Names that differ in this share of their letters are near.
const NEAR: f64 = 0.4;
const SHOWN: usize = 12;

/// "near names are …", or the names that there are. `compared[i]` is what `wanted` is held against for `shown[i]`.
pub(crate) fn hint(wanted: &str, compared: &[&str], shown: &[String]) -> String {
    let wanted = wanted.to_lowercase();
    let mut near: Vec<(usize, &String)> = compared
        .iter()
        .zip(shown)
        .map(|(name, shown)| (levenshtein(&wanted, &name.to_lowercase()), shown))
        .filter(|(distance, _)| (*distance as f64) <= NEAR * wanted.chars().count() as f64)
        .collect();
    near.sort();
    near.truncate(3);
    if !near.is_empty() {
        let names: Vec<&str> = near.iter().map(|(_, name)| name.as_str()).collect();
        return format!("did you mean {}?", names.join(" or "));
    }
    match shown.len() {
        0 => "there are none.".into(),
        count if count > SHOWN => format!("there are {}, … ({count} in all).", shown[..SHOWN].join(", ")),
        _ => format!("there are {}.", shown.join(", ")),
    }
}
