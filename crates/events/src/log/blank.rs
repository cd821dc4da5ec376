//! Calls of users who leave are taken out of the log.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::PoisonError;

use domain::Result;

use super::frame;
use super::segment::{Segment, read, sync_folder, unusable};
use super::writer::Log;
use crate::call::LoggedCall;

impl Log {
    /// Blanks the calls of closed segments for which `gone` is true: a call without user, session and events stays, for its
    /// number, which must not be given again. Gives how many events went. Nobody may flush meanwhile. Blocking.
    pub(crate) fn blank(&self, gone: impl Fn(&LoggedCall) -> bool) -> Result<u64> {
        let mut removed = 0;
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for segment in closed {
            let calls = read(&segment.path)?;
            let theirs: usize = calls.iter().filter(|call| gone(call)).map(|call| call.events.len()).sum();
            if theirs == 0 {
                continue;
            }
            let kept = calls.into_iter().map(|call| if gone(&call) { blank(call) } else { call });
            replace(&segment.path, kept)?;
            self.count_down(&segment, theirs);
            removed += theirs as u64;
        }
        self.remove_cut_off()?;
        Ok(removed)
    }

    fn count_down(&self, segment: &Segment, events: usize) {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = closed.iter_mut().find(|other| other.path == segment.path) {
            found.events = found.events.saturating_sub(events);
        }
    }

    /// What crashes left half-written names nobody that could be looked for, so it may be anybody's.
    fn remove_cut_off(&self) -> Result<()> {
        let failed = |e| unusable(&self.folder, e);
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "cut") {
                fs::remove_file(&path).map_err(|e| unusable(&path, e))?;
            }
        }
        Ok(())
    }
}

fn blank(call: LoggedCall) -> LoggedCall {
    LoggedCall { user: None, session: String::new(), events: Vec::new(), ..call }
}

/// Whoever opens the segment finds the old calls or the new ones, whatever happens.
fn replace(path: &Path, calls: impl Iterator<Item = LoggedCall>) -> Result<()> {
    let mut bytes = Vec::new();
    for call in calls {
        frame::append(&call, &mut bytes)?;
    }
    let beside = path.with_extension("new");
    let written = File::create(&beside).and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()));
    written.and_then(|()| fs::rename(&beside, path)).map_err(|e| unusable(path, e))?;
    path.parent().map_or(Ok(()), sync_folder)
}
