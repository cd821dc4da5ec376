//! Parts of moments.

use domain::Result;

use super::unsupported;

/// `EXTRACT(field FROM value)`: whole numbers, seconds without their fraction; Sunday is day 0 of a week.
pub(super) fn extract(field: &str, value: &str) -> Result<String> {
    let field = field.to_lowercase();
    Ok(match field.as_str() {
        "year" | "month" | "quarter" | "day" | "hour" | "minute" | "second" => format!("{field}({value})"),
        "week" => format!("weekofyear({value})"),
        "doy" => format!("dayofyear({value})"),
        "dow" => format!("(dayofweek({value}) - 1)"),
        "isodow" => format!("((dayofweek({value}) + 5) % 7)"),
        "epoch" => format!("(unix_micros(CAST({value} AS TIMESTAMP)) / 1000000.0D)"),
        "millisecond" | "milliseconds" => format!("CAST(pmod(unix_micros(CAST({value} AS TIMESTAMP)), 60000000L) DIV 1000 AS INT)"),
        "microsecond" | "microseconds" => format!("CAST(pmod(unix_micros(CAST({value} AS TIMESTAMP)), 60000000L) AS INT)"),
        _ => return Err(unsupported(&format!("EXTRACT({} FROM …)", field.to_uppercase()))),
    })
}

/// A pattern of `to_char` in Java's letters; nothing for one that has no counterpart.
pub(super) fn java_pattern(pattern: &str) -> Option<String> {
    let mut java = String::new();
    let mut letters = pattern.chars();
    while let Some(c) = letters.next() {
        if c != '%' {
            let plain = !c.is_ascii_alphabetic() && c != '\'';
            java.push_str(&if plain { c.to_string() } else { format!("'{}'", if c == '\'' { "''".into() } else { c.to_string() }) });
            continue;
        }
        java.push_str(match letters.next()? {
            'Y' => "yyyy",
            'y' => "yy",
            'm' => "MM",
            'd' => "dd",
            'H' => "HH",
            'I' => "hh",
            'M' => "mm",
            'S' => "ss",
            'p' => "a",
            'j' => "DDD",
            'b' | 'h' => "MMM",
            'B' => "MMMM",
            'a' => "EEE",
            'A' => "EEEE",
            'F' => "yyyy-MM-dd",
            'T' => "HH:mm:ss",
            '%' => "%",
            _ => return None,
        });
    }
    Some(java)
}
