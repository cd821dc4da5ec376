//! The started binary, as a user or an operator meets it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_input;
mod binary;
mod crash;
#[cfg(feature = "spark")]
mod engines;
mod impact;
mod jobs;
#[cfg(feature = "spark")]
#[path = "../../../engine/src/tests/journey_graph.rs"]
mod journey_graph;
#[cfg(feature = "postgres")]
mod nodes;
mod pipelines;
mod project;
mod real_data;
mod walk;
