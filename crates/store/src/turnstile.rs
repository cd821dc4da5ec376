//! Where a test slows the disk down or fills it.

use std::fmt::Debug;

use domain::Result;
use futures::future::BoxFuture;

/// What somebody is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    Read,
    Write,
    Commit,
}

/// Kept as long as the reader or the transaction lasts, then dropped.
pub struct Pass(pub Box<dyn Send + Sync>);

impl Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pass")
    }
}

/// Lets everybody who comes to the metadata through, when it is their turn, or tells them that it cannot be reached.
pub trait Turnstile: Debug + Send + Sync {
    fn pass(&self, passage: Passage) -> BoxFuture<'_, Result<Pass>>;
}
