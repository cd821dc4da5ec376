//! How a result appears under its target's prefix: whole, at once, whatever dies meanwhile.
//!
//! A result is one file, `part-00000.<format>`, because one file is what every store replaces in one step (a rename on disk,
//! a PUT in S3). It is written beside its place under a name that begins with `_` and is therefore in nobody's listing, and
//! then renamed over the old result. So a reader sees the old or the new whole result at any moment.
//!
//! - A crash before the rename leaves the old result; the run is tried again, or fails, and the hidden file is swept away by the
//!   next run with the same target.
//! - A crash after the rename leaves the new result; the run, whose end was not written down, makes the same result again.
//! - A run that changes the format removes the file of the other format right after the rename: for that moment both are there.
//! - Files that no job of ours wrote (any other name) stay, and are named in the run's log, as readers of the prefix read them too.

use std::path::Path;

use domain::{Error, Result, RunState};
use object_store::ObjectStoreExt;
use runs::{Level, RunContext, RunId, Runs};
use store::{Buckets, Location};

use crate::target::{Format, Target, child};

const HIDDEN: &str = "_attempt-";
const STEM: &str = "part-00000";

/// One attempt to replace the result under a prefix.
#[derive(Debug)]
pub(crate) struct Publication {
    buckets: Buckets,
    prefix: Location,
    format: Format,
    attempt: String,
}

impl Publication {
    pub fn new(buckets: &Buckets, target: &Target, context: &RunContext) -> Result<Self> {
        let prefix = target.check()?;
        Ok(Self { buckets: buckets.clone(), prefix, format: target.format, attempt: context.attempt_name() })
    }

    /// Where the new result is written.
    pub fn hidden(&self) -> Location {
        child(&self.prefix, &format!("{HIDDEN}{}.{}", self.attempt, self.format.extension()))
    }

    /// Where readers find it.
    pub fn published(&self) -> Location {
        child(&self.prefix, &file_name(self.format))
    }

    /// Makes the hidden file the result.
    pub async fn publish(&self, context: &RunContext) -> Result<()> {
        sync(&self.buckets.path(&self.hidden())).await?;
        context.check()?;
        let (store, from) = self.buckets.resolve(&self.hidden())?;
        let (_, to) = self.buckets.resolve(&self.published())?;
        store.rename(&from, &to).await.map_err(|e| unpublished(&self.prefix, e))?;
        context.point("swapped").await;
        self.remove_other_formats(context).await
    }

    async fn remove_other_formats(&self, context: &RunContext) -> Result<()> {
        let ours = file_name(self.format);
        let mut strangers = Vec::new();
        for file in self.buckets.list(&self.prefix).await? {
            let name = file.location.filename().unwrap_or_default();
            let (store, path) = self.buckets.resolve(&child(&self.prefix, name))?;
            if path != file.location || ![Format::Csv, Format::Parquet].map(file_name).iter().any(|known| known == name) {
                strangers.push(file.location.to_string());
            } else if name != ours {
                store.delete(&file.location).await.map_err(|e| unpublished(&self.prefix, e))?;
                context.info(format!("Removed {name}, the result in the format before."));
            }
        }
        if let Some(first) = strangers.first() {
            let count = strangers.len();
            context.log(
                Level::Warn,
                format!(
                    "{count} other files are under {} (such as {first}); readers of the prefix read them with the result.",
                    self.prefix
                ),
            );
        }
        Ok(())
    }

    /// Removes what attempts that are over left behind.
    pub async fn sweep(&self, context: &RunContext) -> Result<()> {
        sweep(&self.buckets, &self.prefix, context.runs(), Some(context.id())).await
    }
}

/// Removes hidden files directly under the prefix whose run is over, and those of earlier attempts of `ours`. Looks at the folder
/// itself, as files half uploaded by a process that died are in no listing of the object store.
pub(crate) async fn sweep(buckets: &Buckets, prefix: &Location, runs: &Runs, ours: Option<&RunId>) -> Result<()> {
    let folder = buckets.path(prefix);
    let Ok(mut entries) = tokio::fs::read_dir(&folder).await else { return Ok(()) };
    let unreadable = |e| Error::unavailable(format!("The folder of {prefix} cannot be read.")).source(e);
    while let Some(entry) = entries.next_entry().await.map_err(unreadable)? {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(id) = run_of(&name) else { continue };
        let over = match runs.find(&id).await? {
            Some(run) => run.state.is_final() || run.state == RunState::Queued || Some(&id) == ours,
            // Somebody else's: another installation may share the bucket.
            None => false,
        };
        if over {
            tokio::fs::remove_file(entry.path()).await.map_err(unreadable)?;
        }
    }
    Ok(())
}

/// The run of `_attempt-<run>-<attempt>.<anything>`.
fn run_of(name: &str) -> Option<RunId> {
    let stem = name.strip_prefix(HIDDEN)?.split('.').next()?;
    let (run, _attempt) = stem.rsplit_once('-')?;
    Some(RunId(run.into()))
}

fn file_name(format: Format) -> String {
    format!("{STEM}.{}", format.extension())
}

/// What has been published survives a power cut too.
async fn sync(path: &Path) -> Result<()> {
    let file = tokio::fs::File::open(path).await;
    let synced = match file {
        Ok(file) => file.sync_all().await,
        Err(error) => Err(error),
    };
    synced.map_err(|e| Error::unavailable(format!("The result cannot be put on disk as {}.", path.display())).source(e))
}

fn unpublished(prefix: &Location, error: object_store::Error) -> Error {
    Error::unavailable(format!("The result cannot be published under {prefix}.")).source(error)
}
