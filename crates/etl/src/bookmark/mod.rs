//! Job bookmarks: a run reads what came since the last one, each row once.
//!
//! Takes a job's [`TableBookmark`]s and a run's arguments (`--job-bookmark-option`); gives the windows of the run's queries, and moves
//! the bookmark in the transaction that ends the run.
//!
//! - What a run reads is decided once, at its first attempt, and written down before anything is read ([`history::RunWindow`]). An attempt
//!   after a crash reads the same rows, however many have come meanwhile.
//! - It becomes the bookmark in the transaction that ends a run whose targets have their rows, or not at all. That is a run that succeeds, or
//!   that rules fail after the load; any other that fails leaves the bookmark where it was.
//!
//! Must not know: engines, how results are published.
//!
//! Start reading at [`RunBookmark::open`], then `table.rs`, then `history.rs`.

mod history;
mod keys;
mod mark;
mod spec;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use catalog::Catalog;
use domain::{Error, Result};
use runs::RunContext;
use store::{Store, Tx};

use crate::arguments::Arguments;
use crate::engine::{Engine, Means, SqlQuery, Window};
use crate::job::Job;
use history::{Marks, RunWindow};
use spec::Choice;
use table::{End, Span, Windows};

pub use history::JobBookmark;
pub(crate) use history::forget;
pub(crate) use spec::check;
pub use spec::{KeyOrder, TableBookmark};

/// What bookmarks have to do with one run; nothing where they are disabled.
pub(crate) struct RunBookmark(Option<RunWindow>);

impl RunBookmark {
    /// Of a run that has nothing to do with bookmarks.
    pub fn none() -> Self {
        Self(None)
    }

    /// Whether a run with these arguments goes by bookmark.
    pub fn is_wanted(arguments: &Arguments) -> Result<bool> {
        Ok(Choice::of(arguments)? != Choice::Disable)
    }

    /// Decides what the run reads, or finds what an earlier attempt decided. `queries` are all that the run will ask, without windows.
    pub async fn open(
        catalog: &Catalog,
        engine: &dyn Engine,
        job: &Job,
        arguments: &Arguments,
        queries: &[&SqlQuery],
        context: &RunContext,
    ) -> Result<Self> {
        let choice = Choice::of(arguments)?;
        if choice == Choice::Disable {
            return Ok(Self::none());
        }
        // Every query of a run has the same.
        let tables = queries.first().map(|query| query.tables.as_slice()).unwrap_or_default();
        let windows = Windows { catalog, engine, tables, means: Means::of(context) };
        let bookmarks = bookmarks(job, engine, queries).await?;
        if let Some(known) = context.store().find::<RunWindow>(&context.id().0).await? {
            let is_same = bookmarks.iter().all(|bookmark| known.tables.contains_key(&bookmark.table));
            if !is_same || bookmarks.len() != known.tables.len() {
                return Err(Error::invalid_state(format!(
                    "Job {:?} reads other tables than it did when this run began; start a new one.",
                    job.name
                )));
            }
            for (name, window) in &known.tables {
                windows.check(name, window).await?;
            }
            context.info("Reads what an earlier attempt of this run had decided to read.");
            return Ok(Self(Some(known.value)));
        }
        let base = history::current(context.store(), &job.name).await?;
        let (from, to) = ends(&choice, base.marks, context.store(), &job.name).await?;
        let now = context.clock().now();
        let mut tables = BTreeMap::new();
        for bookmark in bookmarks {
            let end = to.as_ref().map_or(End::Now(now), |to| End::Mark(to.get(&bookmark.table)));
            let span = Span { from: from.get(&bookmark.table), to: end };
            tables.insert(bookmark.table.clone(), windows.decide(&bookmark, span).await?);
        }
        let advances = choice == Choice::Enable;
        let window = RunWindow { run_id: context.id().clone(), job_name: job.name.clone(), version: base.version, advances, tables };
        history::open(context.runs(), &window).await?;
        context.point("decided").await;
        tell(&window, context);
        Ok(Self(Some(window)))
    }

    /// What the run reads of the tables that go by bookmark.
    pub fn windows(&self) -> BTreeMap<String, Window> {
        let tables = self.0.iter().flat_map(|window| &window.tables);
        tables.map(|(table, part)| (table.clone(), part.window.clone())).collect()
    }

    /// No table has anything new: there is nothing to compute, and what was published stays.
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_some_and(|window| window.tables.values().all(|table| table.is_empty))
    }

    /// Moves the bookmark with the run's end.
    pub async fn advance(&self, tx: &mut Tx, context: &RunContext) -> Result<()> {
        match &self.0 {
            Some(window) => history::close(tx, window, context).await,
            None => Ok(()),
        }
    }
}

/// The bookmarks from which and up to which a run reads; up to now without the second.
async fn ends(choice: &Choice, now: Marks, store: &Store, job: &str) -> Result<(Marks, Option<Marks>)> {
    let Choice::Pause { from, to } = choice else { return Ok((now, None)) };
    let to = match to {
        Some(run) => Some(history::after_run(store, job, run).await?.marks),
        None => None,
    };
    let from = match from {
        Some(run) => history::after_run(store, job, run).await?.marks,
        // Up to a run of the past, from where the bookmark is now, would be nothing.
        None if to.is_some() => Marks::new(),
        None => now,
    };
    Ok((from, to))
}

/// The tables that are read by bookmark, under the names that the engine gives them.
async fn bookmarks(job: &Job, engine: &dyn Engine, queries: &[&SqlQuery]) -> Result<Vec<TableBookmark>> {
    let mut read = BTreeSet::new();
    for query in queries {
        let tables = engine.columns_read(query).await?;
        read.extend(tables.into_iter().map(|table| table.table));
    }
    let all = || if read.is_empty() { "none".to_owned() } else { read.iter().cloned().collect::<Vec<_>>().join(", ") };
    if !job.bookmarks.is_empty() {
        let known = |bookmark: &TableBookmark| {
            let named = TableBookmark { table: bookmark.table.to_lowercase(), ..bookmark.clone() };
            let missing = || {
                let (name, table) = (&job.name, &bookmark.table);
                Error::invalid_input(format!(
                    "Bookmarks of job {name:?} name table {table}, which the job does not read; it reads {}.",
                    all()
                ))
            };
            if read.contains(&named.table) { Ok(named) } else { Err(missing()) }
        };
        return job.bookmarks.iter().map(known).collect();
    }
    let mut tables = read.iter();
    match (tables.next(), tables.next()) {
        (Some(only), None) => Ok(vec![TableBookmark { table: only.clone(), ..TableBookmark::default() }]),
        _ => Err(Error::invalid_input(format!(
            "Bookmarks of job {:?} are enabled, and it reads several tables or none ({}); name those of which each run reads only what is \
             new, as in Bookmarks: [{{Table: database.table}}]. The others are read whole.",
            job.name,
            all()
        ))),
    }
}

fn tell(window: &RunWindow, context: &RunContext) {
    for (name, table) in &window.tables {
        match &table.window {
            _ if table.is_empty => context.info(format!("There is nothing new in {name}.")),
            Window::Files(files) => context.info(format!("Reads {} new files of {name}.", files.len())),
            Window::Where(condition) => context.info(format!("Reads {name} where {condition}.")),
        }
    }
}

#[cfg(test)]
mod tests;
