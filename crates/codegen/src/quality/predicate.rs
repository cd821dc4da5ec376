//! What a rule asks of one row, as a SQL condition. A row passes when it is true; where it is unknown (NULL) the row fails.

use domain::{Result, near};

use super::columns::{Column, Kind};
use super::rule::{Comparison, Condition, Operand, Test, refused};
use super::time;
use crate::sql;

/// Spaces, tabs and line ends: what both readers of regular expressions and all engines take for the same.
const WHITESPACE: &str = "'\\A[ \\t\\r\\n]+\\z'";

/// A column's values against a condition.
pub(crate) struct Values<'a> {
    pub column: &'a Column,
    pub condition: &'a Condition,
    /// Seconds since 1970.
    pub now: i64,
}

impl Values<'_> {
    /// `ColumnValues`: nothing fails every condition but `= NULL`, `!=` and `not in`.
    pub fn condition(&self) -> Result<String> {
        match &self.condition.test {
            Test::Compare(Comparison::NotEqual, operand) => Ok(unlike(&self.compare(Comparison::Equal, operand)?)),
            Test::Compare(comparison, operand) => self.compare(*comparison, operand),
            Test::Between { low, high, negated } => self.between(low, high, *negated),
            Test::In { values, negated } => {
                let any = self.any_of(values)?;
                Ok(if *negated { unlike(&any) } else { any })
            }
            Test::Matches { regex, negated } => {
                let text = self.as_text()?;
                let not = if *negated { "NOT " } else { "" };
                Ok(format!("{not}regexp_like({text}, {})", whole(regex)))
            }
        }
    }

    /// `ColumnLength`: a length is a number; nothing has the length 0.
    pub fn length(&self) -> Result<String> {
        if self.column.kind != Kind::Text {
            return Err(self.unfit("a column of text"));
        }
        let length = format!("COALESCE(character_length({}), 0)", self.name());
        Ok(numbers(&length, &self.condition.test))
    }

    /// `DataFreshness`: an age is less than another when the moment is later.
    pub fn age(&self) -> Result<String> {
        let older = |comparison, operand: &Operand| match operand {
            Operand::Duration(seconds) => self.moment(flipped(comparison), self.now.saturating_sub(*seconds)),
            _ => Err(self.unfit("a duration")),
        };
        match &self.condition.test {
            Test::Compare(comparison, operand) => older(*comparison, operand),
            Test::Between { low, high, negated: false } => {
                Ok(format!("{} AND {}", older(Comparison::Greater, low)?, older(Comparison::Less, high)?))
            }
            Test::Between { low, high, negated: true } => {
                Ok(format!("({} OR {})", older(Comparison::LessOrEqual, low)?, older(Comparison::GreaterOrEqual, high)?))
            }
            Test::In { .. } | Test::Matches { .. } => Err(self.unfit("a comparison with a duration")),
        }
    }

    /// `ColumnDataType`: the value, as text, can be read as one of the type.
    pub fn data_type(&self) -> Result<String> {
        let Test::Compare(_, Operand::Text(name)) = &self.condition.test else { return Err(self.unfit("the name of a type")) };
        if self.column.kind == Kind::Other {
            return Err(self.unfit("a column of single values"));
        }
        let text = if self.column.kind == Kind::Text { self.name() } else { format!("CAST({} AS VARCHAR)", self.name()) };
        let cast = |shape: &str, to: &str| format!("regexp_like({text}, '\\A{shape}\\z') AND TRY_CAST({text} AS {to}) IS NOT NULL");
        let (whole, broken) = ("[+-]?[0-9]+", "[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?");
        Ok(match name.to_lowercase().as_str() {
            "string" => format!("{} IS NOT NULL", self.name()),
            "boolean" => format!("lower({text}) IN ('true', 'false')"),
            "integer" | "int" => cast(whole, "INT"),
            "long" | "bigint" => cast(whole, "BIGINT"),
            "float" => cast(broken, "FLOAT"),
            "double" => cast(broken, "DOUBLE"),
            "date" => cast("[0-9]{4}-[0-9]{2}-[0-9]{2}", "DATE"),
            "timestamp" => cast("[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?", "TIMESTAMP"),
            _ => {
                let names = ["String", "Boolean", "Integer", "Long", "Float", "Double", "Date", "Timestamp"];
                let found = format!("\"{name}\"; {}", near::hint(name, &names));
                return Err(refused(self.condition.place, "the name of a type", found.trim_end_matches(['.', '?'])));
            }
        })
    }

    fn name(&self) -> String {
        sql::identifier(&self.column.name)
    }

    fn between(&self, low: &Operand, high: &Operand, negated: bool) -> Result<String> {
        use Comparison::{Greater, GreaterOrEqual, Less, LessOrEqual};
        let (above, below, joined) = if negated { (LessOrEqual, GreaterOrEqual, "OR") } else { (Greater, Less, "AND") };
        Ok(format!("({} {joined} {})", self.compare(above, low)?, self.compare(below, high)?))
    }

    /// Plain values become one IN for each way of looking at the column, the others a comparison each.
    fn any_of(&self, values: &[Operand]) -> Result<String> {
        let mut lists: Vec<(String, Vec<String>)> = Vec::new();
        let mut parts = Vec::new();
        for value in values {
            match value {
                Operand::Number(_) | Operand::Text(_) => {
                    let (left, right) = self.sides(value)?;
                    match lists.iter_mut().find(|(known, _)| *known == left) {
                        Some((_, list)) => list.push(right),
                        None => lists.push((left, vec![right])),
                    }
                }
                _ => parts.push(self.compare(Comparison::Equal, value)?),
            }
        }
        let lists = lists.into_iter().map(|(left, list)| format!("{left} IN ({})", list.join(", ")));
        let all: Vec<String> = lists.chain(parts).collect();
        Ok(if all.len() == 1 { all.concat() } else { format!("({})", all.join(" OR ")) })
    }

    fn compare(&self, comparison: Comparison, operand: &Operand) -> Result<String> {
        let name = self.name();
        match operand {
            Operand::Number(_) | Operand::Text(_) => {
                let (left, right) = self.sides(operand)?;
                Ok(format!("{left} {} {right}", comparison.sql()))
            }
            Operand::Now(offset) => self.moment(comparison, self.now.saturating_add(*offset)),
            Operand::Duration(_) => Err(self.unfit("a value")),
            _ if comparison != Comparison::Equal => Err(self.unfit("`=`, `!=`, `in` or `not in` before NULL, EMPTY and WHITESPACES_ONLY")),
            Operand::Null => Ok(format!("{name} IS NULL")),
            _ if self.column.kind != Kind::Text => Err(self.unfit("a column of text for EMPTY and WHITESPACES_ONLY")),
            Operand::Empty => Ok(format!("{name} = ''")),
            Operand::Whitespace => Ok(format!("regexp_like({name}, {WHITESPACE})")),
        }
    }

    /// The column and the constant, so that they can be compared.
    fn sides(&self, operand: &Operand) -> Result<(String, String)> {
        let name = self.name();
        match (self.column.kind, operand) {
            (Kind::Number, Operand::Number(number)) => Ok((name, number.clone())),
            // Numbers in quotes are as common as numbers.
            (Kind::Number, Operand::Text(text)) if is_number(text) => Ok((name, text.clone())),
            (Kind::Text, Operand::Number(number)) => Ok((format!("TRY_CAST({name} AS DOUBLE)"), number.clone())),
            (Kind::Text, Operand::Text(text)) => Ok((name, sql::text(text))),
            (Kind::Boolean, Operand::Text(text)) if matches!(text.as_str(), "true" | "false") => Ok((name, text.to_uppercase())),
            (Kind::Date, Operand::Text(text)) if time::is_moment(text) && text.len() == 10 => Ok((name, format!("CAST('{text}' AS DATE)"))),
            (Kind::Timestamp, Operand::Text(text)) if time::is_moment(text) => Ok((name, format!("CAST('{text}' AS TIMESTAMP)"))),
            (Kind::Date, _) => Err(self.unfit("a day such as \"2025-03-09\" or now()")),
            (Kind::Timestamp, _) => Err(self.unfit("a moment such as \"2025-03-09 18:30:00\" or now()")),
            (kind, _) => Err(self.unfit(&format!("what {} can be compared with", kind.words()))),
        }
    }

    fn moment(&self, comparison: Comparison, epoch_seconds: i64) -> Result<String> {
        let (name, moment, operator) = (self.name(), time::timestamp(epoch_seconds), comparison.sql());
        match self.column.kind {
            Kind::Date => Ok(time::compare_date(&name, comparison, epoch_seconds)),
            Kind::Timestamp => Ok(format!("{name} {operator} {moment}")),
            Kind::Text => Ok(format!("parse_timestamp({name}) {operator} {moment}")),
            _ => Err(self.unfit("a column of dates, timestamps or text")),
        }
    }

    fn as_text(&self) -> Result<String> {
        match self.column.kind {
            Kind::Text => Ok(self.name()),
            Kind::Number | Kind::Boolean | Kind::Date => Ok(format!("CAST({} AS VARCHAR)", self.name())),
            Kind::Timestamp | Kind::Other => Err(self.unfit("a column of text for `matches`")),
        }
    }

    fn unfit(&self, expected: &str) -> domain::Error {
        let found = format!("`{}` for column \"{}\", which holds {}", self.condition.text, self.column.name, self.column.kind.words());
        refused(self.condition.place, expected, &found)
    }
}

