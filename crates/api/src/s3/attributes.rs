//! What S3 keeps about an object besides its bytes: content type, encoding, the user's own metadata.
//!
//! The objects are plain files that jobs and people also write, so attributes live beside the buckets and count only
//! while the file is still the one they were written for (same tag).

use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use s3s::S3Result;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::io_error;

const FOLDER: &str = ".attributes";

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Attributes {
    pub content_type: Option<String>,
    pub content_encoding: Option<String>,
    pub content_disposition: Option<String>,
    pub content_language: Option<String>,
    pub cache_control: Option<String>,
    pub metadata: Option<HashMap<String, String>>,
}

#[derive(Serialize, Deserialize)]
struct File {
    tag: String,
    attributes: Attributes,
}

/// Changes whenever the file does. Not the MD5 of the bytes; the hyphens tell clients so, as in multipart uploads.
pub(super) fn tag(metadata: &Metadata) -> String {
    let nanos = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
    format!("{:x}-{nanos:x}-{:x}", metadata.ino(), metadata.len())
}

impl Attributes {
    /// Those of the object whose file has this tag; none when it was written by somebody else.
    pub fn load(root: &Path, bucket: &str, key: &str, tag: &str) -> Self {
        let read = std::fs::read(path(root, bucket, key)).ok();
        let file: Option<File> = read.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        file.filter(|file| file.tag == tag).map(|file| file.attributes).unwrap_or_default()
    }

    /// Called before the file with this tag gets its name. Nothing is written where there is nothing to say.
    pub fn save(&self, root: &Path, bucket: &str, key: &str, tag: &str) -> S3Result<()> {
        if *self == Self::default() {
            return Ok(());
        }
        let path = path(root, bucket, key);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(io_error)?;
        }
        let file = File { tag: tag.into(), attributes: self.clone() };
        let bytes = serde_json::to_vec(&file).map_err(s3s::S3Error::internal_error)?;
        std::fs::write(path, bytes).map_err(io_error)
    }

    /// Removes what is kept; nothing kept is no error.
    pub fn delete(root: &Path, bucket: &str, key: &str) -> S3Result<()> {
        match std::fs::remove_file(path(root, bucket, key)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(io_error(e)),
            _ => Ok(()),
        }
    }

    pub fn delete_bucket(root: &Path, bucket: &str) -> S3Result<()> {
        match std::fs::remove_dir_all(root.join(FOLDER).join(bucket)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(io_error(e)),
            _ => Ok(()),
        }
    }
}

fn path(root: &Path, bucket: &str, key: &str) -> PathBuf {
    root.join(FOLDER).join(bucket).join(format!("{}.json", hex::encode(Sha256::digest(key.as_bytes()))))
}
