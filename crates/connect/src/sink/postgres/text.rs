//! Rows in COPY's text form: tabs between values, `\N` for null, a backslash before what has a meaning.

use std::io::Write;

use crate::sink::cells::{Cell, Cells};
use crate::sink::plan::Plan;
use crate::sink::slot::Slot;

/// Adds one row. Fails with the column whose text holds U+0000.
pub(crate) fn push<'p>(out: &mut Vec<u8>, plan: &'p Plan, cells: &[Cells], row: usize) -> Result<(), &'p str> {
    for (index, (target, cells)) in plan.targets.iter().zip(cells).enumerate() {
        if index > 0 {
            out.push(b'\t');
        }
        match (cells.get(row), &target.column.slot) {
            (Cell::Null, _) => out.extend_from_slice(b"\\N"),
            (Cell::Text(text), _) => escaped(out, text).map_err(|()| target.column.name.as_str())?,
            (Cell::Binary(bytes), _) => hexadecimal(out, bytes),
            (Cell::Boolean(value), Slot::Integer { .. }) => out.push(if value { b'1' } else { b'0' }),
            (Cell::Double(value), _) if value.is_infinite() => infinity(out, value > 0.0),
            (Cell::Single(value), _) if value.is_infinite() => infinity(out, value > 0.0),
            // Writing to memory does not fail.
            (cell, _) => {
                let _ = write!(out, "{cell}");
            }
        }
    }
    out.push(b'\n');
    Ok(())
}

fn infinity(out: &mut Vec<u8>, is_positive: bool) {
    out.extend_from_slice(if is_positive { b"Infinity" } else { b"-Infinity" });
}

fn escaped(out: &mut Vec<u8>, text: &str) -> Result<(), ()> {
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let short = match byte {
            0 => return Err(()),
            b'\\' => b'\\',
            b'\t' => b't',
            b'\n' => b'n',
            b'\r' => b'r',
            _ => continue,
        };
        out.extend_from_slice(&bytes[from..at]);
        out.extend_from_slice(&[b'\\', short]);
        from = at + 1;
    }
    out.extend_from_slice(&bytes[from..]);
    Ok(())
}

/// bytea as `\x0aff`, its backslash doubled.
fn hexadecimal(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(b"\\\\x");
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
}
