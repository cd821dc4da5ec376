//! Expressions over names: of regular expressions, letters, `.*` and `|`, which is what clients send. A lone `*` counts as `.*`,
//! as Hive's clients write it.

use domain::Result;

use crate::input::Input;

/// Each alternative is a list of pieces between its `.*`.
pub(super) struct Pattern(Vec<Vec<String>>);

impl Pattern {
    /// Nothing where the member is left out or empty.
    pub fn read(input: &Input, member: &str) -> Result<Option<Self>> {
        let Some(text) = input.optional_text(member)?.filter(|text| !text.is_empty()) else { return Ok(None) };
        let text = text.strip_prefix('^').unwrap_or(text);
        let text = text.strip_suffix('$').unwrap_or(text).to_lowercase();
        if let Some(found) = text.replace(".*", "").chars().find(|c| r"\.+?()[]{}^$".contains(*c)) {
            return Err(input.error(format!("takes letters, digits, \".*\" and \"|\" as {member:?}; found {found:?} in {text:?}.")));
        }
        let pieces = |alternative: &str| alternative.split(".*").flat_map(|piece| piece.split('*')).map(Into::into).collect();
        Ok(Some(Self(text.split('|').map(pieces).collect())))
    }

    pub fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|pieces| is_made_of(name, pieces))
    }
}

/// The pieces occur in this order; the first begins the name and the last ends it.
fn is_made_of(name: &str, pieces: &[String]) -> bool {
    let [first, middle @ .., last] = pieces else { return pieces.iter().all(|only| only == name) };
    let Some(rest) = name.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else { return false };
    middle.iter().try_fold(rest, |rest, piece| rest.find(piece.as_str()).map(|at| &rest[at + piece.len()..])).is_some()
}

#[cfg(test)]
mod tests;
