//! A snapshot in memory, with dense indices.

use arrow::array::RecordBatch;
use domain::Result;
use store::Artifacts;

use crate::id_map::{IdMap, Interner};
use crate::interaction_rows::InteractionRows;
use crate::metadata_rows::MetadataRows;
use crate::snapshot::Snapshot;

/// What recipes are trained on. The same data gives the same value, whatever order it was imported in; only events of
/// one user with the same timestamp keep the order in which they arrived.
#[derive(Debug, Clone)]
pub struct TrainingData {
    /// Users of the interactions and of the users dataset.
    pub users: IdMap,
    /// Items of the interactions and of the items dataset.
    pub items: IdMap,
    pub events: Events,
    /// One row per item, row = item index: the columns of the items schema (strings as `Utf8`), null where nothing is
    /// known about the item; the id column is always filled. Nothing when there is no items dataset.
    pub item_metadata: Option<RecordBatch>,
    /// The same for users.
    pub user_metadata: Option<RecordBatch>,
}

/// Interactions in columns of equal length, sorted by user, then timestamp, then arrival; exact duplicates count once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Events {
    /// Index into [`TrainingData::users`].
    pub user: Vec<u32>,
    /// Index into [`TrainingData::items`].
    pub item: Vec<u32>,
    /// Epoch seconds.
    pub timestamp: Vec<i64>,
    /// Index into `event_types`.
    pub event_type: Vec<u16>,
    /// NaN where there is none.
    pub event_value: Vec<f32>,
    /// Names of the event types, in byte order; the empty name stands for events without a type.
    pub event_types: Vec<String>,
}

impl Events {
    pub fn len(&self) -> usize {
        self.user.len()
    }

    pub fn is_empty(&self) -> bool {
        self.user.is_empty()
    }
}

impl TrainingData {
    /// Blocking; [`Snapshot::load`] calls it off the async threads.
    pub(crate) fn load(snapshot: &Snapshot, artifacts: &Artifacts) -> Result<Self> {
        let (mut users, mut items) = (Interner::default(), Interner::default());
        let rows = match &snapshot.interactions {
            Some(dataset) => InteractionRows::read(dataset, artifacts, &mut users, &mut items)?,
            None => InteractionRows::default(),
        };
        let item_rows = snapshot.items.as_ref().map(|d| MetadataRows::read(d, artifacts, "ITEM_ID", &mut items)).transpose()?;
        let user_rows = snapshot.users.as_ref().map(|d| MetadataRows::read(d, artifacts, "USER_ID", &mut users)).transpose()?;
        let (users, user_ranks) = users.into_id_map();
        let (items, item_ranks) = items.into_id_map();
        Ok(Self {
            events: rows.into_events(&user_ranks, &item_ranks)?,
            item_metadata: item_rows.map(|rows| rows.align(&items, &item_ranks)).transpose()?,
            user_metadata: user_rows.map(|rows| rows.align(&users, &user_ranks)).transpose()?,
            users,
            items,
        })
    }
}
