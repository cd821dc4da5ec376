//! Bookmarks in the store: one version for every run that moved one, the newest [`KEPT_VERSIONS`] of them; and what runs under way read.

use std::collections::BTreeMap;

use domain::{Error, Result};
use runs::{RunContext, RunId, Runs};
use serde::{Deserialize, Serialize};
use store::{Resource, Store, Tx};

use super::mark::Mark;
use super::table::TableWindow;
use crate::job::Job;
use crate::jobs::Jobs;

/// Bookmarks of one job that are kept, to look at and to rewind to.
pub(crate) const KEPT_VERSIONS: i64 = 32;

/// By `database.table`.
pub(crate) type Marks = BTreeMap<String, Mark>;

/// Glue's `JobBookmarkEntry`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct JobBookmark {
    pub job_name: String,
    /// Counts how often the bookmark was moved or reset.
    pub version: i64,
    /// Counts the runs that moved it since the beginning.
    pub run: i64,
    /// Tries before the one that succeeded.
    pub attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_run_id: Option<String>,
    /// The run after which the bookmark stands so; none at the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// JSON text: by table how far it has been read.
    pub job_bookmark: String,
}

/// Which version is the bookmark.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Head {
    job_name: String,
    version: i64,
}

impl Resource for Head {
    const KIND: &'static str = "job_bookmark";

    fn key(&self) -> String {
        self.job_name.clone()
    }
}

/// A bookmark as it was at some time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Version {
    pub job_name: String,
    pub version: i64,
    pub run: i64,
    pub attempt: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_run_id: Option<RunId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    pub marks: Marks,
}

impl Resource for Version {
    const KIND: &'static str = "job_bookmark_version";

    fn key(&self) -> String {
        key(&self.job_name, self.version)
    }

    fn parent(&self) -> String {
        self.job_name.clone()
    }
}

fn key(job: &str, version: i64) -> String {
    format!("{version:0>10}/{job}")
}

/// What one run reads: decided at its first attempt, so that every attempt reads the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RunWindow {
    pub run_id: RunId,
    pub job_name: String,
    /// The bookmark that it goes on from; 0 for none.
    pub version: i64,
    /// The run's end moves the bookmark.
    pub advances: bool,
    pub tables: BTreeMap<String, TableWindow>,
}

impl Resource for RunWindow {
    const KIND: &'static str = "job_run_window";

    fn key(&self) -> String {
        self.run_id.0.clone()
    }

    fn parent(&self) -> String {
        self.job_name.clone()
    }
}

impl Version {
    /// Before anything was read.
    fn none(job: &str) -> Self {
        Self { job_name: job.into(), version: 0, run: 0, attempt: 0, previous_run_id: None, run_id: None, marks: Marks::new() }
    }

    fn view(self) -> Result<JobBookmark> {
        let text = serde_json::to_string_pretty(&self.marks);
        Ok(JobBookmark {
            job_name: self.job_name,
            version: self.version,
            run: self.run,
            attempt: self.attempt,
            previous_run_id: self.previous_run_id.map(|id| id.0),
            run_id: self.run_id.map(|id| id.0),
            job_bookmark: text.map_err(|e| Error::internal("A bookmark cannot be written as JSON.").source(e))?,
        })
    }
}

/// The job's bookmark as it is now.
pub(crate) async fn current(store: &Store, job: &str) -> Result<Version> {
    match store.find::<Head>(job).await? {
        Some(head) => Ok(store.get::<Version>(&key(job, head.version)).await?.value),
        None => Ok(Version::none(job)),
    }
}

async fn current_in(tx: &mut Tx, job: &str) -> Result<Version> {
    match tx.find::<Head>(job).await? {
        Some(head) => Ok(tx.get::<Version>(&key(job, head.version)).await?.value),
        None => Ok(Version::none(job)),
    }
}

/// The bookmark as the run left it.
///
/// # Errors
/// `NotFound`, naming the runs that are known.
pub(crate) async fn after_run(store: &Store, job: &str, run: &RunId) -> Result<Version> {
    let mut versions: Vec<Version> = store.children::<Version>(job).await?.into_iter().map(|stored| stored.value).collect();
    match versions.iter().rposition(|version| version.run_id.as_ref() == Some(run)) {
        Some(at) => Ok(versions.swap_remove(at)),
        None => {
            let known: Vec<String> = versions.into_iter().filter_map(|version| version.run_id.map(|id| id.0)).collect();
            Err(Error::new(
                domain::ErrorKind::NotFound,
                format!(
                    "Job {job:?} has no bookmark of run {:?} (the newest {KEPT_VERSIONS} are kept); it has those of {}.",
                    run.0,
                    if known.is_empty() { "no run".into() } else { known.join(", ") }
                ),
            ))
        }
    }
}

