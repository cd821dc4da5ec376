//! Stage 3, etl: a visual job becomes one readable SQL script.
//!
//! Takes a graph of nodes in the vocabulary of Glue's `CodeGenConfigurationNodes` (with a few kinds of our own), and somebody who can
//! name the columns of a SELECT ([`Planner`]). Gives, for each target, one SELECT in Penchant's SQL with one CTE per node, named after
//! it; the same as PySpark for those who leave; a picture.
//!
//! Must not know: an engine, the catalogue, files, the store. Nothing here does I/O; the planner is asked, never a table.
//!
//! Start at [`Graph`] (reading and checking), then [`compile`]; `transform` has one file per family of nodes.

mod compile;
mod direct;
mod graph;
mod kinds;
mod members;
mod mermaid;
mod names;
pub mod pii;
mod pyspark;
pub mod quality;
mod script;
mod seam;
mod sql;
mod target;
mod transform;
mod types;

pub use compile::{Around, Column, Planner, Query, around, compile};
pub use direct::{DIRECT_DATABASE, DirectKind, DirectSource, FileKind};
pub use graph::{Graph, Node};
pub use kinds::{KINDS, Kind, Role};
pub use mermaid::mermaid;
pub use pyspark::pyspark;
pub use script::{Part, Purpose, Script, Statement};
pub use target::{FileFormat, TablePlace, TargetSpec, UpdateCatalog, WriteMode};