/// True also where the condition is unknown.
fn unlike(condition: &str) -> String {
    format!("NOT COALESCE({condition}, FALSE)")
}

/// The regular expression, to be met by the whole text, as a constant.
pub(crate) fn whole(regex: &str) -> String {
    sql::text(&format!("\\A(?:{regex})\\z"))
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let mut parts = digits.split('.');
    let good = |part: Option<&str>| part.is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    good(parts.next()) && (!digits.contains('.') || good(parts.next())) && parts.next().is_none()
}

/// A number against a condition of numbers, as the parser lets through.
pub(crate) fn numbers(value: &str, test: &Test) -> String {
    let number = |operand: &Operand| match operand {
        Operand::Number(number) => number.clone(),
        _ => "NULL".into(),
    };
    match test {
        Test::Compare(comparison, operand) => format!("{value} {} {}", comparison.sql(), number(operand)),
        Test::Between { low, high, negated: false } => format!("({value} > {} AND {value} < {})", number(low), number(high)),
        Test::Between { low, high, negated: true } => format!("({value} <= {} OR {value} >= {})", number(low), number(high)),
        Test::In { values, negated } => {
            let list: Vec<String> = values.iter().map(number).collect();
            format!("{value} {}IN ({})", if *negated { "NOT " } else { "" }, list.join(", "))
        }
        Test::Matches { .. } => "FALSE".into(),
    }
}

fn flipped(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same => same,
    }
}
