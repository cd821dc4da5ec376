//! Lists read a page at a time, and batches whose parts can be refused one by one.

use domain::{Error, Result};
use store::{Resource, Store, Stored};

/// Resources read from the store at once while a page is filled: where few are wanted, many may have to be looked at.
const MIN_CHUNK: usize = 100;
const MAX_CHUNK: usize = 1001;

/// Which part of a list is wanted: at most `limit` resources whose keys come after `after`. From the beginning where it is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub after: String,
    pub limit: usize,
}

/// A part of a list, in the order of the keys.
#[derive(Debug, Clone)]
pub struct Paged<R> {
    pub items: Vec<Stored<R>>,
    /// What [`Page::after`] is for the next part; nothing when this was the last.
    pub next: Option<String>,
}

/// A part of a batch that was not done, and why.
#[derive(Debug)]
pub struct Refused<T> {
    pub item: T,
    pub error: Error,
}

/// The resources that `keep` wants. Reads no further than the page needs.
pub(super) async fn read<R: Resource>(
    store: &Store,
    parent: Option<&str>,
    page: &Page,
    keep: impl Fn(&Stored<R>) -> bool,
) -> Result<Paged<R>> {
    let mut items: Vec<Stored<R>> = Vec::new();
    let mut after = page.after.clone();
    loop {
        // One more than the page holds says whether there is a next one.
        let chunk = store.range::<R>(parent, &after, page.limit.saturating_add(1).clamp(MIN_CHUNK, MAX_CHUNK)).await?;
        let Some(last) = chunk.last().map(|stored| stored.key()) else { return Ok(Paged { items, next: None }) };
        after = last;
        for stored in chunk {
            if !keep(&stored) {
                continue;
            }
            if items.len() == page.limit {
                let next = items.last().map(|stored| stored.key());
                return Ok(Paged { items, next });
            }
            items.push(stored);
        }
    }
}
