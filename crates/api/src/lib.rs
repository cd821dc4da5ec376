//! The AWS wire: one port that speaks Personalize, Glue, S3, STS and a little of IAM.
//!
//! Takes HTTP requests and the stages' handles ([`App`]), gives a router ([`router`]) that checks signatures, decodes,
//! calls one method of one stage, and encodes. Only this crate knows AWS exception names, headers and page tokens.
//!
//! Must not know: how any stage does its work, and where credentials come from ([`Credentials`] are given to it).
//!
//! Start reading at [`operations`], the table of everything that is answered, then `dispatch.rs`.

mod app;
mod credentials;
mod dispatch;
mod docs;
mod errors;
mod eventbridge;
mod events;
mod glue;
mod input;
mod keyring;
pub mod operations;
mod paging;
mod personalize;
mod runtime;
mod s3;
mod sessions;
mod sigv4;
mod sts;
mod wire;

pub use app::App;
pub use credentials::Credentials;
pub use dispatch::router;
pub use docs::compatibility_page;
pub use sessions::{SessionKeys, TemporaryKey};

#[cfg(test)]
mod tests;
