//! Names that somebody may have meant, when one is not known: the end of the sentence that refuses it.

use strsim::damerau_levenshtein;

/// So many near names are offered.
const OFFERED: usize = 3;
/// So many names are told when none is near.
const SHOWN: usize = 12;

/// `did you mean prices or prizes?`, or `there are prices, items.`
pub fn hint(wanted: &str, names: &[&str]) -> String {
    let known: Vec<(&str, &str)> = names.iter().map(|name| (*name, *name)).collect();
    hint_of(wanted, &known)
}

/// The same for names that are shown in another way than they are compared: `(orders, shop.orders)`.
pub fn hint_of(wanted: &str, known: &[(&str, &str)]) -> String {
    let wanted = wanted.to_lowercase();
    // Two of five letters may be wrong: inserted, left out, replaced or swapped with their neighbour.
    let allowed = wanted.chars().count() * 2 / 5;
    let measured = known.iter().map(|(name, shown)| (damerau_levenshtein(&wanted, &name.to_lowercase()), *shown));
    let mut near: Vec<(usize, &str)> = measured.filter(|(distance, _)| *distance <= allowed).collect();
    near.sort_unstable();
    if !near.is_empty() {
        let near: Vec<&str> = near.into_iter().take(OFFERED).map(|(_, name)| name).collect();
        return format!("did you mean {}?", near.join(" or "));
    }
    let shown: Vec<&str> = known.iter().take(SHOWN).map(|(_, shown)| *shown).collect();
    match known.len() {
        0 => "there are none.".to_owned(),
        all if all > SHOWN => format!("there are {}, … ({all} in all).", shown.join(", ")),
        _ => format!("there are {}.", shown.join(", ")),
    }
}
