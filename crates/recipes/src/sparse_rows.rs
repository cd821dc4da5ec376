//! Item×item weights as compressed sparse rows: what the item-to-item recipes learn and serve.

use crate::RecipeError;
use crate::artifact::{Reader, Writer};

/// Item×item weights by source item, columns ascending (compressed sparse rows).
#[derive(Debug, PartialEq)]
pub(crate) struct SparseRows {
    indptr: Vec<usize>,
    columns: Vec<u32>,
    weights: Vec<f32>,
}

impl SparseRows {
    pub(crate) fn empty(n_items: usize) -> Self {
        Self { indptr: vec![0; n_items + 1], columns: Vec::new(), weights: Vec::new() }
    }

    pub(crate) fn builder(n_items: usize) -> Builder {
        Builder { n_items, rows: Self { indptr: vec![0], columns: Vec::new(), weights: Vec::new() } }
    }

    pub(crate) fn row(&self, item: u32) -> (&[u32], &[f32]) {
        let range = self.indptr[item as usize]..self.indptr[item as usize + 1];
        (&self.columns[range.clone()], &self.weights[range])
    }

    pub(crate) fn weight(&self, source: u32, target: u32) -> f32 {
        let (columns, weights) = self.row(source);
        columns.binary_search(&target).map_or(0.0, |at| weights[at])
    }

    /// Number of weights.
    pub(crate) fn len(&self) -> usize {
        self.weights.len()
    }

    /// Multiplies all weights by one factor, so that the smallest is `least` or, where that would make others too great to add
    /// up, the greatest is `most`. All weights are above 0.
    pub(crate) fn scaled_between(mut self, least: f32, most: f32) -> Self {
        let smallest = self.weights.iter().copied().fold(f32::INFINITY, f32::min);
        let greatest = self.weights.iter().copied().fold(0.0, f32::max);
        let factor = (f64::from(least) / f64::from(smallest)).min(f64::from(most) / f64::from(greatest));
        self.weights.iter_mut().for_each(|weight| *weight = (f64::from(*weight) * factor) as f32);
        self
    }

    pub(crate) fn write(&self, writer: Writer) -> Writer {
        writer.offsets("indptr", &self.indptr).indices("columns", &self.columns).floats("weights", &self.weights)
    }

    /// Fails on rows that do not fit `n_items`.
    pub(crate) fn read(reader: &Reader<'_>, n_items: usize) -> Result<Self, RecipeError> {
        let (indptr, columns, weights) = (reader.offsets("indptr")?, reader.indices("columns")?, reader.floats("weights")?);
        let rows = Self { indptr, columns, weights };
        rows.check(n_items)?;
        Ok(rows)
    }

    fn check(&self, n_items: usize) -> Result<(), RecipeError> {
        let ends_right = self.indptr.first() == Some(&0) && self.indptr.last() == Some(&self.columns.len());
        let sound = self.indptr.len() == n_items + 1
            && ends_right
            && self.indptr.is_sorted()
            && self.columns.len() == self.weights.len()
            && self.columns.iter().all(|column| (*column as usize) < n_items)
            && (0..n_items).all(|item| self.row(item as u32).0.is_sorted());
        if sound { Ok(()) } else { Err(RecipeError::Artifact("expected consistent sparse rows, found broken ones".into())) }
    }
}

/// Takes the rows of some items, in the order of items.
pub(crate) struct Builder {
    n_items: usize,
    rows: SparseRows,
}

impl Builder {
    pub(crate) fn push(&mut self, item: u32, row: impl Iterator<Item = (u32, f32)>) {
        self.rows.indptr.resize(item as usize + 1, self.rows.columns.len());
        for (column, weight) in row {
            self.rows.columns.push(column);
            self.rows.weights.push(weight);
        }
        self.rows.indptr.push(self.rows.columns.len());
    }

    pub(crate) fn finish(mut self) -> SparseRows {
        self.rows.indptr.resize(self.n_items + 1, self.rows.columns.len());
        self.rows
    }
}

/// The `keep` greatest entries by size (ties: lower column), by column; the entries come by column too.
pub(crate) fn greatest(mut entries: Vec<(u32, f32)>, keep: usize) -> Vec<(u32, f32)> {
    if entries.len() > keep {
        entries.select_nth_unstable_by(keep, |a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
        entries.truncate(keep);
        entries.sort_unstable_by_key(|(column, _)| *column);
    }
    entries
}
