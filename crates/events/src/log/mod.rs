//! The event log: a folder of segments, each a row of frames with length and checksum.

mod blank;
mod frame;
mod segment;
mod writer;

pub(crate) use segment::{Segment, read};
pub(crate) use writer::{Log, LogSettings};

#[cfg(test)]
mod tests;
