//! The rows of JSON text: objects one after another or in one list, or what a path leads to.
//!
//! The text is passed over once, by structure alone, and each row's bytes are handed out: one row is held at a time, whatever the
//! size of the file. Whether a row is JSON in every detail is for whoever parses it to say.

use std::io::{BufRead, ErrorKind};

use domain::{Error, Result};

use super::JsonPath;
use super::json_path::Step;

/// A row is smaller; a bracket that is never closed must not fill the memory.
pub const MAX_ROW_BYTES: usize = 64 << 20;
/// Lists and objects inside each other; deeper ones are refused rather than to run out of stack.
const MAX_DEPTH: usize = 512;

/// Hands each row to `give`, with the number of the line on which it begins, until `give` answers false. Members that the path
/// does not lead to are passed over. Fails, naming file and line, on text that is not built like JSON.
///
/// Without a path ([`JsonPath::default`]) the rows are the objects at the top of the text and those in lists there; anything else
/// is an error. A path leads to objects, and where it leads to a list to those in it; what else it leads to is no row.
pub fn json_rows(file: &str, text: &mut dyn BufRead, path: &JsonPath, give: &mut dyn FnMut(u64, &[u8]) -> Result<bool>) -> Result<()> {
    rows_in(file, text, path, Sight::Whole, give)
}

/// How much of a file the text is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    Whole,
    /// It may end anywhere.
    Cut,
}

pub(super) fn rows_in(
    file: &str,
    text: &mut dyn BufRead,
    path: &JsonPath,
    sight: Sight,
    give: &mut dyn FnMut(u64, &[u8]) -> Result<bool>,
) -> Result<()> {
    let mut rows = Rows { file, text, line: 1, row: Vec::new(), strict: path.steps().is_empty(), ended: false, give };
    loop {
        let more = match rows.peek()? {
            None => Ok(false),
            // Some writers put commas between the objects of a file.
            Some(b',') => {
                rows.skip(1);
                Ok(true)
            }
            Some(_) => rows.value(path.steps(), 0),
        };
        match more {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(_) if rows.ended && sight == Sight::Cut => return Ok(()),
            Err(e) => return Err(e),
        }
    }
}

struct Rows<'a> {
    file: &'a str,
    text: &'a mut dyn BufRead,
    line: u64,
    row: Vec<u8>,
    /// There is no path, so that everything must be a row.
    strict: bool,
    /// The text ended within a value.
    ended: bool,
    give: &'a mut dyn FnMut(u64, &[u8]) -> Result<bool>,
}

