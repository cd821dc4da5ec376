//! Names that were meant, when one is not known.

const SHOWN: usize = 12;

/// "did you mean …?", or the names that there are.
pub(crate) fn hint(wanted: &str, names: &[&str]) -> String {
    let lower = wanted.to_lowercase();
    let allowed = lower.chars().count() * 2 / 5;
    let mut near: Vec<(usize, &str)> = names.iter().map(|name| (distance(&lower, &name.to_lowercase()), *name)).collect();
    near.retain(|(distance, _)| *distance <= allowed);
    near.sort_unstable();
    near.truncate(3);
    if !near.is_empty() {
        let near: Vec<&str> = near.into_iter().map(|(_, name)| name).collect();
        return format!("did you mean {}?", near.join(" or "));
    }
    match names {
        [] => "there are none.".into(),
        names => {
            let more = if names.len() > SHOWN { format!(", … ({} in all)", names.len()) } else { String::new() };
            let shown: Vec<&str> = names.iter().take(SHOWN).copied().collect();
            format!("there are {}{more}.", shown.join(", "))
        }
    }
}

/// Levenshtein's: insertions, deletions and replacements of one letter.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let (mut diagonal, mut left) = (i, i + 1);
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = *cell;
            left = replaced.min(*cell + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
