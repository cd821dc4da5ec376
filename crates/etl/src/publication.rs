//! How a result appears under its target's prefix: whole, at once, whatever dies meanwhile.
//!
//! An engine writes into a folder of the prefix whose name begins with `_attempt-` and is therefore in nobody's listing. A result then
//! appears in one of two ways.
//!
//! **One file that replaces at most the file of its own name** is renamed to its place. That is a result without partition keys and
//! limits, and what most jobs do.
//!
//! **Anything else exchanges folders.** Beside the prefix's folder a second one is built (`_attempt-….<name>`): files that stay are
//! hard links, new files move there. Then the two change places in one step (`renameat2` with `RENAME_EXCHANGE`), and the old one is
//! removed. Listings of this process wait for the step ([`Buckets::exchange`]), so they give the old or the new result. Results are
//! files named as `parts.rs` says; all others are strangers' and stay. What strangers write while the folder is built is brought over
//! right after the step.
//!
//! What a run replaces: with `overwrite` every result under the prefix; with `append` only files of its own earlier attempts, and of
//! runs that have failed for good, but for those that rules of data quality failed once everything was published.
//!
//! What is there when the process dies:
//! - while the engine writes, or before the rename or the exchange: the old result. The run is tried again, or fails; what it left
//!   behind is swept by the next run with the same target.
//! - after it: the new result. The run, whose end was not written down, makes the same result again under the same names, so appended
//!   rows are not doubled. When it is not tried again, the next run with `append` removes its files in its own exchange.
//! - between the exchange and the removal of the old folder: the new result, and the old folder beside it, hidden. The next run with
//!   the target looks in it for files that a stranger wrote at the last moment, brings them over and removes it. (A stranger's file
//!   that somebody removed between the crash and that run comes back.)
//!
//! A listing is of one result. Whoever keeps a listing while a result is replaced and reads then reads the new files of the same name.

mod parts;
mod rebuild;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use domain::{Error, Result, RunState};
use runs::{Level, Run, RunContext, RunId, Runs};
use store::{Buckets, Location};

use crate::failure::unwritable;
use crate::target::{FilesMode, FilesTarget, child, has_own_folder};

pub(crate) use parts::name as part_name;

pub(crate) const HIDDEN: &str = "_attempt-";

/// One attempt to bring a result under a prefix.
#[derive(Debug)]
pub(crate) struct Publication {
    buckets: Buckets,
    prefix: Location,
    mode: FilesMode,
    extension: &'static str,
    run: RunId,
    attempt: String,
}

impl Publication {
    pub fn new(buckets: &Buckets, target: &FilesTarget, context: &RunContext) -> Result<Self> {
        let (prefix, extension) = (target.check()?, target.format.extension(target.compression));
        let (run, attempt) = (context.id().clone(), context.attempt_name());
        Ok(Self { buckets: buckets.clone(), prefix, mode: target.mode, extension, run, attempt })
    }

    fn hidden_name(&self) -> String {
        format!("{HIDDEN}{}", self.attempt)
    }

    /// The folder where the new result is written.
    pub fn hidden(&self) -> Location {
        child(&self.prefix, &self.hidden_name())
    }

    /// Makes the hidden folder, so that a target that may not be written is known before anything is computed.
    pub async fn prepare(&self, context: &RunContext) -> Result<()> {
        self.buckets.resolve(&self.prefix)?;
        sweep(&self.buckets, &self.prefix, context.runs(), Some(context.id())).await?;
        tokio::fs::create_dir_all(self.buckets.path(&self.hidden())).await.map_err(|e| unwritable(&self.prefix, e))
    }

    /// Removes what a failed attempt has written, as far as that is possible; the next run's sweep removes the rest.
    pub async fn abandon(&self) {
        let _ = tokio::fs::remove_dir_all(self.buckets.path(&self.hidden())).await;
    }

