#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bench;
mod contract;
mod documents;
mod exactness;
mod legislators;
mod values;
