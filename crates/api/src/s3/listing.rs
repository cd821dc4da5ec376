//! The keys of a bucket in S3's order, read from its folder only as far as the page needs.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use super::attributes;

/// How the names of results begin that a job is still writing.
pub(super) const UNPUBLISHED: &str = "_attempt-";

/// What to list. `after` is the last key or common prefix of the page before.
#[derive(Debug, Clone, Default)]
pub(super) struct Listing {
    pub prefix: String,
    pub delimiter: Option<String>,
    pub after: String,
    pub limit: usize,
}

#[derive(Debug)]
pub(super) struct Listed {
    pub key: String,
    pub size: u64,
    pub modified: SystemTime,
    pub tag: String,
}

/// One page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub objects: Vec<Listed>,
    pub prefixes: Vec<String>,
    /// The last entry of this page, when there are more.
    pub next: Option<String>,
}

impl Page {
    fn len(&self) -> usize {
        self.objects.len() + self.prefixes.len()
    }
}

/// Whether the walk goes on.
#[derive(PartialEq)]
enum Walk {
    On,
    Full,
}

impl Listing {
    /// Reads the folder of a bucket. A limit of 0 gives an empty page.
    pub fn read(&self, folder: &Path) -> io::Result<Page> {
        let mut page = Page::default();
        if self.limit > 0 {
            let mut last = String::new();
            self.walk(folder, "", &mut page, &mut last)?;
        }
        Ok(page)
    }

    fn walk(&self, folder: &Path, key: &str, page: &mut Page, last: &mut String) -> io::Result<Walk> {
        for (name, is_folder) in entries(folder)? {
            let key = format!("{key}{name}");
            if self.passes_by(&key, is_folder, page) {
                continue;
            }
            let walk = if is_folder {
                self.walk(&folder.join(name.trim_end_matches('/')), &key, page, last)?
            } else {
                self.add(&folder.join(&name), key, page, last)?
            };
            if walk == Walk::Full {
                return Ok(Walk::Full);
            }
        }
        Ok(Walk::On)
    }

    /// Nothing at or under this key can be on the page.
    fn passes_by(&self, key: &str, is_folder: bool, page: &Page) -> bool {
        let fits_prefix = key.starts_with(&self.prefix) || (is_folder && self.prefix.starts_with(key));
        let is_past = if is_folder { key <= self.after.as_str() && !self.after.starts_with(key) } else { key <= self.after.as_str() };
        let grouped = |group: &str| key.starts_with(group);
        let after_group = self
            .delimiter
            .as_deref()
            .is_some_and(|d| self.after.len() > self.prefix.len() && self.after.ends_with(d) && grouped(&self.after));
        !fits_prefix || is_past || after_group || page.prefixes.last().is_some_and(|group| grouped(group))
    }

    fn add(&self, path: &Path, key: String, page: &mut Page, last: &mut String) -> io::Result<Walk> {
        let group = self.group(&key);
        if page.len() == self.limit {
            page.next = Some(std::mem::take(last));
            return Ok(Walk::Full);
        }
        if let Some(group) = group {
            last.clone_from(&group);
            page.prefixes.push(group);
            return Ok(Walk::On);
        }
        // A file that vanished since the folder was read is simply not there.
        let Ok(metadata) = fs::metadata(path) else { return Ok(Walk::On) };
        last.clone_from(&key);
        page.objects.push(Listed { key, size: metadata.len(), modified: metadata.modified()?, tag: attributes::tag(&metadata) });
        Ok(Walk::On)
    }

    /// The common prefix that the key counts for.
    fn group(&self, key: &str) -> Option<String> {
        let delimiter = self.delimiter.as_deref().filter(|d| !d.is_empty())?;
        let rest = key.get(self.prefix.len()..)?;
        let end = rest.find(delimiter)? + delimiter.len();
        Some(format!("{}{}", self.prefix, &rest[..end]))
    }
}

/// Names with folders as `name/`, in the order of the bytes: so the walk meets keys in S3's order. Names that are not
/// UTF-8 cannot be keys, and results that a job is still writing are not there yet.
fn entries(folder: &Path) -> io::Result<Vec<(String, bool)>> {
    let mut entries = Vec::new();
    let folder = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(entries),
        read => read?,
    };
    for entry in folder {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let is_folder = entry.file_type()?.is_dir();
        if name.starts_with(UNPUBLISHED) {
            continue;
        }
        entries.push((if is_folder { format!("{name}/") } else { name }, is_folder));
    }
    entries.sort();
    Ok(entries)
}

#[cfg(test)]
mod tests;
