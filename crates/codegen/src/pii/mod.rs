//! Personal data: Glue's PIIDetection becomes a SELECT that finds, hides or names it.
//!
//! Takes the node's members ([`PiiDetection`]) and the columns of its input. Gives, for the row modes, one SELECT ([`select`]); for the
//! column modes the SELECT that scans ([`column_scan_select`]) and, from what it found, the SELECT that hides ([`select_columns`]).
//! Only columns of text are looked at.
//!
//! Must not know: an engine, the data. Which entities there are and what they cannot see stands in docs/quality.md.
//!
//! Start reading at [`PiiDetection`], then `entities.rs`.

mod detection;
mod entities;
#[cfg(test)]
mod tests;

pub use detection::{PiiDetection, PiiType};
pub use entities::ENTITIES;

use domain::{Error, Result};

use crate::quality::{Column, Kind};
use crate::sql::{identifier, lines, text};
use detection::Settings;

/// The SELECT of the row modes: every cell of text is judged by itself.
///
/// # Errors
/// A mode by columns, an entity that cannot be detected, members that do not fit, an output column that is there already.
pub fn select(input_cte: &str, columns: &[Column], detection: &PiiDetection) -> Result<String> {
    let settings = Settings::read(detection, columns)?;
    if detection.pii_type.by_column() {
        return Err(Error::invalid_input(format!("{:?} is decided by column, found a request to decide it by row.", detection.pii_type)));
    }
    let mut items: Vec<String> = columns
        .iter()
        .map(|column| {
            let name = identifier(&column.name);
            let hidden = settings.hidden(&name).filter(|_| column.kind == Kind::Text);
            hidden.map_or_else(
                || name.clone(),
                |hidden| format!("CASE WHEN {} THEN {hidden} ELSE {name} END AS {name}", settings.found_any(&name)),
            )
        })
        .collect();
    if let Some(output) = &settings.output_column {
        items.push(format!("{} AS {}", found_entities(columns, &settings), identifier(output)));
    }
    Ok(format!("SELECT\n  {}\nFROM {}", lines(&items), identifier(input_cte)))
}

/// The entities that a row's texts hold, `EMAIL,URL`, in the order in which they were asked for; NULL when there are none.
fn found_entities(columns: &[Column], settings: &Settings) -> String {
    let texts: Vec<String> = columns.iter().filter(|column| column.kind == Kind::Text).map(|column| identifier(&column.name)).collect();
    if texts.is_empty() {
        return "CAST(NULL AS VARCHAR)".into();
    }
    let one = |entity: &entities::Detector| {
        let any: Vec<String> = texts.iter().map(|name| entity.found(name)).collect();
        format!("CASE WHEN {} THEN {} ELSE '' END", any.join(" OR "), text(&format!(",{}", entity.name)))
    };
    let parts: Vec<String> = settings.detectors.iter().map(one).collect();
    format!("NULLIF(substr({}, 2), '')", parts.join(" || "))
}

/// What [`column_scan_select`] found about one column and one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub column: String,
    pub entity: String,
    /// Of the values that were looked at, the share that holds the entity; nothing when there were none.
    pub fraction: Option<f64>,
}

