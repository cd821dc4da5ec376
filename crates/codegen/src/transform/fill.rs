//! FillMissingValues: statistics in place of Glue's learnt model.

use domain::{Error, Result};
use serde_json::Value;

use super::{condition, unfit, unused};
use crate::members::{FillMissingValues, FillRule};
use crate::sql;
use crate::types::{Found, Input, Type};

pub(super) fn fill(spec: &FillMissingValues, input: &Input) -> Result<String> {
    let column = spec.imputed_path.trim_start_matches("$.");
    let found = input.find(&[column.to_owned()]).map_err(|missing| nested(column, input).unwrap_or(missing))?;
    if !found.kind.is_scalar() {
        return Err(unfit(column, "a plain value", &found.kind.words()));
    }
    let default = if found.kind.is_number() { FillRule::Mean } else { FillRule::Mode };
    let rule = spec.rule.unwrap_or(default);
    check(spec, rule)?;
    let filled = match spec.filled_path.as_deref().map(|path| path.trim_start_matches("$.")) {
        Some(path) if !path.is_empty() => path.to_owned(),
        _ => format!("{}_filled", found.name()),
    };
    match rule {
        FillRule::Constant => {
            let value = match &spec.value {
                Some(Value::String(text)) => text.clone(),
                Some(other) if !other.is_null() => other.to_string(),
                _ => return Err(Error::invalid_input("expected Value with the rule constant, found none")),
            };
            let value = condition::literal(&value, column, found.kind)?;
            Ok(sql::select(&items(input, &found, &filled, &found.sql, &value, ""), &[format!("FROM {}", input.cte)]))
        }
        FillRule::Previous => previous(spec, input, &found, &filled),
        FillRule::Mean | FillRule::Median | FillRule::Mode => statistic(rule, input, &found, &filled),
    }
}

/// The error for a member of a column, which could not be put back into it.
fn nested(path: &str, input: &Input) -> Option<Error> {
    let (column, member) = path.split_once('.')?;
    let found = input.find(&[column.to_owned()]).ok()?;
    let text = format!(
        "expected a column as ImputedPath, found {member:?} within {:?}: make it a column by a Flatten node before this one",
        found.name()
    );
    Some(Error::invalid_input(text).code("JOB_NODE_UNSUPPORTED"))
}

fn check(spec: &FillMissingValues, rule: FillRule) -> Result<()> {
    let stray = [
        ("Value", spec.value.is_some() && rule != FillRule::Constant),
        ("OrderBy", !spec.order_by.is_empty() && rule != FillRule::Previous),
        ("GroupBy", !spec.group_by.is_empty() && rule != FillRule::Previous),
    ];
    match stray.iter().find(|(_, stray)| *stray) {
        Some((member, _)) => {
            Err(Error::invalid_input(format!("{member} has no meaning with the rule {}", format!("{rule:?}").to_lowercase())))
        }
        None if rule == FillRule::Previous && spec.order_by.is_empty() => {
            Err(Error::invalid_input("expected OrderBy with the rule previous, found none"))
        }
        None => Ok(()),
    }
}

/// All columns and the filled one, which may take the place of an old one.
fn items(input: &Input, found: &Found<'_>, filled: &str, value: &str, otherwise: &str, qualifier: &str) -> Vec<String> {
    let new = sql::named(&format!("COALESCE({value}, {otherwise})"), filled);
    let mut items: Vec<String> = Vec::new();
    let mut placed = false;
    for field in &input.fields {
        let same = field.name == filled || (filled == found.name() && field.name == found.name());
        placed |= same;
        items.push(if same { new.clone() } else { format!("{qualifier}{}", sql::identifier(&field.name)) });
    }
    if !placed {
        items.push(new);
    }
    items
}

fn statistic(rule: FillRule, input: &Input, found: &Found<'_>, filled: &str) -> Result<String> {
    if rule != FillRule::Mode && !found.kind.is_number() {
        return Err(unfit(found.name(), "a number", &found.kind.words()));
    }
    let x = sql::identifier(found.name());
    let from = format!("FROM {}", input.cte);
    let known = format!("WHERE {x} IS NOT NULL");
    let query = match rule {
        FillRule::Mode => {
            // The most frequent value; of several the smallest.
            let (frequency, place) = (unused(input, "frequency"), unused(input, "place"));
            let counted = format!("SELECT {x}, COUNT(*) AS {frequency}\n{from}\n{known}\nGROUP BY {x}");
            let ranked =
                format!("SELECT {x}, RANK() OVER (ORDER BY {frequency} DESC) AS {place}\nFROM {}", sql::derived(&counted, "counted"));
            format!("SELECT MIN({x}) AS fill\nFROM {}\nWHERE {place} = 1", sql::derived(&ranked, "ranked"))
        }
        FillRule::Median => {
            // The middle row, or the mean of both.
            let numbered = format!(
                "SELECT\n  CAST({x} AS DOUBLE) AS known,\n  ROW_NUMBER() OVER (ORDER BY {x}) AS place,\n  COUNT(*) OVER () AS total\n{from}\n{known}"
            );
            let middle = "WHERE place * 2 BETWEEN total AND total + 2";
            format!("SELECT AVG(known) AS fill\nFROM {}\n{middle}", sql::derived(&numbered, "numbered"))
        }
        _ => format!("SELECT AVG({x}) AS fill\n{from}"),
    };
    // A mean of whole numbers is none: the filled column is DOUBLE then.
    let (value, otherwise) = match (rule, found.kind) {
        (FillRule::Mode, _) | (_, Type::Double) => (format!("l.{x}"), "statistic.fill".to_owned()),
        (_, Type::Integer(_)) => (format!("CAST(l.{x} AS DOUBLE)"), "statistic.fill".to_owned()),
        (_, kind) => (format!("l.{x}"), format!("CAST(statistic.fill AS {})", kind.sql().unwrap_or_default())),
    };
    let clauses = [format!("{from} AS l"), format!("CROSS JOIN {}", sql::derived(&query, "statistic"))];
    Ok(sql::select(&items(input, found, filled, &value, &otherwise, "l."), &clauses))
}

/// The last value before the row, in the order of OrderBy, within its group.
fn previous(spec: &FillMissingValues, input: &Input, found: &Found<'_>, filled: &str) -> Result<String> {
    let sql_of = |paths: &[Vec<String>]| paths.iter().map(|path| input.find(path).map(|found| found.sql)).collect::<Result<Vec<_>>>();
    let (groups, first) = (sql_of(&spec.group_by)?, sql_of(&spec.order_by)?);
    let partition = if groups.is_empty() { String::new() } else { format!("PARTITION BY {} ", groups.join(", ")) };
    // Every value begins a stretch of rows, which is numbered by the values so far.
    let stretch = sql::identifier(&unused(input, "stretch"));
    let frame = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW";
    let counted = format!("COUNT({}) OVER (\n  {partition}ORDER BY {}\n  {frame}\n) AS {stretch}", found.sql, input.order(&first));
    let rows = sql::select(&["*".to_owned(), counted], &[format!("FROM {}", input.cte)]);
    let within = groups.iter().cloned().chain([stretch]).collect::<Vec<_>>().join(", ");
    let value = format!("MAX({}) OVER (PARTITION BY {within})", found.sql);
    Ok(sql::select(&items(input, found, filled, &found.sql, &value, ""), &[format!("FROM {}", sql::derived(&rows, "stretches"))]))
}
