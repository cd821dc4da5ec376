//! The text of SQL: quoting, laying out, and reading just enough of it to know where a statement ends.

use domain::{Error, Result};

/// One piece of SQL text. Together the pieces are the text again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    Space(&'a str),
    Comment(&'a str),
    /// A `'text'`, with its quotes.
    Text(&'a str),
    /// A `"name"` or `` `name` ``, with its quotes.
    Name(&'a str),
    /// An identifier, a keyword or a number.
    Word(&'a str),
    Symbol(char),
}

/// Splits SQL into tokens. What the engines read differently from each other is refused, so that nobody can end a string or a comment
/// for one reader that goes on for another.
pub(crate) fn tokens(sql: &str) -> Result<Vec<Token<'_>>> {
    let mut found = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '$' => argument(rest).ok_or_else(|| unalike(first))?,
            '#' | '\\' => return Err(unalike(first)),
            '\'' | '"' | '`' => quoted(rest, first)?,
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest)?,
            c if c.is_whitespace() => rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len()),
            c if is_word(c) => rest.find(|c: char| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (text, after) = rest.split_at(length);
        found.push(match first {
            '\'' => Token::Text(text),
            '"' | '`' => Token::Name(text),
            '-' if length > 1 => Token::Comment(text),
            '/' if length > 1 => Token::Comment(text),
            c if c.is_whitespace() => Token::Space(text),
            c if is_word(c) || c == '$' => Token::Word(text),
            c => Token::Symbol(c),
        });
        if let [.., Token::Word(word), Token::Text(_)] = found.as_slice() {
            return Err(Error::invalid_input(format!("SQL has a text with the prefix {word:?}; write it as '...' alone.")));
        }
        rest = after;
    }
    Ok(found)
}

fn unalike(c: char) -> Error {
    Error::invalid_input(format!("SQL has {c:?} outside quotes, which engines read differently."))
}

/// The length of `${KEY}`, which becomes a text before any engine reads it.
fn argument(text: &str) -> Option<usize> {
    let (key, _) = text.strip_prefix("${")?.split_once('}')?;
    let fits = !key.is_empty() && key.chars().all(|c| is_word(c) || c == '-');
    fits.then_some(key.len() + "${}".len())
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// The length of a quoted piece; a doubled quote stands for itself.
fn quoted(text: &str, quote: char) -> Result<usize> {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => _ = chars.next(),
                _ => return Ok(at + c.len_utf8()),
            }
        }
    }
    Err(Error::invalid_input(format!("SQL opens {quote} and does not close it.")))
}

fn block_comment(text: &str) -> Result<usize> {
    let body = text.get(2..).unwrap_or_default();
    let Some(end) = body.find("*/") else { return Err(Error::invalid_input("SQL opens /* and does not close it.")) };
    if body.get(..end).is_some_and(|inside| inside.contains("/*")) {
        return Err(Error::invalid_input("SQL has /* within a comment, which engines read differently."));
    }
    Ok(end + 4)
}

/// SQL that a user wrote into a node, fit to stand between parentheses: one query or expression, closed in itself. `` `name` `` of
/// Spark becomes `"name"`.
pub(crate) fn checked(sql: &str, what: &str) -> Result<String> {
    let trimmed = sql.trim().trim_end_matches(';').trim_end();
    let mut depth = 0_i64;
    let mut out = String::with_capacity(trimmed.len());
    let mut empty = true;
    for token in tokens(trimmed).map_err(|error| Error::invalid_input(format!("{what}: {}", error.message)))? {
        match token {
            Token::Symbol(c) => {
                depth += i64::from(c == '(') - i64::from(c == ')');
                if depth < 0 || c == ';' {
                    return Err(Error::invalid_input(format!("{what} is to be one query or expression, found {c:?} where none may end.")));
                }
                out.push(c);
            }
            Token::Name(name) => out.push_str(&quote_name(&unquote(name))),
            Token::Space(text) | Token::Comment(text) | Token::Text(text) | Token::Word(text) => out.push_str(text),
        }
        empty &= matches!(token, Token::Space(_) | Token::Comment(_));
    }
    if empty {
        return Err(Error::invalid_input(format!("{what} is empty, expected SQL.")));
    }
    if depth > 0 {
        return Err(Error::invalid_input(format!("{what} opens {depth} parentheses that it does not close.")));
    }
    Ok(out)
}

