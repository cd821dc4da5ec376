//! A bounded walk through a bucket's folder, in the order of the keys.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use domain::Timestamp;

/// What programs call a file that they are still writing.
const UNFINISHED: [&str; 6] = [".part", ".partial", ".tmp", ".filepart", ".crdownload", "~"];

#[derive(Debug, PartialEq)]
pub(super) struct Found {
    pub key: String,
    pub size: u64,
    /// Changes whenever the file does; as the S3 API has it.
    pub tag: String,
    /// When its bytes, name or place last changed: a copy that keeps the old times is a change all the same.
    pub changed: Timestamp,
}

#[derive(Debug)]
pub(super) struct Walked {
    pub files: Vec<Found>,
    /// The last key that was looked at, when there may be more after it.
    pub last: Option<String>,
}

/// Files whose keys begin with `prefix` and come after `after`, at most `limit`; hidden and unfinished ones are left out. A folder that is
/// not there has no files.
pub(super) fn walk(bucket: &Path, prefix: &str, after: &str, limit: usize) -> io::Result<Walked> {
    let mut walk = Walk { prefix, after, limit, files: Vec::new() };
    let whole = walk.folder(bucket, "")?;
    let last = if whole { None } else { walk.files.last().map(|file| file.key.clone()) };
    Ok(Walked { files: walk.files, last })
}

struct Walk<'a> {
    prefix: &'a str,
    after: &'a str,
    limit: usize,
    files: Vec<Found>,
}

impl Walk<'_> {
    /// False when it stopped at the limit.
    fn folder(&mut self, folder: &Path, at: &str) -> io::Result<bool> {
        let mut entries = Vec::new();
        for entry in or_nothing(std::fs::read_dir(folder))?.into_iter().flatten() {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with(['.', '_']) || UNFINISHED.iter().any(|end| name.ends_with(end)) || is_staged(&name) {
                continue;
            }
            let Some(metadata) = or_nothing(std::fs::metadata(entry.path()))? else { continue };
            let slash = if metadata.is_dir() { "/" } else { "" };
            entries.push((format!("{at}{name}{slash}"), entry.path(), metadata));
        }
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        for (key, path, metadata) in entries {
            if metadata.is_dir() {
                let leads_there = key.starts_with(self.prefix) || self.prefix.starts_with(&key);
                let is_behind = self.after > key.as_str() && !self.after.starts_with(&key);
                if leads_there && !is_behind && !self.folder(&path, &key)? {
                    return Ok(false);
                }
            } else if key.starts_with(self.prefix) && key.as_str() > self.after {
                if self.files.len() >= self.limit {
                    return Ok(false);
                }
                self.files.push(found(key, &metadata));
            }
        }
        Ok(true)
    }
}

/// `key#1`: how a file is called while its writer has not given it its name.
fn is_staged(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, count)| !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()))
}

fn found(key: String, metadata: &Metadata) -> Found {
    let nanos = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
    let tag = format!("{:x}-{nanos:x}-{:x}", metadata.ino(), metadata.len());
    let written = metadata.mtime() * 1000 + metadata.mtime_nsec() / 1_000_000;
    let moved = metadata.ctime() * 1000 + metadata.ctime_nsec() / 1_000_000;
    Found { key, size: metadata.len(), tag, changed: Timestamp(written.max(moved)) }
}

/// What went away meanwhile is nothing.
fn or_nothing<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
