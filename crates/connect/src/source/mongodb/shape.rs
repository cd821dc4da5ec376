//! The columns of a collection.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use domain::{Error, Result};
use mongodb::bson::{RawDocument, raw};

use super::catalog::Form;
use super::types::{Column, FieldsMet, Kind};
use crate::source::NATIVE_TYPE;

/// Most columns of a collection, the column of other fields included.
pub(crate) const MAX_COLUMNS: usize = 1_000;
/// Most names of fields that are counted while sampling.
const MAX_NAMES: usize = 50_000;
/// The column that holds, as one JSON text, all fields that are no columns; made only where there are too many.
const OTHER_FIELDS: &str = "_other_fields";
/// Native type of texts whose order and equality are the collation's, not Arrow's.
pub(crate) const COLLATED: &str = "string with collation";

/// What was met in some documents of a collection.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    fields: FieldsMet,
    documents: u64,
}

impl Sample {
    pub fn note(&mut self, document: &RawDocument) -> raw::Result<()> {
        self.documents += 1;
        self.fields.note(document, 1, MAX_NAMES)
    }

    /// Adds documents that came in no order: fields not met before come last, by name.
    pub fn merge(&mut self, other: Self) {
        self.documents += other.documents;
        self.fields.merge(other.fields, MAX_NAMES);
    }
}

/// The columns of a collection as its sample has them.
#[derive(Debug)]
pub(crate) struct Shape {
    pub columns: Vec<Column>,
    /// The name of the column of other fields.
    pub rest: Option<String>,
    pub form: Form,
    /// A view whose texts are compared by a collation.
    pub collated: bool,
    pub documents: u64,
    names: usize,
    uncounted: bool,
}

/// A column asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Selected {
    Column(Column),
    /// All fields that are no columns.
    Rest(String),
}

impl Shape {
    pub fn of(sample: Sample, form: Form, collated: bool) -> Self {
        let Sample { fields: FieldsMet { met, too_many, .. }, documents } = sample;
        let names = met.len();
        let is_wide = names > MAX_COLUMNS || too_many;
        let mut chosen: Vec<usize> = (0..names).collect();
        if is_wide {
            // The fields met most often; the sort is stable, so that of equals the first met stay.
            chosen.sort_by_key(|index| std::cmp::Reverse(met.get(*index).map_or(0, |(_, met)| met.times)));
            chosen.truncate(MAX_COLUMNS - 1);
            chosen.sort_unstable();
        }
        let column = |index: usize| met.get(index).map(|(name, met)| Column { name: name.clone(), kind: met.kind() });
        let columns: Vec<Column> = chosen.into_iter().filter_map(column).collect();
        let rest = is_wide.then(|| {
            let mut name = OTHER_FIELDS.to_owned();
            while columns.iter().any(|column| column.name == name) {
                name.insert(0, '_');
            }
            name
        });
        Self { columns, rest, form, collated, documents, names, uncounted: too_many }
    }

    pub fn schema(&self) -> SchemaRef {
        let columns = self.columns.iter().cloned().map(Selected::Column);
        Arc::new(Schema::new(columns.chain(self.rest.clone().map(Selected::Rest)).map(|column| self.field(&column)).collect::<Vec<_>>()))
    }

    pub fn field(&self, selected: &Selected) -> Field {
        let (name, data_type, native) = match selected {
            Selected::Column(Column { name, kind: Kind::Text }) if self.collated => (name, DataType::Utf8, COLLATED),
            Selected::Column(Column { name, kind }) => (name, kind.data_type(), kind.native()),
            Selected::Rest(name) => (name, DataType::Utf8, "json"),
        };
        Field::new(name, data_type, true).with_metadata([(NATIVE_TYPE.to_owned(), native.to_owned())].into())
    }

    /// Names are MongoDB's; where none is the same, one that differs in case only is taken.
    pub fn select(&self, name: &str, table: &str) -> Result<Selected> {
        let rest = self.rest.iter().map(|rest| (rest.as_str(), Selected::Rest(rest.clone())));
        let all = || self.columns.iter().map(|column| (column.name.as_str(), Selected::Column(column.clone()))).chain(rest.clone());
        let found = all().find(|(own, _)| *own == name).or_else(|| all().find(|(own, _)| own.eq_ignore_ascii_case(name)));
        found.map(|(_, selected)| selected).ok_or_else(|| {
            Error::not_found(format!("Column {name:?} of collection {table} (in {} documents it was not met)", self.documents))
        })
    }

    /// Said of a collection that has more fields than columns.
    pub fn note(&self) -> Option<String> {
        let rest = self.rest.as_ref()?;
        let more = if self.uncounted { "more than " } else { "" };
        Some(format!(
            "{more}{} different fields were met in {} documents: the {} met most often are columns, {rest} holds all others as JSON.",
            self.names,
            self.documents,
            self.columns.len()
        ))
    }
}
