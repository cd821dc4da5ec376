//! Tells people and programs what changed.
//!
//! Takes: the store's notifications, and rules in EventBridge's pattern language. Gives: events in EventBridge's envelope
//! ([`Event`]), delivered at least once to webhooks, mail, commands, Kafka topics and workflows ([`Dispatcher`]); a list of what could not
//! be delivered ([`DeadLetter`]). Files that appear in buckets become notifications here too ([`Arrivals`]).
//!
//! Must not know: what a stage's notification means beyond the members it carries, and the AWS wire.
//!
//! Start reading at [`Notify`], then [`Event`] and [`Pattern`], then `dispatch/mod.rs`.

mod arrivals;
mod dead;
mod delivery;
mod dispatch;
mod event;
mod input;
mod notify;
mod pattern;
mod rule;
mod secret;
mod send;

pub use arrivals::{Arrivals, Awaited};
pub use delivery::{DeadLetter, Delivery, DroppedLetters};
pub use dispatch::Dispatcher;
pub use event::{CustomEvent, Event};
pub use input::InputTransformer;
pub use notify::{Notify, Settings};
pub use pattern::Pattern;
pub use rule::{RetryPolicy, Rule, RuleState, Target};
pub use send::{Smtp, SmtpTls, TakesEvents, verify_signature};

#[cfg(test)]
mod tests;
