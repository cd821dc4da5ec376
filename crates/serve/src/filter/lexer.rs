//! From characters to words.

use std::fmt;

use domain::{Error, Result};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A keyword, a dataset's or a field's name.
    Word(String),
    Text(String),
    Number(f64),
    Parameter(String),
    /// `=`, `!=`, `<`, …, and `( ) , . | * -`.
    Mark(&'static str),
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub token: Token,
    /// Character of the expression, from 1.
    pub column: usize,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Parameter(name) => write!(f, "${name}"),
            Self::Mark(mark) => f.write_str(mark),
            Self::End => f.write_str("the end"),
        }
    }
}

/// The code of every fault of an expression.
pub(crate) const FILTER_INVALID: &str = "FILTER_INVALID";

/// `rest` is what was expected and what was found.
pub(crate) fn fault(column: usize, rest: impl fmt::Display) -> Error {
    Error::invalid_input(format!("The filter expression, column {column}: {rest}")).code(FILTER_INVALID)
}

/// Longer ones first, so that `<=` is not read as `<`.
const MARKS: [&str; 15] = ["!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", ",", ".", "|", "*", "-", "+"];

pub(super) fn lex(expression: &str) -> Result<Vec<Placed>> {
    let chars: Vec<char> = expression.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = chars.get(at).copied() {
        let column = at + 1;
        let rest = chars.get(at..).unwrap_or_default();
        let (token, length) = if first.is_whitespace() {
            at += 1;
            continue;
        } else if first == '"' {
            text(rest, column)?
        } else if first == '$' {
            parameter(rest, column)?
        } else if first.is_ascii_digit() {
            number(rest, column)?
        } else if is_of_word(first) {
            let word: String = rest.iter().take_while(|c| is_of_word(**c)).collect();
            let length = word.chars().count();
            (Token::Word(word), length)
        } else {
            mark(rest, column)?
        };
        tokens.push(Placed { token, column });
        at += length;
    }
    tokens.push(Placed { token: Token::End, column: chars.len() + 1 });
    Ok(tokens)
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// In double quotes; `\"` and `\\` stand for themselves.
fn text(rest: &[char], column: usize) -> Result<(Token, usize)> {
    let mut text = String::new();
    let mut at = 1;
    while let Some(c) = rest.get(at).copied() {
        match (c, rest.get(at + 1)) {
            ('"', _) => return Ok((Token::Text(text), at + 1)),
            ('\\', Some(next @ ('"' | '\\'))) => {
                text.push(*next);
                at += 2;
            }
            _ => {
                text.push(c);
                at += 1;
            }
        }
    }
    Err(fault(column, "expected a text that ends with a double quote, found no end of it."))
}

fn parameter(rest: &[char], column: usize) -> Result<(Token, usize)> {
    let name: String = rest.iter().skip(1).take_while(|c| is_of_word(**c)).collect();
    if name.is_empty() {
        return Err(fault(column, "expected the name of a parameter after $, as in $genre, found none."));
    }
    let length = 1 + name.chars().count();
    Ok((Token::Parameter(name), length))
}

/// Digits with a fraction and an exponent. What begins with digits and goes on with letters is a word: names of fields may be like that.
fn number(rest: &[char], column: usize) -> Result<(Token, usize)> {
    let mut length = 0;
    let digits = |from: usize| rest.iter().skip(from).take_while(|c| c.is_ascii_digit()).count();
    length += digits(length);
    if rest.get(length) == Some(&'.') && digits(length + 1) > 0 {
        length += 1 + digits(length + 1);
    }
    if matches!(rest.get(length), Some('e' | 'E')) {
        let signed = usize::from(matches!(rest.get(length + 1), Some('-' | '+')));
        let exponent = digits(length + 1 + signed);
        length += if exponent > 0 { 1 + signed + exponent } else { 0 };
    }
    if rest.get(length).is_some_and(|c| is_of_word(*c)) {
        let word: String = rest.iter().take_while(|c| is_of_word(**c)).collect();
        let length = word.chars().count();
        return Ok((Token::Word(word), length));
    }
    let digits: String = rest.iter().take(length).collect();
    match digits.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok((Token::Number(number), length)),
        _ => Err(fault(column, format!("expected a number that fits 64 bits, found {digits}."))),
    }
}

fn mark(rest: &[char], column: usize) -> Result<(Token, usize)> {
    let found = MARKS.into_iter().find(|mark| mark.chars().eq(rest.iter().take(mark.len()).copied()));
    match (found, rest.first()) {
        (Some("<>"), _) => Ok((Token::Mark("!="), 2)),
        (Some(mark), _) => Ok((Token::Mark(mark), mark.len())),
        (None, Some('\'' | '“' | '”')) => {
            Err(fault(column, "expected text in straight double quotes (\"), found another kind of quote."))
        }
        (None, first) => {
            let first = first.copied().unwrap_or_default();
            Err(fault(column, format!("expected a word, a value or a sign, found the character {first:?}.")))
        }
    }
}
