//! Expressions over names: regular expressions that the whole name must match, whatever its case. Where `*` and `|` are all that is
//! special in it, it is one of Hive's patterns, as its clients send them, in which `*` stands for anything. What only a
//! backtracking engine knows (looking around, references to groups) is refused.

use domain::Result;
use regex::{Regex, RegexBuilder};

use crate::input::Input;

pub(super) struct Pattern(Regex);

impl Pattern {
    /// Nothing where the member is left out or empty.
    pub fn read(input: &Input, member: &str) -> Result<Option<Self>> {
        let Some(text) = input.optional_text(member)?.filter(|text| !text.is_empty()) else { return Ok(None) };
        let whole = |text: &str| RegexBuilder::new(text).case_insensitive(true).build();
        // By itself first: what is wrong should be told of what was written, not of what stands around it.
        let text = spelt_out(text);
        match whole(&text).and_then(|_| whole(&format!("^(?:{text})$"))) {
            Ok(regex) => Ok(Some(Self(regex))),
            Err(why) => Err(input.error(format!("takes a regular expression as {member:?}; {text:?} is none: {}.", reason(&why)))),
        }
    }

    pub fn matches(&self, name: &str) -> bool {
        self.0.is_match(name)
    }
}

/// Hive's pattern as a regular expression; what is one already stays.
fn spelt_out(text: &str) -> String {
    let is_hives = !text.contains(['.', '\\', '+', '?', '(', ')', '[', ']', '{', '}']);
    if is_hives { text.replace('*', ".*") } else { text.to_owned() }
}

/// The last line of what the library says is the reason; those before it draw the place.
fn reason(why: &regex::Error) -> String {
    let text = why.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;
