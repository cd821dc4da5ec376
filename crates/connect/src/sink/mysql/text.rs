//! Rows as literals of SQL, for a session with NO_BACKSLASH_ESCAPES.

use std::fmt::Write;

use crate::sink::cells::{Cell, Cells};
use crate::sink::plan::Plan;

/// Adds `(1, 'two', x'03')`.
pub(crate) fn push(out: &mut String, plan: &Plan, cells: &[Cells], row: usize) {
    out.push('(');
    for (index, (_, cells)) in plan.targets.iter().zip(cells).enumerate() {
        if index > 0 {
            out.push(',');
        }
        match cells.get(row) {
            Cell::Null => out.push_str("NULL"),
            Cell::Boolean(value) => out.push(if value { '1' } else { '0' }),
            Cell::Text(text) => {
                out.push('\'');
                for (part, piece) in text.split('\'').enumerate() {
                    if part > 0 {
                        out.push_str("''");
                    }
                    out.push_str(piece);
                }
                out.push('\'');
            }
            Cell::Binary(bytes) => {
                out.push_str("x'");
                for byte in bytes {
                    // Writing to memory does not fail.
                    let _ = write!(out, "{byte:02x}");
                }
                out.push('\'');
            }
            // With an exponent: else the server takes it for a decimal, whose digits end.
            Cell::Double(value) => {
                let _ = write!(out, "{value:e}");
            }
            // As the double it is: the shortest text of the largest single is read as something larger.
            Cell::Single(value) => {
                let _ = write!(out, "{:e}", f64::from(value));
            }
            cell @ Cell::Decimal(..) => {
                let _ = write!(out, "{cell}");
            }
            cell @ (Cell::Date(_) | Cell::Timestamp(_)) => {
                let _ = write!(out, "'{cell}'");
            }
        }
    }
    out.push(')');
}
