//! Interactions as they are read from parts, on their way to [`Events`].

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Int64Type};
use arrow::row::{RowConverter, SortField};
use domain::{Error, Result};
use store::Artifacts;

use crate::append::SESSION_COLUMN;
use crate::id_map::Interner;
use crate::part_file;
use crate::schema::AvroSchema;
use crate::snapshot::SnapshotDataset;
use crate::training_data::Events;

/// One event; users, items and types by the numbers of their interners.
#[derive(Debug, Clone, Copy)]
struct Row {
    timestamp: i64,
    user: u32,
    item: u32,
    event_value: f32,
    event_type: u32,
    /// A hash of the columns that training does not look at; events that differ there are not duplicates.
    others: u64,
}

/// All events of a dataset.
#[derive(Debug, Default)]
pub(crate) struct InteractionRows {
    rows: Vec<Row>,
    event_types: Interner,
    /// Events of visitors who are not known yet: rows by session.
    anonymous: HashMap<String, Vec<usize>>,
}

/// Names of the columns in the parts, as the schema spells them.
struct Columns {
    user: String,
    item: String,
    timestamp: String,
    event_type: Option<String>,
    event_value: Option<String>,
}

impl Columns {
    fn of(schema: &AvroSchema) -> Result<Self> {
        let name = |name: &str| schema.field(name).map(|field| field.name.clone());
        let required = |n: &str| name(n).ok_or_else(|| Error::internal(format!("A stored schema has no field {n}.")));
        Ok(Self {
            user: required("USER_ID")?,
            item: required("ITEM_ID")?,
            timestamp: required("TIMESTAMP")?,
            event_type: name("EVENT_TYPE"),
            event_value: name("EVENT_VALUE"),
        })
    }

    fn is_other(&self, name: &str) -> bool {
        let named = [Some(&self.user), Some(&self.item), Some(&self.timestamp), self.event_type.as_ref(), self.event_value.as_ref()];
        name != SESSION_COLUMN && !named.into_iter().flatten().any(|known| known == name)
    }
}

impl InteractionRows {
    pub(crate) fn read(dataset: &SnapshotDataset, artifacts: &Artifacts, users: &mut Interner, items: &mut Interner) -> Result<Self> {
        let columns = Columns::of(&AvroSchema::stored(&dataset.schema)?)?;
        let mut rows = Self::default();
        rows.rows.reserve(usize::try_from(dataset.rows()).unwrap_or(0));
        for part in &dataset.parts {
            part_file::read(&artifacts.path(&part.name), |_| true, |batch| rows.add(&columns, &batch, users, items))?;
        }
        rows.settle_anonymous(users);
        Ok(rows)
    }

    fn add(&mut self, names: &Columns, batch: &RecordBatch, users: &mut Interner, items: &mut Interner) -> Result<()> {
        let user = users.numbers(column(batch, &names.user)?)?;
        let item = items.numbers(column(batch, &names.item)?)?;
        let timestamp = to(column(batch, &names.timestamp)?, &DataType::Int64)?;
        let timestamp = timestamp.as_primitive::<Int64Type>();
        let event_type = match &names.event_type {
            Some(name) => Some(self.event_types.numbers(column(batch, name)?)?),
            None => None,
        };
        let event_value = match &names.event_value {
            Some(name) => Some(to(column(batch, name)?, &DataType::Float32)?),
            None => None,
        };
        let event_value = event_value.as_ref().map(|column| column.as_primitive::<Float32Type>());
        let others = hash_others(batch, |name| names.is_other(name))?;
        let sessions = Sessions::of(batch)?;
        for at in 0..batch.num_rows() {
            let Some(item) = item[at] else { continue };
            let row = Row {
                timestamp: timestamp.value(at),
                user: user[at].unwrap_or(u32::MAX),
                item,
                event_value: event_value.filter(|v| v.is_valid(at)).map_or(f32::NAN, |v| v.value(at)),
                event_type: event_type.as_ref().and_then(|t| t[at]).unwrap_or_else(|| self.event_types.number("")),
                others: others.as_ref().map_or(0, |hashes| hashes[at]),
            };
            self.join(&row, sessions.get(at));
            self.rows.push(row);
        }
        Ok(())
    }

    /// Events of a session belong to the user whom a later event of that session names.
    fn join(&mut self, row: &Row, session: Option<&str>) {
        let Some(session) = session else { return };
        if row.user == u32::MAX {
            self.anonymous.entry(session.to_owned()).or_default().push(self.rows.len());
        } else if let Some(waiting) = self.anonymous.remove(session) {
            for at in waiting {
                self.rows[at].user = row.user;
            }
        }
    }

