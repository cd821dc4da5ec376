//! The wire, in process: signed HTTP requests against the whole router.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;
mod glue;
mod personalize;
mod protocol;
mod s3;
mod sts;
