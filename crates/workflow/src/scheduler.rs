//! Compares what should have fired with what has. Idempotent; woken by a timer.

use std::time::Duration;

use domain::{ErrorKind, Result};
use runs::Schedule;
use store::Stored;
use tokio_util::sync::CancellationToken;

use crate::model::{Trigger, TriggerType};
use crate::workflows::{Beginning, Workflows};

/// How often notifications are looked for between two looks at the schedules.
const LISTEN: Duration = Duration::from_millis(200);

/// Fires activated triggers: by schedule, by events, by runs that end outside their workflow.
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
        let ticking = async {
            loop {
                if let Err(error) = self.tick().await {
                    tracing::warn!("Schedules could not be looked at: {error}");
                }
                tokio::time::sleep(self.every).await;
            }
        };
        let listening = async {
            loop {
                let more = self.listen().await.unwrap_or_else(|error| {
                    tracing::warn!("What triggers wait for could not be read: {error}");
                    false
                });
                tokio::time::sleep(if more { Duration::ZERO } else { LISTEN }).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = ticking => {}
            () = listening => {}
        }
    }

    /// Reads what has happened since the last time; true when there may be more.
    pub async fn listen(&self) -> Result<bool> {
        self.workflows.listen().await
    }

    /// Fires each schedule that had an occurrence since it was last looked at: once, however many it missed; and events that waited.
    /// Gives how many fired.
    pub async fn tick(&self) -> Result<usize> {
        let mut fired = self.workflows.look_at_batches().await?;
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

    /// The run and the mark that it was due are one transaction; whoever comes second finds the mark.
    async fn look_at(&self, trigger: Stored<Trigger>) -> Result<bool> {
        let store = self.workflows.store();
        let schedule = Schedule::parse_in(trigger.schedule.as_deref().unwrap_or_default(), trigger.timezone.as_deref())?;
        let now = store.clock().now();
        let Some(due) = schedule.next_after(trigger.looked_at).filter(|due| *due <= now) else { return Ok(false) };
        let mut tx = store.begin().await?;
        if tx.get::<Trigger>(&trigger.name).await?.version != trigger.version {
            return Ok(false);
        }
        let dedup = Some(format!("schedule/{}/{due}", trigger.name));
        let outcome = self.workflows.fire_in(&mut tx, &trigger.value, Beginning { dedup, ..Beginning::default() }).await;
        let skipped = outcome.as_ref().is_err_and(|error| error.kind == ErrorKind::TooManyRuns);
        if skipped {
            tracing::warn!("Trigger {} skips the occurrence of {due}: the workflow has as many runs as it may.", trigger.name);
        } else {
            outcome?;
        }
        let mark = |trigger: &mut Trigger| {
            trigger.looked_at = schedule.looked(trigger.looked_at, now);
            Ok(())
        };
        tx.update::<Trigger>(&trigger.name, mark).await?;
        tx.commit().await?;
        self.workflows.runs().wake();
        Ok(!skipped)
    }
}
