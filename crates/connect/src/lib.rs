//! Stage 1, connect: from a connection to Arrow record batches.
//!
//! Takes: a [`Connection`] (a database) or a location of files. Gives: [`Source`]s that name, describe and stream their
//! tables with projection, filters and limit pushed down; for files, what they hold ([`files::inspect`]): format,
//! compression, delimiter, header, encoding, schema; and the way back, [`Sink`]s that put batches into a table, whole or not at all.
//!
//! Must not know: the catalog, SQL engines, who reads. Column names stay as the data spells them.
//!
//! Start reading at [`source::Source`], then [`files::inspect`] and [`sink::Sink`].

pub mod connection;
pub mod diagnosis;
pub mod files;
mod secrets;
pub mod sink;
pub mod source;
mod sources;

pub use connection::{Connection, Endpoint};
pub use diagnosis::{Diagnosis, Step};
pub use secrets::Secrets;
pub use sink::{Mode, RunMarker, Sink, Write};
pub use source::{Comparison, Description, Dialect, Literal, LogSource, Predicate, Scan, Source, SqlSource, TablePath};
pub use sources::Sources;

#[cfg(test)]
mod tests;
