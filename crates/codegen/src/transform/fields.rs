//! Columns chosen, dropped, renamed, retyped and computed, structs rebuilt on the way.

use domain::{Error, Result};

use super::{distinct, unfit};
use crate::members::{ApplyMapping, CustomFunction, Mapping, Path, Paths, RenameField};
use crate::sql;
use crate::types::{Field, Input, Type};

/// So many structs may stand within each other in a ToKey.
const DEEPEST: usize = 64;

/// A result's column: its name and its SQL.
type Item = (String, String);

fn select(items: &[Item], input: &Input) -> Result<String> {
    if items.is_empty() {
        return Err(Error::invalid_input("expected at least one column in its result, found none"));
    }
    distinct(items.iter().map(|(name, _)| name.as_str()))?;
    let items: Vec<String> = items.iter().map(|(name, expression)| sql::named(expression, name)).collect();
    Ok(sql::select(&items, &[format!("FROM {}", input.cte)]))
}

/// A struct of `members`, NULL where `whole` is.
fn struct_of(whole: &str, members: &[Item]) -> String {
    format!("CASE WHEN {whole} IS NULL THEN NULL ELSE {} END", named_struct(members))
}

fn named_struct(members: &[Item]) -> String {
    let pairs: Vec<String> = members.iter().map(|(name, expression)| format!("{}, {expression}", sql::text(name))).collect();
    format!("named_struct({})", pairs.join(", "))
}

fn below(whole: Option<&str>, name: &str) -> String {
    whole.map_or_else(|| sql::identifier(name), |whole| format!("{whole}[{}]", sql::text(name)))
}

pub(super) fn apply_mapping(spec: &ApplyMapping, input: &Input) -> Result<String> {
    select(&mapped(&spec.mapping, &[], input)?, input)
}

fn mapped(mappings: &[Mapping], parent: &[String], input: &Input) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for mapping in mappings.iter().filter(|mapping| !mapping.dropped) {
        // A child's path goes on from its parent's.
        let path = [parent, &mapping.from_path].concat();
        let found = input.find(&path)?;
        let place = match mapping.to_key.as_deref() {
            None | Some("") => vec![found.name().to_owned()],
            Some(key) => key_path(key)?,
        };
        let expression = match (mapping.children.is_empty(), found.kind) {
            (true, kind) => cast(&found.sql, &path.join("."), kind, mapping.to_type.as_deref())?,
            (false, Type::Struct(_)) => struct_of(&found.sql, &mapped(&mapping.children, &path, input)?),
            (false, Type::List(_)) => {
                let expected = "a struct for Children (put a Relationalize before, which gives lists tables of their own)";
                return Err(unfit(&path.join("."), expected, &found.kind.words()));
            }
            (false, kind) => return Err(unfit(&path.join("."), "a struct for Children", &kind.words())),
        };
        items.push((place, expression));
    }
    gathered(items)
}

/// The names of a ToKey: `a.b` is the member `b` of a struct `a`, as in Glue; a name in backquotes may have points.
fn key_path(key: &str) -> Result<Vec<String>> {
    let (mut names, mut rest) = (Vec::new(), Some(key));
    while let Some(text) = rest {
        let (name, after) = match text.strip_prefix('`').and_then(|text| text.split_once('`')) {
            Some(quoted) => quoted,
            None => text.split_at(text.find('.').unwrap_or(text.len())),
        };
        rest = after.strip_prefix('.');
        names.push(name.to_owned());
        if name.is_empty() || names.len() > DEEPEST || (rest.is_none() && !after.is_empty()) {
            let shown: String = key.chars().take(100).collect();
            return Err(Error::invalid_input(format!(
                "expected at most {DEEPEST} names with points between them in ToKey, found {shown:?}"
            )));
        }
    }
    Ok(names)
}

/// A value's expression, at a place: a column, or a member of one.
type Placed = (Vec<String>, String);

/// Values by their places as the columns of one table: those that share the beginning of their place become a struct.
fn gathered(items: Vec<Placed>) -> Result<Vec<Item>> {
    let mut columns: Vec<(String, Vec<Placed>)> = Vec::new();
    for (place, expression) in items {
        let Some((name, within)) = place.split_first() else { continue };
        let joins = |(known, members): &&mut (String, Vec<Placed>)| {
            known == name && !within.is_empty() && members.iter().all(|(place, _)| !place.is_empty())
        };
        match columns.iter_mut().find(joins) {
            Some((_, members)) => members.push((within.to_vec(), expression)),
            None => columns.push((name.clone(), vec![(within.to_vec(), expression)])),
        }
    }
    distinct(columns.iter().map(|(name, _)| name.as_str()))?;
    let column = |(name, mut members): (String, Vec<Placed>)| match members.pop() {
        Some((place, expression)) if place.is_empty() => Ok((name, expression)),
        last => {
            members.extend(last);
            Ok((name, named_struct(&gathered(members)?)))
        }
    };
    columns.into_iter().map(column).collect()
}

