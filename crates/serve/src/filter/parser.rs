//! From words to the tree: recursive descent, one function per rule of the grammar in `docs/filters.md`.

use domain::{Result, near};

use super::lexer::{Placed, Token, fault, lex};
use super::syntax::{Asked, Condition, Effect, Entity, Expression, Field, Given, List, Of, Operand, Part, Sign, Test, Value};

/// As long as AWS takes them.
const MOST_CHARS: usize = 2_500;
/// Parentheses and NOTs within each other: what is read by recursion has an end before the stack has.
const MOST_DEPTH: usize = 64;

/// Reads an expression. The error says at which column what was expected and what was found. Whether there are such fields is
/// checked when a filter is created.
pub fn parse(expression: &str) -> Result<Expression> {
    let chars = expression.chars().count();
    if chars == 0 || chars > MOST_CHARS {
        return Err(fault(1, format!("expected 1 to {MOST_CHARS} characters, found {chars}.")));
    }
    Parser { tokens: lex(expression)?, at: 0, depth: 0 }.expression()
}

struct Parser {
    tokens: Vec<Placed>,
    at: usize,
    depth: usize,
}

impl Parser {
    /// The last token is the end, and stays.
    fn here(&self) -> (&Token, usize) {
        self.tokens.get(self.at).or(self.tokens.last()).map_or((&Token::End, 1), |placed| (&placed.token, placed.column))
    }

    fn next(&mut self) {
        self.at = (self.at + 1).min(self.tokens.len().saturating_sub(1));
    }

