//! The started binary, as a user or an operator meets it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_input;
mod binary;
mod crash;
mod impact;
mod jobs;
mod project;
mod real_data;
mod walk;
