//! Stage 7: what users do now.
//!
//! Takes: PutEvents calls. Gives: durability before the answer (a segment log with checksums and group commit), the
//! recent history of every user in memory ([`LiveHistory`]) for the next recommendation, and rows in the interactions
//! dataset for the next training ([`Events::flush`]), each exactly once.
//!
//! Must not know: campaigns, recipes, HTTP.
//!
//! Start reading at [`Events::put_events`], then `log/writer.rs`, then `flush.rs`.

mod call;
mod deletion;
mod flush;
mod live_history;
mod log;
mod put_events;
mod service;
mod tracker;

pub use deletion::DeletedUsers;
pub use flush::FlushSummary;
pub use live_history::{LiveEvent, LiveHistory};
pub use put_events::{Event, MetricAttribution, PutEvents};
pub use service::{Events, Settings, trackers_of};
pub use tracker::{CreateEventTracker, EventTracker};

#[cfg(test)]
mod tests;