    fn expected<T>(&self, what: impl std::fmt::Display) -> Result<T> {
        let (found, column) = self.here();
        Err(fault(column, format!("expected {what}, found {found}.")))
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.here().0, Token::Word(found) if found.eq_ignore_ascii_case(word))
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.next();
        }
        found
    }

    fn take_mark(&mut self, mark: &str) -> bool {
        let found = matches!(self.here().0, Token::Mark(found) if *found == mark);
        if found {
            self.next();
        }
        found
    }

    fn require_word(&mut self, word: &str) -> Result<()> {
        if self.take_word(word) { Ok(()) } else { self.expected(word) }
    }

    fn require_mark(&mut self, mark: &str) -> Result<()> {
        if self.take_mark(mark) { Ok(()) } else { self.expected(mark) }
    }

    fn expression(mut self) -> Result<Expression> {
        let mut entity = None;
        let mut parts = Vec::new();
        loop {
            parts.push(self.part(&mut entity)?);
            if !self.take_mark("|") {
                break;
            }
        }
        match self.here().0 {
            Token::End => {}
            _ if parts.last().is_some_and(|part| part.guard.is_some()) => return self.expected("AND, OR, | or the end"),
            _ => return self.expected("AND, OR, IF, | or the end"),
        }
        // An expression of limits alone is about items.
        Ok(Expression { entity: entity.unwrap_or(Entity::Item), parts })
    }

    fn part(&mut self, entity: &mut Option<Entity>) -> Result<Part> {
        let effect = if self.take_word("INCLUDE") {
            Effect::Include(self.selection(entity)?)
        } else if self.take_word("EXCLUDE") {
            Effect::Exclude(self.selection(entity)?)
        } else if self.take_word("LIMIT") {
            self.limit()?
        } else {
            return self.expected("INCLUDE, EXCLUDE or LIMIT");
        };
        let guard = if self.take_word("IF") { Some(self.any_of()?) } else { None };
        Ok(Part { effect, guard })
    }

    fn selection(&mut self, entity: &mut Option<Entity>) -> Result<Condition> {
        let Some(found) = Entity::ALL.into_iter().find(|entity| self.is_word(entity.as_str())) else {
            return self.expected("ItemID, UserID or ActionID");
        };
        if entity.is_some_and(|earlier| earlier != found) {
            return self.expected(format!("{} as in the part before", entity.map_or("", Entity::as_str)));
        }
        *entity = Some(found);
        self.next();
        self.require_word("WHERE")?;
        self.any_of()
    }

    fn limit(&mut self) -> Result<Effect> {
        let most = self.value("a whole number or a $parameter")?;
        let whole = match &most.given {
            Given::Number(number) => *number >= 1.0 && number.fract() == 0.0,
            Given::Parameter(_) => true,
            Given::Text(_) | Given::Truth(_) | Given::Now(_) => false,
        };
        if !whole {
            return Err(fault(most.column, "expected a whole number from 1 or a $parameter after LIMIT, found something else."));
        }
        self.require_word("PER")?;
        let per = self.field()?;
        if per.of != Of::Items {
            return Err(fault(per.column, format!("expected a field of Items after PER, found {per}.")));
        }
        Ok(Effect::Limit { most, per })
    }

    /// AND binds before OR.
    fn any_of(&mut self) -> Result<Condition> {
        let mut all = vec![self.all_of()?];
        while self.take_word("OR") {
            all.push(self.all_of()?);
        }
        Ok(joined(all, Condition::Or))
    }

    fn all_of(&mut self) -> Result<Condition> {
        let mut all = flat(self.one()?);
        while self.take_word("AND") {
            all.extend(flat(self.one()?));
        }
        Ok(joined(all, Condition::And))
    }

    fn one(&mut self) -> Result<Condition> {
        let column = self.here().1;
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(fault(column, format!("expected at most {MOST_DEPTH} parentheses and NOTs within each other, found more.")));
        }
        let condition = if self.take_word("NOT") {
            Condition::Not(Box::new(self.one()?))
        } else if self.take_mark("(") {
            let inner = self.any_of()?;
            self.require_mark(")")?;
            inner
        } else {
            Condition::Test(self.test()?)
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn test(&mut self) -> Result<Test> {
        let field = self.field()?;
        let negated = self.take_word("NOT");
        if self.take_word("IN") {
            return Ok(Test { field, asked: Asked::In { negated, list: self.list()? } });
        }
        if negated {
            return self.expected("IN after NOT");
        }
        let Token::Mark(mark) = self.here().0 else { return self.expected("IN, NOT IN, =, !=, <, <=, > or >=") };
        let sign = match *mark {
            "=" => Sign::Equal,
            "!=" => Sign::Unequal,
            "<" => Sign::Less,
            "<=" => Sign::LessOrEqual,
            ">" => Sign::Greater,
            ">=" => Sign::GreaterOrEqual,
            _ => return self.expected("IN, NOT IN, =, !=, <, <=, > or >="),
        };
        self.next();
        let with = match self.current_field()? {
            Some(field) => Operand::Field(field),
            None => Operand::Value(self.value("a value, a $parameter, now() or a field of CurrentItem or CurrentUser")?),
        };
        Ok(Test { field, asked: Asked::Compared { sign, with } })
    }

    fn list(&mut self) -> Result<List> {
        if let Some(field) = self.current_field()? {
            return Ok(List::Field(field));
        }
        if !self.take_mark("(") {
            return self.expected("( or a field of CurrentItem or CurrentUser after IN");
        }
        if self.take_star() {
            self.require_mark(")")?;
            return Ok(List::Any);
        }
        let mut values = Vec::new();
        loop {
            values.push(self.value("a value, a $parameter or *")?);
            if !self.take_mark(",") {
                break;
            }
        }
        if self.take_mark(")") { Ok(List::Values(values)) } else { self.expected(", or )") }
    }

    /// `*`, or `"*"` where it stands alone: AWS's documents have both.
    fn take_star(&mut self) -> bool {
        let closes = self.tokens.get(self.at + 1).is_some_and(|placed| placed.token == Token::Mark(")"));
        if closes && matches!(self.here().0, Token::Text(text) if text == "*") {
            self.next();
            return true;
        }
        self.take_mark("*")
    }

    fn value(&mut self, what: &str) -> Result<Value> {
        let (token, column) = (self.here().0.clone(), self.here().1);
        let given = match token {
            Token::Text(text) => Given::Text(text),
            Token::Number(number) => Given::Number(number),
            Token::Parameter(name) => Given::Parameter(name),
            Token::Word(word) if word.eq_ignore_ascii_case("true") => Given::Truth(true),
            Token::Word(word) if word.eq_ignore_ascii_case("false") => Given::Truth(false),
            Token::Word(word) if word.eq_ignore_ascii_case("now") => return self.moment(column),
            Token::Mark("-") => {
                self.next();
                let Token::Number(number) = self.here().0 else { return self.expected("a number after -") };
                Given::Number(-number)
            }
            Token::Word(word) => {
                return self.expected(format!("{what} (text stands in double quotes: \"{word}\")"));
            }
            Token::Mark(_) | Token::End => return self.expected(what),
        };
        self.next();
        Ok(Value { given, column })
    }

    /// `now()`, `now() - 7 days`.
    fn moment(&mut self, column: usize) -> Result<Value> {
        self.next();
        self.require_mark("(")?;
        self.require_mark(")")?;
        let direction = if self.take_mark("-") {
            -1.0
        } else if self.take_mark("+") {
            1.0
        } else {
            return Ok(Value { given: Given::Now(0.0), column });
        };
        let Token::Number(count) = *self.here().0 else { return self.expected("a number of days, hours or the like") };
        self.next();
        let Some(seconds) = self.unit() else { return self.expected("seconds, minutes, hours, days or weeks") };
        self.next();
        Ok(Value { given: Given::Now(direction * count * seconds), column })
    }

    fn unit(&self) -> Option<f64> {
        let Token::Word(word) = self.here().0 else { return None };
        let word = word.to_ascii_lowercase();
        Some(match word.strip_suffix('s').unwrap_or(&word) {
            "second" => 1.0,
            "minute" => 60.0,
            "hour" => 3_600.0,
            "day" => 86_400.0,
            "week" => 604_800.0,
            _ => return None,
        })
    }

    /// A field of the current item or user, if one stands here.
    fn current_field(&mut self) -> Result<Option<Field>> {
        let stands = self.is_word("CurrentItem") || self.is_word("CurrentUser");
        if stands { self.field().map(Some) } else { Ok(None) }
    }

    fn field(&mut self) -> Result<Field> {
        let (token, column) = (self.here().0.clone(), self.here().1);
        let Token::Word(word) = token else {
            return self.expected("a field, as in Items.GENRE or Interactions.EVENT_TYPE");
        };
        let plain = word.replace('_', "");
        let Some(of) = Of::ALL.into_iter().find(|of| of.as_str().eq_ignore_ascii_case(&plain)) else {
            let known = Of::ALL.map(Of::as_str);
            return Err(fault(column, format!("expected a dataset, found {word}; {}", near::hint(&word, &known))));
        };
        self.next();
        if !self.take_mark(".") {
            return self.expected(format!(". and a field after {}", of.as_str()));
        }
        let name = match self.here().0 {
            Token::Word(name) => name.clone(),
            Token::Number(digits) => digits.to_string(),
            _ => return self.expected(format!("the name of a field after {}.", of.as_str())),
        };
        self.next();
        Ok(Field { of, name, column })
    }
}

/// What stands in parentheses and is joined by the same word speaks of the same event.
fn flat(condition: Condition) -> Vec<Condition> {
    match condition {
        Condition::And(inner) => inner,
        other => vec![other],
    }
}

/// One condition stands for itself.
fn joined(mut all: Vec<Condition>, join: impl FnOnce(Vec<Condition>) -> Condition) -> Condition {
    if all.len() == 1 { all.remove(0) } else { join(all) }
}
