//! Named points at which a test may hold the process, to kill it there.

/// `stop_at` names a point (`import.before_publish`); a run that reaches it says so on standard error and waits for ever.
/// Without a name nothing ever stops. Set from `PENCHANT_HOLD_AT` by the composition root.
#[derive(Debug, Clone, Default)]
pub struct Breakpoints {
    stop_at: Option<String>,
}

impl Breakpoints {
    pub fn none() -> Self {
        Self::default()
    }

    pub fn hold_at(point: impl Into<String>) -> Self {
        Self { stop_at: Some(point.into()) }
    }

    /// Returns at once unless this is the point to hold at.
    pub async fn reach(&self, point: &str) {
        if self.stop_at.as_deref() == Some(point) {
            eprintln!("held at {point}");
            std::future::pending::<()>().await;
        }
    }
}
