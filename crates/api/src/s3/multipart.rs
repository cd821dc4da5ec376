//! Uploads in parts: a folder per upload beside the buckets, until the parts become one file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::Clock;
use s3s::{S3Error, S3Result, s3_error};
use serde::{Deserialize, Serialize};

use super::attributes::{Attributes, tag};
use super::io_error;

const FOLDER: &str = ".uploads";
const NOTE: &str = "upload.json";
/// S3's own limits.
const MAX_PARTS: i32 = 10_000;
const MIN_PART_BYTES: u64 = 5 * 1024 * 1024;

/// What an upload is going to be.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Upload {
    pub bucket: String,
    pub key: String,
    pub attributes: Attributes,
}

/// One part that has arrived.
#[derive(Debug)]
pub(super) struct Arrived {
    pub number: i32,
    pub size: u64,
    pub tag: String,
    pub modified: std::time::SystemTime,
}

#[derive(Debug)]
pub(super) struct Uploads {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
}

impl Uploads {
    pub fn open(root: &Path, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let folder = root.join(FOLDER);
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, clock })
    }

    /// A new upload's id.
    pub fn begin(&self, upload: &Upload) -> S3Result<String> {
        let note = serde_json::to_vec(upload).map_err(S3Error::internal_error)?;
        let now = self.clock.now().millis();
        for number in 0.. {
            let id = format!("{now:x}-{number}");
            match fs::create_dir(self.folder.join(&id)) {
                Ok(()) => {
                    fs::write(self.folder.join(&id).join(NOTE), note).map_err(io_error)?;
                    return Ok(id);
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(io_error(e)),
            }
        }
        Err(s3_error!(InternalError))
    }

    /// The upload and its folder; `NoSuchUpload` unless the id is one of ours for this bucket and key.
    pub fn find(&self, id: &str, bucket: &str, key: &str) -> S3Result<(Upload, PathBuf)> {
        let missing = || {
            s3_error!(NoSuchUpload, "There is no upload {id:?} of {key:?} in bucket {bucket:?}: it was completed, aborted or never begun.")
        };
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
            return Err(missing());
        }
        let folder = self.folder.join(id);
        let note = fs::read(folder.join(NOTE)).map_err(|_| missing())?;
        let upload: Upload = serde_json::from_slice(&note).map_err(S3Error::internal_error)?;
        if upload.bucket != bucket || upload.key != key { Err(missing()) } else { Ok((upload, folder)) }
    }

    pub fn part(folder: &Path, number: i32) -> S3Result<PathBuf> {
        if !(1..=MAX_PARTS).contains(&number) {
            return Err(s3_error!(InvalidArgument, "A part's number is 1 to {MAX_PARTS}; found {number}."));
        }
        Ok(folder.join(format!("part-{number}")))
    }

    /// The parts that have arrived, by number.
    pub fn arrived(folder: &Path) -> S3Result<Vec<Arrived>> {
        let mut parts = Vec::new();
        for entry in fs::read_dir(folder).map_err(io_error)? {
            let entry = entry.map_err(io_error)?;
            let name = entry.file_name();
            let Some(number) = name.to_str().and_then(|name| name.strip_prefix("part-")?.parse().ok()) else { continue };
            let metadata = entry.metadata().map_err(io_error)?;
            let modified = metadata.modified().map_err(io_error)?;
            parts.push(Arrived { number, size: metadata.len(), tag: tag(&metadata), modified });
        }
        parts.sort_by_key(|part| part.number);
        Ok(parts)
    }

    /// Writes the named parts one behind the other into `target`. Blocking.
    pub fn join(folder: &Path, chosen: &[(i32, Option<String>)], target: &Path) -> S3Result<()> {
        check_parts(chosen, &Self::arrived(folder)?)?;
        let mut out = fs::File::create(target).map_err(io_error)?;
        for (number, _) in chosen {
            let mut part = fs::File::open(Self::part(folder, *number)?).map_err(io_error)?;
            io::copy(&mut part, &mut out).map_err(io_error)?;
        }
        out.sync_data().map_err(io_error)
    }

    pub fn end(folder: &Path) -> S3Result<()> {
        fs::remove_dir_all(folder).map_err(io_error)
    }
}

fn check_parts(chosen: &[(i32, Option<String>)], arrived: &[Arrived]) -> S3Result<()> {
    if chosen.is_empty() {
        return Err(s3_error!(MalformedXML, "An upload is completed with a list of at least one part."));
    }
    if !chosen.windows(2).all(|pair| pair[0].0 < pair[1].0) {
        return Err(s3_error!(InvalidPartOrder, "The list of parts must be in ascending order of their numbers."));
    }
    let last = chosen.last().map(|(number, _)| *number);
    for (number, claimed) in chosen {
        let Some(part) = arrived.iter().find(|part| part.number == *number) else {
            return Err(s3_error!(InvalidPart, "Part {number} has not been uploaded."));
        };
        if claimed.as_ref().is_some_and(|claimed| *claimed != part.tag) {
            return Err(s3_error!(InvalidPart, "Part {number} is not the one that the list names: its ETag is {:?}.", part.tag));
        }
        if part.size < MIN_PART_BYTES && Some(*number) != last {
            return Err(s3_error!(
                EntityTooSmall,
                "Every part but the last has at least {MIN_PART_BYTES} bytes; part {number} has {}.",
                part.size
            ));
        }
    }
    Ok(())
}
