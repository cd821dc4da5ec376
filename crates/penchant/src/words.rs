//! How things are said to people: tables, durations, numbers.

use std::io::{ErrorKind, Write};

use domain::{RunState, Timestamp};
use runs::Run;

/// Prints a line on standard output. A reader that has gone away (`penchant logs X | head`) ends the process quietly.
macro_rules! say {
    () => { $crate::words::say_line(format_args!("")) };
    ($($part:tt)*) => { $crate::words::say_line(format_args!($($part)*)) };
}
pub(crate) use say;

/// See [`say`].
pub fn say_line(line: std::fmt::Arguments<'_>) {
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        // Nowhere left to say it.
        _ => {}
    }
}

/// How this program is called from a shell: by its name where that finds it, else by its path.
pub fn program() -> String {
    let Ok(path) = std::env::current_exe() else { return "penchant".into() };
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join("penchant")).find(|candidate| candidate.is_file());
    let same = found.is_some_and(|found| found.canonicalize().ok() == path.canonicalize().ok());
    if same { "penchant".into() } else { path.display().to_string() }
}

/// `0.8 s`, `2 min 5 s`.
pub fn duration(ms: i64) -> String {
    let seconds = ms / 1000;
    match ms {
        ..100 => format!("{} ms", ms.max(0)),
        100..60_000 => format!("{:.1} s", ms as f64 / 1000.0),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// `1,234,567`
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How far a run is that is under way: `1,200 of 5,000 rows`.
pub fn progress(run: &Run) -> String {
    let runs::Progress { done, total, unit } = &run.progress;
    match (run.state, total) {
        (RunState::Running, 0) if *done > 0 => format!("{} {unit}", count(*done)),
        (RunState::Running, 1..) => format!("{} of {} {unit}", count(*done), count(*total)),
        _ => String::new(),
    }
}

/// `2026-11-23 04:05:06` in UTC.
pub fn time(time: Timestamp) -> String {
    chrono::DateTime::from_timestamp_millis(time.millis())
        .map_or_else(|| time.to_string(), |time| time.format("%Y-%m-%d %H:%M:%S").to_string())
}

/// Columns as wide as their widest cell, two spaces apart; the last is not padded.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..header.len())
        .map(|i| rows.iter().map(|row| row[i].chars().count()).chain([header[i].chars().count()]).max().unwrap_or(0))
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells.enumerate().map(|(i, cell)| format!("{cell:<width$}", width = widths[i])).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut header.iter().copied())];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_durations_read_well() {
        assert_eq!([count(7), count(1_000), count(1_234_567)], ["7", "1,000", "1,234,567"]);
        assert_eq!([duration(5), duration(840), duration(125_000)], ["5 ms", "0.8 s", "2 min 5 s"]);
        assert_eq!(time(Timestamp(0)), "1970-01-01 00:00:00");
    }

    #[test]
    fn tables_align() {
        let rows = vec![vec!["items".into(), "2,000".into()], vec!["x".into(), "1".into()]];
        assert_eq!(table(&["table", "rows"], &rows), "table  rows\nitems  2,000\nx      1");
    }
}
