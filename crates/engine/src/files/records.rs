//! Records of delimited text: from a stream of bytes to fields that stand in one buffer. Knows nothing of columns and types.
//!
//! The rules: a field that begins with the quote goes on to the next quote that is not doubled; a quote anywhere else is a character
//! like others; `\n`, `\r` and both together end a record; empty lines are no records; the end of the text ends what is open.
//! Fields are looked for eight bytes at a time, and nothing is copied but what doubled quotes make shorter.

use std::io::{Error, ErrorKind, Read, Result};

use connect::files::MAX_ROW_BYTES;
use memchr::{memchr, memchr_iter};

/// Large enough that what it is filled from hands its bytes on without a copy of its own.
const BUFFER_BYTES: usize = 512 << 10;

/// One record after the other.
pub(super) struct Records<R> {
    input: R,
    delimiter: u8,
    quote: u8,
    buffer: Vec<u8>,
    /// Bytes in the buffer.
    filled: usize,
    /// Where the next record begins in it.
    next: usize,
    ended: bool,
    /// Of the next byte, from 1.
    line: u64,
    record_line: u64,
    fields: Vec<Field>,
}

/// A field of the record under way: a part of the buffer.
#[derive(Clone, Copy)]
struct Field {
    start: usize,
    end: usize,
    /// Quotes inside it are still to be taken out.
    is_raw: bool,
}

/// What a look at the buffer found.
enum Found {
    Record,
    /// The record goes on behind the buffer.
    More,
    End,
}

impl<R: Read> Records<R> {
    /// `line` is the number of the text's first line.
    pub fn new(input: R, delimiter: u8, quote: u8, line: u64) -> Self {
        Self::with_buffer(input, delimiter, quote, line, BUFFER_BYTES)
    }

    pub(super) fn with_buffer(input: R, delimiter: u8, quote: u8, line: u64, bytes: usize) -> Self {
        let buffer = vec![0; bytes];
        Self { input, delimiter, quote, buffer, filled: 0, next: 0, ended: false, line, record_line: line, fields: Vec::new() }
    }

    /// Whether there was another record.
    ///
    /// # Errors
    /// When the text cannot be read, and for a record that goes on and on: a quote that is never closed must not fill the memory.
    pub fn advance(&mut self) -> Result<bool> {
        loop {
            match self.look() {
                Found::Record if self.record_bytes() > MAX_ROW_BYTES => return Err(endless()),
                Found::Record => return Ok(true),
                Found::End => return Ok(false),
                Found::More => self.fill()?,
            }
        }
    }

    /// Fields of the record.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// A field of the record, if it has so many.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let field = self.fields.get(index)?;
        self.buffer.get(field.start..field.end)
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// The line on which the record began.
    pub fn record_line(&self) -> u64 {
        self.record_line
    }

    fn record_bytes(&self) -> usize {
        self.fields.first().map_or(0, |first| self.next - first.start)
    }

    fn look(&mut self) -> Found {
        let Some(start) = self.skip_breaks() else { return if self.ended { Found::End } else { Found::More } };
        self.fields.clear();
        let data = self.buffer.get(..self.filled).unwrap_or_default();
        let (mut at, mut has_quotes) = (start, false);
        let end = loop {
            let field = if data.get(at) == Some(&self.quote) {
                has_quotes = true;
                quoted(data, at + 1, self.quote, self.delimiter, self.ended)
            } else {
                unquoted(data, at, self.delimiter, self.ended)
            };
            let Some((field, end)) = field else { return Found::More };
            self.fields.push(field);
            match data.get(end) {
                Some(byte) if *byte == self.delimiter => at = end + 1,
                Some(_) => break end + 1,
                None => break end,
            }
        };
        self.record_line = self.line;
        let record = data.get(start..end).unwrap_or_default();
        self.line += if has_quotes { memchr_iter(b'\n', record).count() as u64 } else { u64::from(record.ends_with(b"\n")) };
        self.next = end;
        if has_quotes {
            for field in self.fields.iter_mut().filter(|field| field.is_raw) {
                field.end = take_out_quotes(&mut self.buffer, field.start, field.end, self.quote);
            }
        }
        Found::Record
    }

