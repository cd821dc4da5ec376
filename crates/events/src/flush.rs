//! From the log into the interactions datasets, each event exactly once.
//!
//! A segment is closed, its events are added to each group's dataset in one transaction per group together with the
//! segment's last sequence number, then the log's position is moved on, then old segments are removed. After a crash
//! between any two of these steps the next flush finds out from the two numbers what is still to be done.

use std::collections::BTreeMap;

use dataset::PutRecord;
use domain::{Arn, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use store::Resource;

use crate::call::LoggedCall;
use crate::log::Segment;
use crate::service::{Events, blocking};

/// What a flush did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlushSummary {
    /// Events that are rows of a dataset now.
    pub rows: u64,
    /// Events that name no item, or whose dataset is gone: they have no place in a dataset.
    pub without_place: u64,
}

/// How far the log has been flushed. There is one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LogPosition {
    pub through: u64,
}

impl Resource for LogPosition {
    const KIND: &'static str = "event_log_position";
    fn key(&self) -> String {
        POSITION_KEY.into()
    }
}

pub(crate) const POSITION_KEY: &str = "log";

impl Events {
    /// Moves what was logged so far into the interactions datasets. Flushes wait for each other.
    pub async fn flush(&self) -> Result<FlushSummary> {
        let _one_at_a_time = self.flushing.lock().await;
        self.flush_alone().await
    }

    /// For whoever holds `flushing`.
    pub(crate) async fn flush_alone(&self) -> Result<FlushSummary> {
        let segments = self.log.rotate().await?;
        let mut through = self.position().await?;
        let mut summary = FlushSummary::default();
        for segment in segments.into_iter().filter(|segment| segment.last > through).collect::<Vec<_>>() {
            self.flush_segment(&segment, &mut summary).await?;
            through = segment.last;
            let mut tx = self.datasets.store().begin().await?;
            tx.put(LogPosition { through }).await?;
            tx.commit().await?;
        }
        let log = self.log.clone();
        blocking(move || log.forget(through)).await?;
        Ok(summary)
    }

    pub(crate) async fn position(&self) -> Result<u64> {
        let found = self.datasets.store().find::<LogPosition>(POSITION_KEY).await?;
        Ok(found.map_or(0, |position| position.through))
    }

    async fn flush_segment(&self, segment: &Segment, summary: &mut FlushSummary) -> Result<()> {
        let path = segment.path.clone();
        let calls = blocking(move || crate::log::read(&path)).await?;
        let mut by_group: BTreeMap<Arn, Vec<PutRecord>> = BTreeMap::new();
        for call in calls {
            let events = call.events.len();
            let group = by_group.entry(call.group.clone()).or_default();
            let before = group.len();
            group.extend(records(call));
            summary.without_place += (events - (group.len() - before)) as u64;
        }
        for (group, records) in by_group {
            match self.datasets.append_events(&group, &records, segment.last).await {
                Ok(appended) => {
                    summary.rows += appended.rows;
                    if appended.values_left_out > 0 {
                        tracing::warn!(%group, "{} values of events do not fit the schema and were left out.", appended.values_left_out);
                    }
                }
                Err(error) if error.kind == ErrorKind::NotFound => {
                    tracing::warn!(%group, "{} events have no dataset any more and were dropped: {error}", records.len());
                    summary.without_place += records.len() as u64;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The call's events that name an item.
fn records(call: LoggedCall) -> impl Iterator<Item = PutRecord> {
    let (sequence, user, session) = (call.sequence, call.user, call.session);
    call.events.into_iter().filter_map(move |event| {
        Some(PutRecord {
            sequence,
            user_id: user.clone(),
            session_id: session.clone(),
            item_id: event.item?,
            timestamp: event.timestamp,
            event_type: event.event_type,
            event_value: event.value,
            impression: event.impression,
            recommendation_id: event.recommendation,
            attribution_source: event.source,
            properties: event.properties,
        })
    })
}
