//! From text to a condition, by recursive descent.

use domain::{Error, Result};

use super::value::{KeyType, Value};
use super::{Comparison, Condition, Key, LikePart};
use crate::table::Column;

/// The longest expression, as in Glue.
const MAX_CHARS: usize = 2048;
/// How deep parentheses and NOTs may stand in each other.
const MAX_DEPTH: usize = 64;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// A keyword or the name of a key.
    Word(String),
    /// The name of a key, in double quotes or backticks.
    Name(String),
    Text(String),
    Number(String),
    Symbol(&'static str),
    End,
}

/// For messages.
impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Word(word) | Self::Number(word) => f.write_str(word),
            Self::Name(name) => write!(f, "{name:?}"),
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Symbol(symbol) => write!(f, "{symbol:?}"),
            Self::End => f.write_str("the end"),
        }
    }
}

const SYMBOLS: &[&str] = &["<>", "!=", "<=", ">=", "=", "<", ">", "(", ")", ","];

pub(super) fn condition(text: &str, keys: &[Column]) -> Result<Condition> {
    let chars = text.chars().count();
    if chars > MAX_CHARS {
        return Err(Error::invalid_input(format!("An expression over partitions has at most {MAX_CHARS} characters; found {chars}.")));
    }
    let mut parser = Parser { tokens: tokens(text)?, at: 0, keys, depth: 0 };
    let condition = parser.any()?;
    match parser.peek() {
        Token::End => Ok(condition),
        _ => Err(parser.expected("AND, OR or the end")),
    }
}

fn wrong(at: usize, expected: &str, found: impl std::fmt::Display) -> Error {
    Error::invalid_input(format!("The expression over partitions expects {expected} at character {}; found {found}.", at + 1))
}

/// With the places of their first characters.
fn tokens(text: &str) -> Result<Vec<(usize, Token)>> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let (start, c) = (at, chars[at]);
        let token = match c {
            _ if c.is_whitespace() => {
                at += 1;
                continue;
            }
            '\'' => Token::Text(quoted(&chars, &mut at)?),
            '"' | '`' => Token::Name(quoted(&chars, &mut at)?),
            _ if c.is_alphabetic() || c == '_' => Token::Word(run(&chars, &mut at, |c| c.is_alphanumeric() || c == '_')),
            _ if c.is_ascii_digit() || "+-.".contains(c) => {
                at += 1;
                Token::Number(format!("{c}{}", run(&chars, &mut at, |c| c.is_ascii_digit() || c == '.')))
            }
            _ => {
                let rest: String = chars[at..].iter().take(2).collect();
                let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
                let symbol = symbol.ok_or_else(|| wrong(start, "a key, a value or an operator", format!("{c:?}")))?;
                at += symbol.len();
                Token::Symbol(symbol)
            }
        };
        tokens.push((start, token));
    }
    tokens.push((chars.len(), Token::End));
    Ok(tokens)
}

/// A doubled quote stands for one.
fn quoted(chars: &[char], at: &mut usize) -> Result<String> {
    let (start, quote) = (*at, chars[*at]);
    let mut text = String::new();
    *at += 1;
    loop {
        match chars.get(*at) {
            Some(c) if *c == quote && chars.get(*at + 1) == Some(&quote) => *at += 1,
            Some(c) if *c == quote => break,
            Some(_) => {}
            None => return Err(wrong(chars.len(), &format!("{quote:?} to close that of character {}", start + 1), "the end")),
        }
        text.push(chars[*at]);
        *at += 1;
    }
    *at += 1;
    Ok(text)
}

fn run(chars: &[char], at: &mut usize, belongs: impl Fn(char) -> bool) -> String {
    let start = *at;
    while chars.get(*at).is_some_and(|c| belongs(*c)) {
        *at += 1;
    }
    chars[start..*at].iter().collect()
}

