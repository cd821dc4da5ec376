//! Spigot: the rows go on, and a sample of them is written as JSON lines.

use domain::{Error, Result};

use crate::members::Spigot;
use crate::sql;
use crate::target::{FileFormat, TargetSpec, WriteMode};
use crate::types::{Input, Type};

/// As many rows as Glue takes where neither number nor probability is given.
const DEFAULT_ROWS: u32 = 10;

/// Where the sample goes.
pub(crate) fn sample_target(spec: &Spigot) -> TargetSpec {
    TargetSpec::Files {
        path: spec.path.clone(),
        format: FileFormat::Json,
        compression: None,
        partition_keys: Vec::new(),
        mode: WriteMode::Overwrite,
        files: None,
        max_file_rows: None,
        max_file_bytes: None,
        row_group_rows: None,
        update_catalog: None,
    }
}

/// Where the sample goes, and its SELECT over the input.
pub(crate) fn sample(spec: &Spigot, input: &Input) -> Result<(TargetSpec, String)> {
    let mut query = format!("SELECT *\nFROM {}", input.cte);
    if let Some(probability) = spec.prob {
        if !(0.0..=1.0).contains(&probability) {
            return Err(Error::invalid_input(format!("expected Prob from 0 to 1, found {probability}")));
        }
        query += &format!("\nWHERE {}", picked(probability, input)?);
    }
    let rows = spec.topk.or(if spec.prob.is_none() { Some(DEFAULT_ROWS) } else { None });
    if let Some(rows) = rows {
        // The first in the order of all columns, so that the sample is the same whenever the rows are.
        query += &format!("\nORDER BY {}\nLIMIT {rows}", input.order(&[]));
    }
    Ok((sample_target(spec), query))
}

/// A row's hash decides, not chance: the same rows give the same sample.
fn picked(probability: f64, input: &Input) -> Result<String> {
    if probability >= 1.0 {
        return Ok("TRUE".to_owned());
    }
    let texts = |fits: fn(&Type) -> bool| -> Vec<String> {
        let fields = input.fields.iter().filter(|field| fits(&field.kind));
        fields.map(|field| format!("COALESCE(CAST({} AS VARCHAR), '')", sql::identifier(&field.name))).collect()
    };
    // Types that every engine writes alike; without them the others, so that no engine takes every row.
    let alike = texts(|kind| matches!(kind, Type::Text | Type::Integer(_) | Type::Date));
    let hashed = if alike.is_empty() { texts(Type::is_scalar) } else { alike };
    if hashed.is_empty() {
        return Err(Error::invalid_input("expected a column of plain values for Prob, whose hash decides, found none; use Topk"));
    }
    let bound = (probability * 4_294_967_296.0) as u64;
    Ok(format!("md5({}) < '{bound:08x}'", hashed.join(" || '|' || ")))
}