    /// Makes the hidden files the result (or a part of it); gives the names that they have now.
    pub async fn publish(&self, files: &[String], context: &RunContext) -> Result<Vec<String>> {
        let failed = |e| unwritable(&self.prefix, e);
        let run = (self.mode == FilesMode::Append).then_some(&self.run);
        let names = parts::published(files, run, self.extension);
        let _alone = self.buckets.rebuilding().await;
        let place = tokio::fs::canonicalize(self.buckets.path(&self.prefix)).await.map_err(failed)?;
        let old = {
            let (place, hidden) = (place.clone(), self.hidden_name());
            blocking(move || rebuild::tree(&place, &hidden)).await.map_err(failed)?
        };
        self.name_strangers(&old, context);
        let replaced = self.replaced(&old, context).await?;
        context.check()?;
        match (files, names.as_slice()) {
            ([file], [name]) if replaced.iter().all(|old| old == name) || !has_own_folder(&self.prefix) => {
                self.rename(&place, file, name).await.map_err(failed)?;
                context.point("swapped").await;
                // Of a whole bucket, which cannot be exchanged: for a moment both are there.
                for file in replaced.iter().filter(|old| *old != name) {
                    tokio::fs::remove_file(place.join(file)).await.map_err(failed)?;
                }
            }
            _ => self.exchange(&place, old, replaced, files.iter().cloned().zip(names.iter().cloned()).collect(), context).await?,
        }
        self.abandon().await;
        Ok(names)
    }

    /// The results that are not to be there any more.
    async fn replaced(&self, old: &rebuild::Tree, context: &RunContext) -> Result<BTreeSet<String>> {
        let mut failed: HashMap<RunId, bool> = HashMap::from([(self.run.clone(), true)]);
        let mut replaced = BTreeSet::new();
        for file in &old.files {
            let Some(part) = parts::parse(file) else { continue };
            let goes = match (self.mode, part.run) {
                (FilesMode::Overwrite, _) => true,
                (FilesMode::Append, None) => false,
                (FilesMode::Append, Some(run)) => match failed.get(&run) {
                    Some(known) => *known,
                    None => {
                        let found = context.runs().find(&run).await?;
                        // Runs that are not known may be another installation's.
                        let gone = found.is_some_and(|run| run.state.is_final() && !keeps_files(&run));
                        failed.insert(run, gone);
                        gone
                    }
                },
            };
            if goes {
                replaced.insert(file.clone());
            }
        }
        Ok(replaced)
    }

    async fn rename(&self, place: &Path, file: &str, name: &str) -> io::Result<()> {
        let (from, to) = (self.buckets.path(&self.hidden()).join(file), place.join(name));
        blocking(move || {
            rebuild::sync(&from)?;
            let folder = to.parent().unwrap_or(&to);
            std::fs::create_dir_all(folder)?;
            std::fs::rename(&from, &to)?;
            rebuild::sync(folder)
        })
        .await
    }

    async fn exchange(
        &self,
        place: &Path,
        old: rebuild::Tree,
        replaced: BTreeSet<String>,
        moves: Vec<(String, String)>,
        context: &RunContext,
    ) -> Result<()> {
        let failed = |e| unwritable(&self.prefix, e);
        let staging = staging(place, &self.attempt).ok_or_else(|| Error::internal(format!("{} has no folder beside it.", self.prefix)))?;
        let (hidden, attempt) = (self.buckets.path(&self.hidden()), self.hidden_name());
        let built = {
            let (place, staging) = (place.to_owned(), staging.clone());
            blocking(move || rebuild::build(&place, &staging, &old, &replaced, &hidden, &moves).map(|()| old)).await
        };
        let exchanged = async {
            let old = built.map_err(failed)?;
            context.point("staged").await;
            context.check()?;
            self.buckets.exchange(place, &staging).await.map_err(failed)?;
            Ok(old)
        };
        let old = match exchanged.await {
            Ok(old) => old,
            Err(error) => {
                let _ = tokio::fs::remove_dir_all(&staging).await;
                return Err(error);
            }
        };
        context.point("swapped").await;
        let place = place.to_owned();
        let tidy = move || {
            rebuild::sync(staging.parent().unwrap_or(&staging))?;
            let rescued = rebuild::rescue(&staging, &place, &old, &attempt)?;
            std::fs::remove_dir_all(&staging)?;
            Ok(rescued)
        };
        match blocking(tidy).await.map_err(failed)? {
            0 => {}
            rescued => context.info(format!("{rescued} files that others wrote meanwhile were kept.")),
        }
        Ok(())
    }

