//! Stage 1, connect: from a connection to Arrow record batches.
//!
//! Takes: a [`Connection`] (a database) or a location of files. Gives: [`Source`]s that name, describe and stream their
//! tables with projection, filters and limit pushed down; and, for files, what they hold ([`files::inspect`]): format,
//! compression, delimiter, header, encoding, schema.
//!
//! Must not know: the catalog, SQL engines, who reads. Column names stay as the data spells them.
//!
//! Start reading at [`source::Source`], then [`files::inspect`].

pub mod connection;
pub mod diagnosis;
pub mod files;
mod secrets;
pub mod source;
mod sources;

pub use connection::{Connection, Endpoint};
pub use diagnosis::{Diagnosis, Step};
pub use secrets::Secrets;
pub use source::{Comparison, Description, Dialect, Literal, Predicate, Scan, Source, SqlSource, TablePath};
pub use sources::Sources;

#[cfg(test)]
mod tests;
