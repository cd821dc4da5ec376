//! Compares what should have fired with what has. Idempotent; woken by a timer.

use std::time::Duration;

use domain::{ErrorKind, Result};
use runs::Schedule;
use store::Stored;
use tokio_util::sync::CancellationToken;

use crate::model::{Trigger, TriggerType};
use crate::workflows::Workflows;

/// Fires the schedules of activated triggers.
#[derive(Debug, Clone)]
pub struct Scheduler {
    workflows: Workflows,
    /// How often it looks.
    every: Duration,
}

impl Scheduler {
    pub fn new(workflows: Workflows, every: Duration) -> Self {
        Self { workflows, every }
    }

    /// Looks until it is told to stop. A look that fails is logged and done again at the next tick.
    pub async fn work(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.tick().await {
                tracing::warn!("Schedules could not be looked at: {error}");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(self.every) => {}
            }
        }
    }

    /// Fires each schedule that had an occurrence since it was last looked at: once, however many it missed.
    /// Gives how many fired.
    pub async fn tick(&self) -> Result<usize> {
        let mut fired = 0;
        for trigger in self.workflows.list_triggers().await? {
            if !trigger.activated || trigger.r#type != TriggerType::Scheduled {
                continue;
            }
            let name = trigger.name.clone();
            match self.look_at(trigger).await {
                Ok(due) => fired += usize::from(due),
                // One trigger's trouble is not the others'.
                Err(error) => tracing::warn!("Trigger {name} could not be looked at: {error}"),
            }
        }
        Ok(fired)
    }

    async fn look_at(&self, trigger: Stored<Trigger>) -> Result<bool> {
        let store = self.workflows.runs().store();
        let now = store.clock().now();
        let schedule = Schedule::parse(trigger.schedule.as_deref().unwrap_or_default())?;
        let Some(due) = schedule.next_after(trigger.looked_at).filter(|due| *due <= now) else { return Ok(false) };
        // First the run, then the mark: a crash in between asks for the same run again and gets it.
        let dedup = format!("schedule/{}/{due}", trigger.name);
        let outcome = self.workflows.fire(&trigger.value, std::collections::BTreeMap::new(), Some(dedup)).await;
        let skipped = outcome.as_ref().is_err_and(|error| error.kind == ErrorKind::TooManyRuns);
        if skipped {
            tracing::warn!("Trigger {} skips the occurrence of {due}: the workflow has as many runs as it may.", trigger.name);
        } else {
            outcome?;
        }
        store
            .update::<Trigger>(&trigger.name, |trigger| {
                trigger.looked_at = now;
                Ok(())
            })
            .await?;
        Ok(!skipped)
    }
}
