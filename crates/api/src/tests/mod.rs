//! The wire, in process: signed HTTP requests against the whole router.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;
mod eventbridge;
mod glue;
mod glue_catalog;
mod glue_connect;
mod glue_workflows;
mod personalize;
mod protocol;
mod s3;
mod sessions;
mod sts;
