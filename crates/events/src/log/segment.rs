//! One file of the log, named after its first sequence number.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use domain::{Error, Result};

use super::frame;
use crate::call::LoggedCall;

const SUFFIX: &str = ".log";

/// A segment that is no longer written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    pub path: PathBuf,
    /// Sequence number of the last call in it.
    pub last: u64,
    pub events: usize,
}

pub(crate) fn unusable(path: &Path, error: std::io::Error) -> Error {
    Error::unavailable(format!("The event log {} cannot be read or written.", path.display())).source(error)
}

pub(crate) fn path_of(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}{SUFFIX}"))
}

/// The folder's segments, oldest first.
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |e| unusable(folder, e);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(SUFFIX)) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The calls of a segment. What follows the last sound frame is a write that a crash cut short, never acknowledged: it is
/// cut off, and kept beside the segment in case it was something else.
pub(crate) fn recover(path: &Path) -> Result<Vec<LoggedCall>> {
    let failed = |e| unusable(path, e);
    let bytes = fs::read(path).map_err(failed)?;
    let (calls, sound) = frame::read(&bytes);
    if sound < bytes.len() {
        let aside = path.with_extension("cut");
        tracing::warn!(
            "The event log {} ends in {} bytes that are no whole call; they were cut off and put into {}.",
            path.display(),
            bytes.len() - sound,
            aside.display()
        );
        fs::write(&aside, &bytes[sound..]).map_err(failed)?;
        let file = File::options().write(true).open(path).map_err(failed)?;
        file.set_len(sound as u64).and_then(|()| file.sync_all()).map_err(failed)?;
    }
    Ok(calls)
}

/// The calls of a segment that was sound when it was closed.
pub(crate) fn read(path: &Path) -> Result<Vec<LoggedCall>> {
    let bytes = fs::read(path).map_err(|e| unusable(path, e))?;
    let (calls, sound) = frame::read(&bytes);
    if sound < bytes.len() {
        return Err(Error::internal(format!("The event log {} is damaged at byte {sound}.", path.display())));
    }
    Ok(calls)
}

/// Makes the names of files in the folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|opened| opened.sync_all()).map_err(|e| unusable(folder, e))
}
