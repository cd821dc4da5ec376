//! From a file's bytes to its text: unpacked by content, decoded, without a byte order mark. Streams; nothing is held but buffers.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result};

use encoding_rs::{Decoder, DecoderResult, UTF_16BE, UTF_16LE};

use super::{Compression, Encoding};

const BUFFER_BYTES: usize = 256 << 10;
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// Text to read, or bytes on the way to it.
pub type Input<'a> = Box<dyn BufRead + Send + 'a>;

/// By content: names lie more often than first bytes.
pub(super) fn compression(first: &[u8]) -> Compression {
    match first {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => Compression::Bzip2,
        // The stream of an empty file has no block.
        [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => Compression::Bzip2,
        [0xff, 0x06, 0x00, 0x00, b's', b'N', b'a', b'P', b'p', b'Y', ..] => Compression::Snappy,
        _ => Compression::None,
    }
}

/// Unpacks. A packed file that was cut off fails where it ends; in Snappy's framing only when it was cut within a chunk, since that
/// format has no end mark.
pub(super) fn unpacked<'a>(packed: Input<'a>, compression: Compression) -> Result<Box<dyn Read + Send + 'a>> {
    Ok(match compression {
        Compression::None => Box::new(packed),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(packed)?),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(packed)),
        Compression::Snappy => Box::new(snap::read::FrameDecoder::new(packed)),
    })
}

/// Whether a file that begins so holds text as it is, neither packed nor UTF-16, so that it can be read from anywhere in it.
pub fn is_plain(first: &[u8]) -> bool {
    compression(first) == Compression::None && utf16(first).is_none()
}

/// The text of a file as UTF-8. A byte order mark wins over `encoding`. That UTF-8 is valid is for the reader of the text to say.
pub fn text<'a>(raw: Box<dyn Read + Send + 'a>, encoding: Encoding) -> Result<Input<'a>> {
    let mut packed = BufReader::with_capacity(BUFFER_BYTES, raw);
    let compression = compression(packed.fill_buf()?);
    let mut bytes = BufReader::with_capacity(BUFFER_BYTES, unpacked(Box::new(packed), compression)?);
    let first = bytes.fill_buf()?;
    if let Some(decoder) = utf16(first) {
        bytes.consume(2);
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, Utf16::new(bytes, decoder))));
    }
    if first.starts_with(UTF8_MARK) {
        bytes.consume(UTF8_MARK.len());
        return Ok(Box::new(bytes));
    }
    Ok(match encoding {
        Encoding::Utf8 => Box::new(bytes),
        Encoding::Latin1 => Box::new(BufReader::with_capacity(BUFFER_BYTES, Latin1 { inner: bytes, pending: None })),
        Encoding::Utf16 => return Err(Error::new(ErrorKind::InvalidData, "UTF-16 text begins with a byte order mark; there is none")),
    })
}

/// The decoder that a byte order mark of UTF-16 asks for.
pub(super) fn utf16(first: &[u8]) -> Option<Decoder> {
    match first {
        [0xff, 0xfe, ..] => Some(UTF_16LE.new_decoder_without_bom_handling()),
        [0xfe, 0xff, ..] => Some(UTF_16BE.new_decoder_without_bom_handling()),
        _ => None,
    }
}

struct Utf16<R> {
    inner: R,
    decoder: Decoder,
    /// Decoded, and from where on it was not given yet.
    ready: Vec<u8>,
    given: usize,
    ended: bool,
}

impl<R: BufRead> Utf16<R> {
    fn new(inner: R, decoder: Decoder) -> Self {
        Self { inner, decoder, ready: Vec::new(), given: 0, ended: false }
    }

    fn decode(&mut self) -> Result<()> {
        let input = self.inner.fill_buf()?;
        let last = input.is_empty();
        let room = self.decoder.max_utf8_buffer_length_without_replacement(input.len()).unwrap_or(BUFFER_BYTES).max(16);
        self.ready.resize(room, 0);
        let (result, used, written) = self.decoder.decode_to_utf8_without_replacement(input, &mut self.ready, last);
        self.inner.consume(used);
        self.ready.truncate(written);
        self.given = 0;
        self.ended = last && result == DecoderResult::InputEmpty;
        match result {
            DecoderResult::Malformed(..) => Err(Error::new(ErrorKind::InvalidData, "the bytes are no UTF-16 text")),
            _ => Ok(()),
        }
    }
}

impl<R: BufRead> Read for Utf16<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        while self.given == self.ready.len() && !self.ended {
            self.decode()?;
        }
        let count = out.len().min(self.ready.len() - self.given);
        out[..count].copy_from_slice(&self.ready[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

/// Every byte above 127 becomes two; the second may have to wait for room.
struct Latin1<R> {
    inner: R,
    pending: Option<u8>,
}

impl<R: BufRead> Read for Latin1<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let mut written = 0;
        if let (Some(byte), false) = (self.pending, out.is_empty()) {
            out[0] = byte;
            self.pending = None;
            written = 1;
        }
        let input = self.inner.fill_buf()?;
        let mut used = 0;
        while used < input.len() && written < out.len() {
            let byte = input[used];
            used += 1;
            if byte < 0x80 {
                out[written] = byte;
            } else {
                out[written] = 0xc0 | (byte >> 6);
                let second = 0x80 | (byte & 0x3f);
                if written + 1 == out.len() {
                    self.pending = Some(second);
                } else {
                    written += 1;
                    out[written] = second;
                }
            }
            written += 1;
        }
        self.inner.consume(used);
        Ok(written)
    }
}