/// What [`checked`] let through, in parentheses: what stands in them cannot be more than one query or expression.
pub(crate) fn parenthesised(checked: &str) -> String {
    // It may end in a comment, which goes on to the end of the line.
    if checked.contains("--") { format!("(\n  {checked}\n)") } else { format!("({checked})") }
}

/// What a quoted identifier or text says.
pub(crate) fn unquote(quoted: &str) -> String {
    let mut chars = quoted.chars();
    let (Some(quote), Some(_)) = (chars.next(), chars.next_back()) else { return quoted.to_owned() };
    chars.as_str().replace(&format!("{quote}{quote}"), &quote.to_string())
}

/// An identifier, quoted where it has to be.
pub(crate) fn identifier(name: &str) -> String {
    let mut chars = name.chars();
    let plain = chars.next().is_some_and(|c| c == '_' || c.is_ascii_lowercase())
        && chars.all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit());
    if plain && !is_reserved(name) { name.to_owned() } else { quote_name(name) }
}

fn quote_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text constant.
pub(crate) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// Items of a list, one a line.
pub(crate) fn lines(items: &[String]) -> String {
    items.join(",\n  ")
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

/// `database.table`.
pub(crate) fn table(database: &str, table: &str) -> String {
    format!("{}.{}", identifier(database), identifier(table))
}

/// `expression AS name`, or the expression alone where its name is that already.
pub(crate) fn named(expression: &str, name: &str) -> String {
    let quoted = identifier(name);
    let same = expression == quoted || expression.strip_prefix("l.").or(expression.strip_prefix("r.")) == Some(quoted.as_str());
    if same { expression.to_owned() } else { format!("{expression} AS {quoted}") }
}

/// `SELECT` with one item a line, then the clauses that follow.
pub(crate) fn select(items: &[String], clauses: &[String]) -> String {
    let list: Vec<String> = items.iter().map(|item| indent(item, 2)).collect();
    format!("SELECT\n{}\n{}", list.join(",\n"), clauses.join("\n"))
}

/// A query as a table of the FROM clause.
pub(crate) fn derived(query: &str, alias: &str) -> String {
    format!("(\n{}\n) AS {alias}", indent(query, 2))
}

/// Moves every line to the right but for those that begin within a quoted text or a comment.
pub(crate) fn indent(sql: &str, by: usize) -> String {
    let pad = " ".repeat(by);
    let Ok(tokens) = tokens(sql) else { return sql.to_owned() };
    let mut out = String::with_capacity(sql.len() + sql.len() / 8);
    let mut line_start = true;
    for token in tokens {
        let piece = match token {
            Token::Space(space) => {
                if let Some(last) = space.rfind('\n') {
                    out.push_str(&"\n".repeat(space.matches('\n').count()));
                    out.push_str(if last + 1 < space.len() { &pad } else { "" });
                    out.push_str(space.get(last + 1..).unwrap_or_default());
                    line_start = last + 1 == space.len();
                    continue;
                }
                space.to_owned()
            }
            Token::Comment(piece) | Token::Text(piece) | Token::Name(piece) | Token::Word(piece) => piece.to_owned(),
            Token::Symbol(c) => c.to_string(),
        };
        if line_start {
            out.push_str(&pad);
            line_start = false;
        }
        out.push_str(&piece);
    }
    out
}

/// A text as a comment's one line: what could end the line is a space.
pub(crate) fn comment(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect();
    format!("-- {}", line.trim())
}

/// Words that mean something to one of the engines where a name could stand; a name that is one of them is quoted.
const RESERVED: &str = " all alter analyze and anti any array as asc at authorization between both by case cast check cluster collate column \
    commit connect constraint create cross cube current current_date current_time current_timestamp current_user date day dec decimal \
    delete desc describe distinct distribute div drop else end escape except exclude exists explain extract false fetch filter first float \
    following for foreign from full function global glob grant group grouping having hour if ilike in index inner insert int intersect \
    interval into is join key keys language last lateral leading left like limit list local map match matched merge minus minute month \
    natural no not null nulls of offset on only or order outer over overlaps overlay partition percent pivot position preceding primary \
    qualify range references regexp respect returning revoke right rlike rollup row rows second select semi session session_user set \
    settings similar some sort start struct substring table tablesample temporary then time timestamp to top trailing trim true truncate \
    try_cast unbounded union unique unknown unnest unpivot update use user using value values varchar view when where window with within \
    without year zone ";

fn is_reserved(word: &str) -> bool {
    RESERVED.split_whitespace().any(|reserved| reserved == word)
}
