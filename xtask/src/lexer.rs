//! Just enough of Rust's lexical rules to look at code without being misled by comments, strings and tests.

/// The text with comments, strings and characters turned into blanks. Every byte and every line stays where it is.
pub fn masked(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = token_end(bytes, at);
        let opaque = end - at > 1;
        out.extend(bytes[at..end].iter().map(|byte| if opaque && *byte != b'\n' { b' ' } else { *byte }));
        at = end;
    }
    // Every byte of what is not ASCII is either kept or blanked as a whole token, so this is UTF-8; if it is not, no check looks at such a byte.
    String::from_utf8_lossy(&out).into_owned()
}

/// Where the comment, string or character that starts at `at` ends; `at + 1` where none starts there.
fn token_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        return at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }
    if rest.starts_with(b"/*") {
        return block_comment_end(bytes, at);
    }
    match rest[0] {
        b'"' => quoted_end(bytes, at, b'"'),
        b'r' if !follows_word(bytes, at) => raw_string_end(bytes, at).unwrap_or(at + 1),
        b'\'' if is_character(rest) => quoted_end(bytes, at, b'\''),
        _ => at + 1,
    }
}

/// Comments may nest.
fn block_comment_end(bytes: &[u8], at: usize) -> usize {
    let (mut depth, mut at) = (0, at);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
        } else {
            at += 1;
        }
        if depth == 0 {
            break;
        }
    }
    at.min(bytes.len())
}

fn quoted_end(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// Whether the byte before `at` belongs to the same word; `b` and `c` before an `r` are prefixes of strings.
fn follows_word(bytes: &[u8], at: usize) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let prefix = at > 0 && matches!(bytes[at - 1], b'b' | b'c') && !(at > 1 && word(bytes[at - 2]));
    at > 0 && word(bytes[at - 1]) && !prefix
}

fn raw_string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let hashes = bytes[at + 1..].iter().take_while(|byte| **byte == b'#').count();
    if bytes.get(at + 1 + hashes) != Some(&b'"') {
        return None;
    }
    let closing = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    let inside = at + 2 + hashes;
    let length = bytes[inside..].windows(closing.len()).position(|window| window == closing)?;
    Some(inside + length + closing.len())
}

/// A quote starts a character, and not a lifetime, where an escape follows it or where a quote follows what follows it.
fn is_character(rest: &[u8]) -> bool {
    let width = match rest.get(1) {
        Some(b'\\') => return true,
        Some(0..=0x7f) => 1,
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(_) => 4,
        None => return false,
    };
    rest.get(1 + width) == Some(&b'\'')
}

/// The masked text without the items behind `#[cfg(test)]`; their lines stay, blank.
pub fn without_tests(masked: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = masked.to_owned();
    let mut from = 0;
    while let Some(start) = out[from..].find(MARK).map(|offset| from + offset) {
        let end = item_end(out.as_bytes(), start + MARK.len());
        let blank: String = out[start..end].chars().map(|letter| if letter == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
        from = start + blank.len();
    }
    out
}

/// Where the item that starts at or after `from` ends: behind its `;` or its closing brace.
pub fn item_end(bytes: &[u8], from: usize) -> usize {
    let (mut braces, mut brackets) = (0_usize, 0_usize);
    for (at, byte) in bytes.iter().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets = brackets.saturating_sub(1),
            b'{' => braces += 1,
            b'}' => {
                braces = braces.saturating_sub(1);
                if braces == 0 && brackets == 0 {
                    return at + 1;
                }
            }
            b';' if braces == 0 && brackets == 0 => return at + 1,
            _ => {}
        }
    }
    bytes.len()
}

/// The line of a byte, counted from 1.
pub fn line_at(text: &str, byte: usize) -> usize {
    text.as_bytes()[..byte].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The functions of a masked text: name, first line, number of lines. Those without a body are left out.
pub fn functions(masked: &str) -> Vec<(&str, usize, usize)> {
    let bytes = masked.as_bytes();
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut found = Vec::new();
    for (at, _) in masked.match_indices("fn ") {
        let name = masked[at + 3..].trim_start();
        let length = name.bytes().take_while(|byte| word(*byte)).count();
        let part_of_word = at > 0 && word(bytes[at - 1]);
        let end = item_end(bytes, at);
        if part_of_word || length == 0 || bytes[end - 1] != b'}' {
            continue;
        }
        let (first, last) = (line_at(masked, at), line_at(masked, end));
        found.push((&name[..length], first, last - first + 1));
    }
    found
}
