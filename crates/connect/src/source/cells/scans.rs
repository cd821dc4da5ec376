//! What scans of every SQL database have in common.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use domain::{Error, Result};

use crate::source::{Comparison, Literal, Predicate, Scan};

/// The columns that the scan asks for, in its order.
pub(crate) fn projected(schema: &SchemaRef, scan: &Scan) -> Result<SchemaRef> {
    let Some(names) = &scan.columns else { return Ok(schema.clone()) };
    let field = |name: &String| {
        schema.fields().iter().find(|field| field.name() == name).cloned().ok_or_else(|| {
            let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            Error::not_found(format!("Column {name:?} of table {} (it has: {})", scan.table, known.join(", ")))
        })
    };
    Ok(Arc::new(Schema::new(names.iter().map(field).collect::<Result<Vec<_>>>()?)))
}

/// At most `parts` scans over neighbouring ranges of the key, which spans `low` to `high`. The first and the last are open, so that
/// rows beyond the bounds found are not lost.
pub(crate) fn ranges(scan: &Scan, key: &str, low: i64, high: i64, parts: usize) -> Vec<Scan> {
    let span = i128::from(high) - i128::from(low) + 1;
    let parts = i128::try_from(parts).unwrap_or(1).min(span).max(1);
    // The bound lies between low and high, which are 64 bits.
    let bound = |part: i128| i64::try_from(i128::from(low) + span * part / parts).unwrap_or(high);
    let part = |index: i128| {
        let mut scan = scan.clone();
        if index > 0 {
            scan.filters.push(Predicate::compare(key, Comparison::GreaterOrEqual, Literal::Integer(bound(index))));
        }
        if index + 1 < parts {
            scan.filters.push(Predicate::compare(key, Comparison::Less, Literal::Integer(bound(index + 1))));
        }
        scan
    };
    (0..parts).map(part).collect()
}