/// A SELECT that gives, for every column of text and every entity, a row `Column`, `Entity`, `Values` (how many were looked at: neither
/// nothing nor empty) and `Fraction` (of these, the share that holds the entity; NULL when there were none). One pass over the input.
///
/// A `SampleFraction` below 1 chooses rows by the hash of their texts, so that the same data always gives the same sample.
///
/// # Errors
/// As [`select`].
pub fn column_scan_select(input_cte: &str, columns: &[Column], detection: &PiiDetection) -> Result<String> {
    let settings = Settings::read(detection, columns)?;
    let texts: Vec<&Column> = columns.iter().filter(|column| column.kind == Kind::Text).collect();
    if texts.is_empty() {
        let nothing = "CAST(NULL AS VARCHAR) AS \"Column\", CAST(NULL AS VARCHAR) AS \"Entity\", CAST(NULL AS BIGINT) AS \"Values\", CAST(NULL AS DOUBLE) AS \"Fraction\"";
        return Ok(format!("SELECT {nothing} FROM {} WHERE FALSE", identifier(input_cte)));
    }
    let (mut aggregates, mut rows, mut values, mut matched) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (at, column) in texts.iter().enumerate() {
        let name = identifier(&column.name);
        aggregates.push(format!("COUNT(NULLIF({name}, '')) AS values{at}"));
        for detector in &settings.detectors {
            let number = rows.len() + 1;
            aggregates.push(format!("COUNT(CASE WHEN {} THEN 1 END) AS found{number}", detector.found(&name)));
            rows.push(match number {
                1 => format!("SELECT 1 AS pii_number, {} AS \"Column\", {} AS \"Entity\"", text(&column.name), text(detector.name)),
                _ => format!("SELECT {number}, {}, {}", text(&column.name), text(detector.name)),
            });
            values.push(format!("WHEN {number} THEN values{at}"));
            matched.push(format!("WHEN {number} THEN found{number}"));
        }
    }
    let (values, matched) = (format!("CASE pii_number {} END", values.join(" ")), format!("CASE pii_number {} END", matched.join(" ")));
    let sample = settings.sample(&texts).map_or(String::new(), |condition| format!("\n  WHERE {condition}"));
    let prefix = if input_cte.starts_with("pii_") { "pii__" } else { "pii_" };
    Ok(format!(
        "WITH {prefix}counts AS (\n  SELECT\n  {}\n  FROM {}{sample}\n), {prefix}asked AS (\n  {}\n)\n\
         SELECT \"Column\", \"Entity\", {values} AS \"Values\",\n  CASE WHEN {values} > 0 THEN CAST({matched} AS DOUBLE) / {values} END AS \"Fraction\"\n\
         FROM {prefix}asked CROSS JOIN {prefix}counts\nORDER BY pii_number",
        lines(&aggregates),
        identifier(input_cte),
        rows.join("\n  UNION ALL "),
    ))
}

/// The columns that hold personal data by what the scan found: a share of at least `ThresholdFraction`, and more than none.
pub fn columns_found(found: &[Found], detection: &PiiDetection) -> Vec<String> {
    let least = detection.threshold_fraction.unwrap_or(detection::THRESHOLD_FRACTION);
    let mut names: Vec<String> = Vec::new();
    for one in found {
        if one.fraction.is_some_and(|fraction| fraction > 0.0 && fraction >= least) && !names.contains(&one.column) {
            names.push(one.column.clone());
        }
    }
    names
}

/// The SELECT of the column modes, when the scan has found these columns: every value of theirs is hidden (nothing stays nothing).
/// `ColumnAudit` leaves them and names them in the output column.
///
/// # Errors
/// As [`select`]; a mode by rows; a found column that is not one of text.
pub fn select_columns(input_cte: &str, columns: &[Column], detection: &PiiDetection, found: &[String]) -> Result<String> {
    let settings = Settings::read(detection, columns)?;
    if !detection.pii_type.by_column() {
        return Err(Error::invalid_input(format!("{:?} is decided by row, found a request to decide it by column.", detection.pii_type)));
    }
    for name in found {
        if !columns.iter().any(|column| column.name == *name && column.kind == Kind::Text) {
            return Err(Error::invalid_input(format!("Expected found columns to be columns of text of the input, found \"{name}\".")));
        }
    }
    let mut items: Vec<String> = columns
        .iter()
        .map(|column| {
            let name = identifier(&column.name);
            let hidden = settings.hidden(&name).filter(|_| found.contains(&column.name));
            hidden.map_or_else(|| name.clone(), |hidden| format!("CASE WHEN {name} IS NOT NULL THEN {hidden} END AS {name}"))
        })
        .collect();
    if let Some(output) = &settings.output_column {
        let names = if found.is_empty() { "CAST(NULL AS VARCHAR)".into() } else { text(&found.join(",")) };
        items.push(format!("{names} AS {}", identifier(output)));
    }
    Ok(format!("SELECT\n  {}\nFROM {}", lines(&items), identifier(input_cte)))
}
