//! DQDL's grammar.
//!
//! ```text
//! document   = section+            section = ("Rules" | "Analyzers") "=" "[" … "]"
//! rule       = all ("or" all)*     all     = part ("and" part)*     part = "(" rule ")" | check
//! check      = TYPE parameter* condition? ("with" "threshold" condition | "where" TEXT)*
//! condition  = comparison operand | "not"? "between" operand "and" operand | "not"? "in" "[" operand, … "]" | "not"? "matches" TEXT
//! operand    = NUMBER ("hours" | "days")? | TEXT | "NULL" | "EMPTY" | "WHITESPACES_ONLY" | "now()" | "(" "now()" ("-" | "+") NUMBER unit ")"
//! ```

use domain::{Error, Result};

use super::lexer::{Spot, Token, tokens};
use super::rule::{
    Analyzer, Check, Comparison, Condition, Expression, Operand, Place, Rule, RuleType, Ruleset, Takes, Test, invalid, refused,
};
use crate::sql;

const LONGEST: usize = 65_536;
/// How deep rules may stand within rules, and values within parentheses: deeper ones would use up the stack.
const DEEPEST: usize = 32;

impl Ruleset {
    /// Reads DQDL.
    ///
    /// # Errors
    /// `RULESET_INVALID`, one sentence with line and column: what was expected and what was found.
    pub fn parse(text: &str) -> Result<Self> {
        if text.chars().count() > LONGEST {
            return Err(invalid(Error::invalid_input(format!(
                "A ruleset has at most {LONGEST} characters, found {}.",
                text.chars().count()
            ))));
        }
        Parser { text, spots: tokens(text)?, at: 0 }.ruleset()
    }
}

struct Parser<'a> {
    text: &'a str,
    /// The last is the end.
    spots: Vec<Spot>,
    at: usize,
}

