//! Values become columns (Pivot), columns become rows (Unpivot).

use domain::{Error, Result};

use super::{aggregate, condition, distinct, unfit};
use crate::members::{Pivot, Unpivot};
use crate::sql;
use crate::types::{Input, Type};

/// One column per value, or per value and function, named as Spark does: `view`, `view_sum(price)`.
pub(super) fn pivot(spec: &Pivot, input: &Input) -> Result<String> {
    if spec.values.is_empty() || spec.aggs.is_empty() {
        return Err(Error::invalid_input("expected Values and Aggs with at least one entry each"));
    }
    let groups = spec.groups.iter().map(|path| input.find(path)).collect::<Result<Vec<_>>>()?;
    let mut names: Vec<String> = groups.iter().map(|group| group.name().to_owned()).collect();
    let mut items: Vec<String> = groups.iter().map(|group| sql::named(&group.sql, group.name())).collect();
    let by = input.find(&spec.pivot_column)?;
    for value in &spec.values {
        let constant = condition::literal(value, by.name(), by.kind)?;
        for agg in &spec.aggs {
            let found = input.find(&agg.column)?;
            let argument = format!("CASE WHEN {} = {constant} THEN {} END", by.sql, found.sql);
            let Some(function) = aggregate::plain(agg, &found, &argument)? else {
                return Err(Error::invalid_input(format!("expected a function that a Pivot has, found {:?}", agg.agg_func)));
            };
            let own = agg.alias.clone().unwrap_or_else(|| aggregate::spark_name(agg.agg_func, found.name()));
            let name = if spec.aggs.len() == 1 { value.clone() } else { format!("{value}_{own}") };
            items.push(sql::named(&function, &name));
            names.push(name);
        }
    }
    distinct(names.iter().map(String::as_str))?;
    let mut clauses = vec![format!("FROM {}", input.cte)];
    if !groups.is_empty() {
        clauses.push(format!("GROUP BY {}", groups.iter().map(|group| group.sql.clone()).collect::<Vec<_>>().join(", ")));
    }
    Ok(sql::select(&items, &clauses))
}

/// A row for each row and named column: the other columns, the column's name, its value.
pub(super) fn unpivot(spec: &Unpivot, input: &Input) -> Result<String> {
    let chosen = spec.columns.iter().map(|path| input.find_in(path, "l.")).collect::<Result<Vec<_>>>()?;
    let Some(first) = chosen.first() else { return Err(Error::invalid_input("expected at least one column in Columns, found none")) };
    let mut kind = first.kind.clone();
    for found in &chosen {
        let Some(common) = kind.common(found.kind).filter(Type::is_scalar) else {
            return Err(unfit(&found.path.join("."), &format!("{} as in {:?}", kind.words(), first.path.join(".")), &found.kind.words()));
        };
        kind = common;
    }
    distinct(chosen.iter().map(|found| found.name()))?;
    let kept: Vec<&str> =
        input.fields.iter().map(|field| field.name.as_str()).filter(|name| !chosen.iter().any(|found| found.path == [*name])).collect();
    distinct(kept.iter().copied().chain([spec.name_column.as_str(), spec.value_column.as_str()]))?;
    let mut cases = String::new();
    for found in &chosen {
        let same = *found.kind == kind;
        let value = if same { found.sql.clone() } else { format!("CAST({} AS {})", found.sql, kind.sql().unwrap_or_default()) };
        cases += &format!("\n  WHEN {} THEN {value}", sql::text(found.name()));
    }
    let (name, value) = (sql::identifier(&spec.name_column), sql::identifier(&spec.value_column));
    let mut items: Vec<String> = kept.iter().map(|name| format!("l.{}", sql::identifier(name))).collect();
    items.push(format!("unpivoted.column_name AS {name}"));
    items.push(format!("CASE unpivoted.column_name{cases}\nEND AS {value}"));
    let names: Vec<String> = chosen.iter().map(|found| format!("SELECT {} AS column_name", sql::text(found.name()))).collect();
    let clauses = [format!("FROM {} AS l", input.cte), format!("CROSS JOIN {}", sql::derived(&names.join("\nUNION ALL\n"), "unpivoted"))];
    let all = sql::select(&items, &clauses);
    Ok(if spec.keep_nulls { all } else { format!("SELECT *\nFROM {}\nWHERE {value} IS NOT NULL", sql::derived(&all, "unpivoted_rows")) })
}
