//! Names that somebody may have meant.

/// At most so many are offered.
const OFFERED: usize = 3;

/// The end of a sentence that refuses a name; empty where no name is near.
pub(super) fn near(wanted: &str, names: &[&str]) -> String {
    let folded = wanted.to_lowercase();
    let mut near: Vec<(usize, &str)> = names.iter().map(|name| (steps(&folded, &name.to_lowercase()), *name)).collect();
    near.retain(|(steps, name)| *steps <= 1 + wanted.chars().count().max(name.chars().count()) / 4);
    near.sort_unstable();
    let offered: Vec<String> = near.iter().take(OFFERED).map(|(_, name)| format!("{name:?}")).collect();
    if offered.is_empty() { String::new() } else { format!("; near to it are {}", offered.join(", ")) }
}

/// Characters to insert, delete, replace, or to swap with their neighbour, until one is the other.
fn steps(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut least = (row[j] + usize::from(x != y)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(before[j - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests;