struct Parser<'a> {
    tokens: Vec<(usize, Token)>,
    at: usize,
    keys: &'a [Column],
    depth: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Condition> {
        let mut parts = vec![self.all()?];
        while self.take_word("OR") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Any(parts) })
    }

    fn all(&mut self) -> Result<Condition> {
        let mut parts = vec![self.one()?];
        while self.take_word("AND") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::All(parts) })
    }

    fn one(&mut self) -> Result<Condition> {
        if self.take_word("NOT") {
            return self.deeper(Self::one).map(|inner| Condition::Not(Box::new(inner)));
        }
        if self.take_symbol("(") {
            let inner = self.deeper(Self::any)?;
            return if self.take_symbol(")") { Ok(inner) } else { Err(self.expected("\")\"")) };
        }
        let key = self.key()?;
        self.predicate(key)
    }

    fn deeper(&mut self, parse: impl FnOnce(&mut Self) -> Result<Condition>) -> Result<Condition> {
        if self.depth == MAX_DEPTH {
            return Err(self.expected(&format!("at most {MAX_DEPTH} conditions within each other")));
        }
        self.depth += 1;
        let inner = parse(self);
        self.depth -= 1;
        inner
    }

    fn key(&mut self) -> Result<Key> {
        let (Token::Word(name) | Token::Name(name)) = self.peek().clone() else { return Err(self.expected("a partition key")) };
        let Some(place) = self.keys.iter().position(|key| key.name.eq_ignore_ascii_case(&name)) else {
            let names: Vec<&str> = self.keys.iter().map(|key| key.name.as_str()).collect();
            return Err(self.expected(&format!("one of the partition keys {}", names.join(", "))));
        };
        let data_type = &self.keys[place].data_type;
        let Some(key_type) = KeyType::of(data_type) else {
            return Err(self.expected(&format!("a key of a type that can be compared ({name} is {data_type})")));
        };
        self.at += 1;
        Ok(Key { place, key_type })
    }

    fn predicate(&mut self, key: Key) -> Result<Condition> {
        if self.take_word("IS") {
            let not = self.take_word("NOT");
            return if self.take_word("NULL") { Ok(negated(not, Condition::IsNull(key))) } else { Err(self.expected("NULL")) };
        }
        if let Some(comparison) = self.comparison() {
            return Ok(Condition::Compare(key, comparison, self.value(key)?));
        }
        let not = self.take_word("NOT");
        let condition = if self.take_word("IN") {
            Condition::In(key, self.values(key)?)
        } else if self.take_word("BETWEEN") {
            let low = self.value(key)?;
            if !self.take_word("AND") {
                return Err(self.expected("AND and the upper bound"));
            }
            Condition::Between(key, low, self.value(key)?)
        } else if self.take_word("LIKE") {
            Condition::Like(key, self.pattern()?)
        } else {
            return Err(self.expected(if not { "IN, BETWEEN or LIKE" } else { "a comparison, IN, BETWEEN, LIKE or IS" }));
        };
        Ok(negated(not, condition))
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let Token::Symbol(symbol) = self.peek() else { return None };
        let comparison = match *symbol {
            "=" => Comparison::Equal,
            "<>" | "!=" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            _ => return None,
        };
        self.at += 1;
        Some(comparison)
    }

    fn values(&mut self, key: Key) -> Result<Vec<Value>> {
        if !self.take_symbol("(") {
            return Err(self.expected("\"(\" and a list of values"));
        }
        let mut values = vec![self.value(key)?];
        while self.take_symbol(",") {
            values.push(self.value(key)?);
        }
        if self.take_symbol(")") { Ok(values) } else { Err(self.expected("\",\" or \")\"")) }
    }

    /// A quoted text or a number, of the key's type.
    fn value(&mut self, key: Key) -> Result<Value> {
        let expected = || key.key_type.name();
        let (Token::Text(text) | Token::Number(text)) = self.peek().clone() else { return Err(self.expected(expected())) };
        let value = key.key_type.read(&text).ok_or_else(|| self.expected(expected()))?;
        self.at += 1;
        Ok(value)
    }

    /// `%` any text, `_` any character, `\` takes the next as it is.
    fn pattern(&mut self) -> Result<Vec<LikePart>> {
        let Token::Text(text) = self.peek().clone() else { return Err(self.expected("a pattern in single quotes")) };
        self.at += 1;
        let mut chars = text.chars();
        let mut parts = Vec::new();
        while let Some(c) = chars.next() {
            parts.push(match c {
                '%' => LikePart::Any,
                '_' => LikePart::One,
                '\\' => LikePart::Is(chars.next().unwrap_or('\\')),
                other => LikePart::Is(other),
            });
        }
        Ok(parts)
    }

    fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |(_, token)| token)
    }

    fn take_word(&mut self, keyword: &str) -> bool {
        let found = matches!(self.peek(), Token::Word(word) if word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(found);
        found
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Token::Symbol(found) if *found == symbol);
        self.at += usize::from(found);
        found
    }

    fn expected(&self, expected: &str) -> Error {
        let place = self.tokens.get(self.at).or(self.tokens.last()).map_or(0, |(place, _)| *place);
        wrong(place, expected, self.peek())
    }
}

fn negated(not: bool, condition: Condition) -> Condition {
    if not { Condition::Not(Box::new(condition)) } else { condition }
}
