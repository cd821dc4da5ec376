//! How far a table has been read. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::keys::KeysMark;

/// Files that are remembered one by one; of more, the oldest are remembered by their time alone.
pub(crate) const KEPT_FILES: usize = 4096;

/// Whatever their number, files whose change is so close to the newest are remembered one by one: clocks differ, and uploads end in
/// another order than they began.
const DOUBTFUL: TimeDelta = TimeDelta::minutes(15);

/// How far one table has been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mark {
    Files(FilesMark),
    Keys(KeysMark),
    /// By partition the offset of the message to read next.
    Offsets(BTreeMap<i32, i64>),
}

/// Which files have been read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct FilesMark {
    /// Everything that was changed earlier and is not among the files has been read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<DateTime<Utc>>,
    /// By path below the table's folder.
    pub files: BTreeMap<String, Stamp>,
}

/// What a file is known by besides its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Stamp {
    pub modified: DateTime<Utc>,
    pub size: u64,
}

impl FilesMark {
    /// A file that was replaced (another time or size under the same name) has not been read.
    pub fn has_read(&self, name: &str, stamp: &Stamp) -> bool {
        match self.files.get(name) {
            Some(known) => known == stamp,
            None => self.before.is_some_and(|before| stamp.modified < before),
        }
    }

    /// The mark once these have been read too. Files that are gone stay in it, so that one that comes back is not read again.
    pub fn after<'a>(&self, read: impl IntoIterator<Item = (&'a String, &'a Stamp)>) -> Self {
        self.after_keeping(read, KEPT_FILES)
    }

    pub(super) fn after_keeping<'a>(&self, read: impl IntoIterator<Item = (&'a String, &'a Stamp)>, kept: usize) -> Self {
        let mut next = self.clone();
        next.files.extend(read.into_iter().map(|(name, stamp)| (name.clone(), *stamp)));
        let mut times: Vec<DateTime<Utc>> = next.files.values().map(|stamp| stamp.modified).collect();
        times.sort_unstable_by(|a, b| b.cmp(a));
        let (Some(newest), Some(oldest_kept)) = (times.first(), times.get(kept.saturating_sub(1))) else { return next };
        let cut = newest.checked_sub_signed(DOUBTFUL).unwrap_or(*newest).min(*oldest_kept);
        next.files.retain(|_, stamp| stamp.modified >= cut);
        if next.files.len() < times.len() {
            next.before = next.before.max(Some(cut));
        }
        next
    }
}
