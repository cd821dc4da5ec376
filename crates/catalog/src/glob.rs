//! Globs as Glue's exclusions have them, and the `%` of JDBC paths.

use domain::{Error, Result};

/// `*` is any text within a path part, `**` any text, `?` one character of a part, `[a-z]` and `[!a-z]` one of a set,
/// `{a,b}` one of several, `\` takes the next character as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Glob {
    alternatives: Vec<Vec<Piece>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    One(char),
    AnyChar,
    AnyPart,
    Anything,
    Set { ranges: Vec<(char, char)>, negated: bool },
}

/// More combinations of `{a,b}` than this are refused.
const MAX_ALTERNATIVES: usize = 1000;

impl Glob {
    /// Fails on a bracket or brace that is never closed.
    pub fn new(pattern: &str) -> Result<Self> {
        let chars: Vec<char> = pattern.chars().collect();
        let unusable = |why: &str| Error::invalid_input(format!("The pattern {pattern:?} cannot be used: {why}."));
        let expanded = expand(&chars).map_err(unusable)?;
        let alternatives = expanded.iter().map(|chars| parse(chars)).collect::<std::result::Result<_, _>>().map_err(unusable)?;
        Ok(Self { alternatives })
    }

    /// A text in which `%` stands for any text and everything else for itself, without regard to case.
    pub fn percent(pattern: &str) -> Self {
        let piece = |c: char| if c == '%' { Piece::Anything } else { Piece::One(c) };
        Self { alternatives: vec![pattern.to_lowercase().chars().map(piece).collect()] }
    }

    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        self.alternatives.iter().any(|pieces| matches(pieces, &text))
    }
}

/// Every combination of the braces, outermost first.
fn expand(pattern: &[char]) -> std::result::Result<Vec<Vec<char>>, &'static str> {
    let Some((start, end, commas)) = first_braces(pattern)? else { return Ok(vec![pattern.to_vec()]) };
    let mut cuts = vec![start];
    cuts.extend(commas);
    cuts.push(end);
    let mut all = Vec::new();
    for pair in cuts.windows(2) {
        let option = [&pattern[..start], &pattern[pair[0] + 1..pair[1]], &pattern[end + 1..]].concat();
        all.extend(expand(&option)?);
        if all.len() > MAX_ALTERNATIVES {
            return Err("its braces stand for too many texts");
        }
    }
    Ok(all)
}

/// Where the first brace opens and closes, and the commas directly inside.
#[allow(clippy::type_complexity, reason = "three positions, used once")]
fn first_braces(pattern: &[char]) -> std::result::Result<Option<(usize, usize, Vec<usize>)>, &'static str> {
    let (mut start, mut depth, mut commas) = (0, 0, Vec::new());
    let mut index = 0;
    while index < pattern.len() {
        match pattern[index] {
            '\\' => index += 1,
            '{' => {
                depth += 1;
                if depth == 1 {
                    start = index;
                }
            }
            ',' if depth == 1 => commas.push(index),
            '}' if depth == 1 => return Ok(Some((start, index, commas))),
            '}' if depth > 1 => depth -= 1,
            _ => {}
        }
        index += 1;
    }
    if depth > 0 { Err("a brace is never closed") } else { Ok(None) }
}

fn parse(chars: &[char]) -> std::result::Result<Vec<Piece>, &'static str> {
    let mut pieces = Vec::new();
    let mut index = 0;
    while index < chars.len() {
        match chars[index] {
            '\\' => {
                index += 1;
                pieces.push(Piece::One(*chars.get(index).ok_or("it ends with a backslash")?));
            }
            '*' if chars.get(index + 1) == Some(&'*') => {
                index += 1;
                pieces.push(Piece::Anything);
            }
            '*' => pieces.push(Piece::AnyPart),
            '?' => pieces.push(Piece::AnyChar),
            '[' => {
                let length = chars[index + 1..].iter().skip(1).position(|c| *c == ']').ok_or("a bracket is never closed")? + 1;
                pieces.push(set(&chars[index + 1..index + 1 + length]));
                index += length + 1;
            }
            other => pieces.push(Piece::One(other)),
        }
        index += 1;
    }
    Ok(pieces)
}

fn set(inside: &[char]) -> Piece {
    let negated = inside.first() == Some(&'!');
    let inside = if negated { &inside[1..] } else { inside };
    let mut ranges = Vec::new();
    let mut index = 0;
    while index < inside.len() {
        if inside.get(index + 1) == Some(&'-') && index + 2 < inside.len() {
            ranges.push((inside[index], inside[index + 2]));
            index += 3;
        } else {
            ranges.push((inside[index], inside[index]));
            index += 1;
        }
    }
    Piece::Set { ranges, negated }
}

/// Wildcards with the usual one step back: linear for one star, at worst pieces times characters.
fn matches(pieces: &[Piece], text: &[char]) -> bool {
    let mut reachable = vec![false; text.len() + 1];
    reachable[0] = true;
    for piece in pieces {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            match piece {
                Piece::Anything => next[at] = reachable[at] || (at > 0 && next[at - 1]),
                Piece::AnyPart => next[at] = reachable[at] || (at > 0 && next[at - 1] && text[at - 1] != '/'),
                one => next[at] = at > 0 && reachable[at - 1] && is_one(one, text[at - 1]),
            }
        }
        reachable = next;
    }
    reachable[text.len()]
}

fn is_one(piece: &Piece, c: char) -> bool {
    match piece {
        Piece::One(expected) => c == *expected,
        Piece::AnyChar => c != '/',
        Piece::Set { ranges, negated } => c != '/' && ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *negated,
        Piece::AnyPart | Piece::Anything => false,
    }
}
