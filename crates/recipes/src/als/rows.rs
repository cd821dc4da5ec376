//! The pairs that were seen, by user and by item.

use crate::Interactions;
use crate::head::newest_items;

/// One user's or item's pairs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    /// Indices on the other side, each once.
    pub others: &'a [u32],
    /// Weight of each pair, above 0.
    pub weights: &'a [f32],
}

impl Row<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.others.is_empty()
    }
}

/// Compressed sparse rows.
pub(super) struct Rows {
    indptr: Vec<usize>,
    others: Vec<u32>,
    weights: Vec<f32>,
}

impl Rows {
    /// Each user's different items with the greatest weight of each, and the factor that made their mean weight 1.
    /// Events of weight 0 say nothing and are left out.
    pub(super) fn by_user(interactions: &Interactions, max_history: usize) -> (Self, f32) {
        let mut rows = Self { indptr: vec![0], others: Vec::new(), weights: Vec::new() };
        for user in 0..interactions.n_users() as u32 {
            for (item, weight) in newest_items(interactions.history(user), max_history, f32::INFINITY) {
                if weight > 0.0 {
                    rows.others.push(item);
                    rows.weights.push(weight);
                }
            }
            rows.indptr.push(rows.others.len());
        }
        let total = rows.weights.iter().map(|weight| f64::from(*weight)).sum::<f64>();
        let scale = if total > 0.0 { (rows.weights.len() as f64 / total) as f32 } else { 1.0 };
        rows.weights.iter_mut().for_each(|weight| *weight *= scale);
        (rows, scale)
    }

    /// The same pairs from the other side, which has `n` members.
    pub(super) fn transposed(&self, n: usize) -> Self {
        let mut indptr = vec![0; n + 1];
        for other in &self.others {
            indptr[*other as usize + 1] += 1;
        }
        for at in 0..n {
            indptr[at + 1] += indptr[at];
        }
        let mut next = indptr.clone();
        let (mut others, mut weights) = (vec![0; self.others.len()], vec![0.0; self.others.len()]);
        for own in 0..self.len() {
            let row = self.row(own);
            for (other, weight) in row.others.iter().zip(row.weights) {
                let place = &mut next[*other as usize];
                (others[*place], weights[*place]) = (own as u32, *weight);
                *place += 1;
            }
        }
        Self { indptr, others, weights }
    }

    pub(super) fn len(&self) -> usize {
        self.indptr.len() - 1
    }

    pub(super) fn row(&self, at: usize) -> Row<'_> {
        let range = self.indptr[at]..self.indptr[at + 1];
        Row { others: &self.others[range.clone()], weights: &self.weights[range] }
    }

    /// Number of rows with at least one pair.
    pub(super) fn occupied(&self) -> usize {
        self.indptr.windows(2).filter(|bounds| bounds[0] < bounds[1]).count()
    }
}
