//! The removal job: takes earlier results away, and nothing else.

use std::path::{Component, Path, PathBuf};

use domain::{Error, Result};
use object_store::ObjectStoreExt;
use runs::RunContext;
use store::{Buckets, Location};

use crate::publication;

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Removed {
    pub files: u64,
    pub bytes: u64,
}

/// Removes every file under `location`, which lies in `declared`. Looks at all files before it removes the first; nothing
/// there is no error. Hidden files are left to the jobs that write them, except those that dead attempts left behind.
///
/// # Errors
/// `InvalidInput`, with nothing removed, when the location or a file of it (by a link) lies outside the declared prefix.
pub(crate) async fn clean(buckets: &Buckets, declared: &Location, location: &Location, context: &RunContext) -> Result<Removed> {
    check_within(declared, location)?;
    let mut removed = Removed { files: 0, bytes: 0 };
    let (store, _) = buckets.resolve(location)?;
    if !buckets.path(location).exists() {
        return Ok(removed);
    }
    let files = buckets.list(location).await?;
    check_on_disk(buckets, declared, location)?;
    let total = files.len() as u64;
    for file in &files {
        context.check()?;
        match store.delete(&file.location).await {
            Ok(()) => {
                removed.files += 1;
                removed.bytes += file.size;
            }
            // Somebody was faster.
            Err(object_store::Error::NotFound { .. }) => {}
            Err(e) => return Err(Error::unavailable(format!("{} cannot be removed.", file.location)).source(e)),
        }
        context.progress(removed.files, total, "files");
    }
    publication::sweep(buckets, location, context.runs(), None).await?;
    Ok(removed)
}

/// The parts of a prefix that a job may remove under: never a whole bucket, never the project or anything outside it.
pub(crate) fn check_declared(location: &Location) -> Result<PathBuf> {
    let (root, path) = match location {
        Location::S3 { bucket, key } => (bucket.as_str(), Path::new(key.trim_end_matches('/'))),
        Location::File(path) => ("", path.as_path()),
    };
    let mut parts = PathBuf::from(root);
    let mut depth = 0;
    for part in path.components() {
        match part {
            Component::Normal(part) => {
                parts.push(part);
                depth += 1;
            }
            Component::CurDir => {}
            _ => return Err(refused(location)),
        }
    }
    if depth == 0 { Err(refused(location)) } else { Ok(parts) }
}

fn refused(location: &Location) -> Error {
    Error::invalid_input(format!(
        "A clean job removes under a prefix of a bucket (s3://bucket/exports/) or a folder inside the project, without '..'; found \"{location}\"."
    ))
}

fn check_within(declared: &Location, location: &Location) -> Result<()> {
    let (outer, inner) = (check_declared(declared)?, check_declared(location)?);
    let same_kind = matches!((declared, location), (Location::S3 { .. }, Location::S3 { .. }) | (Location::File(_), Location::File(_)));
    if same_kind && inner.starts_with(&outer) {
        return Ok(());
    }
    Err(outside(declared, &location.to_string()))
}

fn outside(declared: &Location, found: &str) -> Error {
    Error::invalid_input(format!("This job removes under {declared} and nowhere else; found {found:?}. Nothing was removed."))
}

/// Follows links: neither the location nor a folder in it may lead out of the declared prefix.
fn check_on_disk(buckets: &Buckets, declared: &Location, location: &Location) -> Result<()> {
    let unreadable = |path: &Path, e| Error::unavailable(format!("{} cannot be read.", path.display())).source(e);
    let real = |path: &Path| path.canonicalize().map_err(|e| unreadable(path, e));
    let root = match declared {
        Location::S3 { .. } => real(buckets.root())?,
        Location::File(_) => real(&buckets.path(&Location::File(PathBuf::new())))?,
    };
    let outer = real(&buckets.path(declared))?;
    let inner = real(&buckets.path(location))?;
    if !outer.starts_with(&root) || !inner.starts_with(&outer) {
        return Err(outside(declared, &inner.display().to_string()));
    }
    let mut folders = vec![inner];
    while let Some(folder) = folders.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&folder).map_err(|e| unreadable(&folder, e))? {
            let path = entry.map_err(|e| unreadable(&folder, e))?.path();
            if path.is_symlink() && !real(&path).is_ok_and(|real| real.starts_with(&outer)) {
                return Err(outside(declared, &path.display().to_string()));
            }
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            }
        }
    }
    Ok(())
}
