//! Named points at which a test may hold the process, to kill it there.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

/// What a test does at a named point (`import.before_publish`).
pub trait Breakpoint: Send + Sync + Debug {
    /// The process goes on when this ends.
    fn reach(&self, point: &str) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// Nothing ever stops, unless a test says otherwise.
#[derive(Debug, Clone, Default)]
pub struct Breakpoints(Option<Arc<dyn Breakpoint>>);

impl Breakpoints {
    pub fn none() -> Self {
        Self::default()
    }

    pub fn with(breakpoint: Arc<dyn Breakpoint>) -> Self {
        Self(Some(breakpoint))
    }

    /// A run that reaches the point says so on standard error and waits for ever. Set from `PENCHANT_HOLD_AT` by the composition root.
    pub fn hold_at(point: impl Into<String>) -> Self {
        Self::with(Arc::new(HoldAt(point.into())))
    }

    pub async fn reach(&self, point: &str) {
        if let Some(breakpoint) = &self.0 {
            breakpoint.reach(point).await;
        }
    }
}

#[derive(Debug)]
struct HoldAt(String);

impl Breakpoint for HoldAt {
    fn reach(&self, point: &str) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        if self.0 != point {
            return Box::pin(std::future::ready(()));
        }
        eprintln!("held at {point}");
        Box::pin(std::future::pending())
    }
}
