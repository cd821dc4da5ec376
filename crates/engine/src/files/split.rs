//! A large delimited file in pieces that are read at once: each begins where a record begins, whatever quotes and line breaks the file
//! has. Knows nothing of columns.
//!
//! Whether a line break ends a record depends on all quotes before it. So the file is looked through first, all ranges at once and each
//! under every assumption about how it begins; how it really begins follows from the ranges before it. That look is a search for
//! quotes and line breaks, far quicker than reading cells; it is worth it for files that lie on a disk here, not for downloads.

use std::fs::File;
use std::io::Result;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use connect::files::CsvDialect;
use memchr::{memchr, memchr_iter, memchr2};
use tokio::sync::OnceCell;

/// Looked through at once: fits the processor's cache, where it is looked through several times.
const CHUNK_BYTES: usize = 256 << 10;
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// Where a piece begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Start {
    pub offset: u64,
    /// The number of the line there, from 1.
    pub line: u64,
}

/// The pieces of one file, found when the first of them is opened.
#[derive(Debug)]
pub(super) struct Pieces {
    pub count: usize,
    starts: OnceCell<Vec<Start>>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub index: usize,
    pub of: Arc<Pieces>,
}

impl Piece {
    pub fn all(count: usize) -> impl Iterator<Item = Self> {
        let of = Arc::new(Pieces { count, starts: OnceCell::new() });
        (0..count).map(move |index| Self { index, of: of.clone() })
    }

    /// Where this piece begins, and the offset where it ends; they are the same for a piece without records.
    pub async fn bounds(&self, file: &Arc<File>, size: u64, dialect: CsvDialect) -> Result<(Start, u64)> {
        let starts = self.of.starts.get_or_try_init(|| find(file, size, dialect, self.of.count)).await?;
        let end = starts.get(self.index + 1).map_or(size, |next| next.offset);
        let start = starts.get(self.index).copied().unwrap_or(Start { offset: size, line: 1 });
        Ok((start, end))
    }
}

/// Looks through all ranges at once.
async fn find(file: &Arc<File>, size: u64, dialect: CsvDialect, count: usize) -> Result<Vec<Start>> {
    let mut first = [0; UTF8_MARK.len()];
    let count_read = file.read_at(&mut first, 0)?;
    let mark = if first.get(..count_read) == Some(UTF8_MARK) { UTF8_MARK.len() as u64 } else { 0 };
    let mut looks = Vec::new();
    for range in ranges(mark, size, count) {
        let file = file.clone();
        looks.push(tokio::task::spawn_blocking(move || Look::through(&file, range, dialect)));
    }
    let mut found = Vec::with_capacity(looks.len());
    for look in looks {
        found.push(look.await.map_err(std::io::Error::other)??);
    }
    Ok(starts(&found, size))
}

fn ranges(from: u64, to: u64, count: usize) -> impl Iterator<Item = (u64, u64)> {
    let (count, size) = (count.max(1) as u64, to.saturating_sub(from));
    let bound = move |index: u64| from + (u128::from(size) * u128::from(index) / u128::from(count)) as u64;
    (0..count).map(move |index| (bound(index), bound(index + 1)))
}

/// Between two bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A quote would open a field.
    FieldStart,
    InField,
    InQuotes,
    /// The other half of a doubled quote would keep the field open.
    AfterQuote,
}

const STATES: [State; 4] = [State::FieldStart, State::InField, State::InQuotes, State::AfterQuote];

/// What a range is under one assumption about how it begins.
#[derive(Debug, Clone, Copy)]
struct Course {
    state: State,
    /// After the first line break that ends a record.
    first: Option<Start>,
}

/// What was found in one range: a course for each of [`STATES`], lines counted from 0.
#[derive(Debug)]
struct Look {
    courses: [Course; 4],
    breaks: u64,
}

impl Look {
    fn new() -> Self {
        Self { courses: STATES.map(|state| Course { state, first: None }), breaks: 0 }
    }

