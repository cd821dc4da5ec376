//! What the filters of a dataset group need of its datasets, in memory: only the fields that they name.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use dataset::{AvroSchema, Cell, Origin, Part, Snapshot, SnapshotDataset};
use domain::{Error, Result};
use store::Artifacts;

use super::check::Schemas;
use super::columns::{Builder, Column};
use super::histories::{COLUMNS, Histories, Row};
use super::syntax::{Expression, Of};
use crate::model::LoadedModel;

/// Rows of interactions that are added at a time: requests wait for them.
const ROWS_AT_ONCE: usize = 4_096;

/// A model with the numbers of its items.
type Numbered = (Weak<LoadedModel>, Arc<Vec<u32>>);

/// Numbers of item ids. It only grows, so what was numbered once stays valid.
#[derive(Default)]
pub(crate) struct Universe {
    numbers: RwLock<HashMap<Arc<str>, u32>>,
    /// The numbers of the items of models that were asked for.
    models: Mutex<Vec<Numbered>>,
}

impl Universe {
    pub(crate) fn find(&self, item_id: &str) -> Option<u32> {
        self.numbers.read().unwrap_or_else(PoisonError::into_inner).get(item_id).copied()
    }

    pub(super) fn number(&self, item_id: &str) -> u32 {
        if let Some(number) = self.find(item_id) {
            return number;
        }
        let mut numbers = self.numbers.write().unwrap_or_else(PoisonError::into_inner);
        let next = numbers.len() as u32;
        *numbers.entry(item_id.into()).or_insert(next)
    }

    pub(crate) fn len(&self) -> usize {
        self.numbers.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The number of each item of a model; made once while the model is held.
    pub(crate) fn of_model(&self, model: &Arc<LoadedModel>) -> Arc<Vec<u32>> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, numbers)) = models.iter().find(|(known, _)| std::ptr::eq(known.as_ptr(), Arc::as_ptr(model))) {
            return numbers.clone();
        }
        let items = &model.bundle.items;
        let numbers: Arc<Vec<u32>> = Arc::new((0..items.len() as u32).map(|item| self.number(items.get(item))).collect());
        models.retain(|(model, _)| model.strong_count() > 0);
        models.push((Arc::downgrade(model), numbers.clone()));
        numbers
    }
}

/// Fields by the key of their name.
pub(crate) type Columns = HashMap<String, Column>;

/// Users and what is known of them.
#[derive(Debug, Default)]
pub(crate) struct People {
    pub rows: HashMap<Arc<str>, u32>,
    pub columns: Columns,
}

/// Keys of the fields that the filters of a group name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Wanted {
    items: BTreeSet<String>,
    users: BTreeSet<String>,
    events: bool,
}

impl Wanted {
    /// Whether a filter names what users did.
    pub(crate) fn events(&self) -> bool {
        self.events
    }

    pub(crate) fn add(&mut self, expression: &Expression) {
        for field in expression.fields() {
            match field.of {
                Of::Items | Of::CurrentItem => self.items.insert(field.key()),
                Of::Users | Of::CurrentUser => self.users.insert(field.key()),
                Of::Interactions => std::mem::replace(&mut self.events, true),
                Of::Actions | Of::ActionInteractions => false,
            };
        }
    }
}

/// A group's data as of one snapshot.
pub(crate) struct GroupData {
    pub snapshot: Snapshot,
    pub wanted: Wanted,
    pub schemas: Schemas,
    pub universe: Arc<Universe>,
    pub items: Arc<Columns>,
    pub users: Arc<People>,
    pub histories: Arc<Histories>,
}

impl GroupData {
    /// Reads what `before` does not have yet. Blocking.
    pub(crate) fn load(before: Option<&Self>, snapshot: Snapshot, wanted: Wanted, artifacts: &Artifacts) -> Result<Self> {
        let universe = before.map_or_else(Arc::default, |before| before.universe.clone());
        let kept_items = before.filter(|before| before.wanted.items == wanted.items && before.snapshot.items == snapshot.items);
        let items = match (kept_items, &snapshot.items) {
            (Some(before), _) => before.items.clone(),
            (None, Some(dataset)) if !wanted.items.is_empty() => {
                Arc::new(columns(dataset, &wanted.items, "ITEM_ID", artifacts, |id| universe.number(id))?)
            }
            (None, _) => Arc::default(),
        };
        let kept_users = before.filter(|before| before.wanted.users == wanted.users && before.snapshot.users == snapshot.users);
        let users = match (kept_users, &snapshot.users) {
            (Some(before), _) => before.users.clone(),
            (None, Some(dataset)) if !wanted.users.is_empty() => {
                let mut rows: HashMap<Arc<str>, u32> = HashMap::new();
                let columns = columns(dataset, &wanted.users, "USER_ID", artifacts, |id| {
                    let next = rows.len() as u32;
                    rows.get(id).copied().unwrap_or_else(|| *rows.entry(id.into()).or_insert(next))
                })?;
                Arc::new(People { rows, columns })
            }
            (None, _) => Arc::default(),
        };
        let histories = match &snapshot.interactions {
            Some(dataset) if wanted.events => histories(before, dataset, &universe, artifacts)?,
            _ => Arc::default(),
        };
        let schemas = Schemas::of(&snapshot)?;
        Ok(Self { snapshot, wanted, schemas, universe, items, users, histories })
    }

