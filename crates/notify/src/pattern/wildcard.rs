//! `*` stands for any text; `\*` and `\\` for themselves.

use domain::Result;

use super::wrong;

/// The texts between the stars: one more than there are stars.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wildcard(Vec<String>);

impl Wildcard {
    pub fn read(text: &str, place: &str) -> Result<Self> {
        let mut parts = vec![String::new()];
        let mut after_star = false;
        let mut chars = text.chars();
        while let Some(next) = chars.next() {
            let literal = match next {
                '*' if after_star => return Err(wrong(place, &format!("single stars are expected; found two in a row in {text:?}"))),
                '*' => {
                    parts.push(String::new());
                    after_star = true;
                    continue;
                }
                '\\' => match chars.next() {
                    Some(escaped @ ('*' | '\\')) => escaped,
                    _ => return Err(wrong(place, &format!("a backslash before a star or a backslash is expected; found {text:?}"))),
                },
                other => other,
            };
            after_star = false;
            if let Some(last) = parts.last_mut() {
                last.push(literal);
            }
        }
        Ok(Self(parts))
    }

    /// The first and the last text at the ends, those between wherever they come first: linear in the text for each part.
    pub fn matches(&self, text: &str) -> bool {
        let [first, middle @ .., last] = &self.0[..] else { return self.0.first().is_some_and(|only| only == text) };
        let Some(mut rest) = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else { return false };
        for part in middle {
            match rest.find(part.as_str()) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        true
    }
}