/// A value in another type. What cannot be read is NULL, as in Glue.
fn cast(expression: &str, column: &str, from: &Type, to: Option<&str>) -> Result<String> {
    let Some(to) = to.filter(|to| !to.is_empty()) else { return Ok(expression.to_owned()) };
    let lower = to.trim().to_ascii_lowercase();
    let whole = match from {
        Type::Struct(_) => lower.starts_with("struct"),
        Type::List(_) => lower.starts_with("array") || lower.starts_with("list"),
        Type::Other(own) => own.to_ascii_lowercase().split('<').next() == lower.split('<').next(),
        _ => false,
    };
    let kind = Type::parse(to);
    if whole || kind == *from {
        return Ok(expression.to_owned());
    }
    let Some(name) = kind.sql() else {
        return Err(Error::invalid_input(format!("expected a ToType that a value can be cast to, found {to:?}")));
    };
    Ok(match (from, &kind) {
        (Type::Struct(_) | Type::List(_) | Type::Other(_), _) => {
            return Err(unfit(column, &format!("a plain value to become {to}"), &from.words()));
        }
        (Type::Text, Type::Timestamp) => format!("parse_timestamp({expression})"),
        (Type::Text, Type::Date) => format!("parse_date({expression})"),
        // Engines disagree about the unit of a number that stands for a time; seconds since 1970 here, as Spark.
        (Type::Integer(_), Type::Timestamp) => format!("parse_timestamp(CAST({expression} AS VARCHAR))"),
        (Type::Timestamp, Type::Integer(8)) => format!("epoch_seconds(CAST({expression} AS VARCHAR))"),
        (Type::Timestamp, Type::Integer(_)) => format!("TRY_CAST(epoch_seconds(CAST({expression} AS VARCHAR)) AS {name})"),
        (Type::Timestamp | Type::Date | Type::Boolean, Type::Float | Type::Double | Type::Decimal(..))
        | (Type::Date, Type::Integer(_))
        | (Type::Boolean, Type::Date | Type::Timestamp)
        | (Type::Float | Type::Double | Type::Decimal(..), Type::Timestamp)
        | (Type::Timestamp | Type::Date, Type::Boolean) => {
            return Err(unfit(column, &format!("what can become {to}"), &from.words()));
        }
        (number, Type::Date) if number.is_number() => return Err(unfit(column, &format!("what can become {to}"), &from.words())),
        (_, Type::Text) | (Type::Date, Type::Timestamp) | (Type::Timestamp, Type::Date) | (Type::Null, _) => {
            format!("CAST({expression} AS {name})")
        }
        (Type::Integer(from), Type::Integer(to)) if from < to => format!("CAST({expression} AS {name})"),
        (Type::Integer(_) | Type::Float, Type::Double) => format!("CAST({expression} AS {name})"),
        _ => format!("TRY_CAST({expression} AS {name})"),
    })
}

/// Which columns and members some paths name.
enum Tree {
    Whole,
    Members(Vec<(String, Tree)>),
}

impl Tree {
    fn of(paths: &[Path], input: &Input) -> Result<Self> {
        let mut tree = Self::Members(Vec::new());
        for path in paths {
            tree.add(&input.find(path)?.path);
        }
        Ok(tree)
    }

    fn add(&mut self, path: &[String]) {
        let Some((name, rest)) = path.split_first() else { return *self = Self::Whole };
        let Self::Members(members) = self else { return };
        if !members.iter().any(|(known, _)| known == name) {
            members.push((name.clone(), Self::Members(Vec::new())));
        }
        if let Some((_, member)) = members.iter_mut().find(|(known, _)| known == name) {
            member.add(rest);
        }
    }

    fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Whole => None,
            Self::Members(members) => members.iter().find(|(known, _)| known == name).map(|(_, tree)| tree),
        }
    }

    /// What the paths name, of `fields`.
    fn kept(&self, fields: &[Field], whole: Option<&str>) -> Vec<Item> {
        let kept = fields.iter().filter_map(|field| {
            let expression = below(whole, &field.name);
            match (self.member(&field.name)?, &field.kind) {
                (Self::Members(_), Type::Struct(members)) => {
                    let tree = self.member(&field.name)?;
                    Some((field.name.clone(), struct_of(&expression, &tree.kept(members, Some(&expression)))))
                }
                _ => Some((field.name.clone(), expression)),
            }
        });
        kept.collect()
    }

    /// What they do not name; a struct that loses all members goes with them.
    fn rest(&self, fields: &[Field], whole: Option<&str>) -> Vec<Item> {
        let kept = fields.iter().filter_map(|field| {
            let expression = below(whole, &field.name);
            match (self.member(&field.name), &field.kind) {
                (None, _) => Some((field.name.clone(), expression)),
                (Some(tree @ Self::Members(_)), Type::Struct(members)) => {
                    let rest = tree.rest(members, Some(&expression));
                    (!rest.is_empty()).then(|| (field.name.clone(), struct_of(&expression, &rest)))
                }
                _ => None,
            }
        });
        kept.collect()
    }
}

pub(super) fn select_fields(spec: &Paths, input: &Input) -> Result<String> {
    let mut items = Tree::of(&spec.paths, input)?.kept(&input.fields, None);
    // In the order in which the node names them.
    let mut order: Vec<String> = Vec::new();
    for path in &spec.paths {
        order.extend(input.find(path)?.path.into_iter().next());
    }
    items.sort_by_key(|(name, _)| order.iter().position(|wanted| wanted == name));
    select(&items, input)
}

pub(super) fn drop_fields(spec: &Paths, input: &Input) -> Result<String> {
    select(&Tree::of(&spec.paths, input)?.rest(&input.fields, None), input)
}

/// First what the paths name, then the rest.
pub(super) fn split_fields(spec: &Paths, input: &Input) -> Result<Vec<(String, String)>> {
    let tree = Tree::of(&spec.paths, input)?;
    let selected = select(&tree.kept(&input.fields, None), input)?;
    let remaining = select(&tree.rest(&input.fields, None), input)?;
    Ok(vec![("selected".to_owned(), selected), ("remaining".to_owned(), remaining)])
}

pub(super) fn rename_field(spec: &RenameField, input: &Input) -> Result<String> {
    let found = input.find(&spec.source_path)?;
    let (Some((name, from)), Some((to, target))) = (found.path.split_last(), spec.target_path.split_last()) else {
        return Err(Error::invalid_input("expected a column in SourcePath and TargetPath"));
    };
    if same_place(from, target) {
        return select(&renamed(&input.fields, None, from, name, to), input);
    }
    if !target.is_empty() {
        let text = format!("expected a TargetPath beside SourcePath or outside of every struct, found {:?}", spec.target_path.join("."));
        return Err(Error::invalid_input(text));
    }
    let mut items = Tree::of(std::slice::from_ref(&spec.source_path), input)?.rest(&input.fields, None);
    items.push((to.clone(), found.sql));
    select(&items, input)
}

fn same_place(a: &[String], b: &[String]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_lowercase() == b.to_lowercase())
}

fn renamed(fields: &[Field], whole: Option<&str>, place: &[String], name: &str, to: &str) -> Vec<Item> {
    let items = fields.iter().map(|field| {
        let expression = below(whole, &field.name);
        match (place.split_first(), &field.kind) {
            (None, _) if field.name == name => (to.to_owned(), expression),
            (Some((first, rest)), Type::Struct(members)) if *first == field.name => {
                (field.name.clone(), struct_of(&expression, &renamed(members, Some(&expression), rest, name, to)))
            }
            _ => (field.name.clone(), expression),
        }
    });
    items.collect()
}

/// New columns after the old ones; one that has an old one's name stands in its place.
pub(super) fn custom_function(spec: &CustomFunction, input: &Input) -> Result<String> {
    let mut items: Vec<Item> = input.fields.iter().map(|field| (field.name.clone(), sql::identifier(&field.name))).collect();
    distinct(spec.columns.iter().map(|column| column.name.as_str()))?;
    for column in &spec.columns {
        let expression = sql::parenthesised(&sql::checked(&column.expression, &format!("the Expression of {:?}", column.name))?);
        match items.iter_mut().find(|(name, _)| *name == column.name) {
            Some((_, old)) => *old = expression,
            None => items.push((column.name.clone(), expression)),
        }
    }
    select(&items, input)
}