    pub(crate) fn is_current(&self, snapshot: &Snapshot, wanted: &Wanted) -> bool {
        self.snapshot == *snapshot && self.wanted == *wanted
    }
}

/// The wanted columns of a metadata dataset.
fn columns(
    dataset: &SnapshotDataset,
    wanted: &BTreeSet<String>,
    id_field: &str,
    artifacts: &Artifacts,
    mut number: impl FnMut(&str) -> u32,
) -> Result<Columns> {
    let schema = AvroSchema::stored(&dataset.schema)?;
    let fields: Vec<_> = wanted.iter().filter_map(|key| schema.field(key).map(|field| (key, field))).collect();
    let mut builders: Vec<Builder> = fields.iter().map(|(_, field)| Builder::of(field)).collect();
    let names: Vec<&str> = std::iter::once(id_field).chain(fields.iter().map(|(_, field)| field.name.as_str())).collect();
    dataset.rows_from(artifacts, 0, &names, |cells| {
        let Some((Cell::Text(id), cells)) = cells.split_first() else { return };
        let number = number(id);
        for (builder, cell) in builders.iter_mut().zip(cells) {
            builder.put(number, *cell);
        }
    })?;
    Ok(fields.into_iter().zip(builders).map(|((key, _), builder)| (key.clone(), builder.finish())).collect())
}

/// The histories there were with what is new, or all anew when an import replaced what was there or users were deleted.
fn histories(before: Option<&GroupData>, now: &SnapshotDataset, universe: &Arc<Universe>, artifacts: &Artifacts) -> Result<Arc<Histories>> {
    let known = before.filter(|before| before.wanted.events);
    let known = known.and_then(|before| before.snapshot.interactions.as_ref().map(|dataset| (dataset, &before.histories)));
    let of =
        |dataset: &SnapshotDataset, origin| -> Vec<Part> { dataset.parts.iter().filter(|part| part.origin == origin).cloned().collect() };
    let bulk = of(now, Origin::Bulk);
    let (histories, old_bulk, old_put_rows) = match known {
        Some((old, histories))
            if (&old.dataset_arn, old.deletions) == (&now.dataset_arn, now.deletions) && bulk.starts_with(&of(old, Origin::Bulk)) =>
        {
            let put_rows = of(old, Origin::Put).iter().map(|part| part.rows).sum();
            (histories.clone(), of(old, Origin::Bulk).len(), put_rows)
        }
        _ => (Arc::default(), 0, 0),
    };
    let new_bulk = bulk.get(old_bulk..).unwrap_or_default().to_vec();
    // Parts of events are merged with the next ones, so they are told apart by their rows, whose order stays.
    for (parts, first) in [(new_bulk, 0), (of(now, Origin::Put), old_put_rows)] {
        let dataset = SnapshotDataset { parts, ..now.clone() };
        let mut rows = Vec::new();
        dataset.rows_from(artifacts, first, &COLUMNS, |cells| {
            rows.extend(Row::of(cells, |id| universe.number(id)));
            if rows.len() >= ROWS_AT_ONCE {
                histories.add(std::mem::take(&mut rows));
            }
        })?;
        histories.add(rows);
    }
    Ok(histories)
}

/// Reads off the async threads.
pub(crate) async fn load(
    before: Option<Arc<GroupData>>,
    snapshot: Snapshot,
    wanted: Wanted,
    artifacts: Artifacts,
) -> Result<Arc<GroupData>> {
    tokio::task::spawn_blocking(move || GroupData::load(before.as_deref(), snapshot, wanted, &artifacts).map(Arc::new))
        .await
        .map_err(|e| Error::internal("The loading of what filters need broke off.").source(e))?
}