    fn through(file: &File, (from, to): (u64, u64), dialect: CsvDialect) -> Result<Self> {
        let mut look = Self::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut offset = from;
        while offset < to {
            let room = usize::try_from(to - offset).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
            let count = file.read_at(chunk.get_mut(..room).unwrap_or_default(), offset)?;
            if count == 0 {
                break;
            }
            look.take(chunk.get(..count).unwrap_or_default(), offset, dialect);
            offset += count as u64;
        }
        Ok(look)
    }

    fn take(&mut self, bytes: &[u8], offset: u64, dialect: CsvDialect) {
        // Courses that came together stay together, and are followed once.
        let mut followed: Vec<(State, (State, Option<usize>))> = Vec::with_capacity(STATES.len());
        for course in &mut self.courses {
            let known = followed.iter().find(|(state, _)| *state == course.state).map(|(_, end)| *end);
            let (state, first) = known.unwrap_or_else(|| {
                let end = follow(course.state, bytes, dialect);
                followed.push((course.state, end));
                end
            });
            course.state = state;
            if let (None, Some(first)) = (course.first, first) {
                let breaks = memchr_iter(b'\n', bytes.get(..first).unwrap_or_default()).count() as u64;
                course.first = Some(Start { offset: offset + first as u64, line: self.breaks + breaks });
            }
        }
        self.breaks += memchr_iter(b'\n', bytes).count() as u64;
    }

    fn course(&self, state: State) -> Course {
        self.courses[state as usize]
    }
}

/// How the bytes end when they begin so, and where a record begins for the first time.
fn follow(begin: State, bytes: &[u8], dialect: CsvDialect) -> (State, Option<usize>) {
    let CsvDialect { delimiter, quote, .. } = dialect;
    let separates = |byte: u8| byte == delimiter || byte == b'\n' || byte == b'\r';
    let (mut state, mut at, mut first) = (begin, 0, None);
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        match (state, rest.first()) {
            (_, None) => return (state, first),
            (State::InQuotes, _) => match memchr(quote, rest) {
                Some(found) => (state, at) = (State::AfterQuote, at + found + 1),
                None => return (state, first),
            },
            (State::AfterQuote, Some(byte)) if *byte == quote => (state, at) = (State::InQuotes, at + 1),
            (State::AfterQuote, Some(_)) => state = State::InField,
            (State::FieldStart | State::InField, Some(_)) => {
                let opens = |found: &usize| match found.checked_sub(1) {
                    None => state == State::FieldStart,
                    Some(before) => rest.get(before).copied().is_some_and(separates),
                };
                let opening = memchr_iter(quote, rest).find(opens);
                let outside = rest.get(..opening.unwrap_or(rest.len())).unwrap_or_default();
                first = first.or_else(|| memchr2(b'\n', b'\r', outside).map(|found| at + found + 1));
                state = match (opening, outside.last()) {
                    (Some(_), _) => State::InQuotes,
                    (None, Some(last)) if separates(*last) => State::FieldStart,
                    (None, _) => State::InField,
                };
                at += outside.len() + usize::from(opening.is_some());
            }
        }
    }
}

/// From how ranges are under every assumption to how they are.
fn starts(looks: &[Look], size: u64) -> Vec<Start> {
    let (mut state, mut line) = (State::FieldStart, 1);
    let mut found = Vec::with_capacity(looks.len());
    for (index, look) in looks.iter().enumerate() {
        let course = look.course(state);
        let first = course.first.map(|first| Start { offset: first.offset, line: line + first.line });
        found.push(if index == 0 { Some(Start { offset: 0, line: 1 }) } else { first });
        (state, line) = (course.state, line + look.breaks);
    }
    // A range in which no record begins has none: it ends where it begins, at the start of the next.
    let mut next = Start { offset: size, line };
    for start in found.iter_mut().rev() {
        next = *start.get_or_insert(next);
    }
    found.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
