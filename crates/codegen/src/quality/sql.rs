//! Pieces of SQL text.

use domain::{Error, Result};

/// `"name"`, with its quotes doubled.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text constant, its quotes doubled. A backslash stands for itself.
pub(crate) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// Items of a list, one a line.
pub(crate) fn lines(items: &[String]) -> String {
    items.join(",\n  ")
}

/// SQL that a user wrote, fit to stand between parentheses: quotes closed, parentheses in pairs, no comment and no second statement.
pub(crate) fn checked<'a>(sql: &'a str, what: &str) -> Result<&'a str> {
    let wrong = |found: &str| Err(Error::invalid_input(format!("{what} is to be one piece of SQL, found {found}.")));
    let sql = sql.trim();
    let (mut depth, mut quote, mut last) = (0_i64, None, ' ');
    for c in sql.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, ';') => return wrong("a semicolon"),
            (None, '-') if last == '-' => return wrong("a comment"),
            (None, '*') if last == '/' => return wrong("a comment"),
            (None, _) => {}
        }
        if depth < 0 {
            return wrong("a \")\" too many");
        }
        last = c;
    }
    match (sql, quote, depth) {
        ("", ..) => wrong("nothing"),
        (_, Some(_), _) => wrong("a quote that is not closed"),
        (_, _, 0) => Ok(sql),
        _ => wrong("a \"(\" that is not closed"),
    }
}

/// A regular expression as a text constant, when both Rust's and Java's readers take it the same way.
///
/// Looking around and back references are Java's alone, `(?P<` is Rust's alone.
pub(crate) fn pattern(regex: &str, place: &str) -> Result<String> {
    let mut rest = regex;
    while let Some(at) = rest.find(['\\', '(']) {
        let piece = rest.get(at..).unwrap_or_default();
        let foreign =
            ["(?=", "(?!", "(?<=", "(?<!", "(?P", "(?>", "\\k", "\\G", "\\Z"].into_iter().find(|foreign| piece.starts_with(foreign));
        let digit = piece.strip_prefix('\\').and_then(|after| after.chars().next()).filter(char::is_ascii_digit);
        if let Some(found) = foreign.map(str::to_owned).or(digit.map(|digit| format!("\\{digit}"))) {
            let sentence = "expected a regular expression that every engine reads alike (no looking around, no back references)";
            return Err(Error::invalid_input(format!("{place}: {sentence}, found {found} in \"{regex}\".")));
        }
        // An escaped backslash or parenthesis is two characters that belong together.
        let taken = if piece.starts_with('\\') { 1 + piece.chars().nth(1).map_or(0, char::len_utf8) } else { 1 };
        rest = piece.get(taken..).unwrap_or_default();
    }
    Ok(text(regex))
}
