#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bundle;
mod fixture;
mod quality;
mod report;
mod solutions;
mod versions;
