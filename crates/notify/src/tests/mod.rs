//! Real listeners, real programs, a real mail server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod arrivals;
mod commands;
mod crash;
mod events;
mod house;
mod inputs;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "mail")]
mod mail;
mod rules;
mod webhooks;
