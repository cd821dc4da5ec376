//! The way back: events become rows of the interactions dataset.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringDictionaryBuilder};
use arrow::datatypes::{DataType, Field as ArrowField, Int32Type, Schema as ArrowSchema, SchemaRef};
use domain::{Arn, Error, ErrorKind, Result};
use serde_json::{Map, Value};

use crate::contents::{DatasetContents, Origin, Part, contents_in};
use crate::datasets::Datasets;
use crate::import::ImportSettings;
use crate::import::cells::Raw;
use crate::import::columns::{Column, arrow_schema};
use crate::part_file;
use crate::resources::DatasetType;
use crate::schema::{AvroSchema, Field, same_name};

/// A column that only parts from events have: the visitor's session.
pub(crate) const SESSION_COLUMN: &str = "__session";

/// Named limit: a part from events with fewer rows is written anew together with the next events, so that small files do
/// not pile up.
const MERGE_BELOW_ROWS: u64 = 100_000;

/// One event on its way into the store.
#[derive(Debug, Clone, PartialEq)]
pub struct PutRecord {
    /// Place in the event log; grows.
    pub sequence: u64,
    /// Nothing for an anonymous visitor.
    pub user_id: Option<String>,
    pub session_id: String,
    pub item_id: String,
    /// Epoch seconds.
    pub timestamp: i64,
    pub event_type: String,
    pub event_value: Option<f32>,
    pub impression: Vec<String>,
    pub recommendation_id: Option<String>,
    pub attribution_source: Option<String>,
    /// Further columns, by any spelling of their names.
    pub properties: Map<String, Value>,
}

/// What an append did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Appended {
    /// Rows added; records that were there already are not counted.
    pub rows: u64,
    /// Values that do not fit their field and were left out.
    pub values_left_out: u64,
}

impl Datasets {
    /// Adds events to the group's interactions, each exactly once: those with a sequence number up to the one that the
    /// dataset has already are left out, and the rows and `through` are published in one transaction. `NotFound` when
    /// the group has no interactions dataset. One caller at a time per group.
    pub async fn append_events(&self, group_arn: &Arn, records: &[PutRecord], through: u64) -> Result<Appended> {
        let dataset = self
            .find_dataset(group_arn, DatasetType::Interactions)
            .await?
            .ok_or_else(|| Error::not_found(format!("The interactions dataset of {group_arn}")))?;
        let before = self.contents(&dataset.dataset_arn).await?;
        let new: Vec<PutRecord> = records.iter().filter(|record| record.sequence > before.events_through).cloned().collect();
        if new.is_empty() {
            return Ok(Appended::default());
        }
        let schema = AvroSchema::stored(&self.get_schema(&dataset.schema_arn).await?.schema)?;
        let last = before.parts.iter().rfind(|part| part.origin == Origin::Put);
        let merged = last.filter(|part| part.rows < MERGE_BELOW_ROWS).cloned();
        let name = format!("datasets/put-{}-{through:020}/part.parquet", group_arn.id());
        let writing = Writing {
            merged: merged.as_ref().map(|part| self.artifacts().path(&part.name)),
            path: self.artifacts().path(&name),
            schema,
            settings: self.settings().clone(),
            records: new,
        };
        let rows = writing.records.len() as u64;
        let (bytes, values_left_out) = tokio::task::spawn_blocking(move || writing.write())
            .await
            .map_err(|e| Error::internal("The writing of events broke off.").source(e))??;
        let part = Part { name, rows: rows + merged.as_ref().map_or(0, |part| part.rows), bytes, origin: Origin::Put };
        self.publish_put(&dataset.dataset_arn, part, merged.as_ref(), before.events_through, through).await?;
        Ok(Appended { rows, values_left_out })
    }

    /// Sequence number of the last event that is in any dataset; 0 when none is.
    pub async fn events_through(&self) -> Result<u64> {
        let contents = self.store().list::<DatasetContents>().await?;
        Ok(contents.iter().map(|contents| contents.events_through).max().unwrap_or(0))
    }

    async fn publish_put(&self, dataset_arn: &Arn, part: Part, merged: Option<&Part>, before: u64, through: u64) -> Result<()> {
        let mut tx = self.store().begin().await?;
        tx.get::<crate::Dataset>(dataset_arn.as_str()).await?;
        let mut contents = contents_in(&mut tx, dataset_arn).await?;
        if contents.events_through != before {
            return Err(Error::new(ErrorKind::Conflict, format!("Somebody else added events to {dataset_arn} at the same time.")));
        }
        contents.retire(|old| Some(old) == merged);
        contents.parts.push(part);
        contents.events_through = through;
        tx.put(contents).await?;
        tx.commit().await?;
        self.sweep(dataset_arn).await
    }
}

