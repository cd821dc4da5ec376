//! From bucket and key to a file, and nowhere else.

use std::path::{Path, PathBuf};

use s3s::{S3Result, s3_error};

use super::listing::UNPUBLISHED;

/// The longest name one folder entry may have on the file systems we meet.
const SEGMENT_BYTES: usize = 255;

/// What a key stands for on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub path: PathBuf,
    /// The key ends in `/`: the marker of an empty folder.
    pub is_folder: bool,
}

/// The folder of a bucket. s3s has checked the name; we do not rely on it.
pub(super) fn bucket_folder(root: &Path, bucket: &str) -> S3Result<PathBuf> {
    if !s3s::path::check_bucket_name(bucket) {
        return Err(s3_error!(
            InvalidBucketName,
            "A bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens; found {bucket:?}."
        ));
    }
    Ok(root.join(bucket))
}

/// The file of a key inside its bucket's folder. Every part of the key becomes one folder entry with exactly that name,
/// so a key that could mean another place (`..`, an empty part) or that the stages could not read back is refused.
pub(super) fn place(root: &Path, bucket: &str, key: &str) -> S3Result<Place> {
    let folder = bucket_folder(root, bucket)?;
    let is_folder = key.ends_with('/');
    let trimmed = key.strip_suffix('/').unwrap_or(key);
    let mut path = folder;
    for part in trimmed.split('/') {
        check_part(key, part)?;
        path.push(part);
    }
    if !is_folder && reserved(trimmed) {
        return Err(s3_error!(
            InvalidArgument,
            "The key {key:?} cannot be used here: names that begin with {UNPUBLISHED:?} or end in '#' and digits are kept for unfinished files."
        ));
    }
    Ok(Place { path, is_folder })
}

fn check_part(key: &str, part: &str) -> S3Result<()> {
    if part.len() > SEGMENT_BYTES {
        return Err(s3_error!(
            KeyTooLongError,
            "A key is kept as a file here, so each part between slashes has at most {SEGMENT_BYTES} bytes; found {}.",
            part.len()
        ));
    }
    if part.is_empty() || part == "." || part == ".." || part.chars().any(|c| c.is_ascii_control()) {
        return Err(s3_error!(
            InvalidArgument,
            "A key is kept as a file here, so no part between slashes is empty, '.', '..' or has control characters; found {key:?}."
        ));
    }
    Ok(())
}

/// Unfinished results of jobs, and of `object_store`, which hides such names.
fn reserved(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or(key);
    name.starts_with(UNPUBLISHED)
        || name.split_once('#').is_some_and(|(_, tail)| !tail.is_empty() && tail.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
