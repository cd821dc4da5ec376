//! The stage's handle: trackers and PutEvents.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use dataset::{DatasetType, Datasets};
use domain::{Arn, Error, ErrorKind, Name, Result};
use store::Stored;

use crate::flush::{LogPosition, POSITION_KEY};
use crate::live_history::LiveHistory;
use crate::log::{Log, LogSettings};
use crate::put_events::PutEvents;
use crate::tracker::{CreateEventTracker, EventTracker};

/// Named limits of the event log and the live history.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A segment of the log is closed at this size.
    pub segment_bytes: u64,
    /// How many recent events are remembered: for telling repeated event ids, and for the live history after a restart.
    pub remembered_events: usize,
    /// Live history kept of one user.
    pub events_per_user: usize,
    /// Calls that share one sync to disk.
    pub calls_per_commit: usize,
    /// Calls that may wait for the disk before further callers are held back.
    pub waiting_calls: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { segment_bytes: 8 << 20, remembered_events: 200_000, events_per_user: 100, calls_per_commit: 512, waiting_calls: 4096 }
    }
}

/// The handles of this stage; clone it freely.
#[derive(Debug, Clone)]
pub struct Events {
    pub(crate) datasets: Datasets,
    pub(crate) log: Log,
    pub(crate) flushing: Arc<tokio::sync::Mutex<()>>,
    pub(crate) live: LiveHistory,
    /// Group by tracking id, so that a call reads no database.
    trackers: Arc<RwLock<HashMap<String, Arn>>>,
}

impl Events {
    /// Opens the log in `folder` and rebuilds the live history from it. One process per folder.
    pub async fn open(folder: &Path, datasets: Datasets, settings: Settings) -> Result<Self> {
        let live = LiveHistory::new(settings.remembered_events, settings.events_per_user);
        let log_settings = LogSettings {
            segment_bytes: settings.segment_bytes,
            remembered_events: settings.remembered_events,
            calls_per_commit: settings.calls_per_commit.max(1),
            waiting_calls: settings.waiting_calls.max(1),
        };
        let (folder, history, at_least) = (folder.to_path_buf(), live.clone(), last_known(&datasets).await?);
        let log = blocking(move || Log::open(&folder, log_settings, at_least, history)).await?;
        Ok(Self { datasets, log, flushing: Arc::default(), live, trackers: Arc::default() })
    }

    /// What users did lately.
    pub fn live(&self) -> &LiveHistory {
        &self.live
    }

    /// One per dataset group; the group needs an interactions dataset, into which the events flow. Active at once.
    pub async fn create_event_tracker(&self, new: CreateEventTracker) -> Result<EventTracker> {
        let name = Name::new(new.name)?;
        let group = self.datasets.get_dataset_group(&new.dataset_group_arn).await?;
        let mut tx = self.datasets.store().begin().await?;
        if let Some(other) = tx.children::<EventTracker>(group.dataset_group_arn.as_str()).await?.first() {
            let kind = if other.name == name { ErrorKind::AlreadyExists } else { ErrorKind::LimitExceeded };
            return Err(Error::new(
                kind,
                format!("A dataset group has one event tracker; \"{}\" has \"{}\" already.", group.name, other.name),
            ));
        }
        if self.datasets.find_dataset(&group.dataset_group_arn, DatasetType::Interactions).await?.is_none() {
            return Err(Error::invalid_input(format!(
                "An event tracker needs a dataset to write to; dataset group \"{}\" has no interactions dataset.",
                group.name
            )));
        }
        let event_tracker_arn = self.datasets.partition().personalize("event-tracker", tx.unique_hex().await?);
        // Shaped like the UUID that AWS gives.
        let (a, b, c) = (tx.unique_hex().await?, tx.unique_hex().await?, tx.unique_hex().await?);
        let tracking_id = format!("{a}-{}-4{}-8{}-{c}{}", &b[..4], &b[4..7], &a[..3], &b[4..]);
        let tracker = EventTracker { name, event_tracker_arn, dataset_group_arn: new.dataset_group_arn, tracking_id };
        tx.create(&tracker).await?;
        self.datasets.hold_group_in(&mut tx, &tracker.dataset_group_arn, &holder(&tracker)).await?;
        tx.commit().await?;
        Ok(tracker)
    }

    pub async fn get_event_tracker(&self, arn: &Arn) -> Result<Stored<EventTracker>> {
        self.datasets.store().get(arn.as_str()).await
    }

    /// Those of one group, or all; [`trackers_of`] tells them without an open log.
    pub async fn list_event_trackers(&self, group_arn: Option<&Arn>) -> Result<Vec<Stored<EventTracker>>> {
        match group_arn {
            Some(group) => self.datasets.store().children(group.as_str()).await,
            None => self.datasets.store().list().await,
        }
    }

    /// Events that came in stay; further calls with its tracking id are refused.
    pub async fn delete_event_tracker(&self, arn: &Arn) -> Result<()> {
        let mut tx = self.datasets.store().begin().await?;
        let tracker = tx.get::<EventTracker>(arn.as_str()).await?;
        tx.delete::<EventTracker>(arn.as_str()).await?;
        self.datasets.release_group_in(&mut tx, &tracker.dataset_group_arn, &holder(&tracker)).await?;
        tx.commit().await?;
        self.trackers.write().unwrap_or_else(PoisonError::into_inner).remove(&tracker.tracking_id);
        Ok(())
    }

    /// Checks the call and returns when it is on disk and in the live history. An event id that was seen before is left
    /// out without complaint.
    pub async fn put_events(&self, call: PutEvents) -> Result<()> {
        let group = self.group_of(&call.tracking_id).await?;
        self.log.put(call.check(group)?).await
    }

    async fn group_of(&self, tracking_id: &str) -> Result<Arn> {
        let known =
            |trackers: &RwLock<HashMap<String, Arn>>| trackers.read().unwrap_or_else(PoisonError::into_inner).get(tracking_id).cloned();
        if let Some(group) = known(&self.trackers) {
            return Ok(group);
        }
        let all = self.list_event_trackers(None).await?;
        let fresh = all.into_iter().map(|tracker| (tracker.value.tracking_id, tracker.value.dataset_group_arn)).collect();
        *self.trackers.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        known(&self.trackers).ok_or_else(|| Error::not_found(format!("An event tracker with trackingId {tracking_id:?}")))
    }
}

/// The event trackers of a group, for whoever only looks.
pub async fn trackers_of(datasets: &Datasets, group_arn: &Arn) -> Result<Vec<Stored<EventTracker>>> {
    datasets.store().children(group_arn.as_str()).await
}

fn holder(tracker: &EventTracker) -> String {
    format!("event tracker \"{}\"", tracker.name)
}

/// The highest sequence number that the store knows of: numbers stay unique even if somebody removes the log's folder.
async fn last_known(datasets: &Datasets) -> Result<u64> {
    let position = datasets.store().find::<LogPosition>(POSITION_KEY).await?;
    Ok(datasets.events_through().await?.max(position.map_or(0, |position| position.through)))
}

/// Runs blocking work off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::internal("Work on the event log broke off.").source(e))?
}
