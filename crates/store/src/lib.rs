//! The system of record: resources and notifications in SQLite or PostgreSQL, bytes in buckets and artifacts.
//!
//! Takes: any type that is a [`Resource`]. Gives: durable create, get, list, update, delete; transactions ([`Tx`])
//! in which several of them and a run's end happen together or not at all; [`Buckets`] and [`Artifacts`] over `object_store`.
//!
//! Must not know: what any resource means. A stage reads its own kinds only.
//!
//! Start reading at [`Resource`], then [`Store::begin`].

mod buckets;
mod ids;
mod location;
mod notification;
#[cfg(feature = "postgres")]
mod postgres;
mod resource;
mod schema;
mod sql;
mod sqlite;
mod store;
mod turnstile;

pub use buckets::{Artifacts, Buckets};
pub use location::Location;
pub use notification::Notification;
pub use resource::{Resource, Stored};
pub use sql::{Connection, Row, Statement, Value, sql};
pub use store::{Reader, Store, Tx};
pub use turnstile::{Pass, Passage, Turnstile};

#[cfg(test)]
mod tests;
