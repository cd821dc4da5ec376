//! The vocabulary of the whole house.
//!
//! Takes nothing, gives the words every stage speaks: [`Error`], [`Clock`] and [`Timestamp`], [`arn`] and names ([`near`]: those that were meant),
//! the states of a run and their legal moves ([`state`]).
//!
//! Must not know: async, SQL, Arrow, HTTP, or any stage. Resource types live with the stage that owns them.
//!
//! Start reading at [`state::RunState`], then [`Error`].

pub mod arn;
pub mod clock;
pub mod error;
pub mod name;
pub mod near;
pub mod state;

pub use arn::Arn;
pub use clock::{Clock, SystemClock, Timestamp};
pub use error::{Error, ErrorKind, Result};
pub use name::Name;
pub use state::RunState;

#[cfg(test)]
mod tests;