impl Rows<'_> {
    fn wrong(&self, found: &str) -> Error {
        Error::invalid_data(format!("The file {} should hold JSON objects; at line {} {found}.", self.file, self.line))
    }

    fn skip(&mut self, count: usize) {
        self.text.consume(count);
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Result<Option<u8>> {
        loop {
            let buffer = fill(self.text).map_err(|e| unreadable(self.file, self.line, e))?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let white = buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let lines = buffer[..white].iter().filter(|byte| **byte == b'\n').count() as u64;
            let next = buffer.get(white).copied();
            self.line += lines;
            self.skip(white);
            if next.is_some() {
                return Ok(next);
            }
        }
    }

    fn need(&mut self) -> Result<u8> {
        let next = self.peek()?;
        self.ended |= next.is_none();
        next.ok_or_else(|| self.wrong("the text ends within a value"))
    }

    /// One value, of which the rows at the end of the steps are given. False when nobody wants more.
    fn value(&mut self, steps: &[Step], depth: usize) -> Result<bool> {
        if depth > MAX_DEPTH {
            return Err(self.wrong("values are nested too deeply"));
        }
        match (self.need()?, steps) {
            (b'{', []) => {
                let line = self.line;
                self.copy()?;
                (self.give)(line, &self.row)
            }
            // The list around the rows.
            (b'[', []) => self.items(|_| Some(&[]), depth),
            (b'[', [Step::Item(wanted), rest @ ..]) => self.items(|index| (index == *wanted).then_some(rest), depth),
            (b'[', [Step::Any, rest @ ..]) => self.items(|_| Some(rest), depth),
            (b'{', [step @ (Step::Member(_) | Step::Any), rest @ ..]) => self.members(step, rest, depth),
            (other, []) if self.strict => {
                Err(self.wrong(&format!("an object was expected and a value that begins with {:?} found", char::from(other))))
            }
            _ => self.pass().map(|()| true),
        }
    }

    fn items<'s>(&mut self, wanted: impl Fn(usize) -> Option<&'s [Step]>, depth: usize) -> Result<bool> {
        self.skip(1);
        let mut index = 0;
        loop {
            match self.need()? {
                b']' => {
                    self.skip(1);
                    return Ok(true);
                }
                b',' => self.skip(1),
                _ => {
                    let more = match wanted(index) {
                        Some(steps) => self.value(steps, depth + 1)?,
                        None => self.pass().map(|()| true)?,
                    };
                    if !more {
                        return Ok(false);
                    }
                    index += 1;
                }
            }
        }
    }

    fn members(&mut self, step: &Step, rest: &[Step], depth: usize) -> Result<bool> {
        self.skip(1);
        loop {
            match self.need()? {
                b'}' => {
                    self.skip(1);
                    return Ok(true);
                }
                b',' => self.skip(1),
                b'"' => {
                    self.copy()?;
                    let name: String = serde_json::from_slice(&self.row).map_err(|_| self.wrong("a member's name is no text"))?;
                    if self.need()? != b':' {
                        return Err(self.wrong(&format!("the member {name:?} has no value")));
                    }
                    self.skip(1);
                    self.need()?;
                    let led = matches!(step, Step::Any) || matches!(step, Step::Member(wanted) if *wanted == name);
                    let more = if led { self.value(rest, depth + 1)? } else { self.pass().map(|()| true)? };
                    if !more {
                        return Ok(false);
                    }
                }
                other => return Err(self.wrong(&format!("a member's name was expected and {:?} found", char::from(other)))),
            }
        }
    }

    /// Copies the value that begins here into `row`.
    fn copy(&mut self) -> Result<()> {
        self.row.clear();
        self.walk(true)
    }

    /// Passes over the value that begins here.
    fn pass(&mut self) -> Result<()> {
        self.walk(false)
    }

    /// To the end of the value that begins here, looking at brackets and texts only.
    fn walk(&mut self, keep: bool) -> Result<()> {
        let start = self.line;
        let mut state = Walk::default();
        loop {
            let buffer = fill(self.text).map_err(|e| unreadable(self.file, self.line, e))?;
            if buffer.is_empty() {
                // A bare number or word ends with the text.
                if state.depth == 0 && !state.in_text && state.begun {
                    return Ok(());
                }
                self.ended = true;
                return Err(self.wrong(&format!("the text ends within the value that began on line {start}")));
            }
            let (used, ended) = state.advance(buffer);
            let lines = buffer[..used].iter().filter(|byte| **byte == b'\n').count() as u64;
            if keep {
                self.row.extend_from_slice(&buffer[..used]);
            }
            let next = buffer.get(used).copied();
            self.line += lines;
            self.skip(used);
            if self.row.len() > MAX_ROW_BYTES {
                return Err(self.wrong(&format!("the value that began on line {start} has more than {} MiB", MAX_ROW_BYTES >> 20)));
            }
            if ended {
                return Ok(());
            }
            if let (0, Some(other)) = (used, next) {
                return Err(self.wrong(&format!("a value was expected and {:?} found", char::from(other))));
            }
        }
    }
}

/// What is buffered, or more; a signal is no reason to stop.
fn fill(text: &mut dyn BufRead) -> std::io::Result<&[u8]> {
    loop {
        match text.fill_buf() {
            Ok(_) => break,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    text.fill_buf()
}

fn unreadable(file: &str, line: u64, error: std::io::Error) -> Error {
    Error::invalid_data(format!("The file {file} cannot be read or unpacked after line {line}: {error}.")).source(error)
}

/// Where within a value the walk is.
#[derive(Default)]
struct Walk {
    depth: usize,
    in_text: bool,
    escaped: bool,
    begun: bool,
}

impl Walk {
    /// How many bytes belong to the value, and whether it ends with them.
    fn advance(&mut self, buffer: &[u8]) -> (usize, bool) {
        for (at, &byte) in buffer.iter().enumerate() {
            if self.in_text {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.in_text = false;
                        if self.depth == 0 {
                            return (at + 1, true);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' if self.depth == 0 && self.begun => return (at, true),
                b'"' => self.in_text = true,
                b'{' | b'[' if self.depth == 0 && self.begun => return (at, true),
                b'{' | b'[' => self.depth += 1,
                // Of whatever is around this value.
                b'}' | b']' if self.depth == 0 => return (at, self.begun),
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return (at + 1, true);
                    }
                }
                b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 && self.begun => return (at, true),
                b',' | b':' if self.depth == 0 => return (at, false),
                _ => {}
            }
            self.begun = true;
        }
        (buffer.len(), false)
    }
}
