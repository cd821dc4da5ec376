//! Outside ids and dense indices, both ways.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};
use domain::{Error, Result};

/// The only bridge between `UserId`/`ItemId` strings and dense indices. Ids are in byte order, so the same set of ids
/// gets the same indices, whatever order the data came in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdMap {
    ids: Vec<Arc<str>>,
    indices: HashMap<Arc<str>, u32>,
}

impl IdMap {
    /// Sorts, removes duplicates, numbers from 0.
    pub fn from_ids(ids: impl IntoIterator<Item = impl Into<Arc<str>>>) -> Self {
        let mut ids: Vec<Arc<str>> = ids.into_iter().map(Into::into).collect();
        ids.sort_unstable();
        ids.dedup();
        let indices = ids.iter().enumerate().map(|(index, id)| (id.clone(), index as u32)).collect();
        Self { ids, indices }
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub fn index(&self, id: &str) -> Option<u32> {
        self.indices.get(id).copied()
    }

    pub fn id(&self, index: u32) -> Option<&str> {
        self.ids.get(index as usize).map(AsRef::as_ref)
    }

    /// All ids; the position is the index.
    pub fn ids(&self) -> &[Arc<str>] {
        &self.ids
    }
}

/// Numbers ids in the order in which they come, while data is read.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    ids: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

impl Interner {
    pub(crate) fn number(&mut self, id: &str) -> u32 {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        let number = self.ids.len() as u32;
        let id: Arc<str> = id.into();
        self.ids.push(id.clone());
        self.numbers.insert(id, number);
        number
    }

    /// The numbers of a column of strings; nothing for null. A dictionary's values are looked up once each.
    pub(crate) fn numbers(&mut self, column: &ArrayRef) -> Result<Vec<Option<u32>>> {
        if let Some(dictionary) = column.as_dictionary_opt::<Int32Type>() {
            let values = text(dictionary.values())?;
            let values = values.as_string::<i32>();
            let numbers: Vec<Option<u32>> =
                (0..values.len()).map(|at| values.is_valid(at).then(|| self.number(values.value(at)))).collect();
            return Ok(dictionary.keys().iter().map(|key| key.and_then(|key| numbers[key as usize])).collect());
        }
        let column = text(column)?;
        Ok(column.as_string::<i32>().iter().map(|id| id.map(|id| self.number(id))).collect())
    }

    /// The ids in byte order, and for each number its place in that order.
    pub(crate) fn into_id_map(self) -> (IdMap, Vec<u32>) {
        let mut by_id: Vec<u32> = (0..self.ids.len() as u32).collect();
        by_id.sort_unstable_by(|a, b| self.ids[*a as usize].cmp(&self.ids[*b as usize]));
        let mut ranks = vec![0; by_id.len()];
        for (rank, number) in by_id.iter().enumerate() {
            ranks[*number as usize] = rank as u32;
        }
        let ids = by_id.iter().map(|number| self.ids[*number as usize].clone()).collect();
        let mut indices = self.numbers;
        for index in indices.values_mut() {
            *index = ranks[*index as usize];
        }
        (IdMap { ids, indices }, ranks)
    }
}

/// The column as `Utf8`.
pub(crate) fn text(column: &ArrayRef) -> Result<ArrayRef> {
    if column.data_type() == &DataType::Utf8 {
        return Ok(column.clone());
    }
    cast(column, &DataType::Utf8).map_err(|e| Error::internal("A stored column of ids is not text.").source(e))
}
