//! Files of lines that are packed whole: what the cluster's writer is told, and how this process counts and joins what was written.

use std::io::{self, Read, Write};

use domain::{Error, Result};
use etl::{Compression, FileOutput, Format};
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

/// The name that the cluster's writers have for the compression; nothing for plain text.
pub(crate) fn codec(output: &FileOutput) -> Option<&'static str> {
    match (output.format, output.compression) {
        (Format::Parquet, Some(Compression::None)) => Some("uncompressed"),
        (Format::Parquet, None) | (_, Some(Compression::Snappy)) => Some("snappy"),
        (_, Some(Compression::Zstd)) => Some("zstd"),
        (_, Some(Compression::Gzip)) => Some("gzip"),
        (_, None | Some(Compression::None)) => None,
    }
}

/// Counts the lines of a file whose bytes come piece by piece.
pub(crate) struct Lines(Unpacking);

enum Unpacking {
    Plain(Counter),
    Gzip(Box<flate2::write::MultiGzDecoder<Counter>>),
    Zstd(Box<zstd::stream::write::Decoder<'static, Counter>>),
}

#[derive(Default)]
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// # Errors
    /// `Internal` where the unpacker has no memory.
    pub fn new(compression: Option<Compression>) -> Result<Self> {
        let counter = Counter::default();
        Ok(Self(match compression {
            Some(Compression::Gzip) => Unpacking::Gzip(Box::new(flate2::write::MultiGzDecoder::new(counter))),
            Some(Compression::Zstd) => Unpacking::Zstd(Box::new(zstd::stream::write::Decoder::new(counter).map_err(failed)?)),
            None | Some(Compression::None | Compression::Snappy) => Unpacking::Plain(counter),
        }))
    }

    /// # Errors
    /// Where the bytes are not what they should be.
    pub fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.0 {
            Unpacking::Plain(counter) => counter.write_all(bytes),
            Unpacking::Gzip(decoder) => decoder.write_all(bytes).and_then(|()| decoder.flush()),
            Unpacking::Zstd(decoder) => decoder.write_all(bytes).and_then(|()| decoder.flush()),
        }
    }

    pub fn count(&self) -> u64 {
        match &self.0 {
            Unpacking::Plain(counter) => counter.0,
            Unpacking::Gzip(decoder) => decoder.get_ref().0,
            Unpacking::Zstd(decoder) => decoder.get_ref().0,
        }
    }
}

/// # Errors
/// `Internal` for bytes that are not packed so.
pub(crate) fn unpacked(bytes: &[u8], compression: Option<Compression>) -> Result<Vec<u8>> {
    match compression {
        Some(Compression::Gzip) => {
            let mut plain = Vec::new();
            MultiGzDecoder::new(bytes).read_to_end(&mut plain).map_err(failed)?;
            Ok(plain)
        }
        Some(Compression::Zstd) => zstd::decode_all(bytes).map_err(failed),
        None | Some(Compression::None | Compression::Snappy) => Ok(bytes.to_vec()),
    }
}

/// # Errors
/// `Internal` where the packer fails.
pub(crate) fn packed(plain: &[u8], compression: Option<Compression>) -> Result<Vec<u8>> {
    match compression {
        Some(Compression::Gzip) => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(plain).map_err(failed)?;
            encoder.finish().map_err(failed)
        }
        Some(Compression::Zstd) => zstd::encode_all(plain, zstd::DEFAULT_COMPRESSION_LEVEL).map_err(failed),
        None | Some(Compression::None | Compression::Snappy) => Ok(plain.to_vec()),
    }
}

fn failed(error: io::Error) -> Error {
    Error::internal("Lines of a result cannot be packed or unpacked.").source(error)
}