    /// Where the next record begins, if it does in the buffer.
    fn skip_breaks(&mut self) -> Option<usize> {
        let rest = self.buffer.get(self.next..self.filled).unwrap_or_default();
        for byte in rest {
            match byte {
                b'\n' => self.line += 1,
                b'\r' => {}
                _ => return Some(self.next),
            }
            self.next += 1;
        }
        None
    }

    /// Brings more of the text behind what is left of the buffer, which grows when a record fills it.
    fn fill(&mut self) -> Result<()> {
        let left = self.filled - self.next;
        if left > MAX_ROW_BYTES {
            return Err(endless());
        }
        self.buffer.copy_within(self.next..self.filled, 0);
        (self.next, self.filled) = (0, left);
        // Doubled, as a record is looked through anew each time; filled up for the same reason.
        if left * 2 > self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        while let Some(room) = self.buffer.get_mut(self.filled..).filter(|room| !room.is_empty()) {
            match self.input.read(room) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(count) => self.filled += count,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

fn endless() -> Error {
    let why = format!("a record has more than {} MiB; perhaps a quote is never closed", MAX_ROW_BYTES >> 20);
    Error::new(ErrorKind::InvalidData, why)
}

/// The field that begins here, and where it ends; none if that is not in the data.
fn unquoted(data: &[u8], start: usize, delimiter: u8, ended: bool) -> Option<(Field, usize)> {
    let end = field_end(data, start, delimiter).or_else(|| ended.then_some(data.len()))?;
    Some((Field { start, end, is_raw: false }, end))
}

/// The same for a field whose opening quote stands before `start`.
fn quoted(data: &[u8], start: usize, quote: u8, delimiter: u8, ended: bool) -> Option<(Field, usize)> {
    let (mut at, mut is_raw) = (start, false);
    loop {
        let Some(found) = memchr(quote, data.get(at..)?) else {
            return ended.then_some((Field { start, end: data.len(), is_raw }, data.len()));
        };
        let closing = at + found;
        match data.get(closing + 1) {
            Some(byte) if *byte == quote => (at, is_raw) = (closing + 2, true),
            None if !ended => return None,
            _ => {
                let (_, end) = unquoted(data, closing + 1, delimiter, ended)?;
                // What stands between the closing quote and the end of the field belongs to it.
                let field = if end == closing + 1 { Field { start, end: closing, is_raw } } else { Field { start, end, is_raw: true } };
                return Some((field, end));
            }
        }
    }
}

/// The first delimiter or line break from `start` on.
fn field_end(data: &[u8], start: usize, delimiter: u8) -> Option<usize> {
    let is_end = |byte: &u8| *byte == delimiter || *byte == b'\n' || *byte == b'\r';
    let mut at = start;
    while let Some(eight) = data.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let eight = u64::from_le_bytes(*eight);
        let found = zeros(eight ^ repeated(delimiter)) | zeros(eight ^ repeated(b'\n')) | zeros(eight ^ repeated(b'\r'));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    data.get(at..)?.iter().position(is_end).map(|found| at + found)
}

fn repeated(byte: u8) -> u64 {
    u64::from(byte) * 0x0101_0101_0101_0101
}

/// The high bit of every byte that is zero; above the lowest such byte others may be marked too.
fn zeros(eight: u64) -> u64 {
    eight.wrapping_sub(0x0101_0101_0101_0101) & !eight & 0x8080_8080_8080_8080
}

/// Makes two quotes one and leaves the closing one out; gives the new end.
fn take_out_quotes(buffer: &mut [u8], start: usize, end: usize, quote: u8) -> usize {
    let (mut from, mut to, mut is_closed) = (start, start, false);
    while from < end {
        let byte = buffer[from];
        from += 1;
        if byte == quote && !is_closed {
            if from < end && buffer[from] == quote {
                from += 1;
            } else {
                is_closed = true;
                continue;
            }
        }
        buffer[to] = byte;
        to += 1;
    }
    to
}

#[cfg(test)]
mod tests;
