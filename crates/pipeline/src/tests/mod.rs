#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../train/src/tests/fixture.rs"]
mod fixture;
mod forms;
mod gate;
mod house;
mod interrupted;
mod recommenders;
mod runs;
mod starting;
