//! DropNullFields: which columns hold nothing is measured, as far as the planner measures; a column whose type is NULL always goes.

use domain::{Error, Result};

use super::condition;
use crate::members::DropNullFields;
use crate::sql;
use crate::types::{Input, Type};

/// A SELECT over the input that gives one BOOLEAN per column: no row holds a value. `None` where there is no column to ask about.
pub(crate) fn empty_columns(spec: &DropNullFields, input: &Input) -> Result<Option<String>> {
    if input.fields.is_empty() {
        return Ok(None);
    }
    let mut items = Vec::new();
    for field in &input.fields {
        let column = sql::identifier(&field.name);
        let mut nothing = nothings(spec, &field.name, &field.kind)?;
        nothing.dedup();
        let value = match nothing.as_slice() {
            [] => format!("{column} IS NOT NULL"),
            [one] => format!("{column} <> {one}"),
            many => format!("{column} NOT IN ({})", many.join(", ")),
        };
        items.push(sql::named(&format!("COUNT(CASE WHEN {value} THEN 1 END) = 0"), &field.name));
    }
    Ok(Some(sql::select(&items, &[format!("FROM {}", input.cte)])))
}

/// The constants that stand for nothing in a column of this type.
fn nothings(spec: &DropNullFields, column: &str, kind: &Type) -> Result<Vec<String>> {
    let mut found = Vec::new();
    if *kind == Type::Text {
        if spec.null_check_box_list.is_empty {
            found.push("''".to_owned());
        }
        if spec.null_check_box_list.is_null_string {
            found.push("'null'".to_owned());
        }
    }
    if spec.null_check_box_list.is_neg_one && matches!(kind, Type::Integer(_)) {
        found.push("-1".to_owned());
    }
    for value in &spec.null_text_list {
        // A placeholder counts in columns of its own type.
        let same = match Type::parse(&value.datatype.id) {
            Type::Integer(_) => matches!(kind, Type::Integer(_)),
            Type::Decimal(..) => matches!(kind, Type::Decimal(..)),
            other => other == *kind,
        };
        if same {
            found.push(condition::literal(&value.value, column, kind)?);
        }
    }
    Ok(found)
}

/// The columns that are left; `empty` says for each column whether it holds nothing.
pub(crate) fn drop_null_fields(input: &Input, empty: Option<&[bool]>) -> Result<String> {
    if empty.is_some_and(|empty| empty.len() != input.fields.len()) {
        return Err(Error::internal("the planner measured another number of columns than there are"));
    }
    let left = input.fields.iter().enumerate().filter(|(at, field)| {
        let measured = empty.and_then(|empty| empty.get(*at)).copied().unwrap_or(false);
        !measured && field.kind != Type::Null
    });
    let items: Vec<String> = left.map(|(_, field)| sql::identifier(&field.name)).collect();
    if items.is_empty() {
        return Err(Error::invalid_data("expected a value in at least one column, found none").code("JOB_COLUMN_MISSING"));
    }
    Ok(sql::select(&items, &[format!("FROM {}", input.cte)]))
}
