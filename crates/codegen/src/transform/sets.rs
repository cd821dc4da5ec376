//! Whole tables put together (Union, Merge) and rows that are there twice (DropDuplicates).

use domain::{Error, Result};

use super::{distinct, unfit, unused};
use crate::members::{DropDuplicates, Merge, Union, UnionType};
use crate::sql;
use crate::types::{Field, Input, Type, by_name};

pub(super) fn union(spec: &Union, inputs: &[Input]) -> Result<String> {
    let fields = together(inputs)?;
    let parts: Vec<String> =
        inputs.iter().map(|input| sql::select(&aligned(&fields, input, ""), &[format!("FROM {}", input.cte)])).collect();
    Ok(parts.join(if spec.union_type == UnionType::All { "\nUNION ALL\n" } else { "\nUNION\n" }))
}

/// The columns of all inputs by name, the first input's first, each of a type that holds all values.
fn together(inputs: &[Input]) -> Result<Vec<Field>> {
    let mut fields: Vec<Field> = Vec::new();
    for input in inputs {
        // Two columns of one input would become one, and one's values would be lost.
        distinct(input.fields.iter().map(|field| field.name.as_str()))?;
        for field in &input.fields {
            let name = field.name.to_lowercase();
            let Some(known) = fields.iter_mut().find(|known| known.name.to_lowercase() == name) else {
                fields.push(field.clone());
                continue;
            };
            let Some(common) = known.kind.common(&field.kind) else {
                let expected = format!("{} as in the input before (put an ApplyMapping before this node)", known.kind.words());
                return Err(unfit(&field.name, &expected, &format!("{} in {}", field.kind.words(), input.cte)));
            };
            known.kind = common;
        }
    }
    Ok(fields)
}

/// The columns of `input` as `fields`; one that it lacks is NULL.
fn aligned(fields: &[Field], input: &Input, qualifier: &str) -> Vec<String> {
    let items = fields.iter().map(|field| {
        let own = by_name(&input.fields, &field.name);
        let expression = match own {
            None => field.kind.sql().map_or_else(|| "NULL".to_owned(), |name| format!("CAST(NULL AS {name})")),
            Some(own) => {
                let column = format!("{qualifier}{}", sql::identifier(&own.name));
                match field.kind.sql() {
                    Some(name) if own.kind != field.kind => format!("CAST({column} AS {name})"),
                    _ => column,
                }
            }
        };
        sql::named(&expression, &field.name)
    });
    items.collect()
}

/// As Glue's `mergeDynamicFrame`: all rows of the staging input, and those of the source whose keys are not among them.
pub(super) fn merge(spec: &Merge, inputs: &[Input]) -> Result<String> {
    let (Some(source), Some(staging)) =
        (inputs.iter().find(|input| input.node == spec.source), inputs.iter().find(|input| input.node != spec.source))
    else {
        return Err(Error::invalid_input(format!("expected one of its two inputs in Source, found {:?}", spec.source)));
    };
    if spec.primary_keys.is_empty() {
        return Err(Error::invalid_input("expected at least one column in PrimaryKeys, found none"));
    }
    let fields = together(&[source.clone(), staging.clone()])?;
    let mut on = Vec::new();
    for key in &spec.primary_keys {
        let (a, b) = (source.find_in(key, "l.")?, staging.find_in(key, "r.")?);
        if !a.kind.is_scalar() || a.kind.common(b.kind).is_none() {
            return Err(unfit(&b.path.join("."), &format!("{} as in {}", a.kind.words(), source.cte), &b.kind.words()));
        }
        on.push(format!("{} = {}", a.sql, b.sql));
    }
    let new = sql::select(&aligned(&fields, staging, ""), &[format!("FROM {}", staging.cte)]);
    let clauses =
        [format!("FROM {} AS l", source.cte), format!("LEFT ANTI JOIN {} AS r", staging.cte), format!("  ON {}", on.join("\n  AND "))];
    Ok(format!("{new}\nUNION ALL\n{}", sql::select(&aligned(&fields, source, "l."), &clauses)))
}

pub(super) fn drop_duplicates(spec: &DropDuplicates, input: &Input) -> Result<String> {
    if spec.columns.is_empty() {
        return Ok(format!("SELECT DISTINCT *\nFROM {}", input.cte));
    }
    let mut keys = Vec::new();
    for path in &spec.columns {
        let found = input.find(path)?;
        if matches!(found.kind, Type::Other(_)) {
            return Err(unfit(&path.join("."), "a column whose values can be compared", &found.kind.words()));
        }
        keys.push(found.sql);
    }
    // The row that comes first in the order of all columns is kept, whatever order the engine reads in.
    let number = sql::identifier(&unused(input, "duplicate"));
    let window = format!("ROW_NUMBER() OVER (\n  PARTITION BY {}\n  ORDER BY {}\n) AS {number}", keys.join(", "), input.numbering(&keys));
    let numbered = sql::select(&["*".to_owned(), window], &[format!("FROM {}", input.cte)]);
    Ok(sql::select(&input.columns(), &[format!("FROM {}", sql::derived(&numbered, "numbered")), format!("WHERE {number} = 1")]))
}