/// What the blocking part of an append needs.
struct Writing {
    merged: Option<PathBuf>,
    path: PathBuf,
    schema: AvroSchema,
    settings: ImportSettings,
    records: Vec<PutRecord>,
}

impl Writing {
    /// Gives the size of the part and how many values were left out.
    fn write(self) -> Result<(u64, u64)> {
        let arrow = put_schema(&self.schema);
        let mut writer = part_file::create(&self.path, arrow.clone())?;
        if let Some(merged) = &self.merged {
            part_file::read(merged, |_| true, |batch| writer.write(&batch).map_err(part_file::unwritable))?;
        }
        let (batch, left_out) = self.batch(arrow)?;
        writer.write(&batch).map_err(part_file::unwritable)?;
        let bytes = part_file::finish(writer)?;
        if let Some(folder) = self.path.parent() {
            part_file::sync_folder(folder)?;
        }
        Ok((bytes, left_out))
    }

    fn batch(&self, arrow: SchemaRef) -> Result<(RecordBatch, u64)> {
        let mut columns: Vec<Column> = self.schema.fields.iter().map(|field| Column::new(field, &self.settings)).collect();
        let mut sessions = StringDictionaryBuilder::<Int32Type>::new();
        let mut left_out = 0;
        for record in &self.records {
            for column in &mut columns {
                let text;
                let raw = match value_of(record, &column.field) {
                    Found::Raw(raw) => raw,
                    Found::Text(made) => {
                        text = made;
                        Raw::Text(text.as_bytes())
                    }
                };
                left_out += u64::from(column.offer_or_null(raw));
                column.take();
            }
            sessions.append_value(&record.session_id);
        }
        let mut arrays: Vec<ArrayRef> = columns.iter_mut().map(Column::finish).collect();
        arrays.push(Arc::new(sessions.finish()));
        let batch =
            RecordBatch::try_new(arrow, arrays).map_err(|e| Error::internal("The columns of events do not fit together.").source(e))?;
        Ok((batch, left_out))
    }
}

/// As an import's, but every column allows null, since events need not bring every field; and the session.
fn put_schema(schema: &AvroSchema) -> SchemaRef {
    let nullable = |field: &Arc<ArrowField>| field.as_ref().clone().with_nullable(true);
    let mut fields: Vec<ArrowField> = arrow_schema(schema).fields().iter().map(nullable).collect();
    let text = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    fields.push(ArrowField::new(SESSION_COLUMN, text, true));
    Arc::new(ArrowSchema::new(fields))
}

enum Found<'a> {
    Raw(Raw<'a>),
    Text(String),
}

/// What the event says about a field.
fn value_of<'a>(record: &'a PutRecord, field: &Field) -> Found<'a> {
    let text = |text: Option<&'a String>| Found::Raw(text.map_or(Raw::Null, |text| Raw::Text(text.as_bytes())));
    let reserved: [(&str, Found<'a>); 8] = [
        ("USER_ID", text(record.user_id.as_ref())),
        ("ITEM_ID", text(Some(&record.item_id))),
        ("TIMESTAMP", Found::Raw(Raw::Int(record.timestamp))),
        ("EVENT_TYPE", text(Some(&record.event_type))),
        ("EVENT_VALUE", Found::Raw(record.event_value.map_or(Raw::Null, |value| Raw::Float(f64::from(value))))),
        ("IMPRESSION", Found::Text(record.impression.join("|"))),
        ("RECOMMENDATION_ID", text(record.recommendation_id.as_ref())),
        ("EVENT_ATTRIBUTION_SOURCE", text(record.attribution_source.as_ref())),
    ];
    if let Some((_, found)) = reserved.into_iter().find(|(name, _)| field.is_named(name)) {
        return found;
    }
    let own = record.properties.iter().find(|(name, _)| same_name(name, &field.name));
    own.map_or(Found::Raw(Raw::Null), |(_, value)| json(value))
}

fn json(value: &Value) -> Found<'_> {
    match value {
        Value::Null => Found::Raw(Raw::Null),
        Value::Bool(b) => Found::Raw(Raw::Bool(*b)),
        Value::String(text) => Found::Raw(Raw::Text(text.as_bytes())),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Found::Raw(Raw::Int(whole)),
            None => Found::Raw(Raw::Float(number.as_f64().unwrap_or(f64::NAN))),
        },
        other => Found::Text(other.to_string()),
    }
}
