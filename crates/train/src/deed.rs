//! What people do, by the name of an event type.

/// A verb for sentences about customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deed {
    /// As in "something they go on to buy".
    pub base: &'static str,
    /// As in "because you bought it".
    pub past: &'static str,
}

/// By a part of the event type's name; the first that fits counts.
const DEEDS: [(&str, &str, &str); 14] = [
    ("purchase", "buy", "bought"),
    ("buy", "buy", "bought"),
    ("bought", "buy", "bought"),
    ("order", "buy", "bought"),
    ("transaction", "buy", "bought"),
    ("watch", "watch", "watched"),
    ("stream", "watch", "watched"),
    ("listen", "listen to", "listened to"),
    ("play", "play", "played"),
    ("rating", "rate", "rated"),
    ("rate", "rate", "rated"),
    ("cart", "put into the cart", "put into the cart"),
    ("view", "look at", "looked at"),
    ("click", "look at", "looked at"),
];

impl Deed {
    /// Nothing for an event type that tells nothing about what is done.
    pub fn of(event_type: &str) -> Option<Self> {
        let event_type = event_type.to_ascii_lowercase();
        DEEDS.iter().find(|(part, ..)| event_type.contains(part)).map(|(_, base, past)| Self { base, past })
    }
}
