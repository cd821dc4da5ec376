//! Which column of a file belongs to which field of the schema.

use domain::{Error, Result};

use crate::schema::same_name;

/// How many columns found an error names.
const NAMED: usize = 20;

/// For each field the position of its column. Fails with `IMPORT_FIELD_MISSING` or `IMPORT_FIELD_TWICE`; columns that
/// belong to no field are left alone.
pub(crate) fn places(file: &str, fields: &[String], found: &[String]) -> Result<Vec<usize>> {
    let mut places = Vec::with_capacity(fields.len());
    let mut missing = Vec::new();
    for field in fields {
        let mut fitting = found.iter().enumerate().filter(|(_, name)| same_name(field, name));
        match (fitting.next(), fitting.next()) {
            (None, _) => missing.push(field.as_str()),
            (Some((at, _)), None) => places.push(at),
            (Some((_, first)), Some((_, second))) => {
                return Err(Error::invalid_data(format!(
                    "{file}: expected one column for the field {field} of the schema, found two: {first} and {second}."
                ))
                .code("IMPORT_FIELD_TWICE"));
            }
        }
    }
    if missing.is_empty() {
        return Ok(places);
    }
    Err(Error::invalid_data(format!(
        "{file}: expected columns for all fields of the schema, found none for {}; the columns are {}.",
        missing.join(", "),
        list(found)
    ))
    .code("IMPORT_FIELD_MISSING"))
}

fn list(found: &[String]) -> String {
    let named = found[..found.len().min(NAMED)].join(", ");
    let hint = match found {
        [one] if one.contains([';', '\t', '|']) => " (one column: values must be separated by commas)",
        _ => "",
    };
    let more = if found.len() > NAMED { ", ..." } else { "" };
    format!("{named}{more}{hint}")
}