    /// Readers of the prefix read files of others with the result: that should be known.
    fn name_strangers(&self, old: &rebuild::Tree, context: &RunContext) {
        let is_seen = |file: &&String| !file.split('/').any(|part| part.starts_with(['.', '_']));
        let mut strangers = old.files.iter().filter(is_seen).filter(|file| parts::parse(file).is_none());
        if let Some(first) = strangers.next() {
            let count = 1 + strangers.count();
            let first = child(&self.prefix, first);
            context.log(
                Level::Warn,
                format!(
                    "{count} other files are under {} (such as {first}); readers of the prefix read them with the result.",
                    self.prefix
                ),
            );
        }
    }
}

/// Whether the run ended with its files in place: a run that fails has a result only if it failed after that, by rules of data quality.
fn keeps_files(run: &Run) -> bool {
    run.state == RunState::Succeeded || run.result.is_some()
}

/// Where the folder is built that takes the place of `place`.
fn staging(place: &Path, attempt: &str) -> Option<PathBuf> {
    let name = place.file_name()?.to_str()?;
    Some(place.with_file_name(format!("{HIDDEN}{attempt}.{name}")))
}

/// Removes what attempts left behind whose run is over, and earlier attempts of `ours`: hidden folders directly under the prefix, and
/// folders beside it that were to take its place or have been replaced. Looks at the disk itself, as files half uploaded by a process
/// that died are in no listing of the object store.
pub(crate) async fn sweep(buckets: &Buckets, prefix: &Location, runs: &Runs, ours: Option<&RunId>) -> Result<()> {
    // A folder that is not there, or is a file, has nothing to be swept.
    let Ok(place) = tokio::fs::canonicalize(buckets.path(prefix)).await else { return Ok(()) };
    let unreadable = |e| Error::unavailable(format!("The folder of {prefix} cannot be read.")).source(e);
    if !place.is_dir() {
        return Ok(());
    }
    for left in left_over(&place).await.map_err(unreadable)? {
        if is_over(runs, &left.run, ours).await? {
            tokio::fs::remove_dir_all(&left.path).await.map_err(unreadable)?;
        }
    }
    let (Some(parent), Some(name)) = (place.parent(), place.file_name().and_then(|name| name.to_str())) else { return Ok(()) };
    let suffix = format!(".{name}");
    if !has_own_folder(prefix) {
        return Ok(());
    }
    let _alone = buckets.rebuilding().await;
    for left in left_over(parent).await.map_err(unreadable)? {
        let Some(hidden) = left.name.strip_suffix(&suffix).map(str::to_owned) else { continue };
        if is_over(runs, &left.run, ours).await? {
            let place = place.clone();
            let tidy = move || {
                // The attempt's own folder tells the old folder from the new one, which never had it.
                if left.path.join(&hidden).exists() {
                    rebuild::rescue_unknown(&left.path, &place, &hidden)?;
                }
                std::fs::remove_dir_all(&left.path)
            };
            blocking(tidy).await.map_err(unreadable)?;
        }
    }
    Ok(())
}

struct LeftOver {
    path: PathBuf,
    name: String,
    run: RunId,
}

/// What attempts have in the folder.
async fn left_over(folder: &Path) -> io::Result<Vec<LeftOver>> {
    let mut found = Vec::new();
    let mut entries = tokio::fs::read_dir(folder).await?;
    while let Some(entry) = entries.next_entry().await? {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let (Some(run), true) = (run_of(&name), entry.file_type().await?.is_dir()) {
            found.push(LeftOver { path: entry.path(), name, run });
        }
    }
    Ok(found)
}

async fn is_over(runs: &Runs, id: &RunId, ours: Option<&RunId>) -> Result<bool> {
    Ok(match runs.find(id).await? {
        Some(run) => run.state.is_final() || run.state == RunState::Queued || Some(id) == ours,
        // Somebody else's: another installation may share the bucket.
        None => false,
    })
}

/// The run of `_attempt-<run>-<attempt>` and of `_attempt-<run>-<attempt>.<name>`.
fn run_of(name: &str) -> Option<RunId> {
    let stem = name.strip_prefix(HIDDEN)?.split('.').next()?;
    let (run, _attempt) = stem.rsplit_once('-')?;
    Some(RunId(run.into()))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
