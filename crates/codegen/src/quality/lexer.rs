//! DQDL's words, with their places.

use domain::Result;

use super::rule::{Place, refused};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    Word(String),
    /// As written, without a sign.
    Number(String),
    /// A quoted text; `\"` and `\\` stand for one character, every other backslash for itself.
    Text(String),
    Symbol(&'static str),
    End,
}

impl Token {
    /// In a sentence: `found …`.
    pub fn words(&self) -> String {
        match self {
            Self::Word(word) | Self::Number(word) => format!("`{word}`"),
            Self::Text(text) => format!("the text \"{text}\""),
            Self::Symbol(symbol) => format!("`{symbol}`"),
            Self::End => "the end of the ruleset".into(),
        }
    }
}

/// A token, where it stands, and which bytes of the text it is.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    pub token: Token,
    pub place: Place,
    pub start: usize,
    pub end: usize,
}

/// Longer ones first.
const SYMBOLS: [&str; 16] = ["!=", ">=", "<=", "=", ">", "<", "!", "[", "]", "(", ")", ",", "-", "+", "{", "}"];

/// All tokens of the text, the last of them [`Token::End`]. `#` begins a comment that ends with the line.
pub(crate) fn tokens(text: &str) -> Result<Vec<Spot>> {
    let mut found = Vec::new();
    let (mut at, mut place) = (0, Place { line: 1, column: 1 });
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (token, length) = next(rest, place)?;
        let (start, end) = (at, at + length);
        let (taken, _) = rest.split_at(length);
        if let Some(token) = token {
            found.push(Spot { token, place, start, end });
        }
        place = place.after(taken);
        at = end;
    }
    found.push(Spot { token: Token::End, place, start: at, end: at });
    Ok(found)
}

/// The token that the text begins with (none for space and comments) and its bytes.
fn next(rest: &str, place: Place) -> Result<(Option<Token>, usize)> {
    let first = rest.chars().next().unwrap_or(' ');
    let run = |inside: fn(char) -> bool| rest.find(|c| !inside(c)).unwrap_or(rest.len());
    if first.is_whitespace() {
        return Ok((None, run(char::is_whitespace)));
    }
    if first == '#' {
        return Ok((None, rest.find('\n').unwrap_or(rest.len())));
    }
    if first == '"' {
        return quoted(rest, place);
    }
    if first.is_ascii_digit() {
        let length = run(|c| c.is_ascii_digit() || c == '.');
        let number = rest.get(..length).unwrap_or_default();
        let whole = number.split('.').count() <= 2 && !number.ends_with('.');
        return if whole {
            Ok((Some(Token::Number(number.into())), length))
        } else {
            Err(refused(place, "a number", &format!("`{number}`")))
        };
    }
    if first.is_alphabetic() || first == '_' || first == '$' {
        let length = run(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '$'));
        return Ok((Some(Token::Word(rest.get(..length).unwrap_or_default().into())), length));
    }
    match SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
        Some(symbol) => Ok((Some(Token::Symbol(symbol)), symbol.len())),
        None => Err(refused(place, "a rule", &format!("`{first}`"))),
    }
}

fn quoted(rest: &str, place: Place) -> Result<(Option<Token>, usize)> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match (c, chars.peek()) {
            ('"', _) => return Ok((Some(Token::Text(text)), at + 1)),
            ('\\', Some((_, escaped @ ('"' | '\\')))) => {
                text.push(*escaped);
                chars.next();
            }
            _ => text.push(c),
        }
    }
    Err(refused(place, "a text that ends with \"", "none that does"))
}
