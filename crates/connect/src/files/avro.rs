//! Avro container files: the header says everything but the number of rows, which each block says of itself.

use std::io::{BufRead, Error, ErrorKind, Read, Result};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use arrow_avro::reader::ReaderBuilder;
use object_store::ObjectMeta;

use super::{Compression, Finding, Format, Inspection, schema::plain};

/// A block is smaller; a damaged length must not fill the memory.
const MAX_BLOCK_BYTES: u64 = 1 << 30;
const SYNC_BYTES: u64 = 16;
const MAGIC_BYTES: u64 = 4;

/// Passes the bytes of a container file on and follows its blocks: a file that was cut off, which the decoder would take for one
/// that ends there, fails.
pub struct AvroBlocks<R> {
    inner: R,
    track: Track,
    /// Of the bytes that are buffered, how many were followed.
    followed: usize,
}

struct Track {
    state: State,
    rows: u64,
    bytes: u64,
    /// Rows in the blocks that ended, and where the last of them ended.
    whole: (u64, u64),
}

enum State {
    Number {
        value: u64,
        bits: u32,
        of: Number,
    },
    /// Bytes to pass over, and what comes then.
    Rest(u64, Number),
}

/// What the next number says: the header is a map (in parts, the last of them empty) and a mark, a block its rows, their bytes and
/// a mark.
#[derive(Clone, Copy, PartialEq)]
enum Number {
    MapItems,
    /// Follows a negative number of items.
    MapBytes(u64),
    /// The length of a key or value, of which so many are left.
    Length(u64),
    BlockRows,
    BlockBytes,
}

fn begin(of: Number) -> State {
    State::Number { value: 0, bits: 0, of }
}

impl<R: BufRead> AvroBlocks<R> {
    pub fn new(inner: R) -> Self {
        Self { inner, track: Track::new(), followed: 0 }
    }
}

impl Track {
    fn new() -> Self {
        Self { state: State::Rest(MAGIC_BYTES, Number::MapItems), rows: 0, bytes: 0, whole: (0, 0) }
    }

    fn follow(&mut self, mut bytes: &[u8]) -> Result<()> {
        while let Some(&byte) = bytes.first() {
            let used = match &mut self.state {
                State::Rest(left, _) => {
                    let used = (*left).min(bytes.len() as u64);
                    *left -= used;
                    used as usize
                }
                State::Number { value, bits, of } => {
                    let of = *of;
                    if let Some(number) = varint(byte, value, bits)? {
                        self.state = self.after(of, number)?;
                    }
                    1
                }
            };
            self.bytes += used as u64;
            bytes = &bytes[used..];
            if let State::Rest(0, next) = self.state {
                self.state = begin(next);
                if next == Number::BlockRows {
                    self.whole = (self.rows, self.bytes);
                }
            }
        }
        Ok(())
    }

    fn after(&mut self, of: Number, number: i64) -> Result<State> {
        let size = number.unsigned_abs();
        if number < 0 && of != Number::MapItems || size > MAX_BLOCK_BYTES {
            return Err(Error::new(ErrorKind::InvalidData, format!("a length in it is {number}")));
        }
        Ok(match of {
            Number::MapItems if number == 0 => State::Rest(SYNC_BYTES, Number::BlockRows),
            Number::MapItems if number < 0 => begin(Number::MapBytes(size)),
            Number::MapItems => begin(Number::Length(size * 2)),
            Number::MapBytes(items) => begin(Number::Length(items * 2)),
            Number::Length(left) => State::Rest(size, if left > 1 { Number::Length(left - 1) } else { Number::MapItems }),
            Number::BlockRows => {
                self.rows += size;
                begin(Number::BlockBytes)
            }
            Number::BlockBytes => State::Rest(size + SYNC_BYTES, Number::BlockRows),
        })
    }

    fn is_between_blocks(&self) -> bool {
        matches!(self.state, State::Number { bits: 0, of: Number::BlockRows, .. })
    }
}

/// One more byte of a zigzag number.
fn varint(byte: u8, value: &mut u64, bits: &mut u32) -> Result<Option<i64>> {
    if *bits > 56 {
        return Err(Error::new(ErrorKind::InvalidData, "a length in it is no number"));
    }
    *value |= u64::from(byte & 0x7f) << *bits;
    *bits += 7;
    let number = (*value >> 1) as i64 ^ -((*value & 1) as i64);
    Ok((byte & 0x80 == 0).then_some(number))
}

impl<R: BufRead> BufRead for AvroBlocks<R> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        let buffer = self.inner.fill_buf()?;
        let new = buffer.get(self.followed..).unwrap_or_default();
        self.followed += new.len();
        self.track.follow(new)?;
        if buffer.is_empty() && !self.track.is_between_blocks() {
            return Err(Error::new(ErrorKind::UnexpectedEof, "the file ends within a block: it was cut off"));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.followed = self.followed.saturating_sub(count);
        self.inner.consume(count);
    }
}

impl<R: BufRead> Read for AvroBlocks<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let buffer = self.fill_buf()?;
        let count = buffer.len().min(out.len());
        out[..count].copy_from_slice(&buffer[..count]);
        self.consume(count);
        Ok(count)
    }
}

/// `head` is the start of the file.
pub(super) fn inspect(file: &ObjectMeta, head: &[u8]) -> Finding {
    let unusable = |why: String| Finding::Unusable(format!("Expected a whole Avro file; {}.", why.trim_end_matches('.')));
    let reader = match ReaderBuilder::new().build(head) {
        Ok(reader) => reader,
        Err(e) => return unusable(format!("its header cannot be read: {e}")),
    };
    let mut track = Track::new();
    if let Err(e) = track.follow(head) {
        return unusable(e.to_string());
    }
    let complete = head.len() as u64 == file.size;
    if complete && !track.is_between_blocks() {
        return unusable("it ends within a block: it was cut off".into());
    }
    let (rows, bytes) = track.whole;
    let rows = match (complete, rows) {
        (true, rows) => Some(rows),
        (false, 0) => None,
        (false, rows) => Some((rows as f64 * file.size as f64 / bytes as f64).round() as u64),
    };
    let schema = reader.schema();
    let fields: Vec<Field> = schema.fields().iter().map(|field| Field::new(field.name(), plain(field.data_type()), true)).collect();
    Finding::Usable(Inspection {
        format: Format::Avro,
        compression: Compression::None,
        schema: Arc::new(Schema::new(fields)),
        is_ascii: true,
        file_bytes: file.size,
        rows,
        notes: Vec::new(),
    })
}
