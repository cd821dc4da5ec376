//! What comes with a request for the parameters of a filter.

use std::collections::BTreeMap;

use domain::{Error, Result, near};

use super::check::Kind;
use super::syntax::{Effect, Expression, Field, Part};

/// The code of every fault of a request's filter values.
const FILTER_VALUES: &str = "FILTER_VALUES";
/// As AWS has it.
const MOST_VALUES: usize = 25;
const MOST_CHARS: usize = 1_000;

fn fault(message: String) -> Error {
    Error::invalid_input(message).code(FILTER_VALUES)
}

/// A value with its type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Text(String),
    /// Also true and false, as 1 and 0.
    Number(f64),
}

/// `filterValues` of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values<'a> {
    given: &'a BTreeMap<String, String>,
}

impl<'a> Values<'a> {
    /// Refuses parameters that the expression does not have, and texts that are too long.
    pub(crate) fn of(given: &'a BTreeMap<String, String>, expression: &Expression) -> Result<Self> {
        if given.len() > MOST_VALUES {
            return Err(fault(format!("filterValues has at most {MOST_VALUES} entries; found {}.", given.len())));
        }
        let known = expression.parameters();
        for (name, text) in given {
            if !known.contains(&name.as_str()) {
                return Err(fault(format!("The filter has no parameter ${name}; {}", near::hint(name, &known))));
            }
            let chars = text.chars().count();
            if chars > MOST_CHARS {
                return Err(fault(format!("A value in filterValues has at most {MOST_CHARS} characters; found {chars} for ${name}.")));
            }
        }
        Ok(Self { given })
    }

    /// Whether the part has all its parameters. As in AWS, an EXCLUDE without them is left out, and everything else needs them.
    pub(crate) fn suffice(self, part: &Part) -> Result<bool> {
        match part.parameters().into_iter().find(|name| !self.given.contains_key(*name)) {
            None => Ok(true),
            Some(_) if matches!(part.effect, Effect::Exclude(_)) => Ok(false),
            Some(name) => Err(fault(format!("The filter needs a value for ${name} in filterValues; found none."))),
        }
    }

    /// The values of a parameter for a field that holds `kind`.
    pub(crate) fn list(self, name: &str, field: &Field, kind: Kind) -> Result<Vec<Scalar>> {
        let text = self.given.get(name).map_or("", String::as_str);
        let expected = |example: &str| {
            fault(format!("filterValues, ${name}: {field} holds {}, so {example} is expected; found {text}.", kind.words()))
        };
        let example = match kind {
            Kind::Text => r#""a" or "a","b" (with the double quotes)"#,
            Kind::Number => "10 or 10,20",
            Kind::Truth => "true or false",
        };
        let words = split(text).ok_or_else(|| expected(example))?;
        words.into_iter().map(|word| word.scalar(kind).ok_or_else(|| expected(example))).collect()
    }

    /// The one value of a parameter.
    pub(crate) fn one(self, name: &str, field: &Field, kind: Kind) -> Result<Scalar> {
        let mut list = self.list(name, field, kind)?;
        match (list.pop(), list.len()) {
            (Some(only), 0) => Ok(only),
            (_, others) => Err(fault(format!("filterValues, ${name}: {field} is compared with one value; found {}.", others + 1))),
        }
    }

    /// The number that a LIMIT has.
    pub(crate) fn count(self, name: &str, field: &Field) -> Result<usize> {
        match self.one(name, field, Kind::Number)? {
            Scalar::Number(number) if number >= 1.0 && number.fract() == 0.0 => Ok(number as usize),
            _ => Err(fault(format!("filterValues, ${name}: a limit is a whole number from 1."))),
        }
    }
}

struct Word {
    text: String,
    quoted: bool,
}

impl Word {
    fn scalar(self, kind: Kind) -> Option<Scalar> {
        match kind {
            Kind::Text => self.quoted.then_some(Scalar::Text(self.text)),
            Kind::Number => self.text.trim().parse().ok().filter(|number: &f64| number.is_finite()).map(Scalar::Number),
            Kind::Truth => match self.text.trim().to_ascii_lowercase().as_str() {
                "true" => Some(Scalar::Number(1.0)),
                "false" => Some(Scalar::Number(0.0)),
                _ => None,
            },
        }
    }
}

/// `"a","b"` and `1, 2`; nothing when it is neither.
fn split(text: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut rest = text.trim();
    loop {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_word(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let (bare, after) = rest.split_at(end);
                (Word { text: bare.trim().to_owned(), quoted: false }, after)
            }
        };
        if word.text.is_empty() && !word.quoted {
            return None;
        }
        words.push(word);
        let after = after.trim_start();
        if after.is_empty() {
            return Some(words);
        }
        rest = after.strip_prefix(',')?.trim_start();
    }
}

/// What stands up to the closing quote, and what comes after it. `\"` and `\\` stand for themselves.
fn quoted_word(text: &str) -> Option<(Word, &str)> {
    let mut word = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((Word { text: word, quoted: true }, text.get(at + 1..)?)),
            '\\' if matches!(text.get(at + 1..)?.chars().next(), Some('"' | '\\')) => word.push(chars.next()?.1),
            _ => word.push(c),
        }
    }
    None
}