    /// Visitors who never said who they are count as users named by their session.
    fn settle_anonymous(&mut self, users: &mut Interner) {
        for (session, rows) in std::mem::take(&mut self.anonymous) {
            let user = users.number(&session);
            for at in rows {
                self.rows[at].user = user;
            }
        }
    }

    /// Turns numbers into indices, sorts, and drops exact duplicates.
    pub(crate) fn into_events(mut self, user_ranks: &[u32], item_ranks: &[u32]) -> Result<Events> {
        let (types, type_ranks) = self.event_types.into_id_map();
        if u16::try_from(types.len()).is_err() {
            return Err(Error::invalid_data(format!("Expected at most {} event types, found {}.", u16::MAX, types.len())));
        }
        for row in &mut self.rows {
            row.user = user_ranks[row.user as usize];
            row.item = item_ranks[row.item as usize];
            row.event_type = type_ranks[row.event_type as usize];
        }
        self.rows.sort_by_key(|row| (row.user, row.timestamp));
        let repeated = repeated(&self.rows);
        let kept = || self.rows.iter().zip(&repeated).filter(|(_, repeated)| !**repeated).map(|(row, _)| row);
        Ok(Events {
            user: kept().map(|row| row.user).collect(),
            item: kept().map(|row| row.item).collect(),
            timestamp: kept().map(|row| row.timestamp).collect(),
            event_type: kept().map(|row| row.event_type as u16).collect(),
            event_value: kept().map(|row| row.event_value).collect(),
            event_types: types.ids().iter().map(ToString::to_string).collect(),
        })
    }
}

/// Which rows repeat an earlier one exactly. `rows` are sorted by user and timestamp.
fn repeated(rows: &[Row]) -> Vec<bool> {
    let mut repeated = vec![false; rows.len()];
    let key = |at: &u32| {
        let row = &rows[*at as usize];
        (row.item, row.event_type, row.event_value.to_bits(), row.others)
    };
    let mut group: Vec<u32> = Vec::new();
    let mut start = 0;
    while start < rows.len() {
        let same = |row: &Row| row.user == rows[start].user && row.timestamp == rows[start].timestamp;
        let end = start + rows[start..].iter().take_while(|row| same(row)).count();
        if end - start > 1 {
            group.clear();
            group.extend(start as u32..end as u32);
            // Stable: of equal rows the first to arrive stays.
            group.sort_by_key(key);
            for pair in group.windows(2).filter(|pair| key(&pair[0]) == key(&pair[1])) {
                repeated[pair[1] as usize] = true;
            }
        }
        start = end;
    }
    repeated
}

/// The sessions of a part that the events stage wrote.
struct Sessions(Option<ArrayRef>);

impl Sessions {
    fn of(batch: &RecordBatch) -> Result<Self> {
        batch.column_by_name(SESSION_COLUMN).map(crate::id_map::text).transpose().map(Self)
    }

    fn get(&self, at: usize) -> Option<&str> {
        let column = self.0.as_ref()?.as_string::<i32>();
        column.is_valid(at).then(|| column.value(at))
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| Error::internal(format!("A stored part has no column {name}.")))
}

fn to(column: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    cast(column, target).map_err(|e| Error::internal("A stored column has the wrong type.").source(e))
}

fn hash_others(batch: &RecordBatch, is_other: impl Fn(&str) -> bool) -> Result<Option<Vec<u64>>> {
    let failed = |e| Error::internal("Stored rows cannot be compared.").source(e);
    let schema = batch.schema();
    let others: Vec<usize> = (0..batch.num_columns()).filter(|at| is_other(schema.field(*at).name())).collect();
    if others.is_empty() {
        return Ok(None);
    }
    let fields = others.iter().map(|at| SortField::new(schema.field(*at).data_type().clone())).collect();
    let columns: Vec<ArrayRef> = others.iter().map(|at| batch.column(*at).clone()).collect();
    let rows = RowConverter::new(fields).and_then(|converter| converter.convert_columns(&columns)).map_err(failed)?;
    let hash = |row: arrow::row::Row<'_>| {
        let mut hasher = DefaultHasher::new();
        row.as_ref().hash(&mut hasher);
        hasher.finish()
    };
    Ok(Some(rows.iter().map(hash).collect()))
}