/// Writes down what the run is going to read.
///
/// # Errors
/// `Conflict` when another run of the job is under way with a bookmark: both would read the same rows.
pub(crate) async fn open(runs: &Runs, window: &RunWindow) -> Result<()> {
    let mut tx = runs.store().begin().await?;
    if window.advances {
        sweep(&mut tx, runs, &window.job_name, &window.run_id).await?;
        unmoved(&mut tx, window).await?;
    }
    tx.create(window).await?;
    tx.commit().await
}

/// Moves the bookmark behind what the run has read, in the transaction that ends the run.
pub(crate) async fn close(tx: &mut Tx, window: &RunWindow, context: &RunContext) -> Result<()> {
    tx.delete::<RunWindow>(&window.key()).await?;
    // A job that was deleted meanwhile leaves no bookmark.
    if !window.advances || tx.find::<Job>(&window.job_name).await?.is_none() {
        return Ok(());
    }
    let before = unmoved(tx, window).await?;
    let mut marks = before.marks;
    marks.extend(window.tables.iter().filter_map(|(table, window)| Some((table.clone(), window.mark.clone()?))));
    let next = Version {
        job_name: window.job_name.clone(),
        version: before.version + 1,
        run: before.run + 1,
        attempt: context.run().attempt.saturating_sub(1),
        previous_run_id: before.run_id,
        run_id: Some(window.run_id.clone()),
        marks,
    };
    append(tx, next).await
}

/// The bookmark is still the one that the window was decided upon.
async fn unmoved(tx: &mut Tx, window: &RunWindow) -> Result<Version> {
    let now = current_in(tx, &window.job_name).await?;
    if now.version == window.version {
        return Ok(now);
    }
    Err(conflict(format!(
        "The bookmark of job {:?} was moved from version {} to {} while run {} was deciding what to read; start it again.",
        window.job_name, window.version, now.version, window.run_id
    )))
}

async fn append(tx: &mut Tx, next: Version) -> Result<()> {
    let (job, version) = (next.job_name.clone(), next.version);
    tx.create(&next).await?;
    tx.put(Head { job_name: job.clone(), version }).await?;
    let oldest = key(&job, version - KEPT_VERSIONS);
    if tx.find::<Version>(&oldest).await?.is_some() {
        tx.delete::<Version>(&oldest).await?;
    }
    Ok(())
}

/// Removes what runs that are over wanted to read.
///
/// # Errors
/// `Conflict` when a run but `ours` is not over and will move the bookmark.
async fn sweep(tx: &mut Tx, runs: &Runs, job: &str, ours: &RunId) -> Result<()> {
    for window in tx.children::<RunWindow>(job).await? {
        if window.run_id == *ours {
            continue;
        }
        let run = runs.find(&window.run_id).await?;
        if run.is_none_or(|run| run.state.is_final()) {
            tx.delete::<RunWindow>(&window.key()).await?;
        } else if window.advances {
            return Err(conflict(format!(
                "Run {} of job {job:?} is under way with the same bookmark; wait for its end or stop it (MaxConcurrentRuns 1 keeps runs apart).",
                window.run_id
            )));
        }
    }
    Ok(())
}

fn conflict(message: String) -> Error {
    Error::new(domain::ErrorKind::Conflict, message)
}

/// Removes all that is known of the job's bookmark.
pub(crate) async fn forget(tx: &mut Tx, job: &str) -> Result<()> {
    for version in tx.children::<Version>(job).await? {
        tx.delete::<Version>(&version.key()).await?;
    }
    if tx.find::<Head>(job).await?.is_some() {
        tx.delete::<Head>(job).await?;
    }
    Ok(())
}

impl Jobs {
    /// The job's bookmark: as it is, or as a run left it.
    ///
    /// # Errors
    /// `NotFound` for a job without bookmark, and for a run whose bookmark is not kept.
    pub async fn get_job_bookmark(&self, job: &str, run: Option<&RunId>) -> Result<JobBookmark> {
        let store = self.runs().store();
        self.get_job(job).await?;
        let version = match run {
            Some(run) => after_run(store, job, run).await?,
            None => current(store, job).await?,
        };
        if version.version == 0 { Err(Error::not_found(format!("bookmark of job {job:?}"))) } else { version.view() }
    }

    /// Sets the bookmark back to the beginning, or to where it was just after a run. What was published stays.
    ///
    /// # Errors
    /// `NotFound` as above; `Conflict` while a run is under way that would move the bookmark.
    pub async fn reset_job_bookmark(&self, job: &str, run: Option<&RunId>) -> Result<JobBookmark> {
        self.get_job_bookmark(job, run).await?;
        let wanted = match run {
            Some(run) => after_run(self.runs().store(), job, run).await?,
            None => Version::none(job),
        };
        let mut tx = self.runs().store().begin().await?;
        sweep(&mut tx, self.runs(), job, &RunId(String::new())).await?;
        let now = current_in(&mut tx, job).await?;
        let next = Version { version: now.version + 1, ..wanted };
        append(&mut tx, next.clone()).await?;
        tx.commit().await?;
        next.view()
    }
}