impl Parser<'_> {
    fn token(&self) -> &Token {
        self.spots.get(self.at).map_or(&Token::End, |spot| &spot.token)
    }

    fn place(&self) -> Place {
        self.spots.get(self.at).or(self.spots.last()).map_or(Place { line: 1, column: 1 }, |spot| spot.place)
    }

    /// Whether the word that comes next is this one; DQDL allows some in capitals too.
    fn is_word(&self, word: &str) -> bool {
        matches!(self.token(), Token::Word(found) if found == word || *found == word.to_uppercase())
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self.token(), Token::Symbol(found) if *found == symbol)
    }

    fn take_if(&mut self, found: bool) -> bool {
        self.at += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        self.take_if(self.is_word(word))
    }

    fn take(&mut self, symbol: &str) -> bool {
        self.take_if(self.is(symbol))
    }

    fn need(&mut self, symbol: &str, after: &str) -> Result<()> {
        if self.take(symbol) { Ok(()) } else { Err(self.unexpected(&format!("`{symbol}` {after}"))) }
    }

    fn unexpected(&self, expected: &str) -> Error {
        refused(self.place(), expected, &self.token().words())
    }

    /// The text from the token at `first` to the one before this.
    fn written(&self, first: usize) -> String {
        let start = self.spots.get(first).map_or(0, |spot| spot.start);
        let end = self.spots.get(self.at.saturating_sub(1)).map_or(start, |spot| spot.end);
        self.text.get(start..end).unwrap_or_default().to_owned()
    }

    fn ruleset(mut self) -> Result<Ruleset> {
        let mut ruleset = Ruleset { rules: Vec::new(), analyzers: Vec::new() };
        let mut seen: Vec<String> = Vec::new();
        while *self.token() != Token::End {
            let place = self.place();
            let Token::Word(section) = self.token().clone() else { return Err(self.unexpected("`Rules` or `Analyzers`")) };
            if seen.contains(&section) {
                return Err(refused(place, "one list of each kind", &format!("a second `{section}`")));
            }
            self.at += 1;
            match section.as_str() {
                "Rules" => ruleset.rules = self.list("Rules", Self::rule)?,
                "Analyzers" => ruleset.analyzers = self.list("Analyzers", Self::analyzer)?,
                "DefaultLabels" => return Err(refused(place, "`Rules` or `Analyzers`", "`DefaultLabels`: labels are not kept")),
                "Metadata" | "Sources" => return Err(refused(place, "`Rules` or `Analyzers`", &format!("`{section}`, which is not kept"))),
                _ if self.is("=") => {
                    let found = format!("`{section}`: constants are not known, write the value where it is used");
                    return Err(refused(place, "`Rules` or `Analyzers`", &found));
                }
                _ => return Err(refused(place, "`Rules` or `Analyzers`", &format!("`{section}`"))),
            }
            seen.push(section);
        }
        if ruleset.rules.is_empty() && ruleset.analyzers.is_empty() {
            return Err(self.unexpected("at least one rule in `Rules = [ … ]`"));
        }
        Ok(ruleset)
    }

    fn list<T>(&mut self, section: &str, item: fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.need("=", &format!("after `{section}`"))?;
        self.need("[", &format!("after `{section} =`"))?;
        let mut items = Vec::new();
        while !self.is("]") {
            items.push(item(self)?);
            if !self.take(",") && !self.is("]") {
                return Err(self.unexpected("`,` or `]` after a rule"));
            }
        }
        self.need("]", "after the last rule")?;
        Ok(items)
    }

    fn rule(&mut self) -> Result<Rule> {
        let first = self.at;
        let expression = self.any(0)?;
        Ok(Rule { text: self.written(first), expression })
    }

    fn analyzer(&mut self) -> Result<Analyzer> {
        let (first, place) = (self.at, self.place());
        let check = self.check(true)?;
        let text = self.written(first);
        if check.condition.is_some() || check.threshold.is_some() {
            return Err(refused(place, "an analyzer, which has no condition", &format!("`{text}`")));
        }
        if !matches!(check.rule_type.takes(), Takes::Numbers) {
            return Err(refused(place, "a rule that gives a number as an analyzer", &format!("`{}`", check.rule_type.name())));
        }
        Ok(Analyzer { text, check })
    }

    fn any(&mut self, depth: usize) -> Result<Expression> {
        let mut parts = vec![self.all(depth)?];
        while self.take_word("or") {
            parts.push(self.all(depth)?);
        }
        Ok(one_or(parts, Expression::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Expression> {
        let mut parts = vec![self.part(depth)?];
        while self.take_word("and") {
            parts.push(self.part(depth)?);
        }
        Ok(one_or(parts, Expression::All))
    }

    fn part(&mut self, depth: usize) -> Result<Expression> {
        if !self.is("(") {
            return Ok(Expression::Check(Box::new(self.check(false)?)));
        }
        if depth == DEEPEST {
            return Err(refused(self.place(), &format!("at most {DEEPEST} rules within each other"), "more"));
        }
        self.at += 1;
        let inner = self.any(depth + 1)?;
        self.need(")", "after a rule in parentheses")?;
        Ok(inner)
    }

    fn check(&mut self, analyzer: bool) -> Result<Check> {
        let place = self.place();
        let Token::Word(name) = self.token().clone() else { return Err(self.unexpected("the type of a rule")) };
        let rule_type = RuleType::named(&name, place)?;
        self.at += 1;
        let mut parameters = Vec::new();
        while let Token::Text(text) = self.token() {
            parameters.push(text.clone());
            self.at += 1;
        }
        let (least, most) = rule_type.parameters();
        if !(least..=most).contains(&parameters.len()) {
            let expected = match (least, most) {
                (0, 0) => "no parameter".to_owned(),
                (1, 1) => "one parameter in quotes".to_owned(),
                (least, most) if least == most => format!("{least} parameters in quotes"),
                (least, most) => format!("{least} to {most} parameters in quotes"),
            };
            return Err(refused(place, &format!("{expected} after `{name}`"), &parameters.len().to_string()));
        }
        let starts = self.starts_condition();
        let condition = if starts { Some(self.condition()?) } else { None };
        let mut check = Check { rule_type, parameters, condition, threshold: None, filter: None, place };
        self.clauses(&mut check)?;
        if !analyzer {
            self.fits(&check)?;
        }
        Ok(check)
    }

    /// `with threshold …` and `where "…"`, in any order.
    fn clauses(&mut self, check: &mut Check) -> Result<()> {
        loop {
            let (place, name) = (self.place(), check.rule_type.name());
            if self.is_word("with") && check.threshold.is_none() {
                self.at += 1;
                if !self.take_word("threshold") {
                    return Err(self.unexpected("`threshold` after `with`"));
                }
                if !check.rule_type.by_row() || (check.rule_type == RuleType::CustomSql && check.condition.is_some()) {
                    return Err(refused(place, "a rule that judges single rows before `with threshold`", &format!("`{name}`")));
                }
                let threshold = self.condition()?;
                numbers_only(&threshold)?;
                check.threshold = Some(threshold);
            } else if self.is_word("where") && check.filter.is_none() {
                self.at += 1;
                let Token::Text(filter) = self.token().clone() else { return Err(self.unexpected("SQL in quotes after `where`")) };
                if !check.rule_type.takes_where() {
                    return Err(refused(place, "a rule that looks at rows before `where`", &format!("`{name}`")));
                }
                let filter = sql::checked(&filter, &format!("{}: the where-clause", self.place())).map_err(invalid)?;
                self.at += 1;
                check.filter = Some(sql::parenthesised(&filter));
            } else if self.is_word("labels") {
                return Err(refused(place, "the end of the rule", "`labels`, which are not kept"));
            } else {
                return Ok(());
            }
        }
    }

    /// Whether the condition is one that the rule can be judged by.
    fn fits(&self, check: &Check) -> Result<()> {
        let name = check.rule_type.name();
        match (check.rule_type.takes(), &check.condition) {
            (Takes::Nothing, None) | (Takes::MaybeNumbers, None) => Ok(()),
            (Takes::Nothing, Some(condition)) if check.rule_type == RuleType::ColumnNamesMatchPattern => {
                Err(refused(condition.place, "no condition after the pattern", &format!("`{}`", condition.text)))
            }
            (Takes::Nothing, Some(condition)) => {
                Err(refused(condition.place, &format!("no condition after `{name}`"), &format!("`{}`", condition.text)))
            }
            (_, None) => Err(self.unexpected(&format!("a condition after `{name}`, such as `> 0.9`"))),
            (Takes::Numbers | Takes::MaybeNumbers, Some(condition)) => numbers_only(condition),
            (Takes::Values, Some(condition)) if check.rule_type == RuleType::ColumnLength => numbers_only(condition),
            (Takes::Values, Some(condition)) => match operands(&condition.test).into_iter().find(|o| matches!(o, Operand::Duration(_))) {
                Some(_) => Err(refused(condition.place, "a value", &format!("a duration in `{}`", condition.text))),
                None => Ok(()),
            },
            (Takes::Ages, Some(condition)) => only(condition, "a duration such as `24 hours`", |o| matches!(o, Operand::Duration(_))),
            (Takes::TypeName, Some(condition)) => match &condition.test {
                Test::Compare(Comparison::Equal, Operand::Text(_)) => Ok(()),
                _ => Err(refused(condition.place, "`= \"…\"` with the name of a type", &format!("`{}`", condition.text))),
            },
        }
    }

    fn starts_condition(&self) -> bool {
        let words = ["between", "not", "in", "matches"];
        comparison(self.token()).is_some() || self.is("!") || matches!(self.token(), Token::Word(word) if words.contains(&word.as_str()))
    }

    fn condition(&mut self) -> Result<Condition> {
        let (first, place) = (self.at, self.place());
        let test = self.test()?;
        Ok(Condition { test, text: self.written(first), place })
    }

    fn test(&mut self) -> Result<Test> {
        if let Some(comparison) = comparison(self.token()) {
            self.at += 1;
            return Ok(Test::Compare(comparison, self.operand(0)?));
        }
        let negated = self.take_word("not");
        if self.take_word("between") {
            let low = self.operand(0)?;
            if !self.take_word("and") {
                return Err(self.unexpected("`and` between the ends of `between`"));
            }
            return Ok(Test::Between { low, high: self.operand(0)?, negated });
        }
        if self.take_word("matches") {
            let (place, Token::Text(regex)) = (self.place(), self.token().clone()) else {
                return Err(self.unexpected("a regular expression in quotes after `matches`"));
            };
            sql::pattern(&regex, &place.to_string()).map_err(invalid)?;
            self.at += 1;
            return Ok(Test::Matches { regex, negated });
        }
        if !self.take_word("in") {
            return Err(self.unexpected("a condition: a comparison, `between`, `in` or `matches`"));
        }
        self.need("[", "after `in`")?;
        let mut values = vec![self.operand(0)?];
        while self.take(",") {
            values.push(self.operand(0)?);
        }
        self.need("]", "after the values of `in`")?;
        Ok(Test::In { values, negated })
    }

    fn operand(&mut self, depth: usize) -> Result<Operand> {
        if self.is("(") {
            if depth == DEEPEST {
                return Err(refused(self.place(), &format!("at most {DEEPEST} parentheses around a value"), "more"));
            }
            self.at += 1;
            let inner = self.operand(depth + 1)?;
            self.need(")", "after a value in parentheses")?;
            return Ok(inner);
        }
        let negative = self.take("-");
        match self.token().clone() {
            Token::Number(number) => {
                self.at += 1;
                let number = if negative { format!("-{number}") } else { number };
                match self.unit() {
                    Some(seconds) => Ok(Operand::Duration(self.seconds(&number, seconds)?)),
                    None => Ok(Operand::Number(number)),
                }
            }
            _ if negative => Err(self.unexpected("a number after `-`")),
            Token::Text(text) => {
                self.at += 1;
                Ok(Operand::Text(text))
            }
            Token::Word(word) => self.word_operand(&word),
            _ => Err(self.unexpected("a value: a number, a text in quotes, NULL, EMPTY, WHITESPACES_ONLY or now()")),
        }
    }

    fn word_operand(&mut self, word: &str) -> Result<Operand> {
        let operand = match word {
            "NULL" | "null" => Operand::Null,
            "EMPTY" | "empty" => Operand::Empty,
            "WHITESPACES_ONLY" | "whitespaces_only" => Operand::Whitespace,
            "now" => return self.now(),
            "last" | "avg" | "max" | "min" | "sum" | "std" | "median" | "percentile" | "index" => {
                let found = format!("`{word}(…)`: rules over earlier evaluations are not carried out");
                return Err(refused(self.place(), "a value", &found));
            }
            _ if word.starts_with('$') => {
                let found = format!("`{word}`: constants are not known, write the value");
                return Err(refused(self.place(), "a value", &found));
            }
            _ => return Err(self.unexpected("a value: a number, a text in quotes, NULL, EMPTY, WHITESPACES_ONLY or now()")),
        };
        self.at += 1;
        Ok(operand)
    }

    /// `now()`, and `- 3 days` behind it.
    fn now(&mut self) -> Result<Operand> {
        self.at += 1;
        self.need("(", "after `now`")?;
        self.need(")", "after `now(`")?;
        let sign = if self.take("-") { -1 } else { i64::from(self.take("+")) };
        if sign == 0 {
            return Ok(Operand::Now(0));
        }
        let Token::Number(number) = self.token().clone() else { return Err(self.unexpected("a number of hours or days")) };
        self.at += 1;
        let Some(unit) = self.unit() else { return Err(self.unexpected("`hours` or `days`")) };
        Ok(Operand::Now(sign * self.seconds(&number, unit)?))
    }

    /// Seconds of the unit that comes next.
    fn unit(&mut self) -> Option<i64> {
        let units = [("hours", 3600), ("hour", 3600), ("days", 86_400), ("day", 86_400), ("minutes", 60), ("minute", 60)];
        let found = units.into_iter().find(|(name, _)| self.is_word(name)).map(|(_, seconds)| seconds);
        self.at += usize::from(found.is_some());
        found
    }

    fn seconds(&self, number: &str, unit: i64) -> Result<i64> {
        let whole = number.parse::<i64>().ok().and_then(|number| number.checked_mul(unit));
        // A century, far beyond what data is judged by and far below what a date may be.
        let fits = whole.filter(|seconds| (0..=100 * 366 * 86_400).contains(seconds));
        fits.ok_or_else(|| refused(self.place(), "a whole number of hours or days, a century at most", &format!("`{number}`")))
    }
}

fn one_or(mut parts: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            many(parts)
        }
        None => many(parts),
    }
}

fn comparison(token: &Token) -> Option<Comparison> {
    let Token::Symbol(symbol) = token else { return None };
    match *symbol {
        "=" => Some(Comparison::Equal),
        "!=" => Some(Comparison::NotEqual),
        "<" => Some(Comparison::Less),
        "<=" => Some(Comparison::LessOrEqual),
        ">" => Some(Comparison::Greater),
        ">=" => Some(Comparison::GreaterOrEqual),
        _ => None,
    }
}

fn operands(test: &Test) -> Vec<&Operand> {
    match test {
        Test::Compare(_, operand) => vec![operand],
        Test::Between { low, high, .. } => vec![low, high],
        Test::In { values, .. } => values.iter().collect(),
        Test::Matches { .. } => Vec::new(),
    }
}

fn numbers_only(condition: &Condition) -> Result<()> {
    only(condition, "a comparison with numbers", |operand| matches!(operand, Operand::Number(_)))
}

fn only(condition: &Condition, expected: &str, fits: fn(&Operand) -> bool) -> Result<()> {
    let operands = operands(&condition.test);
    let good = !operands.is_empty() && operands.into_iter().all(fits);
    if good { Ok(()) } else { Err(refused(condition.place, expected, &format!("`{}`", condition.text))) }
}
